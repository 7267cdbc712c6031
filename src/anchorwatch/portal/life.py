"""What time does to devices: the machine of `licensing.account` turned by the portal's clock.

A device is moved when it calls, before anything else is decided, and by `sweep`, so that the seats of a device which
never calls again return too. Both go through `aged`, and neither depends on the other having run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from anchorwatch.db import device, lot, pool, retention
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.licensing import account, deadline
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.portal.portal import Portal

_MOST = 500
"""Devices of one kind in one sweep; the rest is for the next."""
_NEVER_ENDS = datetime.max.replace(tzinfo=UTC)
_DONE_AT_DEADLINE = (
    DeviceState.AUTH_EXPIRED,
    DeviceState.ID_EXPIRED,
    DeviceState.SUSPENDED,
    DeviceState.CONFLICT,
    DeviceState.REVOKED,
    DeviceState.PENDING,
)
_DONE_AT_END = (DeviceState.ID_EXPIRED, DeviceState.REVOKED, DeviceState.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many devices were moved, and how many pools changed because lots began or ended."""

    devices: int
    pools: int


def aged(tx: Transaction, found: Device, now: datetime, request_id: str) -> Device:
    """A locked device after what time did to it; seats that are over return here."""
    last = found.last_seen or found.created_at
    dates = account.Dates(
        last_contact=last,
        grant_deadline=found.deadline,
        id_end=found.id_ends or _NEVER_ENDS,
    )
    entered = account.moved_by_time(found.state, dates, now)
    return moved(tx, found, entered, now, request_id) if entered else found


def moved(
    tx: Transaction, found: Device, entered: tuple[DeviceState, ...], now: datetime, request_id: str
) -> Device:
    """A locked device in the last of these states, its seats returned where one of them returns seats."""
    state, after = found.state, found
    returned = False
    for target in entered:
        returned = returned or account.gives_seats_back(state, target)
        state = target
    live = found.live and state not in (DeviceState.REMOVED, DeviceState.REVOKED)
    after = replace(found, state=state, live=live)
    device.save(tx, found, after)
    if returned:
        device.save_entitlements(tx, found.id, ())
        pool.release(tx, found.id, request_id=request_id, now=now)
    return after


def happened(tx: Transaction, found: Device, event: DeviceEvent, now: datetime, request_id: str) -> Device:
    """A locked device after an event. Raises `licensing.EventRefusedError` where it has no meaning."""
    arrow = account.TABLE.arrow(found.state, event)
    return found if arrow is None else moved(tx, found, (arrow.target,), now, request_id)


def sweep(portal: Portal) -> Swept:
    """Move every device whose time has come, let lots begin and end, and forget what nobody can ask for again."""
    now = portal.clock.now()
    request_id = f"sweep {now:%Y-%m-%dT%H:%M:%S}"

    def late(tx: Transaction) -> tuple[Device, ...]:
        return (
            *device.past_deadline(tx, now, except_states=_DONE_AT_DEADLINE, limit=_MOST),
            *device.past_identity(tx, now, except_states=_DONE_AT_END, limit=_MOST),
            *device.silent_since(tx, now - deadline.OVERDUE, states=(DeviceState.ACTIVE,), limit=_MOST),
        )

    count = 0
    for each in {found.id: found for found in portal.database.read(late)}:

        def move(tx: Transaction, which: object = each) -> bool:
            found = device.lock(tx, which)  # type: ignore[arg-type]  # a UUID, bound as a default
            return aged(tx, found, now, request_id) != found

        count += portal.database.write(move)
    changed = portal.database.write(lambda tx: lot.post(tx, now=now, request_id=request_id))
    retention.remove_old(portal.database, now=now)
    return Swept(devices=count, pools=len(changed))
