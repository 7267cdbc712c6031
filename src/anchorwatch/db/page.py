"""Rows of an account a page at a time: by their key, from behind the last one seen.

Keys rise with time or never change, so a row that comes while somebody turns pages neither repeats another nor hides
it. What may be asked for is the equality of a few columns of each kind; a question's words become values of the
column's own type before the database sees them, and never a part of a statement.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, Enum, Integer, Table, Uuid, literal, tuple_

from anchorwatch.db import table
from anchorwatch.db.account import SmartAccount, VirtualAccount
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.error import DatabaseError, NotThere
from anchorwatch.db.grant import Grant
from anchorwatch.db.incident import Incident
from anchorwatch.db.ledger import LedgerEntry
from anchorwatch.db.lot import Lot
from anchorwatch.db.pool import Pool
from anchorwatch.db.row import all_of, value
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.db.token import IdToken
from anchorwatch.db.trust import TrustBundle

T = TypeVar("T")
_LONGEST = 400


class NoSuchQuestion(DatabaseError, ValueError):
    """A filter or a place in a listing that makes no sense; the sentence says which."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """The rows of one kind. `filters` are the columns one may ask by; `fence` holds the account, where rows have one."""

    noun: str
    kind: type[T]
    table: Table
    key: tuple[str, ...] = ("id",)
    filters: tuple[str, ...] = ()
    fence: str | None = "account_id"


ACCOUNTS = Listing("account", SmartAccount, table.smart_account, filters=("domain", "name"), fence="id")
VIRTUAL_ACCOUNTS = Listing(
    "virtual account", VirtualAccount, table.virtual_account, filters=("name", "is_default")
)
TAGS = Listing(
    "entitlement tag",
    EntitlementTag,
    table.entitlement_tag,
    filters=("tag", "mode", "family", "restricted", "on_expiry"),
)
TOKENS = Listing("ID token", IdToken, table.id_token, filters=("virtual_account_id", "prefix", "mode"))
LOTS = Listing("lot", Lot, table.lot, filters=("virtual_account_id", "tag_id", "kind", "parent_id", "source"))
POOLS = Listing("pool", Pool, table.pool, filters=("virtual_account_id", "tag_id", "mode"))
LEDGER = Listing(
    "ledger entry",
    LedgerEntry,
    table.ledger_entry,
    filters=("pool_id", "device_id", "lot_id", "kind", "counter", "request_id"),
)
DEVICES = Listing(
    "device",
    Device,
    table.device,
    filters=("virtual_account_id", "state", "live", "pid", "sn", "uuid", "ha_group", "last_failure"),
)
CERTIFICATES = Listing(
    "ID certificate",
    IdCertificate,
    table.id_certificate,
    filters=("device_id", "status", "sha256", "serial", "spki_sha256", "token_id"),
)
GRANTS = Listing("grant", Grant, table.license_grant, key=("device_id", "seq"), filters=("device_id", "jti"))
INCIDENTS = Listing(
    "incident",
    Incident,
    table.incident,
    key=("device_id", "id"),
    filters=("device_id", "failure", "repaired_by"),
)
BUNDLES = Listing("trust bundle", TrustBundle, table.trust_bundle, key=("seq",), fence=None)


def page(
    tx: Transaction,
    listing: Listing[T],
    account_id: UUID | None,
    *,
    equal: Mapping[str, str],
    after: tuple[str, ...] = (),
    limit: int,
) -> tuple[T, ...]:
    """At most `limit` rows of an account whose columns are `equal` to these words, from behind the row `after`.

    No account: the rows of all, for the portal's own keys. `NoSuchQuestion` for words that are none of a column.
    """
    columns = listing.table.c
    query = all_of(listing.table)
    if listing.fence is not None and account_id is not None:
        query = query.where(columns[listing.fence] == account_id)
    for name, word in equal.items():
        if name not in listing.filters:
            raise NoSuchQuestion(f"a {listing.noun} cannot be asked for by {name[:40]!a}")
        query = query.where(columns[name] == _value(columns[name], word))
    keys = [columns[name] for name in listing.key]
    if after:
        if len(after) != len(keys):
            raise NoSuchQuestion(f"this is no place in a list of {listing.noun}s")
        query = query.where(_behind(keys, [_value(*pair) for pair in zip(keys, after, strict=True)]))
    return tuple(value(listing.kind, row) for row in tx.execute(query.order_by(*keys).limit(limit)))


def place(listing: Listing[T], row: T) -> tuple[str, ...]:
    """Where a row stands in its listing, as `page` takes it for `after`."""
    return tuple(str(getattr(row, name)) for name in listing.key)


def one(tx: Transaction, listing: Listing[T], account_id: UUID | None, *key: object, lock: bool = False) -> T:
    """The row of that key in this account; locked, nobody else changes it until this transaction ends. `NotThere`."""
    columns = listing.table.c
    query = all_of(listing.table).where(
        *(columns[name] == each for name, each in zip(listing.key, key, strict=True))
    )
    if listing.fence is not None and account_id is not None:
        query = query.where(columns[listing.fence] == account_id)
    row = tx.execute(query.with_for_update(key_share=True) if lock else query).first()
    if row is None:
        raise NotThere(listing.noun, " ".join(map(str, key)))
    return value(listing.kind, row)


def _behind(keys: list[Column[Any]], values: list[Any]) -> ColumnElement[bool]:
    return tuple_(*keys) > tuple_(*(literal(each, key.type) for key, each in zip(keys, values, strict=True)))


def _value(column: Column[Any], word: str) -> Any:  # of the column's own type
    """A word as a value of a column."""
    read: Callable[[str], Any]
    match column.type:
        case Uuid():
            read = UUID
        case Boolean():
            read = {"true": True, "false": False}.__getitem__
        case Enum() as kind if kind.enum_class is not None:
            read = kind.enum_class
        case BigInteger() | Integer():
            read = _whole
        case _:
            read = _text
    try:
        return read(word)
    except (ValueError, KeyError):
        raise NoSuchQuestion(f"{word[:40]!a} is no {column.name}") from None


def _whole(word: str) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 18:
        raise ValueError(word)
    return int(word)


def _text(word: str) -> str:
    if len(word) > _LONGEST or any(unicodedata.category(each) in ("Cc", "Cs") for each in word):
        raise ValueError(word)
    return word
