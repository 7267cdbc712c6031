r"""Base64 in text: armoured blocks wherever they stand, and runs without armour.

People copy blocks out of mails (`> ` before every line), consoles (prompts, pagers, nag lines), program
text and JSON (quotes, `\n`), in any width and with any line end. All of that is layout, and is taken
off. Characters of the block itself are never added, dropped or changed: a block that then does not
decode is handed on as `Damage`. RFC 7468 says what a block looks like when nothing happened to it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from anchorwatch.formats.damage import Damage, Line, examine

__all__ = ["Block", "LineCounter", "blocks", "decode_text", "runs", "write"]

CERTIFICATE_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
CONTAINER_LABELS = frozenset({"PKCS7", "PKCS #7 SIGNED DATA", "CMS", "CERTIFICATE CHAIN"})

_MARKER = re.compile(r"-{4,6} ?(BEGIN|END) ([A-Z0-9#./ ]{1,40}?) ?-{4,6}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_DATA = re.compile(r"[A-Za-z0-9+/]{16}")
_WHITESPACE = str.maketrans("", "", " \t\r\n")
# Quoting of mails and consoles before a line, of program text behind it.
_BEFORE = " \t>|\"'"
_BEHIND = " \t\"',;\\"
_BREAK = re.compile(r"\r|(?:\\r)?\\n")
_PAGER = re.compile(r"<-{1,3} ?More ?-{1,3}>|-{2,} ?More ?-{2,}", re.IGNORECASE)
# An unlicensed ASAv prints the first two at any time; console logging the third.
_CONSOLE = re.compile(
    r"Warning: ASAv platform license state is |Install ASAv platform license for |.{0,60}%[A-Z][A-Z0-9_]*-\d-"
)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*: ")
# Possessive throughout: what was passed once is never tried again, so the time is linear in the text.
_RUN = re.compile(r"(?:^[ \t>|\"']*+[A-Za-z0-9+/]{16,}+={0,2}+[ \t\"',\r]*+(?:\n|\Z))++", re.MULTILINE)
_RUN_LAST = re.compile(
    r"[ \t>|\"']*+(?![A-Za-z]{1,15}[ \t\r]*(?:\n|\Z))[A-Za-z0-9+/]{1,15}+={0,2}+[ \t\"',\r]*+(?:\n|\Z)"
)

# Lines of one block that are looked at singly: 6 MB of base64. A longer one is read only when it needs no look.
_MEASURED_LINES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of base64: `der` when it decodes, and how to say what is wrong when that is no certificate.

    `label` is empty for a run without armour. `line` and `offset` (in characters) are those of its first line.
    `lines` are the lines of the block without what surrounds them, empty while nobody had to look at them.
    """

    label: str
    line: int
    offset: int
    der: bytes | None
    lines: tuple[Line, ...] = field(repr=False)
    text: str = field(repr=False)
    ended: bool = True
    skipped: int = 0

    def damage(self) -> Damage | None:
        """The block measured; None when it has no characters or too many lines to be a certificate."""
        lines = self.lines or tuple(_lines(self.text, self.line)[0])
        if not lines or len(lines) > _MEASURED_LINES:
            return None
        start = _decode("".join(line.text for line in lines[:4])[:32])
        return examine(
            lines,
            encoding="base64",
            alphabet=_ALPHABET,
            start=start or b"",
        )


class LineCounter:
    """Turns ever growing offsets into line numbers, without counting from the start each time."""

    def __init__(self, text: str) -> None:
        self._text = text
        # A lone carriage return ends a line only where nothing else does; on a console it rewrites one.
        self._end = "\n" if "\n" in text else "\r"
        self._offset = 0
        self._line = 1

    def line(self, offset: int) -> int:
        """The number from 1 of the line at `offset`, which must not be smaller than last time."""
        self._line += self._text.count(self._end, self._offset, offset)
        self._offset = offset
        return self._line


def decode_text(data: bytes) -> str:
    """Bytes as text, one character a byte unless a byte order mark says UTF-16; never raises."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2:].decode(encoding, errors="replace")
    return data.decode("latin-1")


def blocks(text: str) -> Iterator[Block]:
    """Every armoured block of `text` in order, whatever its label; and a block that lost its BEGIN line."""
    counter = LineCounter(text)
    opened: re.Match[str] | None = None
    behind = 0
    for marker in _MARKER.finditer(text):
        if marker[1] == "BEGIN" and _is_mention(text, marker):
            continue
        if opened is not None:
            yield _block(text, opened, marker, counter)
        elif marker[1] == "END" and marker[2] in CERTIFICATE_LABELS:
            headless = _headless(text, behind, marker, counter)
            if headless is not None:
                yield headless
        opened = marker if marker[1] == "BEGIN" else None
        behind = marker.end()
    if opened is not None:
        yield _block(text, opened, None, counter)


def _is_mention(text: str, marker: re.Match[str]) -> bool:
    """Whether a sentence speaks of the mark ("from -----BEGIN … to -----END …"): words follow on its line."""
    stop = text.find("\n", marker.end(), marker.end() + 200)
    behind = text[marker.end() : marker.end() + 200 if stop < 0 else stop]
    following = _MARKER.search(behind)
    words = _BREAK.sub("", behind if following is None else behind[: following.start()]).strip(
        _BEFORE + _BEHIND
    )
    return bool(words) and _DATA.search(words) is None


def _block(text: str, begin: re.Match[str], stop: re.Match[str] | None, counter: LineCounter) -> Block:
    ended = stop is not None and stop[1] == "END"
    offset = begin.start()
    number = counter.line(offset)
    body = text[begin.end() : len(text) if stop is None else stop.start()]
    label = begin[2]
    if ended:
        der = _decode(body.translate(_WHITESPACE))
        if der is not None:
            return Block(label=label, line=number, offset=offset, der=der, lines=(), text=body)
    lines, skipped = _lines(body, number)
    if not ended:
        lines = lines[: next((at for at, line in enumerate(lines) if not _continues(line.text)), None)]
    return Block(
        label=label,
        line=number,
        offset=offset,
        der=_decoded(lines),
        lines=tuple(lines),
        text=body,
        ended=ended,
        skipped=skipped,
    )


def _continues(row: str) -> bool:
    """Whether a line can belong to a block whose end is not marked; a short word (`quit`, `exit`) does not."""
    return _BASE64.fullmatch(row) is not None and not (len(row) < 16 and row.isalpha())


def _headless(text: str, behind: int, end: re.Match[str], counter: LineCounter) -> Block | None:
    start = max(behind, end.start() - 16_384)
    body = text[start : end.start()]
    lines, _ = _lines(body, 1)
    kept = 0
    for line in reversed(lines):
        if (len(line.text) < 16 and kept) or not _continues(line.text):
            break
        kept += 1
    if not kept:
        return None
    lines = lines[-kept:]
    last = counter.line(end.start())
    shift = last - 1 - body.count("\n")
    moved = tuple(Line(line.number + shift, line.column, line.text) for line in lines)
    return Block(label="", line=moved[0].number, offset=start, der=None, lines=moved, text=body, ended=True)


def runs(text: str) -> Iterator[Block]:
    """Runs of lines of base64 that begin as DER does (`MI`): blocks that were pasted without armour."""
    counter = LineCounter(text)
    # `$` of this grammar is a line feed; the length, and with it every offset, stays.
    if "\n" not in text:
        text = text.replace("\r", "\n")
    at = 0
    while (found := _RUN.search(text, at)) is not None:
        at = found.end()
        last = _RUN_LAST.match(text, at)
        if last is not None:
            at = last.end()
        body = text[found.start() : at]
        if not body.lstrip(_BEFORE).startswith("MI"):
            continue
        number = counter.line(found.start())
        lines, _ = _lines(body, number)
        yield Block(
            label="",
            line=number,
            offset=found.start(),
            der=_decoded(lines),
            lines=tuple(lines),
            text=body,
        )


def _lines(body: str, number: int) -> tuple[list[Line], int]:
    """The lines of a block without what surrounds them, and how many lines of a console were left out.

    `number` is the line that the first character of `body` stands on.
    """
    found: list[Line] = []
    skipped = 0
    for row in body.split("\n" if "\n" in body else "\r"):
        column = 1
        for piece in _BREAK.split(row):
            kept = _PAGER.sub("", piece)
            skipped += kept != piece
            start = len(kept) - len(kept.lstrip(_BEFORE))
            content = kept.strip(_BEFORE).rstrip(_BEHIND)
            if not content:
                pass
            elif _CONSOLE.match(content):
                skipped += 1
            elif found or not _HEADER.match(content):
                found.append(Line(number, column + start + len(piece) - len(kept), content))
            column += len(piece) + 1
        number += 1
        if len(found) > _MEASURED_LINES:
            break
    return found, skipped


def _decoded(lines: list[Line]) -> bytes | None:
    return None if len(lines) > _MEASURED_LINES else _decode("".join(line.text for line in lines))


def _decode(text: str) -> bytes | None:
    """Base64 exactly as written, None when it is not."""
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True) or None
    except (binascii.Error, UnicodeEncodeError):
        return None


def write(der: bytes, label: str = "CERTIFICATE") -> str:
    """One block as RFC 7468 wants it written: lines of 64, a final newline."""
    body = binascii.b2a_base64(der, newline=False).decode()
    rows = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *rows, f"-----END {label}-----", ""))
