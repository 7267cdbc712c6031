"""The line discipline: what is typed, what is echoed, what pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.lab.terminal import (
    MOST_AHEAD,
    MOST_LINE,
    EndOfModeError,
    Help,
    HungUpError,
    InterruptedLineError,
    Pager,
    Terminal,
)

PAGER = Pager(text="<--- More --->", wipe="\r" + " " * 14 + "\r")


class Seat:
    """A terminal, and what came out of it."""

    def __init__(self, **options: Callable[[], None]) -> None:
        self.shown = b""
        self.terminal = Terminal(self._take, pager=PAGER, **options)

    def _take(self, octets: bytes) -> None:
        self.shown += octets

    @property
    def text(self) -> str:
        """What was shown, line ends as the terminal sent them."""
        return self.shown.decode()


def sit(typed: bytes, talk: Callable[[Terminal], Awaitable[object]]) -> tuple[object, str]:
    """Type all at once, hang up, and let a conversation run."""

    async def run() -> tuple[object, str]:
        seat = Seat()
        seat.terminal.feed(typed)
        seat.terminal.hang_up()
        said = await talk(seat.terminal)
        return said, seat.text

    return asyncio.run(run())


@pytest.mark.parametrize("enter", [b"\r", b"\n", b"\r\n"])
def test_enter_is_any_line_end(enter: bytes) -> None:
    """CR, LF and both end one line each."""

    async def talk(terminal: Terminal) -> list[str]:
        return [await terminal.read_line("$ "), await terminal.read_line("$ ")]

    said, shown = sit(b"one" + enter + b"two" + enter, talk)
    assert said == ["one", "two"]
    assert shown == "$ one\r\n$ two\r\n"


def test_what_is_typed_ahead_of_a_password_is_not_shown() -> None:
    """The secret of a piped login stands nowhere on the screen."""

    async def talk(terminal: Terminal) -> tuple[str, str, str]:
        return (
            await terminal.read_line("> "),
            await terminal.read_line("Password: ", echo=False),
            await terminal.read_line("# "),
        )

    said, shown = sit(b"enable\nhush\nshow\n", talk)
    assert said == ("enable", "hush", "show")
    assert shown == "> enable\r\nPassword: \r\n# show\r\n"


def test_keys_that_edit() -> None:
    """Backspace, ^U, ^W, NUL, arrows and control characters do what they do on a device."""

    async def talk(terminal: Terminal) -> str:
        return await terminal.read_line("", help_=Help())

    said, shown = sit(b"shox\x7fw ver\x17clock\x00\x07\x1b[C\x1b[D\x15show \xffversion\r", talk)
    assert said == "show version"
    assert shown.endswith("show version\r\n")


def test_interrupt_and_end_of_mode() -> None:
    """^C and ^Z leave the line, and say so."""

    async def talk(terminal: Terminal) -> list[str]:
        met = []
        for _ in range(2):
            try:
                await terminal.read_line("# ", help_=Help())
            except InterruptedLineError:
                met.append("interrupted")
            except EndOfModeError:
                met.append("end")
        return met

    said, shown = sit(b"half\x03other\x1a", talk)
    assert said == ["interrupted", "end"]
    assert shown == "# half^C\r\n# other^Z\r\n"


def test_history_comes_back() -> None:
    """Arrow up brings the last command, and again the one before."""

    async def talk(terminal: Terminal) -> list[str]:
        return [await terminal.read_line("", help_=Help()) for _ in range(4)]

    said, _ = sit(b"first\rsecond\r\x1b[A\x1b[A\r\x1b[A\x1b[B\x1bOA\r", talk)
    assert said == ["first", "second", "first", "first"]


def test_help_is_printed_in_the_middle_of_a_line() -> None:
    """A question mark answers at once, and the line goes on where it was."""

    async def talk(terminal: Terminal) -> str:
        return await terminal.read_line("# ", help_=Help(explain=lambda line: f"<{line}>"))

    said, shown = sit(b"show ?clock\r", talk)
    assert said == "show clock"
    assert shown == "# show ?\r\n<show >\r\n# show clock\r\n"


def test_a_question_mark_in_a_password_is_a_character() -> None:
    """Where nothing can be explained, a question mark is typed like any other."""
    said, _ = sit(b"wh?t\n", lambda terminal: terminal.read_line("", echo=False))
    assert said == "wh?t"


@pytest.mark.parametrize(
    ("keys", "lines"),
    [(b"q", 3), (b"\x03", 3), (b" q", 6), (b"  q", 9), (b"\rq", 4), (b"\r\rq", 5), (b"\r q", 7)],
)
def test_a_page_at_a_time(keys: bytes, lines: int) -> None:
    """Space turns a page, Enter a line, q ends the command's output, and the mark is wiped."""

    async def run() -> str:
        seat = Seat()
        seat.terminal.page = 4
        seat.terminal.feed(keys)
        await seat.terminal.write("\n".join(f"line {number}" for number in range(9)))
        return seat.text

    shown = asyncio.run(run())
    assert shown.count("line ") == lines
    assert shown.count(PAGER.text) == shown.count(PAGER.wipe) == len(keys) - (lines == 9)


def test_a_line_without_end_is_cut_with_a_bell() -> None:
    """Ten megabytes without a line end cost a line's length, and the client is held back."""
    held: list[str] = []

    async def run() -> tuple[str, int]:
        seat = Seat(pause=lambda: held.append("pause"), resume=lambda: held.append("resume"))
        reading = asyncio.create_task(seat.terminal.read_line(""))
        for _ in range(10):
            seat.terminal.feed(b"x" * (MOST_AHEAD // 2))
            await asyncio.sleep(0)
        seat.terminal.feed(b"\r")
        return await reading, len(seat.shown)

    line, shown = asyncio.run(run())
    assert len(line) == MOST_LINE
    assert shown < 2 * MOST_LINE


def test_who_types_more_than_is_read_is_held_back() -> None:
    """The transport is paused above the limit and resumed once it was read."""
    held: list[str] = []

    async def run() -> None:
        seat = Seat(pause=lambda: held.append("pause"), resume=lambda: held.append("resume"))
        seat.terminal.feed(b"show\r" * (MOST_AHEAD // 5 + 1))
        assert held == ["pause"]
        while len(held) == 1:
            await seat.terminal.read_line("")

    asyncio.run(run())
    assert held == ["pause", "resume"]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_any_octets_in_any_pieces(octets: bytes, cuts: list[int]) -> None:
    """However the octets arrive, the same lines are read, the same is shown, and nothing else is raised."""

    async def read(pieces: list[bytes]) -> tuple[list[str], bytes]:
        seat = Seat()
        lines: list[str] = []

        async def all_lines() -> None:
            while True:
                try:
                    lines.append(await seat.terminal.read_line("# ", help_=Help()))
                except InterruptedLineError:
                    lines.append("^C")
                except EndOfModeError:
                    lines.append("^Z")
                except HungUpError:
                    return

        reading = asyncio.create_task(all_lines())
        for piece in pieces:
            seat.terminal.feed(piece)
            await asyncio.sleep(0)
        seat.terminal.hang_up()
        await reading
        return lines, seat.shown

    at = sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})
    pieces = [octets[start:end] for start, end in pairwise([*at, len(octets)])]
    whole, parts = asyncio.run(read([octets])), asyncio.run(read(pieces))
    assert whole == parts
