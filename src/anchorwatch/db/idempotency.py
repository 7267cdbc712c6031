"""Requests by their idempotency keys: what was asked, and what was answered.

`claim` stands first in the transaction that does the work and `finish` in the same one: then a request is either
undone or answered, and who repeats it gets the same answer. Where the work takes several transactions (an approval,
a slow signer), claim in one and finish in another; who repeats it meanwhile is told that it is in flight, and a claim
whose program died is taken over after `lease`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.row import Insert, all_of
from anchorwatch.licensing.sequence import Record

KEPT = timedelta(hours=48)
LEASE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it was given. Header names in lower case, in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """The request is ours to do."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """It was done before, and this was the answer."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class InFlight:
    """Somebody is at it."""


@dataclass(frozen=True, slots=True)
class OtherBody:
    """The key belongs to another request."""


Claim = Claimed | Replayed | InFlight | OtherBody

_RECORD = table.idempotency_record.c
_THIS = (_RECORD.principal == bindparam("who"), _RECORD.key == bindparam("which"))
_CLAIM = Insert(table.idempotency_record, "principal", "key")
_FIND = all_of(table.idempotency_record).where(*_THIS)
_TAKE_OVER = (
    update(table.idempotency_record)
    .where(*_THIS, _RECORD.state == Record.IN_FLIGHT, _RECORD.claimed_at <= bindparam("before"))
    .values(claimed_at=bindparam("now"))
)
_FINISH = (
    update(table.idempotency_record)
    .where(*_THIS, _RECORD.state == Record.IN_FLIGHT)
    .values(
        state=Record.DONE,
        status=bindparam("new_status"),
        headers=bindparam("new_headers", type_=_RECORD.headers.type),
        body=bindparam("new_body", type_=_RECORD.body.type),
    )
)


def claim(
    tx: Transaction, principal: str, key: str, request_sha256: str, *, now: datetime, lease: timedelta = LEASE
) -> Claim:
    """Take a request by its key, or learn what became of it. `request_sha256` is of everything that matters in it."""
    fresh = {
        "principal": principal,
        "key": key,
        "request_sha256": request_sha256,
        "state": Record.IN_FLIGHT,
        "claimed_at": now,
        "status": None,
        "headers": None,
        "body": None,
    }
    if _CLAIM.into(tx, fresh):
        return Claimed()
    row = tx.execute(_FIND, {"who": principal, "which": key}).first()
    if row is None:
        # It was there and is not any more: forgotten between the two statements.
        return Claimed() if _CLAIM.into(tx, fresh) else InFlight()
    if row.request_sha256 != request_sha256:
        return OtherBody()
    if row.state is Record.DONE:
        return Replayed(
            Answer(row.status, tuple((name, text) for name, text in row.headers), bytes(row.body))
        )
    took = tx.execute(_TAKE_OVER, {"who": principal, "which": key, "before": now - lease, "now": now})
    return Claimed() if took.rowcount else InFlight()


def finish(tx: Transaction, principal: str, key: str, answer: Answer) -> None:
    """Keep the answer to a claimed request. `NotThere` if it was not claimed, or has an answer already."""
    done = tx.execute(
        _FINISH,
        {
            "who": principal,
            "which": key,
            "new_status": answer.status,
            "new_headers": [list(each) for each in answer.headers],
            "new_body": answer.body,
        },
    )
    if not done.rowcount:
        raise NotThere("request in flight", key)


def abandon(tx: Transaction, principal: str, key: str) -> None:
    """Give back a claim made in an earlier transaction, so that the request can be tried again at once."""
    unanswered = table.idempotency_record.delete().where(*_THIS, _RECORD.state == Record.IN_FLIGHT)
    tx.execute(unanswered, {"who": principal, "which": key})


def forget(tx: Transaction, *, now: datetime, kept: timedelta = KEPT) -> int:
    """Remove what is older than `kept`; how many."""
    return int(tx.execute(delete(table.idempotency_record).where(_RECORD.claimed_at < now - kept)).rowcount)
