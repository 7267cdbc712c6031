"""Telling a running town what to do, over its own socket."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from anchorwatch.lab import control
from anchorwatch.lab.control import Control, ControlError, NotRunningError, RefusedError, Tell, ask

pytestmark = pytest.mark.skipif(os.name == "nt", reason="only on Windows: there are no such sockets")


class Office:
    """A control socket at work in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.control = Control(folder, self.handle)
        self._run(self.control.open())

    async def handle(self, question: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        if question.get("do") == "count":
            for number in range(3):
                await asyncio.to_thread(tell, str(number))
            return {"counted": 3}
        if question.get("do") == "hang":
            raise ConnectionAbortedError
        raise RefusedError("not today")

    def close(self) -> None:
        self._run(self.control.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Deeper than the hundred octets that a socket's name may have.
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True, mode=0o700)
    return deep


@pytest.fixture
def office(folder: Path) -> Iterator[Office]:
    made = Office(folder)
    yield made
    made.close()


def test_a_question_is_answered_with_how_far_it_is(office: Office) -> None:
    """Progress comes in order while the work goes on, and then the answer."""
    told: list[str] = []
    assert ask(office.folder, {"do": "count"}, told=told.append) == {"counted": 3}
    assert told == ["0", "1", "2"]


def test_a_refusal_is_a_sentence(office: Office) -> None:
    """What the town says no to reaches whoever asked, in its words."""
    with pytest.raises(RefusedError, match="not today"):
        ask(office.folder, {"do": "dance"})


def test_a_town_that_breaks_off_is_told(office: Office) -> None:
    """A connection that ends without an answer is an error of its own."""
    with pytest.raises(ControlError, match="ended before it had answered"):
        ask(office.folder, {"do": "hang"})


def test_where_there_is_no_town_none_is_asked(tmp_path: Path) -> None:
    """A folder without a town, and one whose town was killed, are told apart from a refusal."""
    with pytest.raises(NotRunningError):
        ask(tmp_path, {"do": "count"})
    with pytest.raises(NotRunningError):
        ask(tmp_path / "nowhere", {"do": "count"})
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / control.NAME))
    stale.close()
    with pytest.raises(NotRunningError):
        ask(tmp_path, {"do": "count"})


def test_only_the_owner_may_use_it(office: Office) -> None:
    """Nobody else has any right at the socket."""
    assert (office.folder / control.NAME).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "octets", [b"\n", b"{}\n", b"[]\n", b"\xff\xff\n", b"[" * 100_000 + b"\n", b"x" * 5_000_000]
)
def test_nonsense_does_no_harm(office: Office, octets: bytes) -> None:
    """Whatever is sent, the next question is answered."""
    with socket.socket(socket.AF_UNIX) as connection:
        handle = os.open(office.folder, os.O_RDONLY)
        try:
            connection.connect(f"/proc/self/fd/{handle}/{control.NAME}")
        finally:
            os.close(handle)
        try:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            connection.recv(1000)
        except OSError:
            # It was cut off in the middle of its nonsense.
            pass
    assert ask(office.folder, {"do": "count"}) == {"counted": 3}
