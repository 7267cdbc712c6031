"""How many there are of what: numbers for whoever watches a portal, over all accounts and without a name in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.word import CertificateStatus
from anchorwatch.licensing.account import DeviceState


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCount:
    """The counters of one pool, and the text of its tag."""

    account_id: UUID
    virtual_account_id: UUID
    tag: str
    purchased: int
    in_use: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Everything at one moment. `failures` are incidents by the class as devices wrote it."""

    devices: dict[DeviceState, int]
    failures: dict[str, int]
    pools: tuple[PoolCount, ...]
    all_pools: int
    ending: int
    """Active ID certificates of live devices that end before the moment that was asked for."""


def counted(tx: Transaction, *, before: datetime, pools: int) -> Counts:
    """Count; of the pools, the first `pools` by their age."""
    device, pool, tag = table.device.c, table.pool.c, table.entitlement_tag.c
    incident, certificate = table.incident.c, table.id_certificate.c
    states = {
        DeviceState(state): int(number)
        for state, number in tx.execute(select(device.state, func.count()).group_by(device.state))
    }
    failures = {
        str(failure): int(number)
        for failure, number in tx.execute(
            select(incident.failure, func.sum(incident.count)).group_by(incident.failure)
        )
    }
    rows = tx.execute(
        select(pool.account_id, pool.virtual_account_id, tag.tag, pool.purchased, pool.in_use)
        .where(pool.tag_id == tag.id)
        .order_by(pool.id)
        .limit(pools)
    )
    ending = select(func.count()).where(
        certificate.status == CertificateStatus.ACTIVE,
        certificate.not_after <= before,
        certificate.device_id == device.id,
        device.live,
    )
    return Counts(
        devices=states,
        failures=failures,
        pools=tuple(
            PoolCount(
                account_id=row[0], virtual_account_id=row[1], tag=row[2], purchased=row[3], in_use=row[4]
            )
            for row in rows
        ),
        all_pools=int(tx.execute(select(func.count()).select_from(table.pool)).scalar_one()),
        ending=int(tx.execute(ending).scalar_one()),
    )
