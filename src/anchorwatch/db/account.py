"""Smart accounts, and the virtual accounts inside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, select, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.row import Find, Insert, all_of, columns, value

DEFAULT = "Default"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartAccount:
    """The boundary of a tenant. `policy` is JSON whose members the portal knows."""

    id: UUID
    domain: str
    name: str
    policy: Mapping[str, Any] = field(default_factory=dict)
    export_policy: str = "refuse"
    signing_set: str = "default"
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualAccount:
    """A part of a smart account, with pools of its own."""

    id: UUID
    account_id: UUID
    name: str
    is_default: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime


_ADD = Insert(table.smart_account, "domain")
_ADD_VIRTUAL = Insert(table.virtual_account, "account_id", "name")
_GET = Find(SmartAccount, all_of(table.smart_account).where(table.smart_account.c.id == bindparam("account")))
_GET_VIRTUAL = Find(
    VirtualAccount,
    all_of(table.virtual_account).where(
        table.virtual_account.c.account_id == bindparam("account"),
        table.virtual_account.c.id == bindparam("virtual"),
    ),
)


def add(tx: Transaction, account: SmartAccount, *, default: str = DEFAULT) -> VirtualAccount:
    """Store a smart account and give its default virtual account. `AlreadyThere` if the domain has one."""
    if not _ADD.into(tx, columns(account)):
        raise AlreadyThere("smart account", account.domain)
    first = VirtualAccount(
        id=new_id(account.created_at),
        account_id=account.id,
        name=default,
        is_default=True,
        created_at=account.created_at,
    )
    add_virtual(tx, first)
    return first


def add_virtual(tx: Transaction, virtual: VirtualAccount) -> None:
    """Store a virtual account. `AlreadyThere` if the account has one of that name."""
    if not _ADD_VIRTUAL.into(tx, columns(virtual)):
        raise AlreadyThere("virtual account", virtual.name)


def get(tx: Transaction, account_id: UUID) -> SmartAccount:
    """A smart account by its id; `NotThere`."""
    found = _GET.first(tx, {"account": account_id})
    if found is None:
        raise NotThere("smart account", account_id)
    return found


def every(tx: Transaction) -> tuple[SmartAccount, ...]:
    """All smart accounts, by domain."""
    rows = tx.execute(all_of(table.smart_account).order_by(table.smart_account.c.domain))
    return tuple(value(SmartAccount, row) for row in rows)


def update_policy(tx: Transaction, account_id: UUID, policy: Mapping[str, Any]) -> None:
    """Replace the policy of a smart account."""
    accounts = table.smart_account
    found = tx.execute(update(accounts).where(accounts.c.id == account_id).values(policy=dict(policy)))
    if not found.rowcount:
        raise NotThere("smart account", account_id)


def get_virtual(tx: Transaction, account_id: UUID, virtual_account_id: UUID) -> VirtualAccount:
    """A virtual account of this smart account; `NotThere`."""
    found = _GET_VIRTUAL.first(tx, {"account": account_id, "virtual": virtual_account_id})
    if found is None:
        raise NotThere("virtual account", virtual_account_id)
    return found


def virtual_accounts(tx: Transaction, account_id: UUID) -> tuple[VirtualAccount, ...]:
    """The virtual accounts of a smart account, the default one first, then by name."""
    parts = table.virtual_account
    query = (
        all_of(parts)
        .where(parts.c.account_id == account_id)
        .order_by(parts.c.is_default.desc(), parts.c.name)
    )
    return tuple(value(VirtualAccount, row) for row in tx.execute(query))


def save_virtual(tx: Transaction, virtual: VirtualAccount) -> None:
    """Replace the name and the tags of a virtual account. `NotThere`, or `ConstraintBroken` for a name that is taken."""
    parts = table.virtual_account
    this = update(parts).where(parts.c.account_id == virtual.account_id, parts.c.id == virtual.id)
    if not tx.execute(this.values(name=virtual.name, tags=dict(virtual.tags))).rowcount:
        raise NotThere("virtual account", virtual.id)


def remove_virtual(tx: Transaction, account_id: UUID, virtual_account_id: UUID) -> bool:
    """Remove a virtual account that is empty and not the default one; whether it was."""
    parts = table.virtual_account
    get_virtual(tx, account_id, virtual_account_id)
    holds = [
        exists(select(each.c.id).where(each.c.virtual_account_id == virtual_account_id))
        for each in (table.device, table.lot, table.id_token, table.pool)
    ]
    gone = delete(parts).where(
        parts.c.account_id == account_id,
        parts.c.id == virtual_account_id,
        parts.c.is_default.is_(False),
        *(~each for each in holds),
    )
    return bool(tx.execute(gone).rowcount)
