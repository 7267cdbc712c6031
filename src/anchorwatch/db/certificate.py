"""Certificates, each stored once by its hash, and the ID certificates of devices.

A device's newest ID certificate is `active`, earlier ones `superseded`. A superseded one still serves until one that
came after it was used for the first time (`mark_used`): a device that lost the answer, or its power, between
obtaining a certificate and keeping it is not locked out. From then on the earlier ones are retired.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, update

from anchorwatch.db import table
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import AlreadyThere, NotThere
from anchorwatch.db.row import Find, Insert, all_of, columns
from anchorwatch.db.statement import Statement
from anchorwatch.db.word import CertificateStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class IdCertificate:
    """An ID certificate. `sha256` and `spki_sha256` are lower-case hex; `token_id` is the token it was made with."""

    id: UUID
    account_id: UUID
    device_id: UUID
    sha256: str
    serial: str
    spki_sha256: str
    not_before: datetime
    not_after: datetime
    status: CertificateStatus = CertificateStatus.ACTIVE
    predecessor_id: UUID | None = None
    token_id: UUID | None = None
    issued_at: datetime
    first_used_at: datetime | None = None
    retired_at: datetime | None = None

    @property
    def serves(self) -> bool:
        """Whether a request signed with it is its device's, as far as the database knows; dates are the caller's."""
        return self.status is not CertificateStatus.REVOKED and self.retired_at is None


_CERTIFICATE = table.id_certificate.c
_STORE = Insert(table.certificate, "sha256")
_ADD = Insert(table.id_certificate)
_BY_SHA256 = Find(
    IdCertificate, all_of(table.id_certificate).where(_CERTIFICATE.sha256 == bindparam("wanted"))
)
_OF_DEVICE = Find(
    IdCertificate,
    all_of(table.id_certificate)
    .where(_CERTIFICATE.device_id == bindparam("device"))
    .order_by(_CERTIFICATE.issued_at.desc(), _CERTIFICATE.id.desc()),
)
_OF_TOKEN = Find(
    IdCertificate,
    all_of(table.id_certificate).where(
        _CERTIFICATE.token_id == bindparam("token"), _CERTIFICATE.spki_sha256 == bindparam("spki")
    ),
)
_SUPERSEDE = Statement(
    update(table.id_certificate)
    .where(_CERTIFICATE.device_id == bindparam("device"), _CERTIFICATE.status == CertificateStatus.ACTIVE)
    .values(status=CertificateStatus.SUPERSEDED)
)
_USE = Statement(
    update(table.id_certificate)
    .where(_CERTIFICATE.id == bindparam("which"), _CERTIFICATE.first_used_at.is_(None))
    .values(first_used_at=bindparam("now", type_=_CERTIFICATE.first_used_at.type))
)


def store(tx: Transaction, der: bytes) -> str:
    """Keep a certificate, once; its SHA-256 in hex."""
    sha256 = hashlib.sha256(der).hexdigest()
    _STORE.into(tx, {"sha256": sha256, "der": der})
    return sha256


def der(tx: Transaction, sha256: str) -> bytes:
    """A stored certificate; `NotThere`."""
    found = tx.execute(select(table.certificate.c.der).where(table.certificate.c.sha256 == sha256)).scalar()
    if found is None:
        raise NotThere("certificate", sha256)
    return bytes(found)


def issue(tx: Transaction, certificate: IdCertificate, der: bytes) -> None:
    """Store a new ID certificate of a locked device; it becomes the active one, the one before superseded.

    The predecessor is filled in here. `AlreadyThere` if the same token has made one for the same key: give
    that one (`of_token`) instead.
    """
    if store(tx, der) != certificate.sha256:
        raise ValueError("the certificate is another than the one described")
    earlier = of_device(tx, certificate.device_id)
    followed = {each.predecessor_id for each in earlier}
    last = next((each.id for each in earlier if each.id not in followed), None)
    certificate = replace(certificate, predecessor_id=last)
    _SUPERSEDE.change(tx, {"device": certificate.device_id})
    if not _ADD.into(tx, columns(certificate)):
        raise AlreadyThere("ID certificate", certificate.sha256)


def find(tx: Transaction, sha256: str) -> IdCertificate | None:
    """The ID certificate of that hash, of whichever account: what a `keyid` names."""
    return _BY_SHA256.first(tx, {"wanted": sha256})


def of_device(tx: Transaction, device_id: UUID) -> tuple[IdCertificate, ...]:
    """All ID certificates a device ever had, the newest first."""
    return _OF_DEVICE.all(tx, {"device": device_id})


def of_token(tx: Transaction, token_id: UUID, spki_sha256: str) -> IdCertificate | None:
    """The certificate that this token made for this key: a repeated enrolment is given it again."""
    return _OF_TOKEN.first(tx, {"token": token_id, "spki": spki_sha256})


def mark_used(tx: Transaction, certificate: IdCertificate, *, now: datetime) -> bool:
    """Note the first use, which retires every earlier certificate of the device; False if it was noted before."""
    if not _USE.change(tx, {"which": certificate.id, "now": now}):
        return False
    by_id = {each.id: each for each in of_device(tx, certificate.device_id)}
    earlier: set[UUID] = set()
    each = certificate.predecessor_id
    while each is not None and each not in earlier:
        earlier.add(each)
        each = by_id[each].predecessor_id
    if earlier:
        retire = update(table.id_certificate).where(
            _CERTIFICATE.id.in_(earlier), _CERTIFICATE.retired_at.is_(None)
        )
        tx.execute(retire.values(retired_at=now))
    return True


def revoke(tx: Transaction, account_id: UUID, certificate_id: UUID) -> bool:
    """Take a certificate back; False if it was taken back before. `NotThere` in this account."""
    this = (_CERTIFICATE.account_id == account_id, _CERTIFICATE.id == certificate_id)
    change = update(table.id_certificate).where(*this, _CERTIFICATE.status != CertificateStatus.REVOKED)
    if tx.execute(change.values(status=CertificateStatus.REVOKED)).rowcount:
        return True
    if tx.execute(select(_CERTIFICATE.id).where(*this)).first() is None:
        raise NotThere("ID certificate", certificate_id)
    return False
