"""EST: how a device gets its ID certificate with a token (E3), renews it (E4), and what it may ask first (E1, E2).

A token proves itself without being sent (`SL-Token`), or, for plain EST clients and tokens made for them only, as the
password of HTTP Basic or a bearer token. Both are checked before the database is written to. The same key with the
same token gets the same certificate again, and the token is counted once.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hmac
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives import hashes

from anchorwatch.base.secret import Secret
from anchorwatch.db import certificate, device, nonce, token
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.identifier import new_id
from anchorwatch.db.token import IdToken
from anchorwatch.db.word import TokenMode
from anchorwatch.licensing import deadline, enrolment, jws, wire
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.claim import Revocation, Revoked
from anchorwatch.licensing.enrolment import Csr
from anchorwatch.licensing.error import (
    EventRefusedError,
    MalformedMessageError,
    SignatureRefusedError,
    TokenRefusedError,
)
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import verifying_key
from anchorwatch.licensing.message import PKCS7
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import authority, caller, csr_template, life
from anchorwatch.portal.caller import Caller
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Refused, Reply, Request, Task, refusal

UNKNOWN_PRODUCT = "unknown"
"""The product of a device that named only its serial number; D1 says it later."""
APPROVAL_WAIT = timedelta(minutes=10)
_CERTS_ONLY = f"{PKCS7}; smime-type=certs-only"
_NAMESPACE = "urn:sl:udi:"
_UDI = re.compile(
    r"urn:sl:udi:([A-Za-z0-9._/+-]{1,64}):([A-Za-z0-9._/+-]{1,64})(?::([0-9a-f-]{36}))?", re.ASCII
)
_SERIAL = re.compile(r"[A-Za-z0-9._/+-]{1,64}", re.ASCII)
_GONE = (DeviceState.REMOVED, DeviceState.REVOKED, DeviceState.ID_EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Presented:
    """A token that proved itself; `nonce` is None for one that was sent."""

    stored: IdToken
    nonce: str | None = None
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Udi:
    """Which device a request for a certificate speaks of."""

    pid: str
    sn: str
    uuid: str = ""

    @property
    def uri(self) -> str:
        return f"urn:sl:udi:{self.pid}:{self.sn}" + (f":{self.uuid}" if self.uuid else "")


def ca_certificates(portal: Portal) -> Reply:
    """E1: the authorities for ID certificates, with what ties the earlier to the later."""
    held = portal.ring.all(KeyRole.ID)
    listed = [
        *(each.certified for each in reversed(held)),
        *(one for each in held for one in each.crossed),
    ]
    body = enrolment.write_certificates(tuple(authority.der(each) for each in listed))
    return Reply(media_type=PKCS7, body=body)


def csr_attributes() -> Reply:
    """E2: what a request should hold."""
    return Reply(media_type="application/csrattrs", body=enrolment.encode(csr_template.write()))


def enrol(portal: Portal, request: Request) -> Task:
    """E3: the token and the request are checked here, what is left is the database's. Raises `Refused`."""
    csr = requested(request)
    presented = _proven(portal, request, csr)
    udi = _udi(csr)
    now = portal.clock.now()

    def work(tx: Transaction) -> Reply:
        return _Enrolment(portal=portal, tx=tx, request=request, csr=csr, udi=udi, now=now).decide(presented)

    return work


def reenrol(portal: Portal, csr: Csr, who: Caller, tx: Transaction, found: Device) -> Reply:
    """E4 for a device that proved itself, locked. Asked again it gives the same certificate. Raises `Refused`."""
    now = portal.clock.now()
    issued = certificate.of_device(tx, found.id)
    newest = next((each for each in issued if each.serves), None)
    if (
        newest is not None
        and newest.spki_sha256 == csr.spki_sha256.hex()
        and newest.id != who.certificate.id
        and newest.not_after > now
    ):
        return _certificates(certificate.der(tx, newest.sha256))
    try:
        found = life.happened(tx, found, DeviceEvent.RENEWED, now, who.key or "renewal")
    except EventRefusedError as error:
        raise Refused(refusal(Type.REQUEST_REFUSED, str(error))) from None
    return _certificates(_issue(portal, tx, found, csr, None, now))


def requested(request: Request) -> Csr:
    """The certificate request in a body. Raises `Refused`."""
    try:
        return enrolment.read_request(request.body)
    except MalformedMessageError as error:
        raise Refused(refusal(Type.REQUEST_REFUSED, str(error))) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enrolment:
    """One E3, inside its transaction. Everything raised takes all of it back."""

    portal: Portal
    tx: Transaction
    request: Request
    csr: Csr
    udi: _Udi
    now: datetime

    def decide(self, presented: _Presented) -> Reply:
        tx, stored = self.tx, token.find(self.tx, presented.stored.prefix)
        if stored is None:
            raise self.no_token(Type.TOKEN_INVALID, presented.stored.prefix)
        made = certificate.of_token(tx, stored.id, self.csr.spki_sha256.hex())
        if made is not None and self.still_good(made):
            return _certificates(certificate.der(tx, made.sha256))
        self.allowed(stored)
        if presented.nonce is not None and presented.made_at is not None:
            until = presented.made_at + deadline.CREATED_WINDOW * 2
            if not nonce.remember(tx, f"token:{stored.prefix}", presented.nonce, expires_at=until):
                raise Refused(refusal(Type.REPLAY))
        found = self.place(stored)
        if found.state is DeviceState.PENDING:
            return refusal(Type.APPROVAL_PENDING, retry_after=APPROVAL_WAIT)
        if not token.use(tx, stored.id):
            raise self.no_token(Type.TOKEN_EXHAUSTED, stored.prefix)
        if made is not None:
            raise Refused(refusal(Type.REQUEST_REFUSED, "this token made a certificate for this key before"))
        return _certificates(_issue(self.portal, tx, found, self.csr, stored.id, self.now))

    def still_good(self, made: IdCertificate) -> bool:
        owner = device.find(self.tx, made.device_id)
        return made.serves and made.not_after > self.now and owner is not None and owner.state not in _GONE

    def allowed(self, stored: IdToken) -> None:
        if stored.revoked_at is not None:
            raise self.no_token(Type.TOKEN_REVOKED, stored.prefix)
        if stored.expires_at <= self.now:
            raise self.no_token(Type.TOKEN_EXPIRED, stored.prefix)
        pattern = stored.serial_pattern
        if pattern is not None and not fnmatch.fnmatchcase(self.udi.sn, pattern):
            raise self.no_token(Type.TOKEN_CONSTRAINT, stored.prefix)
        if stored.network is not None and not _within(self.request.peer, stored.network):
            raise self.no_token(Type.TOKEN_CONSTRAINT, stored.prefix)

    def place(self, stored: IdToken) -> Device:
        """The device to certify, locked: made here, or there already and allowed to be certified by this request."""
        udi, tx = self.udi, self.tx
        there = device.find_live(tx, stored.account_id, udi.pid, udi.sn, udi.uuid)
        if there is None:
            return self.make(stored)
        there = life.aged(tx, device.lock(tx, there.id), self.now, "enrolment")
        if there.state is DeviceState.PENDING:
            return there
        certificates = certificate.of_device(tx, there.id)
        ours = not certificates or any(
            each.spki_sha256 == self.csr.spki_sha256.hex() and each.serves for each in certificates
        )
        if ours and there.state is not DeviceState.ID_EXPIRED:
            try:
                return life.happened(tx, there, DeviceEvent.ENROLLED, self.now, "enrolment")
            except EventRefusedError as error:
                raise Refused(refusal(Type.UDI_CONFLICT, str(error))) from None
        if there.state is not DeviceState.ID_EXPIRED and not stored.force_allowed:
            raise Refused(refusal(Type.UDI_CONFLICT))
        life.happened(tx, there, DeviceEvent.REMOVED, self.now, "enrolment")
        return self.make(stored)

    def make(self, stored: IdToken) -> Device:
        fresh = Device(
            id=new_id(self.now),
            account_id=stored.account_id,
            virtual_account_id=stored.virtual_account_id,
            pid=self.udi.pid,
            sn=self.udi.sn,
            uuid=self.udi.uuid,
            state=DeviceState.PENDING,
            export_allowed=stored.export_allowed,
            created_at=self.now,
        )
        if not stored.approval_required:
            fresh = replace(fresh, state=DeviceState.ACTIVE)
        device.add(self.tx, fresh)
        return device.lock(self.tx, fresh.id)

    def no_token(self, kind: Type, prefix: str) -> Refused:
        return _no_token(self.portal, self.request, kind, prefix)


def _issue(
    portal: Portal, tx: Transaction, found: Device, csr: Csr, token_id: UUID | None, now: datetime
) -> bytes:
    issuer = portal.ring.newest(KeyRole.ID)
    udi = _Udi(pid=found.pid, sn=found.sn, uuid=found.uuid)
    made = authority.identity(
        csr,
        device=str(found.id),
        serial_number=found.sn,
        uri=udi.uri,
        authority=issuer.certified,
        key=issuer.key,
        now=now,
    )
    octets = authority.der(made)
    certificate.issue(
        tx,
        IdCertificate(
            id=new_id(now),
            account_id=found.account_id,
            device_id=found.id,
            sha256=made.fingerprint(hashes.SHA256()).hex(),
            serial=f"{made.serial_number:x}",
            spki_sha256=csr.spki_sha256.hex(),
            not_before=made.not_valid_before_utc,
            not_after=made.not_valid_after_utc,
            token_id=token_id,
            issued_at=now,
        ),
        octets,
    )
    device.save(tx, found, replace(found, id_ends=made.not_valid_after_utc, last_seen=now))
    return octets


def _certificates(octets: bytes) -> Reply:
    return Reply(media_type=_CERTS_ONLY, body=enrolment.write_certificates((octets,)))


def _udi(csr: Csr) -> _Udi:
    """Which device a request names: by its URI, else by its serial number, else by its key. Raises `Refused`."""
    named = [uri for uri in csr.uris if uri.lower().startswith(_NAMESPACE)]
    if named:
        match = _UDI.fullmatch(named[0])
        if match is None or len(named) > 1:
            detail = "the request names its device in a way that cannot be read, or more than one"
            raise Refused(refusal(Type.REQUEST_REFUSED, detail))
        return _Udi(pid=match[1], sn=match[2], uuid=match[3] or "")
    if csr.serial_number is not None and _SERIAL.fullmatch(csr.serial_number):
        return _Udi(pid=UNKNOWN_PRODUCT, sn=csr.serial_number)
    return _Udi(pid=UNKNOWN_PRODUCT, sn=f"key-{csr.spki_sha256.hex()[:32]}")


def _within(peer: str | None, network: str) -> bool:
    try:
        return peer is not None and ipaddress.ip_address(peer) in ipaddress.ip_network(network)
    except ValueError:
        return False


# --- tokens ---------------------------------------------------------------------------------------------------


def _proven(portal: Portal, request: Request, csr: Csr) -> _Presented:
    """The token that a request proves or sends. Raises `Refused`; nothing is written."""
    text = request.fields.get("authorization", "")
    scheme = text.partition(" ")[0].lower()
    how: dict[str, Callable[[Portal, Request, Csr, str], _Presented]] = {
        "sl-token": _by_proof,
        "basic": _by_password,
        "bearer": _by_password,
    }
    if scheme not in how:
        raise _challenge("the request proves no ID token")
    return how[scheme](portal, request, csr, text)


def _by_proof(portal: Portal, request: Request, csr: Csr, text: str) -> _Presented:
    try:
        prefix = id_token.token_id(text)
        stored = portal.database.read(lambda tx: token.find(tx, prefix))
        if stored is None or stored.mode is not TokenMode.PROOF or stored.public_key is None:
            raise _no_token(portal, request, Type.TOKEN_INVALID, prefix)
        public = verifying_key(stored.public_key)
        proof = id_token.check_proof(text, public, csr.der, portal=portal.name, now=portal.clock.now())
    except SignatureRefusedError as error:
        if error.problem == Type.CREATED_OUT_OF_WINDOW:
            raise Refused(_out_of_window(portal, text)) from None
        raise _challenge(str(error)) from None
    return _Presented(stored=stored, nonce=wire.base64url(proof.nonce), made_at=proof.iat)


def _out_of_window(portal: Portal, text: str) -> Reply:
    """The token proved itself, at a wrong time: it hears the right one, for its own nonce."""
    octets = jws.unverified_payload(text.partition(" ")[2])
    used = wire.base64url(wire.parse(id_token.Proof, octets).nonce)
    return refusal(Type.CREATED_OUT_OF_WINDOW, signed=portal.time(used), nonce=used)


def _by_password(portal: Portal, _request: Request, _csr: Csr, text: str) -> _Presented:
    try:
        sent = id_token.parse_basic(_password(text))
    except (TokenRefusedError, ValueError):
        raise _challenge("the password is no ID token for plain EST clients") from None
    stored = portal.database.read(lambda tx: token.find(tx, sent.id))
    known = stored.secret_hash if stored is not None and stored.mode is TokenMode.BASIC else None
    good = hmac.compare_digest(known or bytes(32), sent.kept())
    if stored is None or known is None or not good:
        raise _challenge("the ID token is not valid")
    return _Presented(stored=stored)


def _password(text: str) -> Secret:
    scheme, _, value = text.partition(" ")
    if len(value) > 1024:
        raise ValueError("too long")
    if scheme.lower() == "bearer":
        return Secret(value)
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not Basic") from error
    if user != "token":
        raise ValueError("the user of an ID token is called token")
    return Secret(password)


def _challenge(detail: str) -> Refused:
    reply = refusal(Type.TOKEN_INVALID, detail)
    return Refused(replace(reply, headers=(("www-authenticate", 'SL-Token, Basic realm="est"'),)))


def _no_token(portal: Portal, request: Request, kind: Type, prefix: str) -> Refused:
    """A refusal of a token: signed, where the request has a key that ties the refusal to it."""
    key = request.fields.get("idempotency-key", "")
    signed = None
    try:
        if key:
            told = Revocation(
                iss=portal.name,
                sub=prefix,
                what=Revoked.TOKEN,
                problem=kind,
                req=caller.idempotency_key(request) or "",
                iat=portal.clock.now().replace(microsecond=0),
            )
            signed = portal.sign(Kind.REVOKE, told)
    except Refused:
        signed = None
    return Refused(refusal(kind, f"ID token {prefix}", signed=signed))
