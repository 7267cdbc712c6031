"""Certificates as a running configuration prints them: hex under the trustpoint they belong to.

    crypto ca certificate chain ANCHOR
     certificate ca 0509
        308205b7 3082039f a0030201 ...
      quit

ASA says `crypto ca`, IOS and IOS-XE `crypto pki`. The serial number beside `certificate` is a second
statement about the same thing, and the cheapest check that a copy is whole. Words of eight digits,
eight to a line, are only layout: a terminal may have wrapped them elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from anchorwatch.formats.damage import Damage, Line, examine
from anchorwatch.pki.certificate import Certificate

__all__ = ["Entry", "entries", "write"]

_CHAIN = re.compile(r"[ \t>]*+crypto (?:ca|pki) certificate chain (\S{1,200})[ \t]*+$")
_CERTIFICATE = re.compile(
    r"[ \t>]*+certificate(?: (ca|self-signed|rollover ca|rollover))? ([0-9A-Fa-f]{1,80})(?: nvram:(\S+))?[ \t]*+$"
)
_HEX_LINE = re.compile(r"[ \t>]*+((?:[0-9A-Fa-f]{1,8}[ \t]++)*+[0-9A-Fa-f]++)[ \t]*+$")
_BLANK = re.compile(r"[ \t>]")
_QUIT = re.compile(r"[ \t>]*+quit[ \t]*+$")
_PAGER = re.compile(r"<-{1,3} ?More ?-{1,3}>|-{2,} ?More ?-{2,}", re.IGNORECASE)
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")
_CONSOLE = re.compile(r"Warning: ASAv platform license state is |Install ASAv platform license for ")
# Twice what a device prints in a row; a longer row with a wrong character in it is no row of digits.
_LONGEST_ROW = 160
# A certificate of 1 MB is 32,768 lines of hex.
_MEASURED_LINES = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One certificate of a configuration: where it belongs, what is declared, and its bytes.

    `kind` is `ca`, `self-signed`, `rollover ca`, `rollover` or empty (an identity certificate). `serial` is
    the declared number. `der` is None when the digits are no whole number of bytes. `ended` is False when
    no `quit` follows. `elsewhere` names the file an IOS device keeps the certificate in instead.
    """

    trustpoint: str
    kind: str
    serial: int
    line: int
    der: bytes | None = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    ended: bool
    skipped: int = 0
    elsewhere: str | None = None

    def damage(self) -> Damage | None:
        """The digits measured; None when there are none."""
        if not self.lines:
            return None
        return examine(
            self.lines,
            encoding="hex",
            alphabet="0123456789abcdefABCDEF",
            start=_decode("".join(line.text for line in self.lines[:2])[:16]) or b"",
        )


def entries(text: str) -> Iterator[Entry]:
    """Every certificate of every `certificate chain` in a configuration, in order."""
    trustpoint: str | None = None
    head: re.Match[str] | None = None
    head_line = 0
    found: list[Line] = []
    skipped = 0

    def close(*, ended: bool) -> Entry | None:
        if head is None or trustpoint is None:
            return None
        return Entry(
            trustpoint=trustpoint,
            kind=head[1] or "",
            serial=int(head[2], 16),
            line=head_line,
            der=_decode("".join(line.text for line in found)),
            lines=tuple(found),
            ended=ended,
            skipped=skipped,
            elsewhere=head[3],
        )

    for number, row in _rows(text):
        if head is not None:
            kept = _PAGER.sub("", row)
            digits = _digits(kept)
            if digits is not None and len(found) < _MEASURED_LINES:
                found.append(Line(number, 1 + len(row) - len(kept.lstrip(" \t>")), digits))
                skipped += kept != row
                continue
            if not kept.strip() or _CONSOLE.match(kept):
                skipped += kept != row or bool(kept.strip())
                continue
            entry = close(ended=bool(_QUIT.match(kept)))
            head, found, skipped = None, [], 0
            if entry is not None:
                yield entry
        chain = _CHAIN.match(row)
        if chain is not None:
            trustpoint = chain[1]
        elif trustpoint is not None:
            head, head_line = _CERTIFICATE.match(row), number
            if head is None and row[:1] not in {" ", "\t", ">", ""} and not _QUIT.match(row):
                trustpoint = None
    entry = close(ended=False)
    if entry is not None:
        yield entry


def _rows(text: str) -> Iterator[tuple[int, str]]:
    """Lines from the first `certificate chain` on, numbered from 1; a carriage return rewrites a line."""
    opening = re.search(r"crypto (?:ca|pki) certificate chain ", text)
    if opening is None:
        return
    ending = "\n" if "\n" in text else "\r"
    at = text.rfind(ending, 0, opening.start()) + 1
    number = text.count(ending, 0, at) + 1
    while at <= len(text):
        stop = text.find(ending, at)
        stop = len(text) if stop < 0 else stop
        for piece in text[at:stop].split("\r"):
            if piece or stop == at:
                yield number, piece
        at, number = stop + 1, number + 1


def _digits(row: str) -> str | None:
    """The characters of a row that is hex, or was before something happened to it; None for any other.

    One character in eight may be wrong: `access-list` and `feature` also begin with hex digits.
    """
    if _HEX_LINE.match(row):
        return _BLANK.sub("", row)
    digits = _BLANK.sub("", row)
    wrong = len(_NOT_HEX.findall(digits[:_LONGEST_ROW]))
    return digits if 0 < wrong * 8 <= len(digits) <= _LONGEST_ROW else None


def _decode(digits: str) -> bytes | None:
    if not digits or len(digits) % 2 or _NOT_HEX.search(digits):
        return None
    return bytes.fromhex(digits)


def write(trustpoint: str, certificates: tuple[Certificate, ...]) -> str:
    """The part of an ASA configuration that holds these certificates, as CA certificates of one trustpoint."""
    rows = [f"crypto ca certificate chain {trustpoint}"]
    for certificate in certificates:
        rows.append(f" certificate ca {_serial(certificate.serial)}")
        digits = certificate.der.hex()
        for at in range(0, len(digits), 64):
            row = digits[at : at + 64]
            rows.append("    " + " ".join(row[word : word + 8] for word in range(0, len(row), 8)))
        rows.append("  quit")
    return "\n".join((*rows, ""))


def _serial(serial: int) -> str:
    # Two's complement of the DER integer, without the zero octet that only keeps it positive.
    size = max(1, (serial.bit_length() + 7) // 8)
    return (serial % (1 << 8 * size)).to_bytes(size, "big").hex()
