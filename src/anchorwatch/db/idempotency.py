"""Requests by their idempotency keys: what was asked, and what was answered.

`claim` stands first in the transaction that does the work and `finish` in the same one: then a request is either
undone or answered, and who repeats it gets the same answer. Where the work takes several transactions (an approval,
a slow signer), claim in one and finish in another; who repeats it meanwhile is told that it is in flight, and a claim
whose program died is taken over after `lease`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.row import Insert
from anchorwatch.db.statement import Statement
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
_FIND = Statement(
    select(_RECORD.request_sha256, _RECORD.state, _RECORD.status, _RECORD.headers, _RECORD.body).where(*_THIS)
)
_TAKE_OVER = Statement(
    update(table.idempotency_record)
    .where(*_THIS, _RECORD.state == Record.IN_FLIGHT, _RECORD.claimed_at <= bindparam("before"))
    .values(claimed_at=bindparam("now", type_=_RECORD.claimed_at.type))
)
_FINISH = Statement(
    update(table.idempotency_record)
    .where(*_THIS, _RECORD.state == Record.IN_FLIGHT)
    .values(
        state=Record.DONE,
        status=bindparam("new_status", type_=_RECORD.status.type),
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
    row = _FIND.first(tx, {"who": principal, "which": key})
    if row is None:
        # It was there and is not any more: forgotten between the two statements.
        return Claimed() if _CLAIM.into(tx, fresh) else InFlight()
    sha256, state, status, headers, body = row
    if sha256 != request_sha256:
        return OtherBody()
    if state is Record.DONE:
        return Replayed(Answer(status, tuple((name, text) for name, text in headers), bytes(body)))
    took = _TAKE_OVER.change(tx, {"who": principal, "which": key, "before": now - lease, "now": now})
    return Claimed() if took else InFlight()


def finish(tx: Transaction, principal: str, key: str, answer: Answer) -> None:
    """Keep the answer to a claimed request. `NotThere` if it was not claimed, or has an answer already."""
    done = _FINISH.change(
        tx,
        {
            "who": principal,
            "which": key,
            "new_status": answer.status,
            "new_headers": [list(each) for each in answer.headers],
            "new_body": answer.body,
        },
    )
    if not done:
        raise NotThere("request in flight", key)


def abandon(tx: Transaction, principal: str, key: str) -> None:
    """Give back a claim made in an earlier transaction, so that the request can be tried again at once."""
    unanswered = table.idempotency_record.delete().where(*_THIS, _RECORD.state == Record.IN_FLIGHT)
    tx.execute(unanswered, {"who": principal, "which": key})


def forget(tx: Transaction, *, now: datetime, kept: timedelta = KEPT) -> int:
    """Remove what is older than `kept`; how many."""
    return int(tx.execute(delete(table.idempotency_record).where(_RECORD.claimed_at < now - kept)).rowcount)
