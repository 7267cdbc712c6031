"""Keys of operators. What the database knows of one is a hash of its secret: nothing one could sign in with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.row import Find, Insert, all_of, columns, value
from anchorwatch.db.word import OperatorRole


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as stored. `account_id` is the account it is fenced into; None for a key of the portal itself."""

    id: UUID
    account_id: UUID | None
    prefix: str
    secret_sha256: bytes
    name: str
    role: OperatorRole
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


_KEY = table.api_key.c
_ADD = Insert(table.api_key, "prefix")
_BY_PREFIX = Find(ApiKey, all_of(table.api_key).where(_KEY.prefix == bindparam("wanted")))


def add(tx: Transaction, key: ApiKey) -> None:
    """Store a key; `AlreadyThere` for a prefix that is taken."""
    if not _ADD.into(tx, columns(key)):
        raise AlreadyThere("API key", key.prefix)


def find(tx: Transaction, prefix: str) -> ApiKey | None:
    """The key of that prefix."""
    return _BY_PREFIX.first(tx, {"wanted": prefix})


def every(tx: Transaction) -> tuple[ApiKey, ...]:
    """All keys, in the order they were made."""
    rows = tx.execute(all_of(table.api_key).order_by(_KEY.id))
    return tuple(value(ApiKey, row) for row in rows)


def revoke(tx: Transaction, prefix: str, *, now: datetime) -> bool:
    """Revoke a key; False if it was revoked before. `NotThere`."""
    this = update(table.api_key).where(_KEY.prefix == prefix, _KEY.revoked_at.is_(None))
    if tx.execute(this.values(revoked_at=now)).rowcount:
        return True
    if find(tx, prefix) is None:
        raise NotThere("API key", prefix)
    return False
