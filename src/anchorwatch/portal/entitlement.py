"""L1 and L2: what a device may use. Sequence rules first, seats last, and a signed grant between them.

A tag that cannot be given does not cost a device the others: its entry in the grant says so. Only where nothing that
was asked for can be given is the request refused as a whole, and then nothing was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from anchorwatch.db import device, grant, pool, renewal
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device, DeviceEntitlement
from anchorwatch.db.identifier import new_id
from anchorwatch.db.pool import Full, Held, Pool
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
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Refused, Reply, refusal
from anchorwatch.portal.signed import Signed

_S = AuthorizationState
_MOST_ADOPTIONS = 2**31 - 1
"""What the column holds; a device may say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What becomes of one wanted tag: its pool where it has one, or why it cannot be given."""

    wanted: Wanted
    tag: EntitlementTag | None
    pool: Pool | None = None
    refused: Type | None = None


def entitle(it: Signed) -> Reply:
    """L1. Raises `Refused`."""
    asked = wire.parse(EntitlementRequest, it.request.body)
    found, now = it.seen, it.portal.clock.now()
    if asked.mode is Mode.WHAT_IF:
        return _forecast(it, asked)
    if found.state is DeviceState.CONFLICT:
        it.noted()
        return refusal(Type.SEQUENCE_FORK)
    if found.state is DeviceState.SUSPENDED:
        it.noted()
        return refusal(Type.DEVICE_SUSPENDED)
    last = it.standing.last
    known = sequence.Known()
    if last is not None:
        known = sequence.Known(seq=last.seq, jti=last.jti, request_sha256=bytes.fromhex(last.body_sha256))
    claimed = sequence.Claimed(
        seq=asked.seq,
        last_jti=asked.last_jti,
        request_sha256=it.digest,
        proven_seq=_proven(it.portal, asked.grant, found),
    )
    match sequence.rule(known, claimed):
        case Ruling.REPEAT:
            assert last is not None
            it.noted()
            return _signed(last.jws)
        case Ruling.STALE:
            found = it.noted()
            device.save(it.tx, found, replace(found, adoptions=found.adoptions + 1))
            return refusal(Type.STALE_SEQUENCE, signed=last.jws if last is not None else None)
        case Ruling.FORK:
            life.happened(it.tx, it.noted(), DeviceEvent.FORKED, now, it.who.key or "")
            return refusal(Type.SEQUENCE_FORK)
        case Ruling.SHOW:
            it.noted()
            return refusal(Type.HISTORY_LOST)
        case Ruling.PROCESS | Ruling.RECOVER:
            if last is not None and asked.last_jti == last.jti and last.acked_at is None:
                grant.acknowledge(it.tx, found.id, last.jti, now=now)
            return _give(it, asked)


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
    places = renewal.places(tx, found, [each.tag for each in wanted])
    offers = []
    for each in wanted:
        place = places.get(each.tag)
        if place is None:
            offers.append(_Offer(wanted=each, tag=None, refused=Type.TAG_UNKNOWN))
        elif place.tag.restricted and not found.export_allowed:
            offers.append(_Offer(wanted=each, tag=place.tag, refused=Type.EXPORT_NOT_ALLOWED))
        else:
            where = place.pool or pool.ensure(
                tx, found.account_id, found.virtual_account_id, place.tag.id, now=now
            )
            offers.append(_Offer(wanted=each, tag=place.tag, pool=where))
    return tuple(offers)


def _give(it: Signed, asked: EntitlementRequest) -> Reply:
    tx, request_id = it.tx, it.who.key or ""
    now = it.portal.clock.now().replace(microsecond=0)
    offers = _offers(tx, it.seen, asked.entitlements, now)
    if offers and all(each.refused is not None for each in offers):
        kind = offers[0].refused
        assert kind is not None
        raise Refused(refusal(kind, ", ".join(each.wanted.tag for each in offers)))
    try:
        found = life.happened(tx, it.seen, DeviceEvent.CONTACT, now, request_id)
    except EventRefusedError as error:
        raise Refused(refusal(Type.MAINTENANCE, str(error))) from None
    mine = renewal.mine(tx, found)
    target = dict.fromkeys(mine.seats, 0)
    target |= {each.pool.id: each.wanted.count for each in offers if each.pool is not None}
    pools = {each.pool.id: each.pool for each in offers if each.pool is not None}
    pools |= {each: pool.get(tx, found.account_id, each) for each in mine.seats if each not in pools}
    after = replace(
        found,
        deadline=deadline.grant_dates(now).deadline,
        trust_seq=max(found.trust_seq, asked.trust_seq),
        adoptions=max(found.adoptions, min(asked.adoptions, _MOST_ADOPTIONS)),
        grant_seq=asked.seq,
    )
    device.save(tx, it.stored, after)
    # The pools' rows come after all that does not depend on them; a renewal that changes no seats locks none.
    seen = pool.Seen(account_id=found.account_id, device_id=found.id, pools=pools, held=mine.seats)
    held = pool.hold_seen(tx, seen, target, request_id=request_id, now=now)
    entitled = tuple(_entitled(each, held) for each in offers)
    short = [each for each in held.values() if isinstance(each, Full)]
    if short and all(each.n == 0 for each in entitled):
        raise Refused(refusal(Type.INSUFFICIENT_LICENSES, fits=min(short[0].pool.room, 1_000_000_000)))
    signed, row = _grant(it, found, asked, entitled)
    rows = _rows(found, offers, entitled, now)
    device.save_entitlements(tx, found.id, rows, seen=mine.entitlements)
    if not grant.follow(tx, replace(row, jws=signed)):
        raise Refused(refusal(Type.REQUEST_IN_FLIGHT))
    return _signed(signed)


def _entitled(offer: _Offer, held: dict[UUID, Held | Full]) -> Entitled:
    if offer.refused is not None or offer.pool is None or offer.tag is None:
        status = _S.INVALID_TAG if offer.tag is None else _S.NOT_AUTHORIZED
        return Entitled(tag=offer.wanted.tag, n=0, status=status)
    got = held[offer.pool.id]
    status = _S.NOT_AUTHORIZED if isinstance(got, Full) else _standing(got)
    return Entitled(tag=offer.wanted.tag, n=got.seats, status=status, on_expiry=offer.tag.on_expiry)


def _standing(got: Held) -> AuthorizationState:
    counters = got.pool.counters
    return seat.standing(counters, counters.taken)


def _grant(
    it: Signed, found: Device, asked: EntitlementRequest, entitled: tuple[Entitled, ...]
) -> tuple[str, grant.Grant]:
    now = it.portal.clock.now().replace(microsecond=0)
    standing = it.standing
    last = standing.last
    compliant = all(each.status is not _S.OUT_OF_COMPLIANCE for each in entitled)
    dates = deadline.grant_dates(now, compliant=compliant)
    window = deadline.spread(now, dates.refresh) if standing.policy.get("spread") is True else None
    claims = Grant(
        iss=it.portal.name,
        sub=str(found.id),
        cnf=Confirmation(x5t=it.who.keyid),
        jti=new_id(now).hex,
        prev=last.jti if last is not None else None,
        seq=asked.seq,
        iat=now,
        nbf=dates.not_before,
        ref=dates.refresh,
        exp=dates.deadline,
        grace=dates.grace_end,
        acct=Account(sa=standing.account[:128], va=standing.virtual_account[:128]),
        ent=entitled,
        export=Export(allowed=found.export_allowed),
        trust_seq=it.portal.bundle_seq,
        next_call=CallWindow(start=window.start, end=window.end) if window is not None else None,
    )
    row = grant.Grant(
        device_id=found.id,
        seq=claims.seq,
        account_id=found.account_id,
        previous_seq=found.grant_seq,
        jti=claims.jti,
        previous_jti=claims.prev,
        body_sha256=it.digest.hex(),
        issued_at=now,
        refresh_at=claims.ref,
        deadline=claims.exp,
        grace_end=claims.grace,
        jws="",
    )
    return it.portal.sign(Kind.GRANT, claims), row


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


def _forecast(it: Signed, asked: EntitlementRequest) -> Reply:
    """What would be granted; nothing is consumed."""
    found, now = it.noted(), it.portal.clock.now()
    held = pool.holdings(it.tx, found.id)
    short = []
    for offer in _offers(it.tx, found, asked.entitlements, now):
        if offer.pool is None:
            short.append(offer.wanted)
            continue
        seen = offer.pool.counters
        mine = held.get(offer.pool.id, 0)
        decided = seat.decide(seen, held=mine, asked=offer.wanted.count)
        if decided.refused or decided.status is _S.OUT_OF_COMPLIANCE:
            room = mine + max(seen.capacity - seen.taken, 0)
            short.append(replace(offer.wanted, count=max(offer.wanted.count - room, 0)))
    answer = Forecast(compliant=not short, short=tuple(short))
    return Reply(media_type=JSON, body=wire.dump(answer))
