"""ID tokens. What of a token the database knows is a public key or a hash: nothing one could register with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.row import Find, Insert, all_of, columns, value
from anchorwatch.db.statement import Statement
from anchorwatch.db.word import TokenMode


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """An ID token as stored: `prefix` names it, `public_key` (proof) or `secret_hash` (basic) recognises it."""

    id: UUID
    account_id: UUID
    virtual_account_id: UUID
    prefix: str
    mode: TokenMode = TokenMode.PROOF
    public_key: bytes | None = None
    secret_hash: bytes | None = None
    created_at: datetime
    expires_at: datetime
    max_uses: int = 1
    uses: int = 0
    export_allowed: bool = False
    force_allowed: bool = False
    approval_required: bool = False
    serial_pattern: str | None = None
    network: str | None = None
    note: str = ""
    revoked_at: datetime | None = None


_TOKEN = table.id_token.c
_ADD = Insert(table.id_token, "prefix")
_BY_PREFIX = Find(IdToken, all_of(table.id_token).where(_TOKEN.prefix == bindparam("wanted")))
_USE = Statement(
    update(table.id_token)
    .where(_TOKEN.id == bindparam("token"), _TOKEN.uses < _TOKEN.max_uses, _TOKEN.revoked_at.is_(None))
    .values(uses=_TOKEN.uses + 1)
)


def add(tx: Transaction, token: IdToken) -> None:
    """Store a token; `AlreadyThere` for a prefix that is taken."""
    if not _ADD.into(tx, columns(token)):
        raise AlreadyThere("ID token", token.prefix)


def find(tx: Transaction, prefix: str) -> IdToken | None:
    """The token of that prefix, of whichever account."""
    return _BY_PREFIX.first(tx, {"wanted": prefix})


def use(tx: Transaction, token_id: UUID) -> bool:
    """Count one use; False, and nothing counted, if none is left or it was revoked. Its dates are the caller's."""
    return bool(_USE.change(tx, {"token": token_id}))


def revoke(tx: Transaction, account_id: UUID, token_id: UUID, *, now: datetime) -> bool:
    """Revoke a token; False if it was revoked before. `NotThere` in this account."""
    this = (_TOKEN.account_id == account_id, _TOKEN.id == token_id)
    change = update(table.id_token).where(*this, _TOKEN.revoked_at.is_(None)).values(revoked_at=now)
    if tx.execute(change).rowcount:
        return True
    if tx.execute(all_of(table.id_token).where(*this)).first() is None:
        raise NotThere("ID token", token_id)
    return False


def of_account(
    tx: Transaction, account_id: UUID, *, after: UUID | None = None, limit: int = 100
) -> tuple[IdToken, ...]:
    """The tokens of an account in the order they were made, from behind the token `after`."""
    query = all_of(table.id_token).where(_TOKEN.account_id == account_id)
    if after is not None:
        query = query.where(_TOKEN.id > after)
    return tuple(value(IdToken, row) for row in tx.execute(query.order_by(_TOKEN.id).limit(limit)))
