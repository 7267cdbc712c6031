"""What is decided about a repair without a device: which part, whether it fits, what is written down."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import docs_worlds
from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Typed
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor.diagnosis import diagnose
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet import run as runs
from anchorwatch.fleet.error import FleetError, RunUnfit
from anchorwatch.fleet.fit import Changed, Fits, Gone, fit
from anchorwatch.fleet.gathering import Gathered
from anchorwatch.fleet.repair import Proven, Unproven, fingerprints, part_for, proof
from anchorwatch.fleet.run import Done, Record, Run, Stage
from anchorwatch.fleet.visit import Visit
from anchorwatch.net.target import Target
from builders.night_asa import plan_json


@pytest.fixture(scope="module")
def night() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        docs_worlds.first_firewall(Path(folder))
        return {
            name: (Path(folder) / name).read_text(encoding="utf-8") for name in ("edge1.log", "after.log")
        }


def gathered(text: str, device: str = "edge1") -> Gathered:
    return Gathered(
        device=device, platform=Platform.ASA, transcript=text, report=diagnose([("console", text)])
    )


def planned() -> Plan:
    return plans.read(plan_json())


def at_prompt(text: str) -> Visit:
    """A visit to a device that waits at a prompt."""
    visit = Visit(Target(host="edge1"), cast("Any", None), [])
    visit.at = dialect.of(Platform.ASA).recognise(text)
    assert visit.at is not None
    return visit


def two_units() -> Plan:
    plan = planned()
    (part,) = plan.parts
    return replace(plan, parts=(replace(part, unit="primary"), replace(part, unit="secondary")))


def test_the_prompt_tells_which_unit_it_is() -> None:
    """A failover pair shows its role, and the part for that unit is carried out."""
    assert part_for(two_units(), at_prompt("edge1/sec/stby# "), "").unit == "secondary"
    assert part_for(two_units(), at_prompt("edge1# "), "PRIMARY").unit == "primary"
    assert part_for(planned(), at_prompt("edge1# "), "").unit == ""


@pytest.mark.parametrize("unit", ["", "tertiary"])
def test_a_unit_that_is_not_told_is_not_guessed(unit: str) -> None:
    """Which of two units stands at the other end decides what is right; nobody guesses it."""
    with pytest.raises(FleetError, match="the plan has") as caught:
        part_for(two_units(), at_prompt("edge1# "), unit)
    assert "primary, secondary" in caught.value.hints[0]


def test_a_plan_fits_the_state_it_was_made_of(night: dict[str, str]) -> None:
    """The lines it rests on are printed, so it may be carried out."""
    assert fit(planned(), gathered(night["edge1.log"])) == Fits()


def test_a_mended_device_needs_no_plan(night: dict[str, str]) -> None:
    """The finding is gone and licensing works: that is also what proves a repair."""
    assert fit(planned(), gathered(night["after.log"])) == Gone(healthy=True)
    assert isinstance(proof(planned(), gathered(night["after.log"])), Proven)


def test_a_device_that_prints_nothing_proves_nothing() -> None:
    """Neither that a plan fits nor that it helped."""
    for text in ("", "edge1# show version\nERROR: % Invalid input detected at '^' marker.\n"):
        assert not isinstance(fit(planned(), gathered(text)), Fits)
        assert isinstance(proof(planned(), gathered(text)), Unproven)


def test_the_finding_that_is_still_there_is_quoted(night: dict[str, str]) -> None:
    """Not proven says why."""
    found = proof(planned(), gathered(night["edge1.log"]))
    assert isinstance(found, Unproven)
    assert "anchor-missing is still there" in found.sentence


def test_another_name_is_another_device(night: dict[str, str]) -> None:
    """Whatever else agrees."""
    other = gathered(night["edge1.log"].replace("edge1#", "edge7#"), "edge7")
    assert isinstance(fit(planned(), other), Changed)


def test_the_pool_is_told_by_its_fingerprints() -> None:
    """Each once, in order; a listing without any is empty."""
    listing = "\n".join(
        f"CA Certificate\n  Fingerprint: {digits * 32}\n  Issuer Name:\n    cn=A\n  Subject Name:\n    cn=A"
        for digits in "aba"
    )
    assert fingerprints(f"edge1# show crypto ca trustpool\n{listing}\n") == ("a" * 32, "b" * 32)
    assert fingerprints("edge1# show crypto ca trustpool\n") == ()


RECORD = Record(
    device="edge1/ctx a",
    target="admin@edge1",
    platform=Platform.ASA,
    code="anchor-missing",
    title="Let it trust",
    unit="",
    began=datetime(2018, 10, 9, 17, 45, tzinfo=UTC),
)
STEPS = st.lists(
    st.builds(
        Done,
        step=st.sampled_from(["import-bundle", "renew-auth", "save"]),
        unit=st.sampled_from(["", "primary"]),
        purpose=st.text(max_size=20),
        stage=st.sampled_from(Stage),
        undo=st.sampled_from([(), (Typed(text="no ntp server 192.0.2.7"),)]),
        added=st.none() | st.just(("a" * 32,)),
    ),
    max_size=6,
)


@given(STEPS)
def test_what_is_written_down_is_read_again(steps: list[Done]) -> None:
    """Each step stands once, as it was noted last, in the order in which it was first noted."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.begin(Path(folder) / "runs", RECORD)
        for done in steps:
            run.note(done)
        again = Run.open(Path(folder) / "runs", run.name)
    assert again.record == run.record
    last = {(done.unit, done.step): done for done in steps}
    order = list(dict.fromkeys((done.unit, done.step) for done in steps))
    assert list(again.record.steps) == [last[key] for key in order]


def test_two_runs_of_one_second_are_two_folders(tmp_path: Path) -> None:
    """Neither writes over the other, and the name holds nothing a file system trips over."""
    names = {Run.begin(tmp_path, RECORD).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("20181009T174500Z-edge1-ctx-a") for name in names)
    assert len(list(runs.all_of(tmp_path))) == 3


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": "anchorwatch.plan/1"}', "\x00", '{"schema": 7}']
)
def test_what_is_no_record_is_refused(text: str) -> None:
    """One sentence, whatever it is."""
    with pytest.raises(RunUnfit):
        runs.read(text)


def test_a_record_cannot_be_made_to_type_something_else() -> None:
    """The lines of an undo are checked as those of a plan are."""
    document = {"schema": "anchorwatch.run/1", **json.loads(_written())}
    document["steps"][0]["undo"][0]["text"] = "reload"
    with pytest.raises(RunUnfit, match="restarts the device"):
        runs.read(json.dumps(document))


def test_a_record_with_a_blank_nobody_fills_in_is_refused() -> None:
    """It would be typed as it stands; only the fingerprints of what was added are told by the device."""
    document = {"schema": "anchorwatch.run/1", **json.loads(_written())}
    document["steps"][0]["undo"][0]["text"] = "no ntp server <NTP server>"
    with pytest.raises(RunUnfit, match="blank"):
        runs.read(json.dumps(document))
    document["steps"][0]["undo"][0]["text"] = "crypto ca trustpool remove <fingerprint> noconfirm"
    with pytest.raises(RunUnfit, match="blank"):
        runs.read(json.dumps(document))
    document["steps"][0]["per_added"] = True
    assert runs.read(json.dumps(document)).steps[0].per_added


@pytest.mark.parametrize(
    "name", ["", "..", ".", "~", "-x", "a b", "\x1b[2J", "other", "20181009T174500Z-edge1"]
)
def test_a_run_is_looked_for_among_the_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A record of that name in the folder one stands in was put there by anybody."""
    here = tmp_path / "here"
    (here / (name.strip() or "x")).mkdir(parents=True, exist_ok=True)
    for folder in (here, here / "other", here / "20181009T174500Z-edge1"):
        folder.mkdir(exist_ok=True)
        (folder / "run.json").write_text(_written(), encoding="utf-8")
        (folder / "run.json").chmod(0o600)
    monkeypatch.chdir(here)
    with pytest.raises(RunUnfit):
        Run.open(tmp_path / "runs", name)
    assert Run.open(tmp_path / "runs", "./other").record.code == "anchor-missing"


def test_a_record_others_can_read_or_replace_is_refused(tmp_path: Path) -> None:
    """Neither a file whose mode lets others in, nor a folder in which others could put another one."""
    run = Run.begin(tmp_path / "runs", RECORD)
    assert (run.folder / "run.json").stat().st_mode & 0o777 == 0o600
    assert run.folder.stat().st_mode & 0o777 == 0o700
    (run.folder / "run.json").chmod(0o644)
    with pytest.raises(RunUnfit, match="others"):
        Run.open(tmp_path / "runs", run.name)
    (tmp_path / "runs").chmod(0o777)
    with pytest.raises(RunUnfit, match="others"):
        Run.begin(tmp_path / "runs", RECORD)


def test_what_is_kept_beside_a_record_is_private_and_follows_no_link(tmp_path: Path) -> None:
    """A link somebody laid where a transcript goes is replaced, and what it led to is as it was."""
    run = Run.begin(tmp_path / "runs", RECORD)
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (run.folder / "undo.txt").symlink_to(victim)
    run.keep("undo.txt", "what was said")
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not (run.folder / "undo.txt").is_symlink()
    assert (run.folder / "undo.txt").stat().st_mode & 0o777 == 0o600


def _written() -> str:
    from anchorwatch.base import schema

    done = Done(
        step="set-time-server",
        unit="",
        purpose="Time.",
        stage=Stage.DONE,
        undo=(Typed(text="no ntp server 192.0.2.7"),),
    )
    return schema.write(runs.SCHEMA, replace(RECORD, steps=(done,)))
