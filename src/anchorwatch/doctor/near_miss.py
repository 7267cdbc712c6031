"""Names that differ by a word or two: what a tired engineer takes for the same CA."""

from __future__ import annotations

from collections.abc import Iterable

from anchorwatch.devices.printed_name import PrintedName, value_key
from anchorwatch.doctor.finding import NearMiss

# Two of seven words may differ: "VeriSign … G3" beside "Symantec … G4". More is another name.
_MOST_DIFFERENT = 2


def nearest(lacking: Iterable[PrintedName], having: Iterable[PrintedName]) -> NearMiss | None:
    """The pair of a lacking and a present name whose labels differ in the fewest words; None when none is near."""
    stock = tuple(having)
    best: NearMiss | None = None
    for lacks in lacking:
        for has in stock:
            differing = _differing(has.label, lacks.label)
            if differing and (best is None or len(differing) < len(best.differing)):
                best = NearMiss(has=has, lacks=lacks, differing=differing)
    return best


def _differing(left: str, right: str) -> tuple[tuple[str, str], ...]:
    """The differing words of two names with equally many words; empty when they are equal or not near."""
    ours, theirs = left.split(), right.split()
    if len(ours) != len(theirs) or len(ours) < 3:
        return ()
    differing = tuple((a, b) for a, b in zip(ours, theirs, strict=True) if value_key(a) != value_key(b))
    return differing if len(differing) <= _MOST_DIFFERENT else ()
