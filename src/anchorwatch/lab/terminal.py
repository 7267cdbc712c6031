r"""One person's terminal: what is typed, what is echoed, and the pager between.

Characters are echoed when the command line reads them, not when they arrive: piped input, a pasted certificate and the
keys for the pager all come ahead of the question they answer, and a password typed ahead must never be shown.
Nothing here knows a socket: octets are fed in, octets are handed to `send`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_LINE = 4_096
"""Characters of one line; what is typed beyond is dropped with a bell, as a device does."""
MOST_AHEAD = 256 * 1024
"""Octets of typing ahead; the transport stops reading above, so one session cannot fill the memory."""

_ESCAPE = re.compile(rb"\x1b(?:\[[0-9;?]{0,16}[ -/]{0,4}[@-~]|O[@-~]|[^\[O])")
_PLAIN = re.compile(rb"[\x20-\x3e\x40-\x7e]+")
_PRINTABLE = re.compile(rb"[\x20-\x7e]+")
_HISTORY = 20
_UP = (b"\x1b[A", b"\x1bOA")
_DOWN = (b"\x1b[B", b"\x1bOB")
_CUT_SHORT = 24
"""An escape sequence is complete within this many octets; longer ones are taken for what they are not."""


class HungUpError(Exception):
    """The other side has gone."""


class InterruptedLineError(Exception):
    """Somebody typed ^C."""


class EndOfModeError(Exception):
    """Somebody typed ^Z: back to the privileged prompt."""


class DetachedError(Exception):
    """Somebody typed the keys that lead away from a console; what runs there goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """What is printed at the foot of a page, and what wipes it."""

    text: str
    wipe: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """What a command line does before a line is complete: answers ``?``, completes a word. Both may print nothing."""

    explain: Callable[[str], str] = field(default=lambda _: "")
    complete: Callable[[str], str] = field(default=lambda text: text)


_NO_HELP = Help()


class Terminal:
    """One session. `send` takes octets for the other side; `pause` and `resume` hold the transport back."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        *,
        pager: Pager,
        pause: Callable[[], None] = lambda: None,
        resume: Callable[[], None] = lambda: None,
    ) -> None:
        self._send = send
        self.pager = pager
        self.detach = b""
        """Two keys that lead away from a console, in lower case; empty where this is none."""
        self._pause, self._resume = pause, resume
        self._ahead = bytearray()
        self._wanted = asyncio.Event()
        self._gone = False
        self._held = False
        self._after_cr = False
        self._history: list[str] = []
        self._shown = 0
        self._quiet = False
        self.page = 24
        """Lines of a page, 0 for no pager."""

    # ------------------------------------------------------------------------------------- the transport

    def feed(self, octets: bytes) -> None:
        """Take what was typed, as it came."""
        self._ahead += octets
        if len(self._ahead) > MOST_AHEAD and not self._held:
            self._held = True
            self._pause()
        self._wanted.set()

    def hang_up(self) -> None:
        """No more will be typed; what was typed ahead is still read."""
        self._gone = True
        self._wanted.set()

    # -------------------------------------------------------------------------------------------- reading

    async def read_line(self, prompt: str, *, echo: bool = True, help_: Help | None = None) -> str:
        """The next line without its end; Enter is CR, LF or both.

        Raises `HungUpError`, `InterruptedLineError` after ^C and `EndOfModeError` after ^Z.
        """
        helper = help_ or _NO_HELP
        pattern = _PLAIN if help_ else _PRINTABLE
        self._new_page()
        self._write(prompt)
        line = ""
        place = len(self._history)
        while True:
            await self._octets()
            run = pattern.match(self._ahead)
            if run is not None:
                typed = run[0].decode("ascii")
                self._take(len(typed))
                self._after_cr = False
                kept = typed[: MOST_LINE - len(line)]
                line += kept
                if echo:
                    self._write(kept if len(kept) == len(typed) else kept + "\a")
                continue
            if self._ahead[:1] == b"\x1b":
                line, place = await self._escape(line, place, echo=echo)
                continue
            key = self._key()
            match key:
                case None:
                    pass
                case 0x0D | 0x0A:
                    self._write("\n")
                    if echo and line.strip() and help_ is not None:
                        self._history = [*self._history[-_HISTORY + 1 :], line]
                    return line
                case 0x03:
                    self._write("^C\n" if echo else "\n")
                    raise InterruptedLineError
                case 0x1A if help_ is not None:
                    self._write("^Z\n")
                    raise EndOfModeError
                case 0x04 if not line:
                    raise HungUpError
                case 0x3F:  # "?" asks for help, and the line goes on
                    self._write("?\n")
                    await self.write(helper.explain(line))
                    self._write(prompt + line)
                case _:
                    line = self._edited(line, key, helper, echo=echo)

    def _edited(self, line: str, key: int, helper: Help, *, echo: bool) -> str:
        """The line after a key that changes it; NUL, a keepalive of some clients, and the rest change nothing."""
        match key:
            case 0x08 | 0x7F if line:
                if echo:
                    self._write("\b \b")
                return line[:-1]
            case 0x15 | 0x18:
                return self._replace(line, "", echo=echo)
            case 0x17:
                return self._replace(line, line.rstrip().rpartition(" ")[0], echo=echo)
            case 0x09 if echo:
                return self._replace(line, helper.complete(line)[:MOST_LINE], echo=echo)
            case _:
                return line

    def _key(self) -> int | None:
        """The next octet; None for the LF behind a CR."""
        key = self._ahead[0]
        self._take(1)
        if key == 0x0A and self._after_cr:
            self._after_cr = False
            return None
        self._after_cr = key == 0x0D
        return key

    async def read_key(self, prompt: str) -> str:
        r"""One key, not echoed; Enter is ``\n``. Raises `HungUpError` and `InterruptedLineError`."""
        self._write(prompt)
        while True:
            await self._octets()
            if self._ahead[:1] == b"\x1b":
                await self._sequence()
                continue
            key = self._key()
            if key is None:
                continue
            if key == 0x03:
                raise InterruptedLineError
            if key == 0x04:
                raise HungUpError
            if key in (0x0D, 0x0A):
                return "\n"
            if 0x20 <= key < 0x7F:
                return chr(key)

    async def _octets(self) -> None:
        """Wait for what is typed next. Raises `HungUpError`, and `DetachedError` for the keys that lead away."""
        while True:
            await self._at_least(1)
            if not self.detach or self._ahead[:1] != self.detach[:1]:
                return
            await self._at_least(2)
            away = bytes(self._ahead[:2]).lower() == self.detach
            self._take(2 if away else 1)
            if away:
                raise DetachedError

    async def _at_least(self, count: int) -> None:
        while len(self._ahead) < count:
            if self._gone:
                raise HungUpError
            self._wanted.clear()
            await self._wanted.wait()

    def _take(self, count: int) -> None:
        del self._ahead[:count]
        if self._held and len(self._ahead) <= MOST_AHEAD // 2:
            self._held = False
            self._resume()

    async def _sequence(self) -> bytes:
        """An escape sequence, whole; a lone ESC is taken alone once something follows it that is none."""
        while True:
            found = _ESCAPE.match(self._ahead)
            if found is not None:
                sequence = bytes(found[0])
                self._take(len(sequence))
                return sequence
            if len(self._ahead) >= _CUT_SHORT or self._gone:
                self._take(1)
                return b"\x1b"
            self._wanted.clear()
            await self._wanted.wait()

    async def _escape(self, line: str, place: int, *, echo: bool) -> tuple[str, int]:
        sequence = await self._sequence()
        if not echo or not (sequence in _UP or sequence in _DOWN):
            return line, place
        place = max(0, min(len(self._history), place + (-1 if sequence in _UP else 1)))
        earlier = self._history[place] if place < len(self._history) else ""
        return self._replace(line, earlier, echo=echo), place

    def _replace(self, line: str, by: str, *, echo: bool) -> str:
        if echo:
            self._write("\b \b" * len(line) + by)
        return by

    # -------------------------------------------------------------------------------------------- writing

    async def write(self, text: str) -> None:
        """Print what a command says; page by page where a pager is on. A line end is added where there is none."""
        if not text or self._quiet:
            return
        if not text.endswith("\n"):
            text += "\n"
        if not self.page:
            self._write(text)
            return
        for line in text.splitlines(keepends=True):
            if self._shown >= self.page - 1 and not await self._turn():
                return
            self._write(line)
            self._shown += 1

    def interject(self, text: str) -> None:
        """Print something nobody waits for (a log line on a monitored terminal), in the middle of whatever is typed."""
        self._write(f"\n{text}\n")

    def print_now(self, text: str) -> None:
        """Print something at once, as it is, without the pager."""
        self._write(text)

    def _new_page(self) -> None:
        self._shown, self._quiet = 0, False

    async def _turn(self) -> bool:
        """Ask at the foot of a page; False where no more is wanted of this command."""
        try:
            key = await self.read_key(self.pager.text)
        except InterruptedLineError:
            key = "q"
        self._write(self.pager.wipe)
        match key:
            case "q" | "Q":
                self._quiet = True
                return False
            case "\n":
                self._shown -= 1
            case _:
                self._shown = 0
        return True

    def _write(self, text: str) -> None:
        self._send(text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace"))
