"""Trust bundles as they were published, for ever, and what devices said about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select

from anchorwatch.db import certificate, table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.row import Insert, Upsert, all_of, columns, value
from anchorwatch.licensing.claim import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBundle:
    """A published bundle: the signed text, the same as signed PKCS#7, and the claims of the text as JSON."""

    seq: int
    jws: str
    p7b: bytes
    claims: Mapping[str, Any]
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAck:
    """What a device said of a bundle: how its canary connection ended, and which anchors it lacks (SHA-256)."""

    device_id: UUID
    seq: int
    account_id: UUID
    canary: str
    missing: tuple[str, ...] = ()
    at: datetime


class Heard(StrEnum):
    """How far a device is with a root: it holds it, it holds an older bundle, or it holds it and does not believe it."""

    READY = "ready"
    BEHIND = "behind"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class HeardBy:
    """How far one device is."""

    device_id: UUID
    state: Heard


_BUNDLE, _ANCHOR, _ACK = table.trust_bundle.c, table.trust_bundle_anchor.c, table.trust_ack.c
_PUBLISH = Insert(table.trust_bundle, "seq")
_LAST = all_of(table.trust_bundle).order_by(_BUNDLE.seq.desc()).limit(1)
_SAVE_ACK = Upsert(table.trust_ack, ("device_id", "seq"), ("canary", "missing", "at"))


def publish(tx: Transaction, bundle: TrustBundle, anchors: Mapping[Role, Collection[bytes]]) -> bool:
    """Store the next bundle with its anchors (DER); False if its number is not above every one before it."""
    highest = tx.execute(select(func.max(_BUNDLE.seq))).scalar()
    if (highest is not None and bundle.seq <= highest) or not _PUBLISH.into(tx, columns(bundle)):
        return False
    rows = [
        {"seq": bundle.seq, "role": role, "sha256": sha256}
        for role, ders in anchors.items()
        for sha256 in sorted({certificate.store(tx, der) for der in ders})
    ]
    if rows:
        tx.execute(table.trust_bundle_anchor.insert(), rows)
    return True


def last(tx: Transaction) -> TrustBundle | None:
    """The bundle in force; None before the first."""
    row = tx.execute(_LAST).first()
    return None if row is None else value(TrustBundle, row)


def get(tx: Transaction, seq: int) -> TrustBundle:
    """A bundle by its number; `NotThere`."""
    row = tx.execute(all_of(table.trust_bundle).where(_BUNDLE.seq == seq)).first()
    if row is None:
        raise NotThere("trust bundle", seq)
    return value(TrustBundle, row)


def anchors(tx: Transaction, seq: int, role: Role) -> tuple[bytes, ...]:
    """The anchors of a bundle in one role, DER, by hash."""
    stored = table.certificate.c
    query = select(stored.der).where(
        _ANCHOR.sha256 == stored.sha256, _ANCHOR.seq == seq, _ANCHOR.role == role
    )
    return tuple(bytes(der) for der in tx.execute(query.order_by(stored.sha256)).scalars())


def acknowledge(tx: Transaction, ack: TrustAck) -> None:
    """Keep what a device says of a bundle, in place of what it said of it before."""
    _SAVE_ACK.into(tx, [{**columns(ack), "missing": list(ack.missing)}])


def acknowledgements(tx: Transaction, account_id: UUID, seq: int) -> tuple[TrustAck, ...]:
    """What the devices of an account said of a bundle."""
    query = all_of(table.trust_ack).where(_ACK.account_id == account_id, _ACK.seq == seq)
    rows = tx.execute(query.order_by(_ACK.device_id)).mappings()
    return tuple(TrustAck(**{**row, "missing": tuple(row["missing"])}) for row in rows)


def first_with(tx: Transaction, role: Role, sha256: str) -> int | None:
    """The bundle since which an anchor was in every one, also in the last; None where the last has it not."""
    last_seq = tx.execute(select(func.max(_BUNDLE.seq))).scalar()
    same = (_ANCHOR.role == role, _ANCHOR.sha256 == sha256)
    having: set[int] = set(tx.execute(select(_ANCHOR.seq).where(*same)).scalars())
    if last_seq is None or last_seq not in having:
        return None
    lacking = select(func.max(_BUNDLE.seq)).where(_BUNDLE.seq.not_in(select(_ANCHOR.seq).where(*same)))
    last_without = tx.execute(lacking).scalar() or 0
    return min(seq for seq in having if seq > last_without)


def heard(tx: Transaction, seq: int, sha256: str, account_id: UUID | None) -> tuple[HeardBy, ...]:
    """How far each live device of an account (None: of all) is with an anchor that came with bundle `seq`."""
    devices = table.device.c
    said = and_(_ACK.device_id == devices.id, _ACK.seq == devices.trust_seq)
    query = (
        select(devices.id, devices.trust_seq, _ACK.missing)
        .select_from(table.device.outerjoin(table.trust_ack, said))
        .where(devices.live)
    )
    if account_id is not None:
        query = query.where(devices.account_id == account_id)
    return tuple(
        HeardBy(
            which,
            Heard.BEHIND if held < seq else Heard.MISSING if sha256 in (missing or ()) else Heard.READY,
        )
        for which, held, missing in tx.execute(query.order_by(devices.id))
    )
