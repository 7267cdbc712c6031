"""L1 and L2: what a device may use. Sequence rules first, seats last, and a signed grant between them.

A tag that cannot be given does not cost a device the others: its entry in the grant says so. Only where nothing that
was asked for can be given is the request refused as a whole, and then nothing was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from anchorwatch.db import account, device, grant, pool, tag
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device, DeviceEntitlement
from anchorwatch.db.identifier import new_id
from anchorwatch.db.pool import Full, Held
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.licensing import deadline, jws, seat, sequence, wire
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.claim import Account, CallWindow, Confirmation, Entitled, Export, Grant
from anchorwatch.licensing.error import EventRefusedError, LicensingError
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.message import JOSE, JSON, EntitlementRequest, Forecast, Mode, Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.sequence import Ruling
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.portal import life
from anchorwatch.portal.caller import Caller
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Refused, Reply, refusal

_S = AuthorizationState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What becomes of one wanted tag: its pool where it has one, or why it cannot be given."""

    wanted: Wanted
    tag: EntitlementTag | None
    pool_id: UUID | None = None
    refused: Type | None = None


def entitle(
    portal: Portal, tx: Transaction, found: Device, who: Caller, asked: EntitlementRequest, digest: bytes
) -> Reply:
    """L1, of a locked device. Raises `Refused`."""
    now = portal.clock.now()
    if asked.mode is Mode.WHAT_IF:
        return _forecast(tx, found, asked, now)
    if found.state is DeviceState.CONFLICT:
        return refusal(Type.SEQUENCE_FORK)
    if found.state is DeviceState.SUSPENDED:
        return refusal(Type.MAINTENANCE, "the operator has suspended this device")
    last = grant.last(tx, found.id)
    known = sequence.Known()
    if last is not None:
        known = sequence.Known(seq=last.seq, jti=last.jti, request_sha256=bytes.fromhex(last.body_sha256))
    claimed = sequence.Claimed(
        seq=asked.seq,
        last_jti=asked.last_jti,
        request_sha256=digest,
        proven_seq=_proven(portal, asked.grant, found),
    )
    match sequence.rule(known, claimed):
        case Ruling.REPEAT:
            assert last is not None
            return _signed(last.jws)
        case Ruling.STALE:
            device.save(tx, found, replace(found, adoptions=found.adoptions + 1))
            return refusal(Type.STALE_SEQUENCE, signed=last.jws if last is not None else None)
        case Ruling.FORK:
            life.happened(tx, found, DeviceEvent.FORKED, now, who.key or "")
            return refusal(Type.SEQUENCE_FORK)
        case Ruling.SHOW:
            return refusal(Type.HISTORY_LOST)
        case Ruling.PROCESS | Ruling.RECOVER:
            if last is not None and asked.last_jti == last.jti:
                grant.acknowledge(tx, found.id, last.jti, now=now)
            return _give(portal, tx, found, who, asked, digest, last)


def last_grant(tx: Transaction, found: Device) -> Reply:
    """L2: the last grant, for an agent that lost it; 204 before the first."""
    last = grant.last(tx, found.id)
    return Reply(status=204) if last is None else _signed(last.jws)


def _signed(text: str) -> Reply:
    return Reply(media_type=JOSE, body=text.encode("ascii"))


def _proven(portal: Portal, text: str | None, found: Device) -> int | None:
    """The number of a grant of ours that a client shows, None for anything else."""
    if text is None:
        return None
    keys = {held.signing.public.kid: held.signing.public for held in portal.ring.all(KeyRole.GRANT)}
    try:
        signed = jws.verify(text, (Kind.GRANT,), lambda header: keys.get(header.kid))
        shown = wire.parse(Grant, signed.payload)
    except LicensingError:
        return None
    return shown.seq if shown.sub == str(found.id) and shown.iss == portal.name else None


def _offers(tx: Transaction, found: Device, wanted: tuple[Wanted, ...], now: datetime) -> tuple[_Offer, ...]:
    tags = {each.tag: each for each in tag.of_account(tx, found.account_id)}
    offers = []
    for each in wanted:
        known = tags.get(each.tag)
        if known is None:
            offers.append(_Offer(wanted=each, tag=None, refused=Type.TAG_UNKNOWN))
        elif known.restricted and not found.export_allowed:
            offers.append(_Offer(wanted=each, tag=known, refused=Type.EXPORT_NOT_ALLOWED))
        else:
            place = pool.ensure(tx, found.account_id, found.virtual_account_id, known.id, now=now)
            offers.append(_Offer(wanted=each, tag=known, pool_id=place.id))
    return tuple(offers)


def _give(
    portal: Portal,
    tx: Transaction,
    found: Device,
    who: Caller,
    asked: EntitlementRequest,
    digest: bytes,
    last: grant.Grant | None,
) -> Reply:
    now = portal.clock.now().replace(microsecond=0)
    offers = _offers(tx, found, asked.entitlements, now)
    if offers and all(each.refused is not None for each in offers):
        kind = offers[0].refused
        assert kind is not None
        raise Refused(refusal(kind, ", ".join(each.wanted.tag for each in offers)))
    try:
        found = life.happened(tx, found, DeviceEvent.CONTACT, now, who.key or "")
    except EventRefusedError as error:
        raise Refused(refusal(Type.MAINTENANCE, str(error))) from None
    target = dict.fromkeys(pool.holdings(tx, found.id), 0)
    target |= {each.pool_id: each.wanted.count for each in offers if each.pool_id is not None}
    held = pool.hold(tx, found.id, target, request_id=who.key or "", now=now)
    entitled = tuple(_entitled(each, held) for each in offers)
    short = [each for each in held.values() if isinstance(each, Full)]
    if short and all(each.n == 0 for each in entitled):
        raise Refused(refusal(Type.INSUFFICIENT_LICENSES, fits=min(short[0].pool.room, 1_000_000_000)))
    signed, row = _grant(portal, tx, found, who, asked, entitled, last)
    after = replace(
        found,
        deadline=row.deadline,
        trust_seq=max(found.trust_seq, asked.trust_seq),
        adoptions=max(found.adoptions, asked.adoptions),
    )
    device.save(tx, found, after)
    device.save_entitlements(tx, found.id, _rows(found, offers, entitled, now))
    if not grant.add(tx, replace(row, body_sha256=digest.hex(), jws=signed)):
        raise Refused(refusal(Type.REQUEST_IN_FLIGHT))
    return _signed(signed)


def _entitled(offer: _Offer, held: dict[UUID, Held | Full]) -> Entitled:
    if offer.refused is not None or offer.pool_id is None or offer.tag is None:
        status = _S.INVALID_TAG if offer.tag is None else _S.NOT_AUTHORIZED
        return Entitled(tag=offer.wanted.tag, n=0, status=status)
    got = held[offer.pool_id]
    status = _S.NOT_AUTHORIZED if isinstance(got, Full) else _standing(got)
    return Entitled(tag=offer.wanted.tag, n=got.seats, status=status, on_expiry=offer.tag.on_expiry)


def _standing(got: Held) -> AuthorizationState:
    counters = got.pool.counters
    return seat.standing(counters, counters.taken)


def _grant(
    portal: Portal,
    tx: Transaction,
    found: Device,
    who: Caller,
    asked: EntitlementRequest,
    entitled: tuple[Entitled, ...],
    last: grant.Grant | None,
) -> tuple[str, grant.Grant]:
    now = portal.clock.now().replace(microsecond=0)
    smart = account.get(tx, found.account_id)
    virtual = account.get_virtual(tx, found.account_id, found.virtual_account_id)
    compliant = all(each.status is not _S.OUT_OF_COMPLIANCE for each in entitled)
    dates = deadline.grant_dates(now, compliant=compliant)
    window = deadline.spread(now, dates.refresh) if smart.policy.get("spread") is True else None
    claims = Grant(
        iss=portal.name,
        sub=str(found.id),
        cnf=Confirmation(x5t=who.keyid),
        jti=new_id(now).hex,
        prev=last.jti if last is not None else None,
        seq=asked.seq,
        iat=now,
        nbf=dates.not_before,
        ref=dates.refresh,
        exp=dates.deadline,
        grace=dates.grace_end,
        acct=Account(sa=smart.name[:128], va=virtual.name[:128]),
        ent=entitled,
        export=Export(allowed=found.export_allowed),
        trust_seq=portal.bundle_seq,
        next_call=CallWindow(start=window.start, end=window.end) if window is not None else None,
    )
    row = grant.Grant(
        device_id=found.id,
        seq=claims.seq,
        account_id=found.account_id,
        previous_seq=found.grant_seq,
        jti=claims.jti,
        previous_jti=claims.prev,
        body_sha256="",
        issued_at=now,
        refresh_at=claims.ref,
        deadline=claims.exp,
        grace_end=claims.grace,
        jws="",
    )
    return portal.sign(Kind.GRANT, claims), row


def _rows(
    found: Device, offers: tuple[_Offer, ...], entitled: tuple[Entitled, ...], now: datetime
) -> tuple[DeviceEntitlement, ...]:
    return tuple(
        DeviceEntitlement(
            device_id=found.id,
            tag_id=offer.tag.id,
            account_id=found.account_id,
            requested=offer.wanted.count,
            granted=got.n,
            status=got.status,
            since=now,
        )
        for offer, got in zip(offers, entitled, strict=True)
        if offer.tag is not None
    )


def _forecast(tx: Transaction, found: Device, asked: EntitlementRequest, now: datetime) -> Reply:
    """What would be granted; nothing is consumed."""
    held = pool.holdings(tx, found.id)
    short = []
    for offer in _offers(tx, found, asked.entitlements, now):
        if offer.pool_id is None:
            short.append(offer.wanted)
            continue
        seen = pool.get(tx, found.account_id, offer.pool_id).counters
        mine = held.get(offer.pool_id, 0)
        decided = seat.decide(seen, held=mine, asked=offer.wanted.count)
        if decided.refused or decided.status is _S.OUT_OF_COMPLIANCE:
            room = mine + max(seen.capacity - seen.taken, 0)
            short.append(replace(offer.wanted, count=max(offer.wanted.count - room, 0)))
    answer = Forecast(compliant=not short, short=tuple(short))
    return Reply(media_type=JSON, body=wire.dump(answer))
