"""``show license registration`` of the first agents: how an attempt is going.

The first two lines were seen printed twice, and a full stop stands behind some times only; both are accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.license_fact import RegistrationProgress
from anchorwatch.devices.screen import Found, Label, integer, label
from anchorwatch.devices.span import Seen

# The label's key, the field, its words when printed, and whether a full stop ends the printed line.
_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("registrationstatus", "status", "Registration Status", "."),
    ("registrationstarttime", "started", "Registration Start Time", ""),
    ("lastretrystarttime", "last_retry", "Last Retry Start Time", "."),
    ("nextscheduledretrytime", "next_retry", "Next Scheduled Retry Time", "."),
    ("numberofretries", "retries", "Number of Retries", "."),
    ("lastlicenseserverresponsetime", "last_response_time", "Last License Server response time", "."),
    ("lastlicenseserverresponsemessage", "last_response", "Last License Server response message", ""),
)
_KEYS = {each[0]: each for each in _FIELDS}
# A page may put prose between the lines of a screen, but not much.
_MOST_STRANGERS = 4


def parse(lines: Sequence[Line]) -> tuple[Found[RegistrationProgress], ...]:
    """Find each screen; it starts with the status."""
    found: list[Found[RegistrationProgress]] = []
    values: dict[str, Any] = {}
    used: list[int] = []
    strangers = 0
    for index, line in enumerate(lines):
        if not line.text.strip():
            continue
        part = label(line)
        known = _KEYS.get(part.key) if part else None
        if part is not None and known is not None and (values or known[1] == "status"):
            # The status again, after more than the pair that is printed twice, is another screen.
            if known[1] == "status" and len(values) > 2:
                found.append(Found(fact=RegistrationProgress(**values), lines=tuple(used)))
                values, used = {}, []
            value = _value(known[1], part)
            if value is not None:
                values.setdefault(known[1], value)
            used.append(index)
            strangers = 0
        elif values:
            strangers += 1
            if strangers > _MOST_STRANGERS:
                found.append(Found(fact=RegistrationProgress(**values), lines=tuple(used)))
                values, used, strangers = {}, [], 0
    if values:
        found.append(Found(fact=RegistrationProgress(**values), lines=tuple(used)))
    return tuple(found)


def _value(name: str, part: Label) -> Seen[object] | None:
    match name:
        case "status":
            return Seen(part.value.rstrip(". "), part.line.whole)
        case "retries":
            number = integer(part.value)
            return None if number is None else Seen(number, part.line.whole)
        case "last_response":
            return Seen(part.value, part.line.whole)
        case _:
            time = moment.parse(part.value)
            return None if time is None else Seen(time, part.line.whole)


def render(progress: RegistrationProgress) -> str:
    """Print the screen, each line once."""
    lines = []
    for _, name, title, stop in _FIELDS:
        value = getattr(progress, name)
        if value is not None:
            lines.append(f"{title}: {value}{stop}")
    return "\n".join(lines)
