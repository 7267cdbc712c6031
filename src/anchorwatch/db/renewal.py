"""What a signed request, and a renewal above all, reads of its device's surroundings: three questions for eight.

Asked within the transaction that has the device locked. Of pools they tell how full they were when they were read:
that may refuse, and never grants.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import and_, any_, bindparam, cast, column, func, null, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from anchorwatch.db import table
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.column import TextList
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device, DeviceEntitlement
from anchorwatch.db.error import NotThere
from anchorwatch.db.grant import Grant
from anchorwatch.db.pool import Pool
from anchorwatch.db.row import built, labelled
from anchorwatch.db.statement import Statement
from anchorwatch.db.tag import EntitlementTag


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whose a device is, for people and for policy, its newest grant, and the certificate asked for, as it is now."""

    certificate: IdCertificate | None
    account: str
    policy: Mapping[str, Any]
    virtual_account: str
    last: Grant | None


@dataclass(frozen=True, slots=True)
class Mine:
    """What a device has: seats by pool, and what it asked for and was given of each tag."""

    seats: Mapping[UUID, int]
    entitlements: tuple[DeviceEntitlement, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A tag, and its pool in a virtual account; None where nothing was ever bought or used there."""

    tag: EntitlementTag
    pool: Pool | None


_DEVICE, _ACCOUNT, _VIRTUAL = table.device.c, table.smart_account.c, table.virtual_account.c
_GRANT, _TAG, _POOL = table.license_grant.c, table.entitlement_tag.c, table.pool.c
_CERTIFICATE, _HOLDING, _ENTITLED = table.id_certificate.c, table.holding.c, table.device_entitlement.c
_STANDING = Statement(
    select(
        _ACCOUNT.name,
        _ACCOUNT.policy,
        _VIRTUAL.name.label("virtual_name"),
        *labelled(table.license_grant),
        *labelled(table.id_certificate),
    )
    .select_from(table.device)
    .join(table.smart_account, _ACCOUNT.id == _DEVICE.account_id)
    .join(table.virtual_account, _VIRTUAL.id == _DEVICE.virtual_account_id)
    .outerjoin(table.license_grant, and_(_GRANT.device_id == _DEVICE.id, _GRANT.seq == _DEVICE.grant_seq))
    .outerjoin(
        table.id_certificate,
        and_(_CERTIFICATE.device_id == _DEVICE.id, _CERTIFICATE.sha256 == bindparam("wanted")),
    )
    .where(_DEVICE.id == bindparam("device"))
)
_MINE = Statement(
    union_all(
        select(
            _HOLDING.pool_id,
            _HOLDING.seats,
            cast(null(), _HOLDING.seats.type).label("granted"),
            cast(null(), _ENTITLED.status.type).label("status"),
            cast(null(), _ENTITLED.since.type).label("since"),
        ).where(_HOLDING.device_id == bindparam("device")),
        select(
            _ENTITLED.tag_id, _ENTITLED.requested, _ENTITLED.granted, _ENTITLED.status, _ENTITLED.since
        ).where(_ENTITLED.device_id == bindparam("device")),
    )
)
_BESIDE = (
    select(*labelled(table.entitlement_tag), *labelled(table.pool))
    .select_from(table.entitlement_tag)
    .outerjoin(table.pool, and_(_POOL.tag_id == _TAG.id, _POOL.virtual_account_id == bindparam("virtual")))
    .where(_TAG.account_id == bindparam("account"))
)
_PLACES = Statement(
    {
        "sqlite": _BESIDE.where(
            _TAG.tag.in_(
                select(column("value", String)).select_from(func.json_each(bindparam("tags", type_=TextList)))
            )
        ),
        "postgresql": _BESIDE.where(_TAG.tag == any_(bindparam("tags", type_=ARRAY(String)))),
    }
)


def standing(tx: Transaction, found: Device, sha256: str) -> Standing:
    """Of a locked device; the certificate is the one of that hash, None where it is not this device's. `NotThere`."""
    row = _STANDING.first(tx, {"device": found.id, "wanted": sha256})
    if row is None:
        raise NotThere("device", found.id)
    second = 3 + len(table.license_grant.columns)
    return Standing(
        certificate=None if row[second] is None else built(IdCertificate, row[second:]),
        account=row[0],
        policy=row[1],
        virtual_account=row[2],
        last=None if row[3] is None else built(Grant, row[3:second]),
    )


def mine(tx: Transaction, found: Device) -> Mine:
    """Of a locked device."""
    seats: dict[UUID, int] = {}
    entitlements = []
    for name, first, granted, status, since in _MINE.all(tx, {"device": found.id}):
        if status is None:
            seats[name] = first
            continue
        entitlements.append(
            DeviceEntitlement(
                device_id=found.id,
                tag_id=name,
                account_id=found.account_id,
                requested=first,
                granted=granted,
                status=status,
                since=since,
            )
        )
    return Mine(seats, tuple(entitlements))


def places(tx: Transaction, found: Device, tags: Collection[str]) -> dict[str, Place]:
    """Those of these tags that its account has, by their text."""
    if not tags:
        return {}
    values = {"account": found.account_id, "virtual": found.virtual_account_id, "tags": list(tags)}
    width = len(table.entitlement_tag.columns)
    return {
        tag.tag: Place(tag, None if row[width] is None else built(Pool, row[width:]))
        for row in _PLACES.all(tx, values)
        for tag in (built(EntitlementTag, row[:width]),)
    }
