"""`anchorwatch lab`: a town in a process of its own, told what to do from the command line."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from builders import harbour

pytestmark = pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS a lab is run")


class Lab:
    """The command line on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = folder.parent / "mine.toml"
        self.story.write_text(harbour.TEXT, encoding="utf-8")

    def __call__(self, *words: str, status: int = 0) -> str:
        ended = CliRunner().invoke(app, ["lab", *words], env={"ANCHORWATCH_LAB": str(self.folder)})
        assert ended.exit_code == status, ended.output
        return ended.output

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("status", "--json"))
        return found

    def device(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(each for each in self.status()["devices"] if each["name"] == name)
        return found

    @property
    def process(self) -> int:
        return int((self.folder / "pid").read_text(encoding="ascii"))

    def typed(self, name: str, *lines: str) -> str:
        """What a device answers over SSH, with what the lab wrote for SSH clients."""
        login = json.loads((self.folder / "login.json").read_text(encoding="utf-8"))

        async def session() -> str:
            config = str(self.folder / "ssh_config")
            async with asyncssh.connect(name, config=[config], password=login["password"]) as connection:
                process = await connection.create_process(term_type="vt100")
                process.stdin.write("\n".join(["enable", login["enable"], *lines, "exit", ""]))
                return str(await asyncio.wait_for(process.stdout.read(), 20))

        return asyncio.run(session())


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "lab")
    yield made
    if CliRunner().invoke(app, ["lab", "down", "--folder", str(made.folder)]).exit_code == 0:
        assert not (made.folder / "pid").exists()


def test_a_lab_from_up_to_erased(lab: Lab, tmp_path: Path) -> None:
    """It comes up, lets one in, turns its clock, breaks, is killed, goes on where it was, and goes without a trace."""
    said = lab("up", "--story", str(lab.story), "--port", "0")
    assert "… " in said, "it says how far it is"
    assert "anchorwatch lab clock advance --to-next-event" in said
    login = (lab.folder / "login.json").stat()
    assert login.st_mode & 0o077 == 0
    password = json.loads((lab.folder / "login.json").read_text(encoding="utf-8"))["password"]
    assert password not in said
    assert password in lab("status", "--show-passwords")

    assert "User admin logged in to open" in lab.typed("open", "terminal pager 0")
    assert "late (ASAv 9.4(1)) is switched on" in lab("clock", "advance", "--to-next-event")
    assert "the portal moves" in lab("clock", "advance", "19h")
    assert lab.status()["chain"] == "new"
    assert "2018-10-05 07:00 UTC" in lab("clock", "show")

    assert "for open" in lab("break", "port443", "open")
    assert lab.device("open")["faults"] == ["port443"]
    assert "nothing changes" in lab("break", "port443", "open")
    assert "there is no fault 'gravity'" in lab("break", "gravity", status=1)
    assert "there is no device 'nobody'" in lab("log", "nobody", status=1)
    assert "%ASA-" in lab("log", "open", "--last", "3")
    assert lab("token").startswith("SL1-")

    town = tmp_path / "town"
    lab("export-catalogue", str(town))
    assert "BEGIN CERTIFICATE" in (town / "cas.pem").read_text(encoding="ascii")
    pin = (town / "pin.txt").read_text(encoding="ascii").strip()
    words = ["bundle", "verify", str(town / "bundle-2017.p7b"), "--pin", pin]
    assert CliRunner().invoke(app, words).exit_code == 0

    lab.typed("open", "configure terminal", "clock timezone XYZ 2", "end")
    before = lab.status()
    time.sleep(1.0)  # what is typed is kept within a moment
    killed = lab.process
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    assert "no town is at work" in lab("status", status=3)
    assert "already" not in lab("up", "--port", "0")
    after = lab.status()
    assert after["now"] >= before["now"]
    assert lab.device("open")["faults"] == ["port443"]
    assert "XYZ" in lab.typed("open", "show clock")
    assert "is at work in" in lab("up", "--port", "0", status=1)

    assert "the lab has ended" in lab("down")
    assert "tells another story" in lab("up", "--story", "2016", status=1)
    lab("down", "--erase")
    assert not lab.folder.exists()


def test_a_lab_that_cannot_start_says_why(lab: Lab, tmp_path: Path) -> None:
    """A port that is taken, a story with mistakes, a folder with other things in it: one sentence each, nothing left."""
    (tmp_path / "bad.toml").write_text(harbour.TEXT.replace('"ASAv"', '"Toaster"'), encoding="utf-8")
    said = lab("up", "--story", str(tmp_path / "bad.toml"), status=1)
    assert "devices[1] open: there is no model 'Toaster'" in said
    assert not lab.folder.exists()
    assert "there is no story 1066" in lab("up", "--story", "1066", status=2)
    assert "is no address of a machine" in lab("up", "--listen", "everywhere", status=2)
    lab.folder.mkdir()
    (lab.folder / "diary").write_text("mine", encoding="utf-8")
    assert "is not empty, and no lab is in it" in lab("up", status=3)
    assert "there is no lab in" in lab("down", "--erase", status=3)
    assert (lab.folder / "diary").exists()


def test_stories_are_listed_printed_and_checked(lab: Lab, tmp_path: Path) -> None:
    """One begins one's own with a story of the package, and is told of every mistake at once."""
    assert "The portal changes its CA" in lab("stories")
    (tmp_path / "own.toml").write_text(lab("story", "2018"), encoding="utf-8")
    assert "8 devices" in lab("check", str(tmp_path / "own.toml"))
    (tmp_path / "own.toml").write_text(lab("story", "2018").replace("9.6(2)", "new"), encoding="utf-8")
    assert "devices[1] asav-962: version must be a version" in lab(
        "check", str(tmp_path / "own.toml"), status=1
    )
    lab("check", str(tmp_path / "nowhere.toml"), status=3)
    assert "port80-refused" in lab("faults")
    assert "say how far" in lab("clock", "advance", status=2)
    assert "is no span of time" in lab("clock", "advance", "soon", status=2)
    assert "does not go back" in lab("clock", "advance", "--", "-1d", status=2)
