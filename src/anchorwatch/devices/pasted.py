"""Certificates that stand in a capture as octets: PEM blocks, pasted or printed, and hex in a configuration.

A capture that holds the octets says more than any listing: which CA it is cannot be doubted, and a block that
does not decode is itself a finding. `anchorwatch.formats` reads them; here they get their place in the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import NOWHERE, Span
from anchorwatch.formats.bundle import read
from anchorwatch.formats.damage import Damage
from anchorwatch.pki.certificate import Certificate

_MARKS = ("-----BEGIN ", "certificate ca ", "certificate chain ", " certificate ")
_LONGEST = 200_000
"""Lines of one block that are looked at: a configuration of 10,000 certificates has some 300,000 lines of hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedCertificate:
    """A certificate whose octets stand in the input, or a block that should have been one.

    Exactly one of `certificate` and `damage` is set. `sentence` says what is wrong with a damaged block;
    `trustpoint` is the chain of the configuration it stands in, empty for a PEM block.
    """

    certificate: Certificate | None = None
    damage: Damage | None = None
    sentence: str = ""
    trustpoint: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


def parse(lines: Sequence[Line]) -> tuple[Found[PastedCertificate], ...]:
    """Every certificate, whole or damaged, among lines."""
    lines = lines[:_LONGEST]
    if not any(mark in line.text for line in lines for mark in _MARKS):
        return ()
    bundle = read(_as_it_stood(lines), source="capture")
    at = {line.number: index for index, line in reversed(list(enumerate(lines)))}
    found = []
    for certificate, place in zip(bundle.certificates, bundle.places, strict=False):
        index = at.get(place.line or 0, 0)
        fact = PastedCertificate(
            certificate=certificate, trustpoint=place.trustpoint or "", span=lines[index].whole
        )
        found.append(Found(fact=fact, lines=_extent(lines, index)))
    for complaint in bundle.complaints:
        if complaint.damage is None:
            continue
        index = at.get(complaint.line or 0, 0)
        last = at.get(complaint.damage.last_line, index) + 1
        fact = PastedCertificate(
            damage=complaint.damage, sentence=complaint.sentence, span=lines[index].whole
        )
        found.append(Found(fact=fact, lines=tuple(range(index, min(last + 1, len(lines))))))
    return tuple(sorted(found, key=lambda item: item.lines[0]))


def _as_it_stood(lines: Sequence[Line]) -> bytes:
    """The lines with each at its number in the input, so that every sentence about them names the right ones."""
    text: list[str] = []
    number = 1
    for line in lines:
        if line.number > number:
            text.append("\n" * (line.number - number))
            number = line.number
        text.append(line.text)
    return "".join(text).encode("utf-8", "replace")


def _extent(lines: Sequence[Line], start: int) -> tuple[int, ...]:
    """The lines of a block from where it starts to its end mark."""
    for index in range(start, min(start + 500, len(lines))):
        text = lines[index].text
        if "-----END " in text or text.strip() == "quit":
            return tuple(range(start, index + 1))
    return (start,)
