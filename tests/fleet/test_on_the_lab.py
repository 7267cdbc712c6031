"""Repairs on the devices of the lab, over SSH and through the command line: the cure emerges, nothing is scripted.

The portal of 2018 moved, and a night later some devices fail for real reasons. They are diagnosed, mended, proven, mended
again without a change, and brought back.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anchorwatch.base.secret import Secret
from anchorwatch.cli.app import app
from anchorwatch.doctor import plan as plans
from anchorwatch.fleet.visit import visiting
from anchorwatch.net.target import Access, Patience, Target

pytestmark = pytest.mark.slow
ROOT = "QuoVadis Root CA 2"


@dataclass
class Town:
    """A lab that runs, and what it takes to drive its devices."""

    folder: Path

    def run(self, *words: str, status: int | None = 0) -> str:
        found = CliRunner().invoke(app, [str(word) for word in words])
        assert status is None or found.exit_code == status, found.stdout[-2000:] + found.stderr[-2000:]
        return found.stdout + found.stderr

    def lab(self, *words: str) -> str:
        return self.run("lab", *words, "--folder", self.lived)

    @property
    def lived(self) -> str:
        return str(self.folder / "lab")

    def on(self, device: str) -> tuple[str, ...]:
        return (f"ssh://{device}", "--ssh-config", f"{self.lived}/ssh_config")

    def type(self, device: str, *lines: str) -> str:
        """Somebody types by hand, and leaves; what the last line printed."""
        login = json.loads((self.folder / "lab" / "login.json").read_text(encoding="utf-8"))
        access = Access(
            password=lambda: Secret(login["password"]),
            enable=lambda: Secret(login["enable"]),
            config=Path(self.lived) / "ssh_config",
        )

        async def act() -> str:
            async with visiting(Target(host=device), access) as visit:
                for line in lines[:-1]:
                    await visit.say(line)
                return "\n".join((await visit.say(lines[-1])).lines)

        return asyncio.run(act())

    def known(self, catalogue: bool) -> tuple[str, ...]:
        return ("--catalogue", f"{self.folder}/known") if catalogue else ()

    def plan(self, device: str, *, catalogue: bool = False) -> Path:
        """The plan the doctor makes of what the device prints now."""
        file = self.folder / f"{device}.plan.json"
        self.run("diagnose", *self.on(device), *self.known(catalogue), "--save-plan", str(file), status=1)
        return file

    def apply(self, device: str, file: Path, status: int, *, catalogue: bool = False) -> str:
        decided = [step.id for step in plans.read(file.read_bytes()).decided_by_person]
        words = [word for each in ("questions", *decided) for word in ("--decide", each)]
        return self.run(
            "apply", str(file), *self.on(device), *self.known(catalogue), *words, "--yes",
            "--runs", str(self.folder / "runs" / device), "--every", "0.3", "--wait", "20", status=status,
        )  # fmt: skip

    def stored(self, device: str) -> list[str]:
        """The CAs that the device lists, as it lists them."""
        file = self.folder / "capture.txt"
        self.run("diagnose", *self.on(device), "--save-capture", str(file), status=None)
        text = file.read_text(encoding="utf-8")
        return sorted(
            set(re.findall(r"^ +(?:Fingerprint: .*|cn=.*)$|^Trustpoint Name: .*$", text, re.MULTILINE))
        )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("town"))
    patch = pytest.MonkeyPatch()
    made.run("lab", "up", "--story", "2018", "--port", "0", "--folder", made.lived)
    try:
        made.lab("clock", "advance", "--to", "2018-10-06")
        made.run("lab", "export-catalogue", str(made.folder / "known"), "--folder", made.lived)
        login = json.loads((made.folder / "lab" / "login.json").read_text(encoding="utf-8"))
        patch.setenv("ANCHORWATCH_PASSWORD", login["password"])
        patch.setenv("ANCHORWATCH_ENABLE_PASSWORD", login["enable"])
        patch.setenv("HOME", str(made.folder))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        patch.setattr("anchorwatch.net.ssh.Patience", lambda: Patience(moment=timedelta(milliseconds=15)))
        for device in ("asav-941", "fpr2110-blocked"):
            made.type(device, "license smart renew auth")
        for device in ("fp4110", "fp9300"):
            made.type(device, "scope license", "scope licdebug", "renew", "top")
        yield made
    finally:
        made.lab("down")
        patch.undo()


@pytest.mark.parametrize(
    ("device", "catalogue"), [("asav-941", False), ("fpr2110-blocked", True), ("fp4110", True)]
)
def test_a_device_is_mended_twice_and_brought_back(town: Town, device: str, catalogue: bool) -> None:
    """By a bundle imported by hand, a trustpoint of its own, a trustpoint of the chassis: cured, proven, unchanged by a
    second time, and as it was.
    """
    before = town.stored(device)
    assert not any(ROOT in line for line in before)
    file = town.plan(device, catalogue=catalogue)
    assert "proven: " in town.apply(device, file, 0, catalogue=catalogue)
    mended = town.stored(device)
    assert any(ROOT in line or line.startswith("Trustpoint Name: anchor") for line in mended)
    assert "nothing is left to do" in town.apply(device, file, 0, catalogue=catalogue)
    assert town.stored(device) == mended
    (run,) = (town.folder / "runs" / device).iterdir()
    undone = town.run(
        "undo", run.name, "--runs", str(run.parent), "--ssh-config", f"{town.lived}/ssh_config", "--yes"
    )
    assert "is as it was" in undone
    assert town.stored(device) == before


def test_a_bundle_that_cannot_be_fetched_stops_before_anything_changes(town: Town) -> None:
    """The plan's own check finds port 80 closed; the import is not tried."""
    town.lab("break", "port80", "asav-941")
    before = town.stored("asav-941")
    said = town.apply("asav-941", town.plan("asav-941"), 1)
    assert "stopped at check-bundle-reach" in said
    runs = sorted((town.folder / "runs" / "asav-941").iterdir())
    assert json.loads((runs[-1] / "run.json").read_text(encoding="utf-8"))["steps"] == []
    assert town.stored("asav-941") == before


def test_a_plan_for_one_chassis_is_not_carried_out_on_another(town: Town) -> None:
    """Both are broken in the same way; the name decides."""
    said = town.apply("fp9300", town.plan("fp9300", catalogue=True), 0, catalogue=True)
    assert "proven" in said
    other = plans.read((town.folder / "fp9300.plan.json").read_bytes())
    assert other.made_for.device == "fp9300"
    found = CliRunner().invoke(
        app,
        [
            "apply",
            str(town.folder / "fp9300.plan.json"),
            *town.on("fp4110"),
            "--yes",
            "--decide",
            "questions",
        ],
    )
    assert found.exit_code == 1
    assert "the plan is for fp9300, and this is fp4110" in found.stderr


def test_devices_that_renewed_their_pool_by_themselves_are_called_well(town: Town) -> None:
    """9.6(2) and later with an open port 80 imported the CA at night; several are read at once."""
    said = town.run("diagnose", "ssh://asav-962", "ssh://asav-982", *town.on("fpr2110-open"), status=0)
    assert said.count("· healthy") == 3


def test_a_setting_that_was_off_is_off_again(town: Town) -> None:
    """The service and the profile of call-home: what the step switches on that was on before stays on."""
    device = "asav-982"
    town.type(device, "configure terminal", "no service call-home", "end", "license smart renew auth")
    before = town.type(device, "show running-config call-home")
    file = town.plan(device)
    town.apply(device, file, 0)
    assert "no service call-home" not in town.type(device, "show running-config call-home")
    (run,) = (town.folder / "runs" / device).iterdir()
    words = ("undo", run.name, "--runs", str(run.parent), "--ssh-config", f"{town.lived}/ssh_config", "--yes")
    assert "is as it was" in town.run(*words)
    assert town.type(device, "show running-config call-home") == before
    assert "no service call-home" in before
