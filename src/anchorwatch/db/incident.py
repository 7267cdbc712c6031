"""Incidents: failed attempts that devices stored while they could not reach the portal, and told of later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.row import Upsert, all_of, columns, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A run of failures of one class. `id` is the device's own name for it, `evidence` JSON as the device sent it."""

    device_id: UUID
    id: UUID
    account_id: UUID
    failure: str
    evidence: Mapping[str, Any]
    first_at: datetime
    last_at: datetime
    count: int
    repaired_by: str = ""


_INCIDENT = table.incident.c
_SAVE = Upsert(table.incident, ("device_id", "id"), ("evidence", "last_at", "count", "repaired_by"))


def save(tx: Transaction, incident: Incident) -> None:
    """Keep an incident; told again it is brought up to date, not counted twice."""
    _SAVE.into(tx, [columns(incident)])


def of_account(
    tx: Transaction, account_id: UUID, *, device_id: UUID | None = None, limit: int = 100
) -> tuple[Incident, ...]:
    """The incidents of an account or of one device, the latest first."""
    query = all_of(table.incident).where(_INCIDENT.account_id == account_id)
    if device_id is not None:
        query = query.where(_INCIDENT.device_id == device_id)
    rows = tx.execute(query.order_by(_INCIDENT.last_at.desc(), _INCIDENT.id).limit(limit))
    return tuple(value(Incident, row) for row in rows)
