"""What can be said about a block of text that should have been a certificate and is not.

Nothing here mends anything. The lines of a block are held against the block's own width, the
characters against the alphabet, the bytes against the length that the DER header announces
(X.690 section 8.1.3), so that a reader can go back to where the copy came from and look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

__all__ = ["Damage", "IllegalCharacter", "Line", "UnevenLine", "announced_size", "examine"]

_SPELLED_LINES = 12
_SPELLED_CHARACTERS = 6
_KEPT_CHARACTERS = 100
# Enough to compare; a block longer than this is no certificate anyone issued.
_KEPT_TEXT = 65_536


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a block without its surroundings: number from 1, column of its first character from 1."""

    number: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class UnevenLine:
    """A line whose length is not the block's width; `excess` is negative when characters are missing."""

    number: int
    length: int
    excess: int


@dataclass(frozen=True, slots=True)
class IllegalCharacter:
    """A character outside the alphabet of the block."""

    line: int
    column: int
    character: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A damaged block, measured: all counts are of the block's own characters.

    `encoding` is `base64` or `hex`. `width` is 0 for a block of one line. `expected` is what the lines
    would hold if every one but the last had that width. `announced` is the size in bytes that the first
    bytes claim, None when they are not the start of a DER sequence; it may itself be damaged.
    `decoded` is how many bytes the characters hold, padding or not; None when some are not of the alphabet or
    no bytes have such a length.
    """

    encoding: str
    first_line: int
    last_line: int
    width: int
    characters: int
    expected: int
    uneven: tuple[UnevenLine, ...]
    illegal: tuple[IllegalCharacter, ...]
    illegal_count: int
    announced: int | None
    decoded: int | None
    text: str

    @property
    def missing_characters(self) -> int:
        """Characters short of the block's own width; negative when there are too many."""
        return self.expected - self.characters

    @property
    def missing_bytes(self) -> int | None:
        """Bytes short of what the DER header announces; None when either is unknown."""
        if self.announced is None or self.decoded is None:
            return None
        return self.announced - self.decoded

    def summary(self, reason: str = "") -> str:
        """The one thing to say first, as the end of a sentence; `reason` is what the reader of its bytes said."""
        if self.illegal_count:
            word = "character does" if self.illegal_count == 1 else "characters do"
            return f"{self.illegal_count} {word} not belong to {self.encoding}"
        if self.uneven and self.missing_characters:
            return _balance(self.missing_characters, self._unit, self.width)
        if self.missing_bytes is not None and self.missing_bytes > 0:
            return f"{self.missing_bytes} of the {self.announced} bytes its DER header announces are missing"
        if self.missing_bytes is not None and self.missing_bytes < 0:
            word = "byte follows" if self.missing_bytes == -1 else "bytes follow"
            return f"{-self.missing_bytes} {word} the {self.announced} its DER header announces"
        if self.impossible:
            return f"{self.characters} {self._unit}s are no possible length"
        return reason or f"its {self.decoded} bytes do not have the structure of one"

    def details(self) -> tuple[str, ...]:
        """What was measured, one sentence each, the most useful first."""
        said: list[str] = []
        short = [line for line in self.uneven if line.excess < 0]
        long = [line for line in self.uneven if line.excess > 0]
        if short:
            said.append(f"too short: {_spell(short)}")
        if long:
            said.append(f"too long: {_spell(long)}")
        if self.uneven:
            said.append(_balance(self.missing_characters, self._unit, self.width))
        if self.illegal:
            listed = ", ".join(
                f"{found.character!a} at line {found.line} column {found.column}"
                for found in self.illegal[:_SPELLED_CHARACTERS]
            )
            rest = self.illegal_count - min(len(self.illegal), _SPELLED_CHARACTERS)
            said.append(f"not {self.encoding}: {listed}" + (f" and {rest} more" if rest else ""))
        said.append(self._held())
        said.append(self._announced())
        return tuple(said)

    @property
    def impossible(self) -> bool:
        """Whether no bytes at all are written with this number of characters."""
        return self.characters % 4 == 1 if self.encoding == "base64" else self.characters % 2 == 1

    @property
    def _unit(self) -> str:
        return "base64 character" if self.encoding == "base64" else "hex digit"

    def _held(self) -> str:
        if self.impossible:
            whole = 4 if self.encoding == "base64" else 2
            return f"{self.characters} {self._unit}s are one over a multiple of {whole}, which no bytes give"
        if self.decoded is None:
            return f"{self.characters} {self._unit}s, not all of them legal"
        padded = self.encoding == "hex" or self.characters % 4 == 0
        return f"{self.characters} {self._unit}s hold {self.decoded} bytes" + ("" if padded else ", unpadded")

    def _announced(self) -> str:
        if self.announced is None:
            return "its first bytes are not the start of a certificate"
        wanted = (self.announced + 2) // 3 * 4 if self.encoding == "base64" else self.announced * 2
        missing = wanted - self.characters
        text = f"its DER header announces {self.announced} bytes, {wanted} {self._unit}s"
        if missing > 0:
            text += f": {missing} missing"
        elif missing < 0:
            text += f": {-missing} too many"
        if self.uneven and missing != self.missing_characters:
            text += " (its lines say otherwise, so the header is likely damaged too)"
        return text


def _balance(missing: int, unit: str, width: int) -> str:
    if missing == 0:
        return f"against its own width of {width} nothing is missing in sum: characters moved between lines"
    plural = "" if abs(missing) == 1 else "s"
    kind = "short" if missing > 0 else "too long"
    return f"against its own width of {width} it is {abs(missing)} {unit}{plural} {kind}"


def _spell(lines: Sequence[UnevenLine]) -> str:
    word = "line" if len(lines) == 1 else "lines"
    listed = ", ".join(f"{line.number} ({line.excess:+d})" for line in lines[:_SPELLED_LINES])
    rest = len(lines) - _SPELLED_LINES
    return f"{word} {listed}" + (f" and {rest} more" if rest > 0 else "")


def announced_size(der: bytes) -> int | None:
    """The size in bytes, header included, that the start of a DER sequence announces; None if it is none."""
    if len(der) < 2 or der[0] != 0x30:
        return None
    if der[1] < 0x80:
        return 2 + der[1]
    count = der[1] & 0x7F
    if not 1 <= count <= 4 or len(der) < 2 + count:
        return None
    return 2 + count + int.from_bytes(der[2 : 2 + count], "big")


def _held(characters: int, encoding: str) -> int | None:
    """Bytes that so many characters of data hold, None where no bytes do."""
    if encoding == "hex":
        return None if characters % 2 else characters // 2
    return None if characters % 4 == 1 else characters * 3 // 4


def examine(lines: Sequence[Line], *, encoding: str, alphabet: str, start: bytes) -> Damage:
    """Measure a block that did not turn out to be a certificate.

    `lines` has at least one line; `alphabet` are the characters it may have; `start` is whatever of its
    first bytes decodes.
    """
    lengths = Counter(len(line.text) for line in lines[:-1])
    # The longest of the most frequent lengths: in a short block two lengths may tie, and a line
    # that lost a character is likelier than one that gained some.
    width = max(lengths, key=lambda length: (lengths[length], length)) if lengths else 0
    uneven = [
        UnevenLine(line.number, len(line.text), len(line.text) - width)
        for line in lines[:-1]
        if len(line.text) != width
    ]
    last = lines[-1]
    if width and len(last.text) > width:
        uneven.append(UnevenLine(last.number, len(last.text), len(last.text) - width))
    text = "".join(line.text for line in lines)
    strange_count = len(text) - sum(map(text.count, alphabet))
    outside = re.compile(f"[^{re.escape(alphabet)}]")
    strange = (
        IllegalCharacter(line.number, line.column + found.start(), found[0])
        for line in lines
        for found in outside.finditer(line.text)
    )
    characters = len(text)
    padding = len(last.text) - len(last.text.rstrip("="))
    expected = width * (len(lines) - 1) + min(len(last.text), width) if width else characters
    return Damage(
        encoding=encoding,
        first_line=lines[0].number,
        last_line=last.number,
        width=width,
        characters=characters,
        expected=expected,
        uneven=tuple(uneven),
        illegal=tuple(islice(strange, _KEPT_CHARACTERS if strange_count else 0)),
        illegal_count=strange_count,
        announced=announced_size(start),
        decoded=None if strange_count else _held(characters - padding, encoding),
        text=text[:_KEPT_TEXT],
    )
