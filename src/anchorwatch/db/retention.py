"""What is kept only for a while, and its removal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from anchorwatch.db import grant, idempotency, nonce
from anchorwatch.db.database import Database

GRANTS_KEPT = timedelta(days=400)
"""After their grace ended: a year's incident can still be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many of each were removed."""

    requests: int
    nonces: int
    grants: int


def remove_old(
    database: Database,
    *,
    now: datetime,
    requests_kept: timedelta = idempotency.KEPT,
    grants_kept: timedelta = GRANTS_KEPT,
) -> Removed:
    """Remove answered requests, nonces and grants that nobody can ask for any more; a transaction for each kind."""
    return Removed(
        requests=database.write(lambda tx: idempotency.forget(tx, now=now, kept=requests_kept)),
        nonces=database.write(lambda tx: nonce.forget(tx, now=now)),
        grants=database.write(lambda tx: grant.forget_before(tx, now - grants_kept)),
    )
