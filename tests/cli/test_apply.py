"""`anchorwatch diagnose ssh://`, `apply` and `undo` against a device behind real SSH."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Decider, Place, Step, Typed
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor.plan import Decision, Plan
from anchorwatch.fleet.run import Done, Record, Run, Stage
from anchorwatch.net.target import Patience
from builders.night_asa import ENABLE, HOST, IMPORT, RENEW, NightAsa, fingerprint, plan_json
from builders.ssh_device import PASSWORD, Io, SshDevice

REMOVE = "crypto ca trustpool remove <fingerprint> noconfirm"
TOKEN = "ZjQ4YTk2MTAtNDc4MS00NTA4LTgzYzktMTI%3D%0AMTU4"


@dataclass
class Night:
    """A device of the night, and what it takes to drive it from the command line."""

    folder: Path
    asa: NightAsa
    device: SshDevice
    known_hosts: str

    def run(self, *words: str, typed: str | None = None) -> tuple[int, str, str]:
        found = CliRunner().invoke(app, [*words, "--known-hosts", self.known_hosts], input=typed)
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found.exit_code, found.stdout, found.stderr

    def plan(self, change: Any = lambda plan: plan) -> str:
        file = self.folder / "p.plan.json"
        file.write_text(plans.write(change(plans.read(plan_json()))), encoding="utf-8")
        return str(file)

    def apply(self, plan: str, *words: str) -> tuple[int, str, str]:
        runs = ("--runs", str(self.folder / "runs"), "--every", "0.1", "--wait", "5")
        return self.run("apply", plan, self.device.url, *runs, *words)

    def undo(self, *words: str) -> tuple[int, str, str]:
        return self.run("undo", self.recorded["name"], "--runs", str(self.folder / "runs"), *words)

    @property
    def recorded(self) -> dict[str, Any]:
        (folder,) = (self.folder / "runs").iterdir()
        return {"name": folder.name, **json.loads((folder / "run.json").read_text(encoding="utf-8"))}


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("ANCHORWATCH_PASSWORD", PASSWORD)
    monkeypatch.setenv("ANCHORWATCH_ENABLE_PASSWORD", ENABLE)
    monkeypatch.delenv("ANCHORWATCH_ID_TOKEN", raising=False)
    # Loopback needs no long moment to tell that nothing follows.
    monkeypatch.setattr("anchorwatch.net.ssh.Patience", lambda: Patience(moment=timedelta(milliseconds=8)))
    made = NightAsa()
    with SshDevice(made.talk) as device:
        yield Night(tmp_path, made, device, str(device.known_hosts(tmp_path)))


# ----------------------------------------------------------------------------------------------- looking


def test_a_device_is_diagnosed_over_ssh(night: Night) -> None:
    """The cause is named, the capture can be diagnosed again, and nothing was changed."""
    capture = night.folder / "capture.txt"
    plan = night.folder / "new.plan.json"
    status, out, err = night.run(
        "diagnose", night.device.url, "--save-capture", str(capture), "--save-plan", str(plan)
    )
    assert status == 1
    assert "cause: anchor-missing (confirmed)" in out
    assert "logged in" in err
    assert night.asa.changes == []
    assert PASSWORD not in capture.read_text(encoding="utf-8")
    assert plans.read(plan.read_bytes()).code == "anchor-missing"
    again = CliRunner().invoke(app, ["diagnose", str(capture)])
    assert again.exit_code == 1
    assert "anchor-missing (confirmed)" in again.stdout


def test_an_unlicensed_device_interrupts_everything_and_is_read_all_the_same(night: Night) -> None:
    """Its two lines stand before every output; the diagnosis is the same."""
    night.asa.nags = True
    status, out, _ = night.run("diagnose", night.device.url)
    assert status == 1
    assert "cause: anchor-missing (confirmed)" in out


def test_what_cannot_be_reached_is_told_beside_what_can(night: Night, tmp_path: Path) -> None:
    """One device that is not there does not hide the other; alone it ends with 3."""
    status, out, err = night.run("diagnose", night.device.url, "ssh://127.0.0.1:1")
    assert status == 1
    assert "anchor-missing" in out
    assert "127.0.0.1:1" in err
    assert night.run("diagnose", "ssh://127.0.0.1:1")[0] == 3
    none = tmp_path / "none"
    found = CliRunner().invoke(app, ["diagnose", night.device.url, "--known-hosts", str(none)])
    assert found.exit_code == 3
    assert night.device.key.get_fingerprint() in found.stderr


def test_a_refused_password_is_not_carried_to_the_next_device(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one typing error locks an account on every device at once."""
    monkeypatch.setenv("ANCHORWATCH_PASSWORD", "wrong")
    with SshDevice(NightAsa().talk) as other:
        other.known_hosts(night.folder)
        status, _, err = night.run("diagnose", night.device.url, other.url)
        assert status == 3
        assert "was not tried" in err
        assert len(night.device.passwords) == 1
        assert other.passwords == []


def test_a_wrong_enable_password_is_tried_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device's own dialog is not gone through again."""
    monkeypatch.setenv("ANCHORWATCH_ENABLE_PASSWORD", "wrong")
    status, _, err = night.run("diagnose", night.device.url)
    assert status == 3
    assert "enable password" in err
    assert night.device.typed.count("wrong") == 1


@pytest.mark.parametrize("words", [("ssh://a:b@fw",), ("x.log", "--save-capture", "y"), ("ssh://fw/x",)])
def test_a_device_that_is_named_wrongly(words: tuple[str, ...]) -> None:
    """Asked wrongly is not the same as could not look."""
    assert CliRunner().invoke(app, ["diagnose", *words]).exit_code == 2


def test_files_are_diagnosed_without_ssh(night: Night) -> None:
    """Whoever has a file, a question for the judge or a plan to look at does not wait for a library that connects."""
    (night.folder / "x.log").write_text("edge1# show clock\n17:52:10.431 UTC Tue Oct 9 2018\n")
    for words in (
        ["diagnose", "x.log"],
        ["judge", "--help"],
        ["plan", "show", night.plan()],
        ["apply", "--help"],
    ):
        program = (
            "import sys; from anchorwatch.cli.app import app\n"
            "try: app(sys.argv[1:])\n"
            "except SystemExit: pass\n"
            "print('|', *(name for name in sys.modules if name == 'asyncssh'))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=night.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.rstrip().endswith("|"), words


# ------------------------------------------------------------------------------------------------ acting


def test_a_plan_is_carried_out_proven_and_not_carried_out_twice(night: Night) -> None:
    """The finding is gone when the device is read again; a second time nothing is typed that changes anything."""
    plan = night.plan()
    status, out, err = night.apply(plan, "--yes")
    assert status == 0, err
    assert "proven: anchor-missing is gone" in out
    assert night.asa.changes == [IMPORT, RENEW]
    folder = night.folder / "runs" / night.recorded["name"]
    assert {file.name for file in folder.iterdir()} == {
        "run.json", "plan.json", "before.txt", "after.txt", "transcript.txt"
    }  # fmt: skip
    if sys.platform != "win32":
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert PASSWORD not in "".join(file.read_text(encoding="utf-8") for file in folder.iterdir())
    status, out, _ = night.apply(plan, "--yes")
    assert status == 0
    assert "nothing is left to do" in out
    assert night.asa.changes == [IMPORT, RENEW]


def test_what_was_done_is_taken_back(night: Night) -> None:
    """Only what the import added leaves the pool; a second undo finds nothing."""
    night.asa.pool = ["Own Root"]
    assert night.apply(night.plan(), "--yes")[0] == 0
    status, out, err = night.undo("--yes")
    assert status == 0, err
    assert night.asa.pool == ["Own Root"]
    assert "taken back: import-bundle" in out
    assert "asking again is harmless" in out
    status, out, _ = night.undo("--yes")
    assert status == 0
    assert "nothing is left to take back" in out
    listed = CliRunner().invoke(app, ["undo", "--runs", str(night.folder / "runs")])
    assert night.recorded["name"] in listed.stdout


def test_a_dry_run_only_looks(night: Night) -> None:
    """It says whether the plan fits, and leaves no run behind."""
    status, out, _ = night.apply(night.plan(), "--dry-run")
    assert status == 0
    assert "the plan fits edge1" in out
    assert night.asa.changes == []
    assert not (night.folder / "runs").exists()


def test_nobody_says_yes(night: Night) -> None:
    """Without a terminal and without --yes the device is not even called."""
    status, _, err = night.apply(night.plan())
    assert status == 2
    assert "--yes" in err
    assert night.device.sessions == []


def leaving(*names: str) -> list[str]:
    return [word for name in names for word in ("--leave", name)]


def person(plan: Plan) -> Plan:
    """The same plan with an import that a person decides about."""
    (part,) = plan.parts
    steps = tuple(
        replace(step, decides=Decider.PERSON) if step.id == "import-bundle" else step for step in part.steps
    )
    return replace(plan, parts=(replace(part, steps=steps),))


def test_yes_never_answers_for_a_step_that_a_person_decides(night: Night) -> None:
    """It has to be named, to be done or to be left out."""
    plan = night.plan(person)
    status, _, err = night.apply(plan, "--yes")
    assert status == 2
    assert "--decide import-bundle" in err
    assert night.device.sessions == []
    status, _, _ = night.apply(plan, "--yes", *leaving("import-bundle", "test-call-home", "wait-for-success"))
    assert status == 1
    assert IMPORT not in night.asa.changes
    assert night.apply(plan, "--yes", "--decide", "nothing-such")[0] == 2
    assert night.apply(plan, "--yes", "--decide", "import-bundle", "--leave", "import-bundle")[0] == 2


def test_yes_never_answers_what_the_plan_asks_of_a_person(night: Night) -> None:
    """A question such as "is this really the CA to trust?" is answered by a person, beforehand or at a terminal."""
    asked = Decision(question="Is “QuoVadis Root CA 2” really the CA to trust?", why="It looks like another.")
    plan = night.plan(lambda plan: replace(plan, decisions=(asked,)))
    status, _, err = night.apply(plan, "--yes")
    assert status == 2
    assert "really the CA to trust" in err
    assert night.device.sessions == []
    assert night.apply(plan, "--yes", "--decide", "questions")[0] == 0


def test_a_decided_step_is_done(night: Night) -> None:
    """--decide is a person's word."""
    assert night.apply(night.plan(person), "--yes", "--decide", "import-bundle")[0] == 0
    assert night.asa.changes == [IMPORT, RENEW]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("device", "edge2", "the plan is for edge2, and this is edge1"),
        ("release", "9.6(2)", "the plan is for release 9.6(2)"),
        ("platform", Platform.FXOS, "platform fxos"),
        ("model", "firepower", "model firepower"),
    ],
)
def test_a_plan_for_another_state_is_refused(night: Night, field: str, value: Any, said: str) -> None:
    """Another device, release, platform or model: one sentence, and nothing was changed."""
    plan = night.plan(lambda plan: replace(plan, made_for=replace(plan.made_for, **{field: value})))
    status, _, err = night.apply(plan, "--yes")
    assert status == 1
    assert said in err
    assert night.asa.changes == []
    assert not (night.folder / "runs").exists()


def test_a_plan_whose_evidence_is_gone_and_whose_repair_is_another_is_refused(night: Night) -> None:
    """The same name of a finding is not the same fault."""

    def other(plan: Plan) -> Plan:
        (part,) = plan.parts
        steps = tuple(step for step in part.steps if step.id != "renew-auth")
        return replace(
            plan,
            made_for=replace(plan.made_for, evidence=("0" * 64,)),
            parts=(replace(part, steps=steps),),
        )

    status, _, err = night.apply(night.plan(other), "--yes")
    assert status == 1
    assert "prints none of the lines the plan rests on" in err
    assert night.asa.changes == []


def test_newer_lines_of_the_same_fault_are_the_same_state(night: Night) -> None:
    """Attempts are repeated and logs roll over: a plan whose repair is today's still fits."""
    plan = night.plan(lambda plan: replace(plan, made_for=replace(plan.made_for, evidence=("0" * 64,))))
    assert night.apply(plan, "--yes")[0] == 0


def test_a_finding_that_is_gone_leaves_nothing_to_do(night: Night) -> None:
    """Somebody else mended it meanwhile."""
    night.asa.pool, night.asa.renewed = ["QuoVadis Root CA 2"], True
    status, out, _ = night.apply(night.plan(), "--yes")
    assert status == 0
    assert "nothing is left to do" in out
    assert night.asa.changes == []


# --------------------------------------------------------------------------------------------- surprises


def test_a_mark_of_failure_stops_it_and_the_record_says_so(night: Night) -> None:
    """The lines after it are not typed, and the undo knows what to look for."""

    async def refuses(io: Io, line: str) -> bool:
        if line != IMPORT:
            return False
        night.asa.pool.append("Half Imported CA")
        io.print("WARNING: the signature of the file could not be verified")
        return True

    night.asa.before = refuses
    status, out, err = night.apply(night.plan(), "--yes")
    assert status == 1
    assert "stopped at import-bundle" in out
    assert "anchorwatch undo" in err
    assert RENEW not in night.asa.changes
    (done,) = night.recorded["steps"]
    assert (done["stage"], done["added"]) == ("stopped", [fingerprint("Half Imported CA")])
    night.asa.before = None
    assert night.undo("--yes")[0] == 0
    assert night.asa.pool == []


def test_an_unforeseen_question_is_answered_with_nothing(night: Night) -> None:
    """Ctrl-C, and no word that could be an answer."""

    async def asks(io: Io, line: str) -> bool:
        if line != IMPORT:
            return False
        await io.line("The file is not signed by Cisco. Import it anyway? [yes/no]: ")
        return True

    night.asa.before = asks
    status, out, _ = night.apply(night.plan(), "--yes")
    assert status == 1
    assert "a question nobody foresaw" in out
    typed = night.device.typed
    assert typed[typed.index(IMPORT) + 1] == "^C"
    assert night.asa.changes == []


def test_a_device_lost_in_the_middle_can_be_taken_back_later(night: Night) -> None:
    """What was begun is in the record; what it had added is told by comparing with the listing before."""
    night.asa.pool = ["Own Root"]

    async def dies(io: Io, line: str) -> bool:
        if line != IMPORT:
            return False
        night.asa.pool += ["QuoVadis Root CA 2"]
        io.hang_up()
        return True

    night.asa.before = dies
    status, _, err = night.apply(night.plan(), "--yes")
    assert status == 3
    assert "closed the connection" in err
    assert "anchorwatch undo" in err
    (done,) = night.recorded["steps"]
    assert (done["stage"], done["added"], done["listed"]) == ("begun", None, [fingerprint("Own Root")])
    night.asa.before = None
    assert night.undo("--yes")[0] == 0
    assert night.asa.pool == ["Own Root"]


def test_what_did_not_help_is_not_called_mended(night: Night) -> None:
    """Every step went well and the device still fails: exit status 1, and it is said."""

    async def fails(_io: Io, line: str) -> bool:
        if line == RENEW:
            night.asa.changes.append(line)
            return True
        return False

    night.asa.before = fails
    status, out, err = night.apply(night.plan(), "--yes", "--leave", "wait-for-success")
    assert status == 1, err
    assert "not proven" in out


def test_without_a_record_nothing_is_changed(night: Night) -> None:
    """A folder that cannot be made ends it before the first line that changes something."""
    (night.folder / "runs").write_text("a file")
    status, _, err = night.apply(night.plan(), "--yes")
    assert status == 3
    assert "without a record nothing is changed" in err
    assert night.asa.changes == []


def test_ctrl_c_ends_it_between_two_lines(night: Night) -> None:
    """The line under way is waited for and recorded; the next is not typed."""
    if sys.platform == "win32":
        pytest.skip("only on Linux and macOS: a process of Windows cannot be sent this signal alone")

    async def interrupts(_io: Io, line: str) -> bool:
        if line == IMPORT:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    night.asa.before = interrupts
    status, out, _ = night.apply(night.plan(), "--yes")
    assert status == 1
    assert "somebody stopped it" in out
    assert night.asa.changes == [IMPORT]
    assert [done["stage"] for done in night.recorded["steps"]] == ["done"]


def test_a_token_comes_from_a_file_and_is_told_nowhere(night: Night) -> None:
    """It is typed as it stands in the file; no file of the run and no line on the screen holds it."""

    def with_token(plan: Plan) -> Plan:
        (part,) = plan.parts
        steps = tuple(
            asa.register(Place(platform=Platform.ASA), force=False) if step.id == "renew-auth" else step
            for step in part.steps
        )
        return replace(plan, parts=(replace(part, steps=steps),))

    async def registers(io: Io, line: str) -> bool:
        if not line.startswith("license smart register"):
            return False
        night.asa.changes.append(line)
        night.asa.renewed = True
        io.print(f"INFO: registering with {TOKEN}")
        return True

    night.asa.before = registers
    plan = night.plan(with_token)
    status, _, err = night.apply(plan, "--yes")
    assert status == 2
    assert "ID token" in err
    assert night.apply(plan, "--yes", "--set", f"ID token={TOKEN}")[0] == 2
    file = night.folder / "token"
    file.write_text(f"{TOKEN}\n")
    status, out, err = night.apply(plan, "--yes", "--token-file", str(file))
    assert status == 0, err
    assert night.asa.changes[-1] == f"license smart register idtoken {TOKEN}"
    kept = "".join(each.read_text(encoding="utf-8") for each in (night.folder / "runs").rglob("*.*"))
    assert TOKEN not in out + err + kept
    assert "••••" in kept


def test_an_undo_on_another_device_is_refused(night: Night) -> None:
    """A run belongs to the device it was on."""
    assert night.apply(night.plan(), "--yes")[0] == 0
    file = night.folder / "runs" / night.recorded["name"] / "run.json"
    file.write_text(file.read_text().replace(f'"device": "{HOST}"', '"device": "edge2"'))
    status, _, err = night.undo("--yes")
    assert status == 1
    assert "the run was on edge2, and this is edge1" in err
    assert night.asa.pool


@pytest.mark.parametrize(
    "change",
    [
        (REMOVE, "clear crypto ca trustpool noconfirm"),
        (REMOVE, "write erase"),
        (REMOVE, "show\\nreload"),
        ("anchorwatch.run/1", "anchorwatch.run/9"),
        ('"stage"', '"stages"'),
    ],
)
def test_a_record_that_holds_what_no_step_types_is_refused(night: Night, change: tuple[str, str]) -> None:
    """A record is read like a stranger's plan; the device is not even called."""
    done = Done(
        step="import-bundle",
        unit="",
        purpose="Import.",
        stage=Stage.DONE,
        undo=(Typed(text=REMOVE),),
        per_added=True,
        added=("0" * 32,),
    )
    record = Record(
        device=HOST,
        target=night.device.url,
        platform=Platform.ASA,
        code="anchor-missing",
        title="Let it trust",
        unit="",
        began=datetime(2018, 10, 9, tzinfo=UTC),
        steps=(done,),
    )
    file = Run.begin(night.folder / "runs", record).folder / "run.json"
    file.write_text(file.read_text().replace(*change))
    status, _, err = night.undo("--yes")
    assert status == 3
    assert err.startswith("error: ")
    assert night.device.sessions == []


ESCAPE = "\x1b[2J\u202e"


def test_a_strangers_plan_does_not_steer_the_terminal(night: Night) -> None:
    """Whatever its sentences hold is spelled out, wherever they are shown: in the plan, in what is asked, in a refusal."""

    def evil(plan: Plan) -> Plan:
        def step(each: Step) -> Step:
            return replace(each, purpose=each.purpose + ESCAPE, decides=Decider.PERSON)

        parts = tuple(replace(part, steps=tuple(map(step, part.steps))) for part in plan.parts)
        return replace(plan, title=ESCAPE, cause=ESCAPE, parts=parts)

    for words in ((), ("--dry-run",), ("--yes",), ("--decide", ESCAPE)):
        _, out, err = night.apply(night.plan(evil), *words)
        assert "\\x1b[2J" in out + err
        assert "\x1b" not in out + err
        assert "\u202e" not in out + err


def test_where_an_undo_goes_is_shown(night: Night) -> None:
    """The address is the record's to say: whoever says yes has read it."""
    assert night.apply(night.plan(), "--yes")[0] == 0
    status, out, _ = night.undo()
    assert status == 2
    assert f"on {HOST}, at " in out


def test_a_visit_needs_no_change_of_configuration(night: Night) -> None:
    """To read is to type `enable`, the pager's switch for the session, and commands that look."""
    assert night.run("diagnose", night.device.url)[0] == 1
    allowed = ("show ", "ping ", "call-home test ", "terminal pager 0", "enable", ENABLE)
    assert [line for line in night.device.typed if line and not line.startswith(allowed)] == []
