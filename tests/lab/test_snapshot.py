"""A lab that is killed outright goes on like a virtual machine from its snapshot; a device that is reloaded does not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.devices.session import Asked
from anchorwatch.fleet.visit import visiting
from anchorwatch.lab import lodging
from anchorwatch.net.console import Answer
from anchorwatch.net.errors import NoConversation
from anchorwatch.net.target import Access, Target
from builders import harbour
from builders.certs import CA

pytestmark = pytest.mark.slow


class Lab:
    """A lab in a process of its own, by the command line and over SSH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = folder.parent / "mine.toml"
        self.story.write_text(harbour.TEXT, encoding="utf-8")

    def __call__(self, *words: str, status: int = 0) -> str:
        ended = CliRunner().invoke(app, ["lab", *words, "--folder", str(self.folder)])
        assert ended.exit_code == status, ended.output
        return ended.output

    def kill(self) -> None:
        """As if the power went: nothing is asked, nothing is written any more."""
        process = int((self.folder / lodging.PID).read_text(encoding="ascii"))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    def typed(self, device: str, *lines: str, paste: list[str] | None = None, **answers: str) -> str:
        """What a session shows; a device that goes away at the last line is no trouble."""
        login = lodging.login(self.folder)
        access = Access(
            password=lambda: login.password,
            enable=lambda: login.enable,
            config=self.folder / lodging.SSH_CONFIG,
        )

        def reply(asked: Asked, _: Any) -> Answer | None:
            for word, answer in answers.items():
                if word in asked.text.lower():
                    return Answer(answer, one_key=bool(asked.dialog and asked.dialog.one_key))
            return None

        async def act() -> str:
            async with visiting(Target(host=device), access) as visit:
                since = visit.mark()
                try:
                    for line in lines:
                        said = await visit.say(line, reply=reply)
                        if said.pasting is not None and paste is not None:
                            await visit.paste(paste, said.pasting.terminator, reply=reply)
                except NoConversation:
                    pass
                return visit.transcript(since)

        return asyncio.run(act())


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("snapshot") / "lab")
    made("up", "--story", str(made.story), "--port", "0")
    yield made
    made("down", "--erase")


def configured(lab: Lab, device: str) -> str:
    lines = (
        ("show running-config",)
        if device != "chassis"
        else ("scope security", "show trustpoint detail", "top", "show configuration")
    )
    shown = lab.typed(device, *lines)
    return "\n".join(line for line in shown.splitlines() if not line.startswith((": ", "Cryptochecksum")))


def test_what_was_not_saved_is_there_after_a_kill_and_gone_after_a_reload(lab: Lab) -> None:
    """On an ASA: unsaved lines, the pool and the licence outlive the kill; a reload keeps only what was written."""
    lab.typed("open", "configure terminal", "logging host outside 192.0.2.41", "end", "write memory")
    lab.typed(
        "open", "configure terminal", "logging host outside 192.0.2.42", "clock timezone XYZ 2", "end",
        "crypto ca trustpool import default noconfirm",
    )  # fmt: skip
    before = configured(lab, "open")
    pool = lab.typed("open", "show crypto ca trustpool")
    licence = lab.typed("open", "show license all")
    assert "192.0.2.42" in before
    now = json.loads(lab("status", "--json"))["now"]
    time.sleep(1.0)  # what is typed is kept within a moment
    lab.kill()
    assert "no town is at work" in lab("status", status=3)
    lab("up", "--port", "0")
    assert json.loads(lab("status", "--json"))["now"] >= now
    assert configured(lab, "open") == before
    assert lab.typed("open", "show crypto ca trustpool") == pool
    assert lab.typed("open", "show license all") == licence
    lab.typed("open", "reload", save="N", proceed="y")
    time.sleep(0.5)
    after = configured(lab, "open")
    assert "192.0.2.41" in after
    assert "192.0.2.42" not in after
    assert "XYZ" not in after
    assert "Status: REGISTERED" in lab.typed("open", "show license all")


def test_what_was_committed_outlives_both_on_a_chassis(lab: Lab) -> None:
    """A trustpoint that was committed is there after a kill and after a reboot; what waited in a buffer is lost."""
    root = CA.root("Harbour Kept Root").pem.strip().splitlines()
    lab.typed(
        "chassis",
        "scope security",
        "enter trustpoint kept",
        "set certchain",
        "commit-buffer",
        "top",
        paste=root,
    )
    lab.typed("chassis", "scope security", "enter trustpoint waiting", "set certchain", paste=root)
    before = configured(lab, "chassis")
    assert "Trustpoint Name: kept" in before
    assert "Trustpoint Name: waiting" not in before
    time.sleep(1.0)
    lab.kill()
    lab("up", "--port", "0")
    assert configured(lab, "chassis") == before
    said = lab.typed("chassis", "connect local-mgmt", "reboot", reboot="yes", proceed="yes")
    assert said.rstrip().endswith("Do you still want to reboot? (yes/no):yes")
    time.sleep(0.5)
    assert configured(lab, "chassis") == before


def test_killed_again_and_again_it_never_goes_back(lab: Lab) -> None:
    """Killed right after its clock was turned, it goes on within a second of where it was, with every device."""
    shown = ""
    for _ in range(2):
        lab("clock", "advance", "10d")
        state = json.loads(lab("status", "--json"))
        assert state["now"] > shown
        shown = state["now"]
        lab.kill()
        lab("up", "--port", "0")
        again = json.loads(lab("status", "--json"))
        assert datetime.fromisoformat(again["now"]) > datetime.fromisoformat(shown) - timedelta(seconds=1)
        keys = ("name", "registration", "authorization", "faults")
        assert [[each.get(key) for key in keys] for each in again["devices"]] == [
            [each.get(key) for key in keys] for each in state["devices"]
        ]
