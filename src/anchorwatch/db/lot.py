"""Lots: what was bought, from when to when.

A lot is never changed. It comes into its pool when it starts and leaves it when it ends; each of the two is one entry
of the ledger, and there can be no second one. A correction is a lot of its own, and so is a transfer: a negative lot
here and a positive one there, with the dates of the lot they were cut from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from anchorwatch.db import pool, table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.pool import Pool
from anchorwatch.db.row import Insert, all_of, columns, value
from anchorwatch.db.statement import TakenBack, savepoint
from anchorwatch.db.word import LotKind
from anchorwatch.licensing.seat import Column, EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """So many seats of a tag in a virtual account, from `starts_at` until just before `ends_at` (None: for ever)."""

    id: UUID
    account_id: UUID
    virtual_account_id: UUID
    tag_id: UUID
    kind: LotKind = LotKind.BUY
    quantity: int
    starts_at: datetime
    ends_at: datetime | None = None
    source: str = ""
    parent_id: UUID | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """A pool after lots came or went; `change` is their sum."""

    pool: Pool
    change: int


@dataclass(frozen=True, slots=True)
class Short:
    """A `hard` pool that gives away more than it would have left: seats must be returned first, `by` so many."""

    pool: Pool
    change: int
    by: int


@dataclass(frozen=True, slots=True)
class NotCut:
    """A lot has only so much left to cut from."""

    left: int


_ENTER = Insert(table.ledger_entry)
_LARGEST = 1_000_000_000_000


def add(tx: Transaction, lot: Lot) -> None:
    """Store a lot. It counts once `post` finds it started."""
    if not 0 < abs(lot.quantity) <= _LARGEST:
        raise ValueError(f"a lot is of 1 to {_LARGEST:,} seats, not {lot.quantity}")
    tx.execute(table.lot.insert(), columns(lot))


def get(tx: Transaction, account_id: UUID, lot_id: UUID) -> Lot:
    """A lot of this account; `NotThere`."""
    row = tx.execute(
        all_of(table.lot).where(table.lot.c.account_id == account_id, table.lot.c.id == lot_id)
    ).first()
    if row is None:
        raise NotThere("lot", lot_id)
    return value(Lot, row)


def of_account(
    tx: Transaction, account_id: UUID, *, after: UUID | None = None, limit: int = 100
) -> tuple[Lot, ...]:
    """The lots of an account in the order they were made, from behind the lot `after`."""
    query = all_of(table.lot).where(table.lot.c.account_id == account_id)
    if after is not None:
        query = query.where(table.lot.c.id > after)
    return tuple(value(Lot, row) for row in tx.execute(query.order_by(table.lot.c.id).limit(limit)))


def in_pool(tx: Transaction, of: Pool, *, now: datetime) -> tuple[Lot, ...]:
    """The positive lots that count in a pool now, those that end soonest first, those that never end last."""
    each = table.lot.c
    query = all_of(table.lot).where(
        each.account_id == of.account_id,
        each.virtual_account_id == of.virtual_account_id,
        each.tag_id == of.tag_id,
        each.quantity > 0,
        each.starts_at <= now,
        or_(each.ends_at.is_(None), each.ends_at > now),
    )
    rows = tx.execute(query.order_by(each.ends_at.is_(None), each.ends_at, each.id))
    return tuple(value(Lot, row) for row in rows)


def post(
    tx: Transaction, *, now: datetime, request_id: str = "", account_id: UUID | None = None
) -> tuple[Posted | Short, ...]:
    """Let every lot that started or ended by `now` come into its pool or leave it; what happened to each pool.

    Asked again it does nothing. A pool that answers `Short` stays as it was: return seats and ask again, in
    the same transaction or later.
    """
    entry, each = table.ledger_entry.c, table.lot.c

    def posted(same: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(select(entry.id).where(entry.lot_id == each.id, same))

    came = posted((entry.delta > 0) == (each.quantity > 0))
    ended = and_(each.ends_at.is_not(None), each.ends_at <= now)
    due = all_of(table.lot).where(
        or_(
            and_(each.starts_at <= now, or_(each.ends_at.is_(None), each.ends_at > now), ~came),
            and_(ended, came, ~posted((entry.delta > 0) != (each.quantity > 0))),
        )
    )
    if account_id is not None:
        due = due.where(each.account_id == account_id)
    by_pool: dict[tuple[UUID, UUID], list[Lot]] = {}
    for lot in (value(Lot, row) for row in tx.execute(due.order_by(each.id))):
        by_pool.setdefault((lot.virtual_account_id, lot.tag_id), []).append(lot)
    pools = [
        (pool.ensure(tx, lots[0].account_id, place, tag_id, now=now), lots)
        for (place, tag_id), lots in by_pool.items()
    ]
    return tuple(
        answer
        for target, lots in sorted(pools, key=lambda pair: pair[0].id)
        if (answer := _post(tx, target, lots, now, request_id)) is not None
    )


def transfer(
    tx: Transaction, lot: Lot, target: UUID, quantity: int, *, source: str, request_id: str, now: datetime
) -> tuple[Posted | Short, ...] | NotCut:
    """Move part of a lot to the virtual account `target`.

    `NotCut` if it has less than `quantity` left; `Short` among the answers if its pool gives away too much for
    that: then the caller raises, and nothing was moved.
    """
    if quantity < 1:
        raise ValueError(f"a transfer is of at least one seat, not {quantity}")
    here = pool.ensure(tx, lot.account_id, lot.virtual_account_id, lot.tag_id, now=now)
    # Two who cut the same lot come here one after the other.
    tx.execute(select(table.pool.c.id).where(table.pool.c.id == here.id).with_for_update(key_share=True))
    pieces = table.lot.c
    cut = tx.execute(
        select(func.coalesce(func.sum(pieces.quantity), 0)).where(
            pieces.parent_id == lot.id, pieces.virtual_account_id == lot.virtual_account_id
        )
    ).scalar_one()
    left = lot.quantity + int(cut)
    if left < quantity:
        return NotCut(max(left, 0))
    piece = replace(
        lot, id=new_id(now), kind=LotKind.TRANSFER, source=source, parent_id=lot.id, created_at=now
    )
    add(tx, replace(piece, quantity=-quantity))
    add(tx, replace(piece, id=new_id(now), virtual_account_id=target, quantity=quantity))
    return post(tx, now=now, request_id=request_id, account_id=lot.account_id)


def _post(
    tx: Transaction, target: Pool, lots: Iterable[Lot], now: datetime, request_id: str
) -> Posted | Short | None:
    change, after = 0, None
    with savepoint(tx, "lots"):
        for lot in lots:
            row = _entry(target, lot, now, request_id)
            if _ENTER.into(tx, row):  # not, if another program posts at the same time
                change += row["delta"]
        if change == 0:
            return None
        after = pool.buy(tx, target.id, change)
        if after is None:
            raise TakenBack
    if after is not None:
        return Posted(after, change)
    seen = pool.get(tx, target.account_id, target.id)
    left = (seen.purchased + change) * (100 + seen.overage_pct) // 100
    return Short(seen, change, max(seen.counters.taken - left, 0))


def _entry(target: Pool, lot: Lot, now: datetime, request_id: str) -> dict[str, Any]:
    ends = lot.ends_at is not None and lot.ends_at <= now
    match lot.kind, lot.quantity > 0, ends:
        case _, True, True:
            kind = EntryKind.EXPIRE
        case LotKind.BUY, True, False:
            kind = EntryKind.BUY
        case LotKind.TRANSFER, True, False:
            kind = EntryKind.TRANSFER_IN
        case LotKind.TRANSFER, False, False:
            kind = EntryKind.TRANSFER_OUT
        case _:  # a correction downwards, or the end of what was moved away
            kind = EntryKind.ADJUST
    return {
        "id": new_id(now),
        "account_id": target.account_id,
        "pool_id": target.id,
        "kind": kind,
        "counter": Column.PURCHASED,
        "delta": -lot.quantity if ends else lot.quantity,
        "device_id": None,
        "lot_id": lot.id,
        "request_id": request_id,
        "at": now,
    }
