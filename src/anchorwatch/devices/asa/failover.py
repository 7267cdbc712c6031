"""``show failover``: which unit speaks, and what the other one is doing.

Licences are per unit, so a repaired active unit with a standby that was forgotten fails at the next switch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverUnit:
    """One unit: ``Primary`` or ``Secondary``, its state as printed, whether it is the one that spoke."""

    unit: Seen[str]
    state: Seen[str]
    is_this: bool


_UNIT = re.compile(
    r"^\s*(?P<which>This|Other) host\s?:\s?(?P<unit>Primary|Secondary)\s?-\s?(?P<state>[A-Z][\w ()-]{2,40}?)\s*$",
    re.IGNORECASE,
)


def parse(lines: Sequence[Line]) -> tuple[Found[FailoverUnit], ...]:
    """Find the line of each unit."""
    found = []
    for index, line in enumerate(lines):
        unit = _UNIT.match(line.text) if "host" in line.text[:40] else None
        if unit:
            fact = FailoverUnit(
                unit=Seen(unit["unit"].title(), line.whole),
                state=Seen(unit["state"], line.whole),
                is_this=unit["which"].lower() == "this",
            )
            found.append(Found(fact=fact, lines=(index,)))
    return tuple(found)


def render(unit: FailoverUnit) -> str:
    """Print the line of a unit."""
    return f"\t{'This' if unit.is_this else 'Other'} host: {unit.unit} - {unit.state}"
