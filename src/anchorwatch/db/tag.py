"""Entitlement tags: what can be licensed."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.row import Find, Insert, all_of, columns, value
from anchorwatch.licensing.claim import OnExpiry
from anchorwatch.licensing.seat import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementTag:
    """One thing to license, named by a URI-like tag. Within a family a higher rank may serve a lower one."""

    id: UUID
    account_id: UUID
    tag: str
    name: str
    unit: str = "device"
    family: str = ""
    rank: int = 0
    restricted: bool = False
    mode: Mode = Mode.LIMIT
    on_expiry: OnExpiry = OnExpiry.CONTINUE


_ADD = Insert(table.entitlement_tag, "account_id", "tag")
_OF_ACCOUNT = Find(
    EntitlementTag,
    all_of(table.entitlement_tag)
    .where(table.entitlement_tag.c.account_id == bindparam("account"))
    .order_by(table.entitlement_tag.c.tag),
)


def add(tx: Transaction, tag: EntitlementTag) -> None:
    """Store a tag; `AlreadyThere` if the account has it."""
    if not _ADD.into(tx, columns(tag)):
        raise AlreadyThere("entitlement tag", tag.tag)


def of_account(tx: Transaction, account_id: UUID) -> tuple[EntitlementTag, ...]:
    """All tags of an account, in their order."""
    return _OF_ACCOUNT.all(tx, {"account": account_id})


def get(tx: Transaction, account_id: UUID, tag: str) -> EntitlementTag:
    """One tag by its text; `NotThere`."""
    tags = table.entitlement_tag
    row = tx.execute(all_of(tags).where(tags.c.account_id == account_id, tags.c.tag == tag)).first()
    if row is None:
        raise NotThere("entitlement tag", tag)
    return value(EntitlementTag, row)


def save(tx: Transaction, tag: EntitlementTag) -> None:
    """Replace what is said of a tag, in its pools too.

    `ConstraintBroken` (`ck_pool_hard`) if it becomes `hard` while one of its pools gives away more than it has.
    """
    tags = table.entitlement_tag
    row = columns(tag)
    del row["id"], row["account_id"], row["tag"]
    found = tx.execute(
        update(tags).where(tags.c.account_id == tag.account_id, tags.c.id == tag.id).values(row)
    )
    if not found.rowcount:
        raise NotThere("entitlement tag", tag.tag)
