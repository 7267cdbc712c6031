"""The portal's machine: the life of a device, from approval to its removal.

Time moves a device only by what the portal itself signed: the deadline of its last grant, the end of its certificate.
Whenever a device returns from silence it is active again, and its seats are decided anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from anchorwatch.licensing import deadline
from anchorwatch.licensing.machine import STAYS, Arrow, Table, arrows


class DeviceState(StrEnum):
    """Where a device stands in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    OVERDUE = "overdue"
    AUTH_EXPIRED = "auth-expired"
    ID_EXPIRED = "id-expired"
    REMOVED = "removed"
    SUSPENDED = "suspended"
    CONFLICT = "conflict"
    REVOKED = "revoked"


class DeviceEvent(StrEnum):
    """What happens to it."""

    APPROVED = "approved"
    ENROLLED = "enrolled"
    RENEWED = "renewed"
    CONTACT = "contact"
    SILENT = "silent"
    DEADLINE = "deadline"
    ID_ENDED = "id-ended"
    DEREGISTERED = "deregistered"
    REMOVED = "removed-by-operator"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    FORKED = "forked"
    RESOLVED = "resolved"
    REVOKED = "revoked"


_S, _E = DeviceState, DeviceEvent
LIVE = (_S.ACTIVE, _S.OVERDUE, _S.AUTH_EXPIRED)
HOLDS_SEATS = frozenset({_S.ACTIVE, _S.OVERDUE, _S.SUSPENDED, _S.CONFLICT})
"""Entering any other state gives the seats back."""

TABLE: Table[DeviceState, DeviceEvent] = Table(
    name="device",
    states=tuple(DeviceState),
    events=tuple(DeviceEvent),
    initial=_S.PENDING,
    arrows=(
        Arrow(_S.PENDING, _E.APPROVED, _S.ACTIVE, "the next E3 gets its certificate"),
        *arrows((_S.PENDING, *LIVE, _S.ID_EXPIRED), _E.ENROLLED, _S.ACTIVE, "a token was used"),
        *arrows(LIVE, _E.RENEWED, _S.ACTIVE, "the old certificate stays good until the new one is used"),
        *arrows(LIVE, _E.CONTACT, _S.ACTIVE, "a grant was given"),
        Arrow(_S.ACTIVE, _E.SILENT, _S.OVERDUE, "33 days without contact: alert, minor"),
        *arrows(
            (_S.ACTIVE, _S.OVERDUE), _E.DEADLINE, _S.AUTH_EXPIRED, "seats return to the pool: alert, major"
        ),
        *arrows(
            (*LIVE, _S.SUSPENDED, _S.CONFLICT), _E.ID_ENDED, _S.ID_EXPIRED, "it has to be registered again"
        ),
        *arrows(
            (*LIVE, _S.SUSPENDED, _S.CONFLICT),
            _E.DEREGISTERED,
            _S.REMOVED,
            "seats return; a receipt is signed",
        ),
        *arrows(
            tuple(each for each in _S if each is not _S.REMOVED),
            _E.REMOVED,
            _S.REMOVED,
            "seats return; the history is kept",
        ),
        *arrows(LIVE, _E.SUSPENDED, _S.SUSPENDED, "no new grants; seats are kept"),
        Arrow(_S.SUSPENDED, _E.RESUMED, _S.ACTIVE),
        *arrows(LIVE, _E.FORKED, _S.CONFLICT, "two agents, one identity: alert, major; no seats removed"),
        Arrow(_S.CONFLICT, _E.RESOLVED, _S.ACTIVE, "the operator said which one lives"),
        *arrows(
            (*LIVE, _S.SUSPENDED, _S.CONFLICT), _E.REVOKED, _S.REVOKED, "seats return; the refusal is signed"
        ),
    ),
    otherwise={
        _E.APPROVED: "there is nothing to approve",
        _E.ENROLLED: "this device cannot be enrolled as it stands",
        _E.RENEWED: "this device's certificate cannot be renewed as it stands",
        _E.CONTACT: "this device gets no grant as it stands",
        _E.SILENT: STAYS,
        _E.DEADLINE: STAYS,
        _E.ID_ENDED: STAYS,
        _E.DEREGISTERED: STAYS,
        _E.REMOVED: STAYS,
        _E.SUSPENDED: "only a live device can be suspended",
        _E.RESUMED: "only a suspended device can be resumed",
        _E.FORKED: STAYS,
        _E.RESOLVED: "there is no conflict to resolve",
        _E.REVOKED: STAYS,
    },
)


class Severity(StrEnum):
    """Of an alert."""

    MINOR = "minor"
    MAJOR = "major"


ALERTS: dict[DeviceState, Severity] = {
    _S.OVERDUE: Severity.MINOR,
    _S.AUTH_EXPIRED: Severity.MAJOR,
    _S.ID_EXPIRED: Severity.MAJOR,
    _S.CONFLICT: Severity.MAJOR,
}
"""The alert that is open while a device is in this state, and closes when it leaves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """What the portal signed or saw of a device; None where there was none."""

    last_contact: datetime
    grant_deadline: datetime | None
    id_end: datetime


def due(state: DeviceState, dates: Dates) -> tuple[DeviceEvent, datetime] | None:
    """The next event that time alone brings, and when; None where none does."""
    found: list[tuple[datetime, DeviceEvent]] = []
    if state in (*LIVE, _S.SUSPENDED, _S.CONFLICT):
        found.append((dates.id_end, _E.ID_ENDED))
    if state in (_S.ACTIVE, _S.OVERDUE) and dates.grant_deadline is not None:
        found.append((dates.grant_deadline, _E.DEADLINE))
    if state is _S.ACTIVE:
        found.append((dates.last_contact + deadline.OVERDUE, _E.SILENT))
    if not found:
        return None
    when, event = min(found)
    return event, when


def moved_by_time(state: DeviceState, dates: Dates, now: datetime) -> tuple[DeviceState, ...]:
    """Every state a device has entered by `now`, in order; empty where time did nothing."""
    entered: list[DeviceState] = []
    while (next_event := due(state, dates)) is not None and next_event[1] <= now:
        state = TABLE.target(state, next_event[0])
        entered.append(state)
    return tuple(entered)


def gives_seats_back(before: DeviceState, after: DeviceState) -> bool:
    """Whether entering `after` returns the seats to the pool."""
    return before in HOLDS_SEATS and after not in HOLDS_SEATS
