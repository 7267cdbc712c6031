"""What a device says of itself (D1), when it should come again (L3), what went wrong before (L6), and its end (L5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from anchorwatch.db import account, certificate, device, grant, idempotency, incident, pool, tag, trust
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.error import NotThere
from anchorwatch.licensing import deadline, wire
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.claim import Entitled, Receipt
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.message import (
    JOSE,
    JSON,
    DeviceAnswer,
    DeviceInfo,
    IncidentReport,
    RenewalInfo,
    Span,
    TrustCheck,
)
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.portal import life
from anchorwatch.portal.caller import Caller
from anchorwatch.portal.enrolment import UNKNOWN_PRODUCT
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.publication import REFRESH_HINT
from anchorwatch.portal.reply import Refused, Reply, refusal

_RECEIPT = "receipt"
_ASK_AGAIN = timedelta(days=1)


def describe(portal: Portal, tx: Transaction, found: Device, info: DeviceInfo) -> Reply:
    """D1, of a locked device. Raises `Refused` where it says to be another device."""
    named = (info.udi.pid, info.udi.sn, (info.udi.uuid or "").lower())
    if named != (found.pid, found.sn, found.uuid):
        # A request for a certificate may have said the serial number only; then D1 says the rest, once.
        if found.pid != UNKNOWN_PRODUCT or found.sn != info.udi.sn:
            raise Refused(refusal(Type.UDI_CONFLICT, "the certificate is for another device"))
        twin = device.find_live(tx, found.account_id, *named)
        if twin is not None and twin.id != found.id:
            _succeed(portal, tx, twin)
    after = replace(
        found,
        pid=named[0],
        uuid=named[2],
        ha_group=(info.ha or "")[:100],
        software=f"{info.sw.name} {info.sw.version}"[:200],
        agent=info.agent[:100],
        features={"names": list(info.features)},
        trust_seq=max(found.trust_seq, info.trust_seq),
    )
    device.save(tx, found, after)
    _acknowledge(portal, tx, after, info)
    virtual = account.get_virtual(tx, found.account_id, found.virtual_account_id)
    answer = DeviceAnswer(
        device_id=str(found.id), va=virtual.name[:128], renewal_info=_renewal(portal, tx, after)
    )
    return Reply(media_type=JSON, body=wire.dump(answer))


def _succeed(portal: Portal, tx: Transaction, twin: Device) -> None:
    """Let a device whose identity had ended give way to its successor. Raises `Refused` where it had not."""
    now = portal.clock.now()
    twin = life.aged(tx, device.lock(tx, twin.id), now, "succession")
    if twin.state is not DeviceState.ID_EXPIRED:
        raise Refused(refusal(Type.UDI_CONFLICT))
    life.happened(tx, twin, DeviceEvent.REMOVED, now, "succession")


def _acknowledge(portal: Portal, tx: Transaction, found: Device, info: DeviceInfo) -> None:
    try:
        trust.get(tx, info.trust_seq)
    except NotThere:
        return
    missing = tuple(probe.root.hex() for probe in info.probes if not probe.trusted)
    canary = "not-tried" if not info.probes else "untrusted" if missing else "trusted"
    ack = trust.TrustAck(
        device_id=found.id,
        seq=info.trust_seq,
        account_id=found.account_id,
        canary=canary,
        missing=missing,
        at=portal.clock.now(),
    )
    trust.acknowledge(tx, ack)


def renewal_info(portal: Portal, tx: Transaction, found: Device) -> Reply:
    """L3."""
    body = wire.dump(_renewal(portal, tx, found))
    headers = (("retry-after", str(int(_ASK_AGAIN.total_seconds()))),)
    return Reply(media_type=JSON, body=body, headers=headers)


def _renewal(portal: Portal, tx: Transaction, found: Device) -> RenewalInfo:
    now = portal.clock.now().replace(microsecond=0)
    newest = next((each for each in certificate.of_device(tx, found.id) if each.serves), None)
    spread = account.get(tx, found.account_id).policy.get("spread") is True
    identity = authorization = Span(start=now, end=now)
    if newest is not None:
        issued = newest.issued_at.replace(microsecond=0)
        identity = _window(issued, issued + deadline.ID_RENEWAL, spread)
    last = grant.last(tx, found.id)
    if last is not None:
        authorization = _window(last.issued_at, last.refresh_at, spread)
    check = now + REFRESH_HINT
    return RenewalInfo(id=identity, authorization=authorization, trust=TrustCheck(check_after=check))


def _window(issued: datetime, due: datetime, spread: bool) -> Span:
    """The due date as the devices of the document keep it, or, by the account's policy, the last third before it."""
    window = deadline.spread(issued, due) if spread else deadline.exactly(due)
    return Span(start=window.start.replace(microsecond=0), end=window.end)


def report(tx: Transaction, found: Device, told: IncidentReport) -> Reply:
    """L6, of a locked device; told again it is brought up to date."""
    for each in told.incidents:
        incident.save(
            tx,
            incident.Incident(
                device_id=found.id,
                id=_incident_id(found.id, each.id),
                account_id=found.account_id,
                failure=each.failure.kind,
                evidence={"sentence": each.failure.sentence, "evidence": wire.plain(each.failure.evidence)},
                first_at=each.first,
                last_at=max(each.last, each.first),
                count=each.count,
                repaired_by=(each.repaired_by or "")[:100],
            ),
        )
    if told.incidents:
        latest = max(told.incidents, key=lambda each: each.last)
        device.save(tx, found, replace(found, last_failure=latest.failure.kind))
    return Reply(status=202)


def _incident_id(device_id: UUID, name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"{device_id}/{name}")


def remove(portal: Portal, tx: Transaction, found: Device, who: Caller) -> Reply:
    """L5, of a locked device: seats return, and the device hears so in a signed receipt. Again: the same receipt."""
    now = portal.clock.now().replace(microsecond=0)
    principal = f"device:{found.id}"
    match idempotency.claim(tx, principal, _RECEIPT, _RECEIPT, now=now):
        case idempotency.Replayed(answer=answer):
            return Reply(media_type=JOSE, body=answer.body)
        case idempotency.Claimed():
            pass
        case _:
            raise Refused(refusal(Type.REQUEST_IN_FLIGHT))
    if found.state is DeviceState.REMOVED:
        idempotency.abandon(tx, principal, _RECEIPT)
        return refusal(Type.IDENTITY_UNKNOWN)
    names = {each.id: each.tag for each in tag.of_account(tx, found.account_id)}
    released = []
    for pool_id, seats in pool.holdings(tx, found.id).items():
        seen = pool.get(tx, found.account_id, pool_id)
        released.append(Entitled(tag=names[seen.tag_id], n=seats, status=AuthorizationState.NOT_IN_USE))
    receipt = Receipt(iss=portal.name, sub=str(found.id), iat=now, released=tuple(released))
    body = portal.sign(Kind.RECEIPT, receipt).encode("ascii")
    idempotency.finish(tx, principal, _RECEIPT, idempotency.Answer(200, (), body))
    life.happened(tx, found, DeviceEvent.DEREGISTERED, now, who.key or "")
    return Reply(media_type=JOSE, body=body)
