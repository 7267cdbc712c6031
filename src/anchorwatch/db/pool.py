"""Pools and their seats.

A pool counts what was bought of one tag in one virtual account and what of it is given away; a *holding* is what one
device has of one pool. Three tellings of the same story stand in the tables and must agree at the end of every
transaction: the counters of the pool, the sum of its ledger, and the sum of its holdings (`ledger.audit`).

Whether a seat is free is never read first and acted on afterwards: two who both read "one left" would both take it.
The counter is changed by one statement that carries its own condition, and the answer is whether it changed a row.
A CHECK stands behind it.

Contended rows come late: what belongs to the device is written before, so that a pool's row is locked for a short
time, and pools are taken in the order of their ids, so that two transactions never wait for each other. Only the ledger
and the holdings come after them. An entry of the ledger shares a lock on its pool by its foreign key, and many who hold
that and then want more are what PostgreSQL 15 breaks down over ("new multixact has more than one updating member").
Whoever has changed the pool's row first waits for nobody any more, and has nothing to take back where it was full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.row import Find, Insert, Upsert, all_of, value
from anchorwatch.db.statement import Statement
from anchorwatch.licensing import seat
from anchorwatch.licensing.seat import Column, EntryKind, Mode

MOST_SEATS = 1_000_000_000
"""What one device may hold of one pool; far below where 64 bits end, for SQLite would go on in floating point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The counters of one tag in one virtual account, at the moment they were read."""

    id: UUID
    account_id: UUID
    virtual_account_id: UUID
    tag_id: UUID
    mode: Mode
    purchased: int
    in_use: int
    reserved: int
    leased: int
    overage_pct: int

    @property
    def counters(self) -> seat.Pool:
        """The same without its names, as `licensing.seat` reckons with it."""
        return seat.Pool(
            mode=self.mode,
            purchased=self.purchased,
            in_use=self.in_use,
            reserved=self.reserved,
            leased=self.leased,
            overage_pct=self.overage_pct,
        )

    @property
    def room(self) -> int:
        """Seats that can be given away still; never below 0."""
        return max(self.counters.capacity - self.counters.taken, 0)


@dataclass(frozen=True, slots=True)
class Held:
    """The device holds so many seats of this pool now; the pool as it is after that."""

    pool: Pool
    seats: int


@dataclass(frozen=True, slots=True)
class Full:
    """A `hard` pool has no room for what was wanted: `seats` are what the device holds of it, as before."""

    pool: Pool
    seats: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A locked device, the pools in question and all that it holds, as they were read in this transaction."""

    account_id: UUID
    device_id: UUID
    pools: Mapping[UUID, Pool]
    held: Mapping[UUID, int]


_POOL = table.pool.c
_ENSURE = Insert(table.pool, "virtual_account_id", "tag_id")
_BY_TAG = Find(
    Pool,
    all_of(table.pool).where(_POOL.virtual_account_id == bindparam("va"), _POOL.tag_id == bindparam("tag")),
)
_BY_ID = Find(
    Pool, all_of(table.pool).where(_POOL.account_id == bindparam("account"), _POOL.id == bindparam("pool"))
)
_LOCK_DEVICE = Statement(
    select(table.device.c.account_id)
    .where(table.device.c.id == bindparam("device"))
    .with_for_update(key_share=True)
)
_HOLDINGS = Statement(
    select(table.holding.c.pool_id, table.holding.c.seats).where(
        table.holding.c.device_id == bindparam("device")
    )
)


def _allows(more: ColumnElement[int], bought: ColumnElement[int]) -> ColumnElement[bool]:
    """The rule of a `hard` pool as a condition: `table.HARD_RULE` for what the row is about to be."""
    taken = _POOL.in_use + _POOL.reserved + _POOL.leased + more
    return or_(
        _POOL.mode != Mode.HARD,
        taken * 100 <= (_POOL.purchased + bought) * (100 + _POOL.overage_pct),
    )


_SEATS: ColumnElement[int] = bindparam("seats", type_=_POOL.in_use.type)
_QUANTITY: ColumnElement[int] = bindparam("quantity", type_=_POOL.purchased.type)
_TAKE = Find(
    Pool,
    update(table.pool)
    .where(_POOL.id == bindparam("pool"), _allows(_SEATS, _POOL.purchased * 0))
    .values(in_use=_POOL.in_use + _SEATS)
    .returning(*table.pool.columns),
)
_GIVE = Find(
    Pool,
    update(table.pool)
    .where(_POOL.id == bindparam("pool"))
    .values(in_use=_POOL.in_use - _SEATS)
    .returning(*table.pool.columns),
)
_BUY = (
    update(table.pool)
    .where(
        _POOL.id == bindparam("pool"),
        _POOL.purchased + _QUANTITY >= 0,
        _allows(_POOL.in_use * 0, _QUANTITY),
    )
    .values(purchased=_POOL.purchased + _QUANTITY)
    .returning(*table.pool.columns)
)
_LEDGER = Statement(table.ledger_entry.insert())
_SAVE_HOLDING = Upsert(table.holding, ("device_id", "pool_id"), ("seats",))
_DROP_HOLDING = Statement(
    delete(table.holding).where(
        table.holding.c.device_id == bindparam("device"), table.holding.c.pool_id == bindparam("pool")
    )
)


def ensure(
    tx: Transaction, account_id: UUID, virtual_account_id: UUID, tag_id: UUID, *, now: datetime
) -> Pool:
    """The pool of a tag in a virtual account, made empty if nothing was ever bought. `NotThere` without the tag."""
    found = _BY_TAG.first(tx, {"va": virtual_account_id, "tag": tag_id})
    if found is None:
        tags = table.entitlement_tag.c
        mode = tx.execute(select(tags.mode).where(tags.account_id == account_id, tags.id == tag_id)).scalar()
        if mode is None:
            raise NotThere("entitlement tag", tag_id)
        empty = {"purchased": 0, "in_use": 0, "reserved": 0, "leased": 0, "overage_pct": 0}
        place = {"account_id": account_id, "virtual_account_id": virtual_account_id, "tag_id": tag_id}
        _ENSURE.into(tx, {"id": new_id(now), "mode": mode, **place, **empty})
        found = _BY_TAG.first(tx, {"va": virtual_account_id, "tag": tag_id})
        assert found is not None
    return found


def get(tx: Transaction, account_id: UUID, pool_id: UUID) -> Pool:
    """A pool of this account; `NotThere`."""
    found = _BY_ID.first(tx, {"account": account_id, "pool": pool_id})
    if found is None:
        raise NotThere("pool", pool_id)
    return found


def of_virtual_account(tx: Transaction, account_id: UUID, virtual_account_id: UUID) -> tuple[Pool, ...]:
    """The pools of a virtual account, by id."""
    query = all_of(table.pool).where(
        _POOL.account_id == account_id, _POOL.virtual_account_id == virtual_account_id
    )
    return tuple(value(Pool, row) for row in tx.execute(query.order_by(_POOL.id)))


def set_overage(tx: Transaction, account_id: UUID, pool_id: UUID, percent: int) -> Pool:
    """Allow so many percent above what was bought. `ConstraintBroken` if a `hard` pool gives away more already."""
    change = update(table.pool).where(_POOL.account_id == account_id, _POOL.id == pool_id)
    row = tx.execute(change.values(overage_pct=percent).returning(*table.pool.columns)).first()
    if row is None:
        raise NotThere("pool", pool_id)
    return value(Pool, row)


def holdings(tx: Transaction, device_id: UUID) -> dict[UUID, int]:
    """What a device holds: seats by pool, without pools it holds nothing of."""
    return dict(_HOLDINGS.all(tx, {"device": device_id}))


def hold(
    tx: Transaction, device_id: UUID, wanted: Mapping[UUID, int], *, request_id: str, now: datetime
) -> dict[UUID, Held | Full]:
    """Make a device hold exactly so many seats of each pool named; other pools stay as they are.

    Asked again with the same numbers it changes nothing. More than was bought is given (then the pool is out of
    compliance, which the caller sees in it) unless the pool's tag is `hard`: then that pool, and only that one,
    answers `Full`. Comes last in its transaction. `NotThere` for a device, or a pool of another account.
    """
    locked = _LOCK_DEVICE.first(tx, {"device": device_id})
    if locked is None:
        raise NotThere("device", device_id)
    (account_id,) = locked
    pools = {pool_id: get(tx, account_id, pool_id) for pool_id in sorted(wanted)}
    seen = Seen(account_id=account_id, device_id=device_id, pools=pools, held=holdings(tx, device_id))
    return hold_seen(tx, seen, wanted, request_id=request_id, now=now)


def hold_seen(
    tx: Transaction, before: Seen, wanted: Mapping[UUID, int], *, request_id: str, now: datetime
) -> dict[UUID, Held | Full]:
    """The same for a device that is locked, when its pools and its seats were read in this transaction."""
    for seats in wanted.values():
        if not 0 <= seats <= MOST_SEATS:
            raise ValueError(f"a device holds between 0 and {MOST_SEATS:,} seats of a pool, not {seats}")
    answer: dict[UUID, Held | Full] = {}
    changes: dict[UUID, int] = {}
    for pool_id in sorted(wanted):
        held = before.held.get(pool_id, 0)
        more = wanted[pool_id] - held
        seen = before.pools[pool_id]
        if more == 0:
            answer[pool_id] = Held(seen, held)
        elif seat.decide(seen.counters, held=held, asked=wanted[pool_id]).refused:
            # Reading first may refuse what would fit a moment later; it never grants. It spares the row its lock.
            answer[pool_id] = Full(seen, held, wanted[pool_id])
        else:
            changes[pool_id] = more
    done: dict[UUID, int] = {}
    for pool_id, more in changes.items():
        after = (_TAKE if more > 0 else _GIVE).first(tx, {"pool": pool_id, "seats": abs(more)})
        if after is None:
            seen = get(tx, before.account_id, pool_id)
            answer[pool_id] = Full(seen, before.held.get(pool_id, 0), wanted[pool_id])
        else:
            answer[pool_id] = Held(after, wanted[pool_id])
            done[pool_id] = more
    _write_down(tx, before, wanted, done, request_id, now)
    return {pool_id: answer[pool_id] for pool_id in sorted(answer)}


def release(tx: Transaction, device_id: UUID, *, request_id: str, now: datetime) -> dict[UUID, int]:
    """Return every seat of a device; how many, by pool. Asked again it returns none."""
    _LOCK_DEVICE.first(tx, {"device": device_id})
    held = holdings(tx, device_id)
    if held:
        hold(tx, device_id, dict.fromkeys(held, 0), request_id=request_id, now=now)
    return held


def buy(tx: Transaction, pool_id: UUID, quantity: int) -> Pool | None:
    """Change what was bought by so much, more or less; None if the pool gives away too much for that.

    For `anchorwatch.db.lot`, which writes the ledger.
    """
    row = tx.execute(_BUY, {"pool": pool_id, "quantity": quantity}).first()
    return None if row is None else value(Pool, row)


def _write_down(
    tx: Transaction,
    before: Seen,
    wanted: Mapping[UUID, int],
    changes: Mapping[UUID, int],
    request_id: str,
    now: datetime,
) -> None:
    """The device's side of a change: ledger and holdings."""
    account_id, device_id = before.account_id, before.device_id
    _LEDGER.each(
        tx,
        [
            {
                "id": new_id(now),
                "account_id": account_id,
                "pool_id": pool_id,
                "kind": EntryKind.CONSUME if more > 0 else EntryKind.RELEASE,
                "counter": Column.IN_USE,
                "delta": more,
                "device_id": device_id,
                "lot_id": None,
                "request_id": request_id,
                "at": now,
            }
            for pool_id, more in changes.items()
        ],
    )
    _SAVE_HOLDING.into(
        tx,
        [
            {"device_id": device_id, "pool_id": pool_id, "account_id": account_id, "seats": wanted[pool_id]}
            for pool_id in changes
            if wanted[pool_id]
        ],
    )
    for pool_id in changes:
        if not wanted[pool_id]:
            _DROP_HOLDING.change(tx, {"device": device_id, "pool": pool_id})
