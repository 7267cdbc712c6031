"""Seats as arithmetic: a pool, what a request takes from it, and the ledger that must add up to it.

A tag's mode decides what happens beyond what was bought. `report` only notes it, `limit` puts the device out of
compliance and goes on serving it, `hard` refuses. The database makes the same decision in one conditional update; the
CHECK on the row is the invariant here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from anchorwatch.licensing.status import AuthorizationState


class Mode(StrEnum):
    """What a tag does at its limit."""

    REPORT = "report"
    LIMIT = "limit"
    HARD = "hard"


class Column(StrEnum):
    """Where an entry of the ledger counts."""

    PURCHASED = "purchased"
    IN_USE = "in_use"
    RESERVED = "reserved"
    LEASED = "leased"


class EntryKind(StrEnum):
    """The kinds of entries, and by `COLUMNS` what they change."""

    BUY = "buy"
    EXPIRE = "expire"
    TRANSFER_IN = "transfer-in"
    TRANSFER_OUT = "transfer-out"
    CONSUME = "consume"
    RELEASE = "release"
    RESERVE = "reserve"
    RETURN = "return"
    LEASE = "lease"
    LEASE_END = "lease-end"
    ADJUST = "adjust"


COLUMNS: dict[EntryKind, tuple[Column, int]] = {
    EntryKind.BUY: (Column.PURCHASED, 1),
    EntryKind.EXPIRE: (Column.PURCHASED, -1),
    EntryKind.TRANSFER_IN: (Column.PURCHASED, 1),
    EntryKind.TRANSFER_OUT: (Column.PURCHASED, -1),
    EntryKind.CONSUME: (Column.IN_USE, 1),
    EntryKind.RELEASE: (Column.IN_USE, -1),
    EntryKind.RESERVE: (Column.RESERVED, 1),
    EntryKind.RETURN: (Column.RESERVED, -1),
    EntryKind.LEASE: (Column.LEASED, 1),
    EntryKind.LEASE_END: (Column.LEASED, -1),
    EntryKind.ADJUST: (Column.PURCHASED, 0),
}
"""The column, and the sign its delta must have; 0 for either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The seats of one tag in one virtual account. Raises `ValueError` for what a row may never hold."""

    mode: Mode
    purchased: int = 0
    in_use: int = 0
    reserved: int = 0
    leased: int = 0
    overage_pct: int = 0

    def __post_init__(self) -> None:
        if min(self.purchased, self.in_use, self.reserved, self.leased, self.overage_pct) < 0:
            raise ValueError("no column of a pool is negative")

    @property
    def capacity(self) -> int:
        """floor(purchased x (1 + overage))."""
        return self.purchased * (100 + self.overage_pct) // 100

    @property
    def taken(self) -> int:
        """Seats that nobody else may have."""
        return self.in_use + self.reserved + self.leased

    @property
    def sound(self) -> bool:
        """The invariant: a hard pool never gives more than its capacity."""
        return self.mode is not Mode.HARD or self.taken <= self.capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger; append-only."""

    kind: EntryKind
    delta: int

    def __post_init__(self) -> None:
        sign = COLUMNS[self.kind][1]
        if self.delta == 0 or (sign and self.delta * sign < 0):
            raise ValueError(f"an entry {self.kind} does not change its column by {self.delta}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a device gets: `granted` seats in all, the entry for the ledger (None where nothing changes), its status.

    `fits` is what would fit where the request is refused.
    """

    granted: int
    status: AuthorizationState
    entry: Entry | None = None
    refused: bool = False
    fits: int = 0


def applied(pool: Pool, entry: Entry) -> Pool:
    """The pool after an entry. Raises `ValueError` where that would break the invariant."""
    column = COLUMNS[entry.kind][0]
    values = {each: getattr(pool, each) for each in Column}
    values[column] += entry.delta
    after = Pool(
        mode=pool.mode,
        overage_pct=pool.overage_pct,
        purchased=values[Column.PURCHASED],
        in_use=values[Column.IN_USE],
        reserved=values[Column.RESERVED],
        leased=values[Column.LEASED],
    )
    gives = column is not Column.PURCHASED and entry.delta > 0
    if gives and not after.sound:
        raise ValueError("a hard pool has no seat left")
    return after


def total(pool: Pool, entries: Iterable[Entry]) -> Pool:
    """What an empty pool of this kind holds after all entries: must equal the pool."""
    result = replace(pool, mode=Mode.REPORT, purchased=0, in_use=0, reserved=0, leased=0)
    for entry in entries:
        result = applied(result, entry)
    return replace(result, mode=pool.mode)


def decide(pool: Pool, *, held: int, asked: int) -> Decision:
    """What a device that holds `held` seats gets when it asks for `asked` in all.

    Giving back is never refused, nor is keeping what one has.
    """
    if held < 0 or asked < 0:
        raise ValueError("seats are counted from 0")
    delta = asked - held
    if delta > 0 and pool.mode is Mode.HARD and pool.taken + delta > pool.capacity:
        return Decision(
            granted=held,
            status=AuthorizationState.NOT_AUTHORIZED,
            refused=True,
            fits=held + max(0, pool.capacity - pool.taken),
        )
    entry = None
    if delta:
        entry = Entry(kind=EntryKind.CONSUME if delta > 0 else EntryKind.RELEASE, delta=delta)
    return Decision(granted=asked, status=standing(pool, pool.taken + delta), entry=entry)


def standing(pool: Pool, taken: int) -> AuthorizationState:
    """The status of a device in a pool of which so many seats are taken."""
    if taken <= pool.purchased or pool.mode is Mode.HARD:
        return AuthorizationState.AUTHORIZED
    if pool.mode is Mode.REPORT or taken <= pool.capacity:
        return AuthorizationState.OVERAGE
    return AuthorizationState.OUT_OF_COMPLIANCE
