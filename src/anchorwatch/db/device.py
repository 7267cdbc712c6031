"""Devices: product instances as the portal knows them, and what of each entitlement they want and have.

A request that changes a device locks it first (`lock`), decides by what it read, and saves; so two requests of one
device come one after the other. `state` is that of `licensing.account`; the tables only insist that a removed device is
not live, and that two live devices of an account never share a UDI.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.row import Find, Insert, Upsert, all_of, columns, value
from anchorwatch.db.statement import Statement
from anchorwatch.licensing.account import DeviceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device. `deadline` ends its authorization and `id_ends` its identity, None while it never had one."""

    id: UUID
    account_id: UUID
    virtual_account_id: UUID
    pid: str
    sn: str
    uuid: str = ""
    live: bool = True
    state: DeviceState
    ha_group: str = ""
    software: str = ""
    agent: str = ""
    features: Mapping[str, Any] = field(default_factory=dict)
    export_allowed: bool = False
    created_at: datetime
    last_seen: datetime | None = None
    deadline: datetime | None = None
    id_ends: datetime | None = None
    skew_ms: int | None = None
    trust_seq: int = 0
    grant_seq: int = 0
    adoptions: int = 0
    last_failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEntitlement:
    """What a device asked for of one tag and what it was given; `status` is a word of the protocol."""

    device_id: UUID
    tag_id: UUID
    account_id: UUID
    requested: int
    granted: int
    status: str
    since: datetime


_DEVICE = table.device.c
_ADD = Insert(table.device)
_ONE = all_of(table.device).where(_DEVICE.id == bindparam("device"))
_BY_ID = Find(Device, _ONE)
_LOCK = Find(Device, _ONE.with_for_update(key_share=True))
_LIVE = Find(
    Device,
    all_of(table.device).where(
        _DEVICE.account_id == bindparam("account"),
        _DEVICE.pid == bindparam("product"),
        _DEVICE.sn == bindparam("serial"),
        _DEVICE.uuid == bindparam("which"),
        _DEVICE.live,
    ),
)
_ENTITLEMENTS = Find(
    DeviceEntitlement,
    all_of(table.device_entitlement)
    .where(table.device_entitlement.c.device_id == bindparam("device"))
    .order_by(table.device_entitlement.c.tag_id),
)
_SAVE_ENTITLEMENT = Upsert(
    table.device_entitlement, ("device_id", "tag_id"), ("requested", "granted", "status", "since")
)


def add(tx: Transaction, device: Device) -> None:
    """Store a device; `AlreadyThere` if a live one of the account has its UDI."""
    if not _ADD.into(tx, columns(device)):
        raise AlreadyThere("device", f"{device.pid} {device.sn}")


def find(tx: Transaction, device_id: UUID) -> Device | None:
    """The device of that id, of whichever account."""
    return _BY_ID.first(tx, {"device": device_id})


def get(tx: Transaction, account_id: UUID, device_id: UUID) -> Device:
    """A device of this account; `NotThere`."""
    found = find(tx, device_id)
    if found is None or found.account_id != account_id:
        raise NotThere("device", device_id)
    return found


def lock(tx: Transaction, device_id: UUID) -> Device:
    """The device, and no one else changes it until this transaction ends. `NotThere`."""
    found = _LOCK.first(tx, {"device": device_id})
    if found is None:
        raise NotThere("device", device_id)
    return found


def find_live(tx: Transaction, account_id: UUID, pid: str, sn: str, uuid: str = "") -> Device | None:
    """The live device of that UDI in this account."""
    return _LIVE.first(tx, {"account": account_id, "product": pid, "serial": sn, "which": uuid})


def save(tx: Transaction, before: Device, after: Device) -> None:
    """Write what changed of a locked device. `ConstraintBroken` if it comes alive beside its twin."""
    old, new = columns(before), columns(after)
    changed = {name: each for name, each in new.items() if each != old[name]}
    if before.id != after.id or before.account_id != after.account_id:
        raise ValueError("a device keeps its id and its account")
    if changed:
        new = {f"new_{name}": each for name, each in changed.items()}
        _save(tuple(changed)).change(tx, {"this": before.id, **new})


@functools.cache
def _save(names: tuple[str, ...]) -> Statement:
    """The statement that writes these columns; a portal meets a few sets of them, each over and over."""
    this = update(table.device).where(_DEVICE.id == bindparam("this"))
    return Statement(
        this.values({name: bindparam(f"new_{name}", type_=_DEVICE[name].type) for name in names})
    )


def of_account(
    tx: Transaction,
    account_id: UUID,
    *,
    virtual_account_id: UUID | None = None,
    states: Collection[DeviceState] = (),
    after: UUID | None = None,
    limit: int = 100,
) -> tuple[Device, ...]:
    """Devices of an account in the order they came, from behind the device `after`; no states: all of them."""
    query = all_of(table.device).where(_DEVICE.account_id == account_id)
    if virtual_account_id is not None:
        query = query.where(_DEVICE.virtual_account_id == virtual_account_id)
    if states:
        query = query.where(_DEVICE.state.in_(states))
    if after is not None:
        query = query.where(_DEVICE.id > after)
    return _devices(tx, query.order_by(_DEVICE.id), limit)


def past_deadline(
    tx: Transaction, now: datetime, *, except_states: Collection[DeviceState], limit: int
) -> tuple[Device, ...]:
    """Live devices whose authorization ended by `now`, the longest ended first; states already dealt with left out.

    Lock each and look again before acting: it may have come back in between.
    """
    query = all_of(table.device).where(_DEVICE.live, _DEVICE.deadline <= now)
    return _devices(tx, query.where(_DEVICE.state.not_in(except_states)).order_by(_DEVICE.deadline), limit)


def past_identity(
    tx: Transaction, now: datetime, *, except_states: Collection[DeviceState], limit: int
) -> tuple[Device, ...]:
    """The same for live devices whose ID certificate ended by `now`."""
    query = all_of(table.device).where(_DEVICE.live, _DEVICE.id_ends <= now)
    return _devices(tx, query.where(_DEVICE.state.not_in(except_states)).order_by(_DEVICE.id_ends), limit)


def silent_since(
    tx: Transaction, moment: datetime, *, states: Collection[DeviceState], limit: int
) -> tuple[Device, ...]:
    """Live devices in one of `states` that were last seen at `moment` or before, the most silent first."""
    query = all_of(table.device).where(_DEVICE.live, _DEVICE.last_seen <= moment, _DEVICE.state.in_(states))
    return _devices(tx, query.order_by(_DEVICE.last_seen), limit)


def _devices(tx: Transaction, query: Select[Any], limit: int) -> tuple[Device, ...]:
    return tuple(value(Device, row) for row in tx.execute(query.limit(limit)))


def entitlements(tx: Transaction, device_id: UUID) -> tuple[DeviceEntitlement, ...]:
    """What a device asked for and has, by tag."""
    return _ENTITLEMENTS.all(tx, {"device": device_id})


def save_entitlements(
    tx: Transaction,
    device_id: UUID,
    wanted: Iterable[DeviceEntitlement],
    *,
    seen: Iterable[DeviceEntitlement] | None = None,
) -> None:
    """Make these the entitlements of a locked device; a tag that is not among them is gone.

    One that says what was said before keeps its `since`. `seen`: those it had, where they were read already.
    """
    now = {each.tag_id: each for each in wanted}
    if any(each.device_id != device_id for each in now.values()):
        raise ValueError("these are entitlements of another device")
    before = {each.tag_id: each for each in (entitlements(tx, device_id) if seen is None else seen)}
    _SAVE_ENTITLEMENT.into(
        tx, [columns(each) for tag, each in sorted(now.items()) if not _says_the_same(before.get(tag), each)]
    )
    gone = set(before) - set(now)
    if gone:
        rows = table.device_entitlement
        tx.execute(delete(rows).where(rows.c.device_id == device_id, rows.c.tag_id.in_(gone)))


def _says_the_same(before: DeviceEntitlement | None, after: DeviceEntitlement) -> bool:
    return before is not None and replace(after, since=before.since) == before
