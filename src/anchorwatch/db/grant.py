"""Grants, as they were signed: one line of rising numbers for each device, which never forks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.row import Find, Insert, all_of, columns, value
from anchorwatch.db.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant. `body_sha256` is of the request it answers; `previous_seq` is 0 for the first."""

    device_id: UUID
    seq: int
    account_id: UUID
    previous_seq: int
    jti: str
    previous_jti: str | None
    body_sha256: str
    issued_at: datetime
    refresh_at: datetime
    deadline: datetime
    grace_end: datetime
    jws: str
    acked_at: datetime | None = None


_GRANT = table.license_grant.c
_ADD = Insert(table.license_grant)
_LAST = Find(
    Grant,
    all_of(table.license_grant)
    .where(_GRANT.device_id == bindparam("device"))
    .order_by(_GRANT.seq.desc())
    .limit(1),
)
_ACKNOWLEDGE = Statement(
    update(table.license_grant)
    .where(
        _GRANT.device_id == bindparam("device"), _GRANT.jti == bindparam("which"), _GRANT.acked_at.is_(None)
    )
    .values(acked_at=bindparam("now", type_=_GRANT.acked_at.type))
)
_ADVANCE = Statement(
    update(table.device)
    .where(table.device.c.id == bindparam("this"), table.device.c.grant_seq == bindparam("before"))
    .values(grant_seq=bindparam("after", type_=table.device.c.grant_seq.type))
)


def last(tx: Transaction, device_id: UUID) -> Grant | None:
    """The newest grant of a device."""
    return _LAST.first(tx, {"device": device_id})


def add(tx: Transaction, grant: Grant) -> bool:
    """Store the next grant and move its device to it; False, and nothing stored, if another one came first.

    It comes after the one with `previous_seq`, and only one grant ever does.
    """
    moved = _ADVANCE.change(tx, {"this": grant.device_id, "before": grant.previous_seq, "after": grant.seq})
    return bool(moved) and _ADD.into(tx, columns(grant))


def follow(tx: Transaction, grant: Grant) -> bool:
    """Store the next grant of a device that is locked and that the caller moves to it; False as with `add`."""
    return _ADD.into(tx, columns(grant))


def acknowledge(tx: Transaction, device_id: UUID, jti: str, *, now: datetime) -> bool:
    """Note that the device has this grant; False if that was noted before, or it is not a grant of this device."""
    return bool(_ACKNOWLEDGE.change(tx, {"device": device_id, "which": jti, "now": now}))


def of_device(tx: Transaction, device_id: UUID, *, limit: int = 100) -> tuple[Grant, ...]:
    """The grants of a device that are kept, the newest first."""
    query = all_of(table.license_grant).where(_GRANT.device_id == device_id).order_by(_GRANT.seq.desc())
    return tuple(value(Grant, row) for row in tx.execute(query.limit(limit)))


def forget_before(tx: Transaction, moment: datetime) -> int:
    """Remove grants whose grace ended before `moment`, never a device's newest; how many."""
    newest = select(table.device.c.grant_seq).where(table.device.c.id == _GRANT.device_id).scalar_subquery()
    old = delete(table.license_grant).where(_GRANT.grace_end < moment, _GRANT.seq < newest)
    return int(tx.execute(old).rowcount)
