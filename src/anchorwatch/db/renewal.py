"""What a renewal reads of its device's surroundings, in two questions instead of six.

Asked within the transaction that has the device locked. Of pools they tell how full they were when they were read:
that may refuse, and never grants.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from anchorwatch.db import table
from anchorwatch.db.column import TextList
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.error import NotThere
from anchorwatch.db.grant import Grant
from anchorwatch.db.pool import Pool
from anchorwatch.db.row import built, labelled
from anchorwatch.db.statement import Statement
from anchorwatch.db.tag import EntitlementTag


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whose a device is, for people and for policy, and its newest grant."""

    account: str
    policy: Mapping[str, Any]
    virtual_account: str
    last: Grant | None


@dataclass(frozen=True, slots=True)
class Place:
    """A tag, and its pool in a virtual account; None where nothing was ever bought or used there."""

    tag: EntitlementTag
    pool: Pool | None


_DEVICE, _ACCOUNT, _VIRTUAL = table.device.c, table.smart_account.c, table.virtual_account.c
_GRANT, _TAG, _POOL = table.license_grant.c, table.entitlement_tag.c, table.pool.c
_STANDING = Statement(
    select(
        _ACCOUNT.name, _ACCOUNT.policy, _VIRTUAL.name.label("virtual_name"), *labelled(table.license_grant)
    )
    .select_from(table.device)
    .join(table.smart_account, _ACCOUNT.id == _DEVICE.account_id)
    .join(table.virtual_account, _VIRTUAL.id == _DEVICE.virtual_account_id)
    .outerjoin(table.license_grant, and_(_GRANT.device_id == _DEVICE.id, _GRANT.seq == _DEVICE.grant_seq))
    .where(_DEVICE.id == bindparam("device"))
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


def standing(tx: Transaction, found: Device) -> Standing:
    """Of a locked device. `NotThere` where it is none."""
    row = _STANDING.first(tx, {"device": found.id})
    if row is None:
        raise NotThere("device", found.id)
    last = None if row[3] is None else built(Grant, row[3:])
    return Standing(account=row[0], policy=row[1], virtual_account=row[2], last=last)


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
