"""The desk: every request of a device, and which part of the protocol answers it.

`answer` takes a whole request and gives a whole reply, and waits for the database. A server with an event loop takes it
in two parts: `begin` reads the request and checks who sent it, and gives a reply or the task that is left to do in a
transaction; `failed` says what an error of that task means. `waits` tells whether `begin` may have to ask the database.

What a signed request does, it does in one transaction, in this order: the nonce, the idempotency key, the device's row,
the work. A reply that is *returned* stands, with what was changed; a refusal that is *raised* takes everything back.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace

from anchorwatch.db import certificate, device, idempotency, migration, renewal
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.error import AlreadyThere, ConstraintBroken, DatabaseBusy, DatabaseUnreachable, NotThere
from anchorwatch.db.word import CertificateStatus
from anchorwatch.licensing import message, trust_bundle, wire
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.error import MalformedMessageError
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import caller, enrolment, entitlement, life, product, publication
from anchorwatch.portal.caller import Caller
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Refused, Reply, Request, Task, refusal
from anchorwatch.portal.signed import Signed

CALL_HOME = "/its/service/oddce/services/DDCEService"
HEALTH = "/healthz"
READY = "/readyz"
_log = logging.getLogger("anchorwatch.portal")
_REPLAYED = ("idempotency-replayed", "true")
_RECEIVED = b'<?xml version="1.0" encoding="UTF-8"?>\n<response><status>received</status></response>\n'


Open = Callable[[Portal, Request], Reply | Task]
Work = Callable[[Signed], Reply]


def answer(portal: Portal, request: Request) -> Reply:
    """The answer to a request. Raises nothing that a request could bring about."""
    begun = begin(portal, request)
    if isinstance(begun, Reply):
        return begun
    try:
        return portal.database.write(begun)
    except Exception as error:
        reply = failed(error)
        if reply is None:
            raise
        return reply


def begin(portal: Portal, request: Request) -> Reply | Task:
    """The answer, or what is left to do for it in a transaction. Raises nothing that a request could bring about."""
    try:
        return _begun(portal, request)
    except Exception as error:
        reply = failed(error)
        if reply is None:
            raise
        return reply


def failed(error: BaseException) -> Reply | None:
    """What an error on the way to an answer means to who asked; None for one that is a mistake of ours."""
    match error:
        case Refused():
            return error.reply
        case MalformedMessageError():
            return refusal(Type.MESSAGE_MALFORMED, str(error)[:1000])
        case AlreadyThere():
            return refusal(Type.REQUEST_IN_FLIGHT)
        case DatabaseBusy():
            return refusal(Type.OVERLOADED)
        case DatabaseUnreachable():
            # A stranger hears no more than that; whoever runs the portal has to know of a disk that is full.
            _log.error("a request failed: %s", error)
            return refusal(Type.OVERLOADED)
        case ConstraintBroken():
            return refusal(Type.MESSAGE_MALFORMED, "the message holds what cannot be kept")
        case _:
            return None


def waits(portal: Portal, request: Request) -> bool:
    """Whether `begin` may ask the database for this request; where not, it takes a signature's time and no more."""
    return (request.method, request.path) not in _routes(portal.label)[1] or not caller.known(portal, request)


def _begun(portal: Portal, request: Request) -> Reply | Task:
    open_to_all, by_device = _routes(portal.label)
    route = (request.method, request.path)
    if route in open_to_all:
        return open_to_all[route](portal, request)
    if route in by_device:
        who = caller.by_tls(portal, request) if _may_use_tls(portal, request) else None
        return _signed(portal, request, who or caller.identified(portal, request), by_device[route])
    methods = {method for method, path in (*open_to_all, *by_device) if path == request.path}
    if not methods:
        return Reply(status=404, media_type="text/plain; charset=utf-8", body=b"there is nothing here\n")
    return Reply(status=405, headers=(("allow", ", ".join(sorted(methods))),))


def _may_use_tls(portal: Portal, request: Request) -> bool:
    """Only re-enrolment of plain EST clients; a signature, where there is one, is what counts."""
    return request.path in _est(portal.label, "simplereenroll") and "signature" not in request.fields


def _est(label: str, what: str) -> tuple[str, str]:
    """An operation of EST with its label, and without, for clients that know of none (RFC 7030 section 3.2.2)."""
    return f"{message.EST}/{label}/{what}", f"{message.EST}/{what}"


@functools.cache
def _routes(label: str) -> tuple[dict[tuple[str, str], Open], dict[tuple[str, str], Work]]:
    open_to_all: dict[tuple[str, str], Open] = {
        ("GET", message.DISCOVERY): _discovery,
        ("GET", message.TRUST): _trust,
        ("GET", message.TRUST_P7B): _trust_p7b,
        ("POST", message.TIME): _time,
        ("POST", CALL_HOME): lambda *_: Reply(media_type="text/xml; charset=utf-8", body=_RECEIVED),
        ("GET", HEALTH): lambda *_: _text(200, "ok"),
        ("GET", READY): lambda portal, _: ready(portal),
    }
    est: tuple[tuple[str, str, Open], ...] = (
        ("GET", "cacerts", lambda portal, _: enrolment.ca_certificates(portal)),
        ("GET", "csrattrs", lambda *_: enrolment.csr_attributes()),
        ("POST", "simpleenroll", enrolment.enrol),
    )
    open_to_all |= {(method, path): opened for method, what, opened in est for path in _est(label, what)}
    by_device: dict[tuple[str, str], Work] = {
        ("PUT", message.SELF): _describe,
        ("DELETE", message.SELF): lambda it: product.remove(it.portal, it.tx, it.noted(), it.who),
        ("PUT", message.ENTITLEMENTS): entitlement.entitle,
        ("GET", message.ENTITLEMENTS): lambda it: entitlement.last_grant(it.tx, it.noted()),
        ("GET", message.RENEWAL_INFO): lambda it: product.renewal_info(it.portal, it.tx, it.noted()),
        ("POST", message.INCIDENTS): _report,
    }
    by_device |= {("POST", path): _reenrol for path in _est(label, "simplereenroll")}
    return open_to_all, by_device


# --- for everyone ---------------------------------------------------------------------------------------------


def _text(status: int, words: str) -> Reply:
    return Reply(status=status, media_type="text/plain; charset=utf-8", body=f"{words}\n".encode())


def ready(portal: Portal) -> Reply:
    """Whether this portal should be sent requests: its database answers and has the tables of this release."""
    if portal.retired.is_set():
        return _text(503, "stopping")
    if not migration.check(portal.database).ready:
        return _text(503, "the database's tables are of another release")
    if publication.in_force(portal) is None:
        return _text(503, "no trust bundle was published yet")
    return _text(200, "ready")


def _discovery(portal: Portal, _: Request) -> Reply:
    found = message.Discovery(portal=portal.name, est_label=portal.label)
    return Reply(media_type=message.JSON, body=wire.dump(found))


def _trust(portal: Portal, request: Request) -> Reply:
    stored = publication.ensured(portal)
    return _cached(request, stored.seq, stored.jws, message.JOSE, stored.jws.encode("ascii"))


def _trust_p7b(portal: Portal, request: Request) -> Reply:
    stored = publication.ensured(portal)
    return _cached(request, stored.seq, stored.jws, message.PKCS7, stored.p7b)


def _cached(request: Request, seq: int, jws: str, media_type: str, body: bytes) -> Reply:
    tag = f'"{seq}"'
    hint = int(trust_bundle.read(jws).refresh_hint.total_seconds())
    headers = (("etag", tag), ("cache-control", f"max-age={hint}"))
    if tag in [each.strip() for each in request.fields.get("if-none-match", "")[:256].split(",")]:
        return Reply(status=304, headers=headers)
    return Reply(media_type=media_type, body=body, headers=headers)


def _time(portal: Portal, request: Request) -> Reply:
    asked = wire.parse(message.TimeRequest, request.body)
    headers = (("cache-control", "no-store"),)
    return Reply(media_type=message.JOSE, body=portal.time(asked.nonce).encode("ascii"), headers=headers)


# --- for a device ---------------------------------------------------------------------------------------------


def _reenrol(it: Signed) -> Reply:
    csr = enrolment.requested(it.request)
    return enrolment.reenrol(it.portal, csr, it.who, it.tx, it.noted())


def _describe(it: Signed) -> Reply:
    return product.describe(it.portal, it.tx, it.noted(), wire.parse(message.DeviceInfo, it.request.body))


def _report(it: Signed) -> Reply:
    return product.report(it.tx, it.noted(), wire.parse(message.IncidentReport, it.request.body))


def _signed(portal: Portal, request: Request, who: Caller, work: Work) -> Task:
    digest = hashlib.sha256(
        b"\0".join((request.method.encode(), request.path.encode(), request.body))
    ).digest()
    now = portal.clock.now()

    def transaction(tx: Transaction) -> Reply:
        if caller.seen_before(tx, who):
            return refusal(Type.REPLAY)
        if who.key is not None:
            early = _claimed(idempotency.claim(tx, who.keyid, who.key, digest.hex(), now=now))
            if early is not None:
                return early
        reply = _done(tx)
        if who.key is not None:
            if reply.status < 400:
                headers = (("content-type", reply.media_type), *reply.headers)
                kept = idempotency.Answer(reply.status, headers, reply.body)
                idempotency.finish(tx, who.keyid, who.key, kept)
            else:
                idempotency.abandon(tx, who.keyid, who.key)
        return reply

    def _done(tx: Transaction) -> Reply:
        try:
            found = device.lock(tx, who.certificate.device_id)
            # After the lock, for what it says of the certificate must be what holds now.
            standing = renewal.standing(tx, found, who.certificate.sha256)
        except NotThere:
            # Known a moment ago and gone: the database under the portal was exchanged for an older one.
            return refusal(Type.IDENTITY_UNKNOWN)
        fresh = standing.certificate
        refused = _refused(portal, found, fresh, who, request)
        if refused is not None:
            return refused
        if fresh is not None and fresh.first_used_at is None:
            certificate.mark_used(tx, fresh, now=now)
        seen = found
        if found.state is not DeviceState.REMOVED:
            found = life.aged(tx, found, now, who.key or "")
            skew = int((who.created - now).total_seconds() * 1000)
            seen = replace(found, last_seen=now, skew_ms=skew)
        return work(
            Signed(
                portal=portal,
                tx=tx,
                stored=found,
                seen=seen,
                standing=standing,
                who=who,
                request=request,
                digest=digest,
            )
        )

    return transaction


def _refused(
    portal: Portal, found: Device, fresh: IdCertificate | None, who: Caller, request: Request
) -> Reply | None:
    """What the device's row says against answering at all, read again under its lock."""
    now = portal.clock.now()
    if fresh is None:
        return refusal(Type.IDENTITY_UNKNOWN)
    if fresh.status is CertificateStatus.REVOKED or found.state is DeviceState.REVOKED:
        return caller.revoked(portal, who, now)
    if fresh.retired_at is not None:
        return refusal(Type.IDENTITY_SUPERSEDED)
    leaving = request.method == "DELETE" and request.path == message.SELF
    if found.state is DeviceState.REMOVED and not leaving:
        return refusal(Type.IDENTITY_UNKNOWN)
    return None


def _claimed(claim: idempotency.Claim) -> Reply | None:
    """What an idempotency key says before the work; None where the work is ours."""
    match claim:
        case idempotency.Claimed():
            return None
        case idempotency.Replayed(answer=kept):
            headers = dict(kept.headers)
            media_type = headers.pop("content-type", "")
            return Reply(
                status=kept.status,
                media_type=media_type,
                body=kept.body,
                headers=(*headers.items(), _REPLAYED),
            )
        case idempotency.InFlight():
            return replace(refusal(Type.REQUEST_IN_FLIGHT), headers=(("retry-after", "1"),))
        case idempotency.OtherBody():
            return refusal(Type.KEY_REUSE)
