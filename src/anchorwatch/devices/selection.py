"""The few lines of a huge log that a diagnosis needs, with their numbers.

A firewall logs a gigabyte in an hour, and one line in thousands is about trust or licensing.
Three steps, each seeing far less than the one before:

1. one pass for rare short words (`-717`, `SMART_LIC`) by Aho-Corasick, at the speed of memory; the words are few and
   short because that search is by vector instructions up to about sixty of them;
2. where a word stands, the header of the message decides: six digits at any severity, behind any facility and class,
   or a mnemonic of IOS, IOS-XE, IOS-XR, NX-OS;
3. messages that say the same (same device, same code, same words; ports and the addresses of clients apart) are kept
   once, as the first and the last of them and how many there were.

So memory grows with what is *different* in the log, within `BUDGET`; counts, first and last occurrences are exact, and
what did not fit is counted in `Selection.unkept`.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import ahocorasick_rs

from anchorwatch.devices import capture
from anchorwatch.devices.capture import Line

if TYPE_CHECKING:
    from types import ModuleType

BUDGET = 48 * 1024 * 1024
"""Octets of kept lines; with what Python adds, well below 300 MB in all."""
_MOST_MESSAGES = 60_000
# Longer than any message: the longest carry two names of a certificate.
_LONGEST = 6_000
_PREFIX = 300
_LONGEST_HEADER = 180
_CONTINUATION_LINES = 12
# Steps in which a log without line ends is cut.
_UNBROKEN = 256 * 1024
# numpy counts line ends four times as fast as `bytes.count` (measured on Python 3.11), and costs 0.1 s to load.
_WORTH_LOADING_NUMPY = 64 * 1024 * 1024

# Step 1. The order and the words matter for speed, not for what is found: see `_header_around`.
_WORDS = (
    b"-717", b"-725", b"-4443", b"-1200", b"-1110", b"-1990", b"-6100", b"-7710",
    b"SMART_LIC", b"CALL_HOME", b"CALLHOME", b"PKI-", b"NTP-", b"SYS-5-RE", b"SYS-6-CL",
    b"CRYPTO_PKI:", b"certificate verify failed", b"GET_SERVER_CERT", b"process_server_cert",
)  # fmt: skip
_FIRST_DEBUG_WORD = _WORDS.index(b"CRYPTO_PKI:")
_FINDER = ahocorasick_rs.BytesAhoCorasick(
    _WORDS,
    matchkind=ahocorasick_rs.MatchKind.LeftmostFirst,
    implementation=ahocorasick_rs.Implementation.ContiguousNFA,
)

_HEADER = re.compile(
    rb"%(?P<facility>[A-Z][A-Z0-9_]{1,40})(?:-[A-Za-z0-9_-]{1,60}?)?-[0-7]-(?P<code>[A-Z0-9_]{2,60})\s?:"
)
_NUMBERS = re.compile(rb"717\d{3}|725\d{3}|4443\d\d|1200\d\d|11100[8]|111010|1990\d\d|61000[12]|77100[12]")
_MNEMONICS = re.compile(
    rb"%(?:[A-Z0-9_]{1,20}-)?(?:SMART_LIC|CALL_?HOME|PKI|CRYPTO_PKI|NTP)-|%SYS-[0-7]-(?:RELOAD|RESTART|CLOCKUPDATE)"
)
# Of the log of commands, what changes trust, licensing, or what either needs.
_COMMANDS = re.compile(
    rb"licen[sc]e|crypto|trustp|call-home|certificate|clock|ntp|dns|name-server|reload|write|http",
    re.IGNORECASE,
)
_TIME = re.compile(
    rb"<\d{1,3}>(?:\d )?|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?"
    rb"|[*.]?(?:[A-Z][a-z]{2}\s{1,2}\d{1,2}\s(?:\d{4}\s)?)?\d\d:\d\d:\d\d(?:\.\d+)?(?:\s\d{4})?|^\s*\d+: "
)
# The same where it stands first and alone, as it mostly does: a tenth of the time.
_TIME_FIRST = re.compile(
    rb"(?:<\d{1,3}>)?(?:[A-Z][a-z]{2}\s{1,2}\d{1,2}\s(?:\d{4}\s)?)?\d\d:\d\d:\d\d(?P<rest>[^\d:]?[^:]{0,80}:? ?)$"
)
_PORT = re.compile(rb"(?<=[0-9a-f])/\d{1,5}\b")
# What differs between two clients that do the same: their addresses.
_OF_ADDRESSES = b"0123456789abcdef.:/"
# A line that begins a message or is a prompt continues none.
_BEGINS = re.compile(
    rb"\s*(?:<\d{1,3}>|[*.]?[A-Z][a-z]{2}\s+\d{1,2}\s|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|\d+: |$)|[\w./-]{1,64}(?:\([\w-]+\))?[#>]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Messages that say the same: how many, and the lines of the first and of the last, clean and with their numbers.

    `code` is the six digits or the mnemonic, ``debug`` for the line of a debug. `last` is empty where there was one.
    """

    code: str
    count: int
    first: tuple[Line, ...]
    last: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was kept of a log, in the order of first occurrence; `unkept` messages said something new beyond the budget.

    `line_count` and `size` (octets) are of the whole log.
    """

    kept: tuple[Kept, ...]
    line_count: int
    size: int
    unkept: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many messages there were of each code, those beyond the budget apart."""
        counts: dict[str, int] = {}
        for each in self.kept:
            counts[each.code] = counts.get(each.code, 0) + each.count
        return counts

    @property
    def lines(self) -> tuple[Line, ...]:
        """All kept lines in the order of the log, for `transcript.split`."""
        lines = [line for each in self.kept for line in (*each.first, *each.last)]
        return tuple(sorted(lines, key=lambda line: (line.number, line.offset)))


def select(
    chunks: Iterable[bytes], source: str = "<log>", *, progress: Callable[[int], object] | None = None
) -> Selection:
    """Keep the lines of interest of a log that comes in pieces of any size; never fails, whatever it holds.

    `progress` is told now and then how many octets are done. Lines end with a line feed, as `capture.clean` counts.
    """
    sieve = _Sieve()
    for data, start, stop in _blocks(chunks):
        sieve.take(data, start, stop)
        if progress is not None:
            progress(sieve.size)
    return sieve.result(source)


def _blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """The log as (data, start, stop) that end where a line does, cut out of the chunks without copying them."""
    carry = b""
    for chunk in chunks:
        start = 0
        if carry:
            end = chunk.find(b"\n") + 1
            if not end:
                carry += chunk
                if len(carry) > _UNBROKEN:
                    # Before a header, so that none is cut, or a blank; hostile input only.
                    cut = max(carry.rfind(b"%", len(carry) - 2 * _LONGEST), 0) or len(carry)
                    yield carry, 0, cut
                    carry = carry[cut:]
                continue
            first = carry + chunk[:end]
            yield first, 0, len(first)
            start = end
        stop = chunk.rfind(b"\n", start) + 1
        if stop:
            yield chunk, start, stop
        carry = chunk[max(stop, start) :]
    if carry:
        yield carry, 0, len(carry)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Octets of one line: its number, the column they begin at, and they."""

    number: int
    offset: int
    text: bytes


@dataclass(slots=True, kw_only=True)
class _Open:
    """A message while its lines are gathered; its header stands from `begin` to `end` in the first of them."""

    code: bytes
    begin: int
    end: int
    pieces: list[_Piece]


@dataclass(slots=True)
class _Entry:
    code: bytes
    count: int
    first: list[_Piece]
    last: list[_Piece] | None = None


class _Sieve:
    """The state of a selection."""

    def __init__(self) -> None:
        self.size = 0
        self.unkept = 0
        self.line = 1  # the number of the line that the next octet belongs to
        self.kept = 0  # octets
        self.entries: dict[tuple[bytes, bytes, bytes], _Entry] = {}
        self.open: _Open | None = None  # the message whose next lines have not been seen yet
        self.numpy: ModuleType | None = None
        self.marks: Any = None  # an array of numpy, which may not be there

    def take(self, data: bytes, start: int, stop: int) -> None:
        """Look at whole lines."""
        if self.open is not None:
            self._close(data, start, stop)
        whole = start == 0 and stop == len(data)
        hits = _FINDER.find_matches_as_indexes(data if whole else memoryview(data)[start:stop])
        counted = done = line_start = start
        for word, at, _end in hits:
            at += start
            if at < done:
                continue
            header = _header_around(data, max(done, at - _LONGEST_HEADER), at, stop)
            if header is None and word < _FIRST_DEBUG_WORD:
                continue
            end = data.find(b"\n", at, min(stop, at + _LONGEST))
            end = line_end = end if end >= 0 else min(stop, at + _LONGEST)
            if header is not None:
                end = _end_of_message(data, header, end)
                if header["code"].startswith(b"1110") and not _COMMANDS.search(data, header.end(), end):
                    continue
            broken = data.rfind(b"\n", done, at)
            begin, line_start = (broken + 1, broken + 1) if broken >= 0 else (done, line_start)
            window = max(begin, at - _PREFIX)
            self.line += self._line_ends(data, counted, begin)
            counted = begin
            if self.open is not None:
                self._file()
            self.open = _Open(
                code=header["code"] if header else b"debug",
                begin=header.start() - window if header else 0,
                end=header.end() - window if header else 0,
                pieces=[_Piece(self.line, window - line_start, data[window:end])],
            )
            done = end
            if end < line_end or header is None:  # a debug says each thing on a line of its own
                self._file()
            elif end < stop:
                self._close(data, end + 1, stop)
        self.line += self._line_ends(data, counted, stop)
        self.size += stop - start

    def result(self, source: str) -> Selection:
        if self.open is not None:
            self._file()
        entries = sorted(
            self.entries.values(), key=lambda entry: (entry.first[0].number, entry.first[0].offset)
        )
        return Selection(
            kept=tuple(
                Kept(
                    code=entry.code.decode("ascii"),
                    count=entry.count,
                    first=_clean(entry.first, source),
                    last=_clean(entry.last or [], source),
                )
                for entry in entries
            ),
            line_count=self.line,
            size=self.size,
            unkept=self.unkept,
        )

    def _close(self, data: bytes, at: int, stop: int) -> None:
        """Add the lines that continue the open message; file it once a line does not."""
        assert self.open is not None
        pieces = self.open.pieces
        while at < stop and len(pieces) < _CONTINUATION_LINES:
            end = data.find(b"\n", at, min(stop, at + _LONGEST))
            end = end if end >= 0 else min(stop, at + _LONGEST)
            if _BEGINS.match(data, at, end) or _HEADER.search(data, at, min(end, at + _PREFIX)):
                self._file()
                return
            pieces.append(_Piece(pieces[-1].number + 1, 0, data[at:end]))
            at = end + 1
        if at < stop:
            self._file()

    def _file(self) -> None:
        """Put the open message with those that say the same."""
        message, self.open = self.open, None
        assert message is not None
        pieces, code = message.pieces, message.code
        first = pieces[0].text
        prefix, body = first[: message.begin], first[message.end :]
        if b"client" in body:
            body = body.translate(None, _OF_ADDRESSES)
        elif b"/" in body:
            body = _PORT.sub(b"/#", body)
        for piece in pieces[1:]:
            body += b"\n" + piece.text
        if code == b"debug":
            body = _TIME.sub(b"", body[:_PREFIX]) + body[_PREFIX:]
        found = _TIME_FIRST.match(prefix)
        key = (code, found["rest"] if found else _TIME.sub(b"", prefix), body)
        entry = self.entries.get(key)
        if entry is not None:
            entry.count += 1
            entry.last = pieces
            return
        # The key, and the first and the last of its messages.
        octets = len(body) + 2 * sum(len(piece.text) for piece in pieces)
        if self.kept + octets > BUDGET or len(self.entries) >= _MOST_MESSAGES:
            self.unkept += 1
            return
        self.kept += octets
        self.entries[key] = _Entry(code, 1, pieces)

    def _line_ends(self, data: bytes, start: int, stop: int) -> int:
        if stop - start < 65_536:
            return data.count(b"\n", start, stop)
        if self.numpy is None and (self.size >= _WORTH_LOADING_NUMPY or "numpy" in sys.modules):
            self.numpy = load_numpy()
        if self.numpy is None:
            return data.count(b"\n", start, stop)
        octets = self.numpy.frombuffer(data, dtype=self.numpy.uint8, count=stop - start, offset=start)
        if self.marks is None or len(self.marks) < len(octets):
            self.marks = self.numpy.empty(len(octets), dtype=self.numpy.bool_)
        marks = self.marks[: len(octets)]
        self.numpy.equal(octets, 10, out=marks)
        return int(self.numpy.count_nonzero(marks))


def load_numpy() -> ModuleType | None:
    """The package numpy, or None where it is not installed."""
    try:
        return importlib.import_module("numpy")
    except ImportError:
        return None


def _header_around(data: bytes, start: int, at: int, stop: int) -> re.Match[bytes] | None:
    """The header of interest that the word at `at` is part of."""
    begin = data.rfind(b"%", start, at + 1)
    header = _HEADER.match(data, begin, min(stop, at + _LONGEST_HEADER)) if begin >= 0 else None
    if header is None or header.end() <= at:
        return None
    code = header["code"]
    known = _NUMBERS.fullmatch(code) if code.isdigit() else _MNEMONICS.match(data, begin, header.end())
    return header if known else None


def _end_of_message(data: bytes, header: re.Match[bytes], end: int) -> int:
    """Where a message ends that may not be the last on its line; the header of the agent is part of the ASA's."""
    begin = header.end()
    if header["code"].startswith(b"4443"):
        inner = _HEADER.search(data, begin, min(end, begin + _LONGEST_HEADER))
        begin = inner.end() if inner else begin
    following = _HEADER.search(data, begin, end)
    return following.start() if following else end


def _clean(pieces: list[_Piece], source: str) -> tuple[Line, ...]:
    """The lines as every parser wants them, without what a terminal would obey."""
    return tuple(
        replace(line, number=piece.number, offset=piece.offset + line.offset)
        for piece in pieces
        for line in capture.clean(capture.decode(piece.text), source)
    )
