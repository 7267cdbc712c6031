"""What a damaged block most likely was: the known certificate whose text is nearest.

An explanation for a person, never a repair: the answer names a certificate to fetch from a source one
trusts. A block that lost, doubled or changed a few characters still shares most of its short runs of
characters with the original, so counting shared runs finds a handful of candidates among thousands;
only these are aligned character by character. Both alignments work on whole rows as the bits of one
integer, so that two certificates take about a millisecond.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from anchorwatch.formats.damage import Damage
from anchorwatch.formats.limits import DEFAULT, Limits
from anchorwatch.pki.certificate import Certificate

__all__ = ["Likeness", "common_characters", "edits", "nearest"]

_RUN = 8
# Below this the two have little more in common than the words of every certificate ("sha256WithRSA…").
_ALIKE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A certificate and how far a block is from it.

    `common` is the number of characters that stand in both in the same order, `size` the number the
    certificate has in that encoding, `edits` the fewest insertions, removals and replacements.
    """

    certificate: Certificate
    common: int
    size: int
    edits: int
    missing: int

    @property
    def share(self) -> float:
        """The part of the certificate's characters that the block still has, 0 to 1."""
        return self.common / self.size


def nearest(damage: Damage, catalogue: Iterable[Certificate], *, limits: Limits = DEFAULT) -> Likeness | None:
    """The certificate of `catalogue` that a damaged block most likely was; None when none is close.

    Time grows with the number of certificates, at about 40 microseconds each, and with the square of the block's
    length up to `limits.comparable` characters; a longer block is compared by its start.
    """
    text = damage.text[: limits.comparable]
    if damage.encoding == "hex":
        text = text.lower()
    runs = {text[at : at + _RUN] for at in range(len(text) - _RUN + 1)}
    if not runs:
        return None
    counted: list[tuple[float, int, str, Certificate]] = []
    for number, certificate in enumerate(dict.fromkeys(catalogue)):
        whole = _spell(certificate, damage.encoding)[: limits.comparable]
        sampled = range(0, len(whole) - _RUN + 1, _RUN)
        shared = sum(whole[at : at + _RUN] in runs for at in sampled)
        if shared:
            counted.append((shared / len(sampled), -number, whole, certificate))
    counted.sort(key=lambda item: item[:2], reverse=True)
    best = [
        Likeness(
            certificate=certificate,
            common=common_characters(text, whole),
            size=len(whole),
            edits=edits(text, whole),
            missing=len(whole) - len(text),
        )
        for _, _, whole, certificate in counted[: limits.compared]
    ]
    found = min(best, key=lambda likeness: likeness.edits, default=None)
    return found if found is not None and found.share >= _ALIKE else None


def _spell(certificate: Certificate, encoding: str) -> str:
    if encoding == "hex":
        return certificate.der.hex()
    return binascii.b2a_base64(certificate.der, newline=False).decode()


def _positions(text: str) -> dict[str, int]:
    """For every character the set of places it stands at, as the bits of an integer."""
    found: dict[str, int] = {}
    for place, character in enumerate(text):
        found[character] = found.get(character, 0) | 1 << place
    return found


def common_characters(one: str, other: str) -> int:
    """The length of the longest common subsequence (Hyyrö 2004: one row of the table is one integer)."""
    places = _positions(one)
    everywhere = (1 << len(one)) - 1
    row = everywhere
    for character in other:
        matches = row & places.get(character, 0)
        row = (row + matches | row - matches) & everywhere
    return len(one) - row.bit_count()


def edits(one: str, other: str) -> int:
    """The Levenshtein distance (Myers 1999, Hyyrö 2003: the table's steps as two integers a row)."""
    if not one:
        return len(other)
    places = _positions(one)
    everywhere = (1 << len(one)) - 1
    last = 1 << len(one) - 1
    up, down = everywhere, 0
    distance = len(one)
    for character in other:
        matches = places.get(character, 0) | down
        diagonal = ((matches & up) + up ^ up) | matches
        right = down | everywhere & ~(diagonal | up)
        left = up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = right << 1 & everywhere | 1
        left = left << 1 & everywhere
        down = right & diagonal
        up = left | everywhere & ~(diagonal | right)
    return distance
