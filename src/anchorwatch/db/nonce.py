"""Nonces of signed requests, kept while the request could be sent a second time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.row import Insert

_REMEMBER = Insert(table.nonce, "keyid", "nonce")


def remember(tx: Transaction, keyid: str, nonce: str, *, expires_at: datetime) -> bool:
    """Whether this key uses the nonce for the first time. `expires_at`: when `created` alone would refuse it."""
    return _REMEMBER.into(tx, {"keyid": keyid, "nonce": nonce, "expires_at": expires_at})


def forget(tx: Transaction, *, now: datetime) -> int:
    """Remove those that expired before `now`; how many."""
    return int(tx.execute(delete(table.nonce).where(table.nonce.c.expires_at < now)).rowcount)
