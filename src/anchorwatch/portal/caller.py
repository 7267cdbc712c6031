"""Who sent a signed request: the certificate its `keyid` names, and whether the signature is that one's.

The signature is checked before the database is written to, and the nonce is remembered in the transaction that does
the work: so a stranger costs one read, and a request seen twice does nothing the second time.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from anchorwatch.db import certificate, nonce
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Transaction
from anchorwatch.db.word import CertificateStatus
from anchorwatch.licensing import signature
from anchorwatch.licensing.claim import Revocation, Revoked
from anchorwatch.licensing.deadline import CREATED_WINDOW
from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import VerifyingKey, verifying_key
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.wire import from_base64url
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Refused, Reply, Request, refusal

_KEYID = re.compile(r';keyid="([A-Za-z0-9_-]{43})"', re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9._~-]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A device that proved to hold the key of this certificate. `nonce` is None where TLS proved it."""

    certificate: IdCertificate
    keyid: str
    nonce: str | None
    created: datetime
    key: str | None
    """The idempotency key, None with GET and where TLS proved the device."""


def idempotency_key(request: Request) -> str | None:
    """The key of a request that changes something, None with GET. Raises `Refused`."""
    if request.method == "GET":
        return None
    key = request.fields.get("idempotency-key")
    if not key:
        raise Refused(refusal(Type.KEY_MISSING))
    if not _KEY.fullmatch(key):
        raise Refused(refusal(Type.KEY_MISSING, "an idempotency key has 8 to 64 letters, digits and dashes"))
    return key


def identified(portal: Portal, request: Request) -> Caller:
    """The caller of a signed request. Raises `Refused`; nothing is written."""
    now = portal.clock.now()
    try:
        presented = signature.read(request.fields)
        key = idempotency_key(request)
        found, public = _known(portal, presented.keyid)
        signature.verify(_signed_part(portal, request, key), presented, public, now)
    except SignatureRefusedError as error:
        kind = Type(error.problem)
        if kind is Type.CREATED_OUT_OF_WINDOW:
            signed = portal.time(presented.nonce)
            raise Refused(refusal(kind, str(error), signed=signed, nonce=presented.nonce)) from None
        raise Refused(refusal(kind, str(error))) from None
    return accepted(
        portal,
        Caller(
            certificate=found,
            keyid=presented.keyid,
            nonce=presented.nonce,
            created=presented.created,
            key=key,
        ),
        now,
    )


def known(portal: Portal, request: Request) -> bool:
    """Whether `identified` needs no database for this request: its device called before."""
    named = claimed(request.fields)
    return named is not None and named in portal.callers


def claimed(fields: Mapping[str, str]) -> str | None:
    """The `keyid` that a request names, None where it names none. Nothing is proven by it."""
    match = _KEYID.search(fields.get("signature-input", "")[: signature.MAX_FIELD])
    return match[1] if match else None


def accepted(portal: Portal, caller: Caller, now: datetime) -> Caller:
    """A proven caller whose certificate still serves. Raises `Refused`, signed where it takes a right away."""
    found = caller.certificate
    if found.status is CertificateStatus.REVOKED:
        raise Refused(revoked(portal, caller, now))
    if found.retired_at is not None:
        raise Refused(refusal(Type.IDENTITY_SUPERSEDED))
    if not found.not_before <= now < found.not_after:
        raise Refused(
            refusal(Type.IDENTITY_UNKNOWN, "the ID certificate has ended; the device registers again")
        )
    return caller


def revoked(portal: Portal, caller: Caller, now: datetime) -> Reply:
    """The refusal of a revoked identity: signed, and for this request only."""
    if caller.key is None:
        return refusal(Type.IDENTITY_REVOKED)
    told = Revocation(
        iss=portal.name,
        sub=caller.keyid,
        what=Revoked.IDENTITY,
        problem=Type.IDENTITY_REVOKED,
        req=caller.key,
        iat=now.replace(microsecond=0),
    )
    return refusal(Type.IDENTITY_REVOKED, signed=portal.sign(Kind.REVOKE, told))


def seen_before(tx: Transaction, caller: Caller) -> bool:
    """Whether this nonce was used; it is from now on."""
    if caller.nonce is None:
        return False
    expires = caller.created + CREATED_WINDOW * 2
    return not nonce.remember(tx, caller.keyid, caller.nonce, expires_at=expires)


def by_tls(portal: Portal, request: Request) -> Caller | None:
    """The caller whose certificate TLS proved, None without one. Raises `Refused` for one that is not ours."""
    der = request.client_certificate
    if der is None:
        return None
    now = portal.clock.now()
    found = portal.database.read(lambda tx: certificate.find(tx, hashlib.sha256(der).hexdigest()))
    if found is None:
        raise Refused(refusal(Type.IDENTITY_UNKNOWN))
    caller = Caller(certificate=found, keyid=signature.keyid(der), nonce=None, created=now, key=None)
    return accepted(portal, caller, now)


def _known(portal: Portal, keyid: str) -> tuple[IdCertificate, VerifyingKey]:
    # A hash names one certificate of one device for ever. Whether it still serves is read in the transaction.
    kept = portal.callers.get(keyid)
    if kept is not None:
        return kept
    try:
        sha256 = from_base64url(keyid).hex()
    except (ValueError, binascii.Error):
        raise SignatureRefusedError("the keyid is not a hash") from None

    def look(tx: Transaction) -> tuple[IdCertificate, bytes] | None:
        found = certificate.find(tx, sha256)
        return None if found is None else (found, certificate.der(tx, sha256))

    read = portal.database.read(look)
    if read is None:
        raise Refused(refusal(Type.IDENTITY_UNKNOWN))
    found, der = read
    public = verifying_key(_spki(der))
    if found.serves:
        portal.callers.keep(keyid, (found, public))
    return found, public


def _spki(der: bytes) -> bytes:
    public = x509.load_der_x509_certificate(der).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _signed_part(portal: Portal, request: Request, key: str | None) -> signature.Request:
    query = f"?{request.query}" if request.query else ""
    body = request.body if request.method in ("PUT", "POST", "PATCH") else None
    if body is None and request.body:
        raise SignatureRefusedError("this request has no body to sign")
    return signature.Request(
        method=request.method,
        # Not from the request's Host, which anyone on the path may write: a signature for another portal is none here.
        target_uri=f"https://{portal.name}{request.path}{query}",
        body=body,
        content_type=request.fields.get("content-type"),
        idempotency_key=key,
    )
