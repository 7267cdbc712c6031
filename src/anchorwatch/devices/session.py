"""A conversation with a command line, without the wire: octets in, events out, and what to send.

The device is asked one thing at a time. Lines are events as soon as they are whole. What stands on an unfinished line
(a prompt, a question, the mark of the pager) means something only if nothing follows it, and octets alone cannot tell:
so whoever holds the wire says so, with `quiet` when nothing came for a moment and with `expired` when nothing came
for as long as one is willing to wait. Therefore the events do not depend on how the octets were cut.

What was typed comes back as an echo, but not as it was typed: an unlicensed ASAv throws two lines into it, a log line
may stand in its middle, a narrow screen scrolls it behind a ``$``. A prompt counts as "done" only below the echo of
what was typed last; without an echo only `expired` believes it. Lines that come before the echo still belong to what
was typed before, and say so.

Memory is bounded: one unfinished line, cut at `LONGEST_LINE`, and what was typed and not yet echoed.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from dataclasses import dataclass, field

from anchorwatch.devices import dialect as dialects
from anchorwatch.devices import prompt as prompts
from anchorwatch.devices.capture import LONGEST_LINE
from anchorwatch.devices.dialect import At, Dialect, Dialog, Paste
from anchorwatch.devices.transcript import LOGGED

_ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"
    r"|\x1b\[(?P<parameters>[0-?]{0,64})[ -/]{0,8}(?P<final>[@-~]?)"
    r"|\x1b[ -/]{0,4}[0-~]?"
)
_MARKS = tuple(dialects.of(platform).pager.mark for platform in dialects.platforms())
# Of a scrolled echo so many characters must stand on the screen to be taken for it.
_SCROLLED = 8
_MOST_TYPED_AHEAD = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A line of output. `late` says that it came before the echo of what was typed last."""

    text: str
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A line of the device's log, thrown in; or a notice of an unlicensed device."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoed:
    """What was typed has come back; `before` is what stood before it on its line, mostly a prompt.

    `typed` is what was given to be shown for it, so a secret in it is dots.
    """

    before: str
    typed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The device waits for a command. `echoed` is False where nobody saw what was typed last come back."""

    at: At
    text: str
    echoed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The device asks something. `dialog` is None for a question that its dialect does not know."""

    text: str
    dialog: Dialog | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """A full screen: the device waits for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasting:
    """The device waits for the next of many lines."""

    paste: Paste


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalled:
    """Nothing came for too long, and what stands on the unfinished line is neither prompt nor question."""

    text: str


Event = Printed | Logged | Echoed | Ready | Asked | Paged | Pasting | Stalled


@dataclass(frozen=True, slots=True)
class _Sent:
    """What must come back, without blanks, how it is shown, and what is expected to stand before it."""

    squeezed: str = field(repr=False)
    shown: str
    behind: str


class Session:
    """One conversation, see the module's head. `speaks` may be replaced once it is known who is there."""

    __slots__ = (
        "_decoder",
        "_due",
        "_fresh",
        "_introduced",
        "_met",
        "_moving",
        "_paste",
        "_pieces",
        "_rest_at",
        "_seen",
        "_size",
        "_stood",
        "_thrown",
        "host",
        "speaks",
    )

    def __init__(self, speaks: Dialect) -> None:
        self.speaks = speaks
        self.host = ""
        """The name the device showed in its last prompt, "" before the first."""
        self._met: set[str] = set()  # the names shown so far: a chassis, its module, the application on it
        self._moving = (
            False  # whether what was typed leads to another command line, whose name nobody knows yet
        )
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pieces: list[str] = []  # the unfinished line as it came
        self._size = 0
        self._due: deque[_Sent] = deque()  # typed and not yet echoed
        self._seen = ""  # the part of the first of them that was echoed before something was thrown in
        self._fresh = False  # whether anything came since something was sent
        self._rest_at: tuple[At, str] | None = None  # a prompt that was pushed up
        self._thrown = False  # whether something thrown in pushed it up
        self._stood = ""  # the prompt of the last time the device was ready
        self._paste: Paste | None = None
        self._introduced = False

    # ------------------------------------------------------------------------------------- sending

    def command(self, text: str, *, shown: str | None = None) -> bytes:
        """The octets of a command line; `shown` is what stands for it in events where it holds a secret."""
        full = prompts.canonical(text)
        self._paste = self.speaks.paste(full)
        self._moving = self.speaks.leads_away(full)
        self._introduced = False
        return self._line(text, text if shown is None else shown, self._stood)

    def pasted(self, text: str, *, last: bool = False) -> bytes:
        """The octets of one of many lines; the last is the terminator."""
        behind = self._paste.prompt if self._paste is not None else ""
        if last:
            self._paste = None
        return self._line(text, text, behind)

    def answer(self, text: str, *, one_key: bool = False) -> bytes:
        """The octets of an answer; it may come back or not, and does not have to."""
        self._sent()
        return _octets(text, "" if one_key else "\n")

    def key(self, text: str) -> bytes:
        """The octets of a key for the pager."""
        self._sent()
        return _octets(text, "")

    def interrupt(self) -> bytes:
        """Ctrl-C: gives up what is being typed or printed; nothing of it needs to come back."""
        self._due.clear()
        self._seen = ""
        self._paste = None
        self._sent()
        return b"\x03"

    def _line(self, text: str, shown: str, behind: str) -> bytes:
        if len(self._due) >= _MOST_TYPED_AHEAD:
            raise ValueError("too much was typed that never came back")
        self._sent()
        if text.strip():
            self._due.append(_Sent(_squeezed(text), shown, behind))
        return _octets(text, "\n")

    def _sent(self) -> None:
        self._fresh = False
        self._rest_at = None

    # ----------------------------------------------------------------------------------- receiving

    def feed(self, data: bytes) -> tuple[Event, ...]:
        """Take octets as they come, and give the lines that are whole now."""
        text = self._decoder.decode(data).replace("\0", "")
        if not text:
            return ()
        self._fresh = True
        events: list[Event] = []
        *whole, rest = text.split("\n")
        for piece in whole:
            events += self._long(piece)
            line = _drawn("".join(self._pieces))
            self._pieces, self._size = [], 0
            events += self._complete(line)
        events += self._long(rest)
        return tuple(events)

    def _long(self, piece: str) -> list[Event]:
        """Keep a piece of the unfinished line; of an endless one the parts become lines."""
        events: list[Event] = []
        while self._size + len(piece) > LONGEST_LINE:
            room = LONGEST_LINE - self._size
            self._pieces.append(piece[:room])
            events.append(Printed(text=_drawn("".join(self._pieces)), late=bool(self._due)))
            self._pieces, self._size = [], 0
            piece = piece[room:]
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
        return events

    def _complete(self, line: str) -> list[Event]:
        for notice in self.speaks.notices:
            if notice in line:
                before, _, after = line.partition(notice)
                events = self._interrupted(before)
                self._thrown = True
                return [*events, Logged(text=notice), *self._interrupted(after)]
        if "%" in line and LOGGED.search(line):
            return self._log(line)
        return self._ordinary(line)

    def _interrupted(self, part: str) -> list[Event]:
        """A part of a line into which something was thrown."""
        return self._ordinary(part, cut=True) if part.strip() else []

    def _log(self, line: str) -> list[Event]:
        """A line of the log; what of the screen stood before it on its line is taken off."""
        _, text = self._rest_at or (None, "")
        start = self._echo_length(line)
        if start == 0 and text and line.startswith(text.rstrip()):
            start = len(text)
        found = prompts.recognise(line) if start == 0 else None
        if found is not None and found.host == self.host and LOGGED.search(found.typed):
            start = found.column
        events = self._interrupted(line[:start])
        self._thrown = True
        # Without a prompt before it, it is either thrown in or what `show logging` prints.
        return [*events, Logged(text=line[start:].strip() if start else line)]

    def _echo_length(self, line: str) -> int:
        """How many characters at the start of a line are a prompt with a part of what is due."""
        found = prompts.recognise(line) if self._due else None
        if found is None or found.host != self.host:
            return 0
        due, at, length = self._due[0].squeezed, 0, found.column
        for index in range(found.column, len(line)):
            if line[index] == " ":
                continue
            if at < len(due) and line[index] == due[at]:
                at, length = at + 1, index + 1
            else:
                break
        return length

    def _ordinary(self, line: str, *, cut: bool = False) -> list[Event]:
        at = self.speaks.recognise(line)
        if at is not None and self._known(at):
            # A prompt that was pushed up, or one at which nothing was typed.
            self._rest_at, self._thrown = (at, line), False
            self._seen = ""
            return []
        if self._due:
            echo = self._echo(line, cut=cut)
            if echo is not None:
                return echo
        self._rest_at = None
        if self._paste is not None and self._paste.terminator in line:
            self._introduced = True
        return [Printed(text=line, late=bool(self._due))]

    def _echo(self, line: str, *, cut: bool) -> list[Event] | None:
        """What a line says about the echo that is due; None when nothing. `cut`: something was thrown in behind it."""
        sent = self._due[0]
        found = prompts.recognise(line)
        if found is not None and found.host == self.host:
            # The prompt again, with all of it or with what had been typed before something was thrown in.
            blank = line[found.column : found.column + 1] == " "
            squeezed, before = _squeezed(found.typed), line[: found.column + blank]
        else:
            found, before = None, sent.behind
            squeezed = self._seen + _squeezed(line if before.endswith(" ") else line.removeprefix(before))
        if _comes_back(squeezed, sent.squeezed):
            self._due.popleft()
            self._seen = ""
            self._rest_at = None
            return [Echoed(before=before, typed=sent.shown)]
        goes_on = found is not None or cut or self._seen or (self._rest_at is not None and self._thrown)
        if goes_on and squeezed and sent.squeezed.startswith(squeezed):
            self._seen = squeezed
            return []
        return None

    # -------------------------------------------------------------------------------------- waiting

    def quiet(self) -> tuple[Event, ...]:
        """Nothing came for a moment: what does the device wait for? Empty where that cannot be told yet."""
        if not self._fresh:
            return ()
        text = _drawn("".join(self._pieces))
        event = self._waiting(text)
        return () if event is None else (event,)

    def _waiting(self, text: str) -> Event | None:
        said = text.rstrip()
        if said.endswith(_MARKS):
            return Paged()
        if self._paste is not None and not self._due and said == self._paste.prompt:
            # An empty line proves nothing unless the device said how the paste ends.
            return Pasting(paste=self._paste) if said or self._introduced else None
        if not self._due:
            ready = self._prompt(text)
            if ready is not None:
                return ready
        if said and self.speaks.recognise(text) is None and self.speaks.waits(said):
            return Asked(text=said, dialog=self.speaks.dialog(said))
        return None

    def _prompt(self, text: str) -> Ready | None:
        at = self.speaks.recognise(text)
        if at is not None and self._known(at):
            return self._ready(at, text)
        if not text.strip() and self._rest_at is not None and self._thrown:
            return self._ready(*self._rest_at)
        return None

    def expired(self) -> tuple[Event, ...]:
        """Nothing came for as long as one is willing to wait: take what stands there for what it seems to be."""
        text = _drawn("".join(self._pieces))
        event = self._waiting(text) if self._fresh else None
        if event is not None:
            return (event,)
        at = self.speaks.recognise(text)
        if at is None and not text.strip() and self._rest_at is not None:
            at, text = self._rest_at
        echoed = not self._due
        self._due.clear()
        self._seen = ""
        self._paste = None
        return (Stalled(text=text.strip()) if at is None else self._ready(at, text, echoed=echoed),)

    def _ready(self, at: At, text: str, *, echoed: bool = True) -> Ready:
        self.host = at.prompt.host
        self._met.add(self.host)
        self._moving = False
        self._stood = text
        self._paste = None
        return Ready(at=at, text=text, echoed=echoed)

    def _known(self, at: At) -> bool:
        """Whether a prompt is this device's: a name it has shown, or a fixed prompt; before the first any is."""
        fixed = at.mode is not None and "{host}" not in at.mode.prompt
        return not self._met or fixed or self._moving or at.prompt.host in self._met


def _octets(text: str, end: str) -> bytes:
    return (text + end).encode("utf-8", "replace")


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _comes_back(seen: str, sent: str) -> bool:
    """Whether what stands behind the prompt, without blanks, is the echo of what was sent, scrolled or not."""
    if seen == sent:
        return True
    before, mark, after = seen.rpartition("$")
    if not mark:
        return False
    if not after:  # scrolled to the right end: the beginning stands there
        return len(before) >= _SCROLLED and sent.startswith(before)
    return len(after) >= _SCROLLED and sent.endswith(after)


def _drawn(raw: str) -> str:
    """What a line looks like on the screen when all of it has come: overwriting, erasing and escapes are applied."""
    if raw.isascii() and raw.isprintable():
        return raw
    raw = raw.removesuffix("\r")
    if "\x1b" not in raw and "\r" not in raw and "\b" not in raw:
        return _visible(raw)
    cells: list[str] = []
    column = index = 0
    while index < len(raw):
        character = raw[index]
        if character == "\x1b":
            found = _ESCAPE.match(raw, index)
            if found is not None:
                if found["final"] == "K" and found["parameters"] in {"", "0"}:
                    del cells[column:]
                elif found["final"] == "K":
                    cells, column = [], 0
                index = found.end()
                continue
        if character == "\r":
            column = 0
        elif character == "\b":
            column = max(0, column - 1)
        else:
            if column < len(cells):
                cells[column] = character
            else:
                cells.append(character)
            column += 1
        index += 1
    return _visible("".join(cells).rstrip(" "))


def _visible(text: str) -> str:
    """Without what moves cursors or rings bells; a tab is a blank."""
    return "".join(
        each if each.isprintable() else " " if each == "\t" else ""
        for each in text
        if each == "\t" or each >= " "
    )
