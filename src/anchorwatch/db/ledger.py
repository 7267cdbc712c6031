"""The ledger of the pools: every change of a counter, never changed afterwards, and the audit that holds it to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.row import all_of, value
from anchorwatch.licensing.seat import Column, EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One change of one counter. `request_id` names the request that caused it, for whoever asks why."""

    id: UUID
    account_id: UUID
    pool_id: UUID
    kind: EntryKind
    counter: Column
    delta: int
    device_id: UUID | None
    lot_id: UUID | None
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A counter of a pool that its ledger, or what devices hold of it, does not explain."""

    pool_id: UUID
    counter: Column
    counted: int
    explained: int
    by: str

    def __str__(self) -> str:
        return f"pool {self.pool_id} counts {self.counted} {self.counter}, {self.by} {self.explained}"


def entries(
    tx: Transaction,
    account_id: UUID,
    *,
    pool_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> tuple[LedgerEntry, ...]:
    """The ledger of an account or of one pool, in the order it was made, from behind the entry `after`."""
    entry = table.ledger_entry.c
    query = all_of(table.ledger_entry).where(entry.account_id == account_id)
    if pool_id is not None:
        query = query.where(entry.pool_id == pool_id)
    if after is not None:
        query = query.where(entry.id > after)
    return tuple(value(LedgerEntry, row) for row in tx.execute(query.order_by(entry.id).limit(limit)))


def audit(tx: Transaction) -> tuple[Discrepancy, ...]:
    """Every counter of every pool that its ledger or its holdings do not add up to; empty is well.

    Reads the whole ledger. Ask it in `Database.read`, where it sees one moment.
    """
    entry, holding = table.ledger_entry.c, table.holding.c
    told = {
        (row.pool_id, row.counter): int(row.total)
        for row in tx.execute(
            select(entry.pool_id, entry.counter, func.sum(entry.delta).label("total")).group_by(
                entry.pool_id, entry.counter
            )
        )
    }
    held = {
        row.pool_id: int(row.total)
        for row in tx.execute(
            select(holding.pool_id, func.sum(holding.seats).label("total")).group_by(holding.pool_id)
        )
    }
    found: list[Discrepancy] = []
    for row in tx.execute(all_of(table.pool).order_by(table.pool.c.id)).mappings():
        for counter in Column:
            explained = told.get((row["id"], counter), 0)
            if row[counter.value] != explained:
                found.append(
                    Discrepancy(row["id"], counter, row[counter.value], explained, "its ledger adds up to")
                )
        if row["in_use"] != held.get(row["id"], 0):
            found.append(
                Discrepancy(
                    row["id"], Column.IN_USE, row["in_use"], held.get(row["id"], 0), "its devices hold"
                )
            )
    return tuple(found)
