"""What is wrong is refused, each by its own problem type, and changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from anchorwatch.db import certificate, grant
from anchorwatch.db.database import Transaction
from anchorwatch.licensing import enrolment, jws, message, problem, wire
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.claim import Grant, Receipt, Revocation, TimeClaim
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.message import Mode, Software, Udi, Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.seat import Mode as TagMode
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.portal import management
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.reply import Reply
from builders.certs import new_key
from portal.hand import ENROL, REENROL, Hand, enrolled, kind_of, request_for
from portal.office import Office

ONE = Wanted(tag="standard", count=1)
SELF = message.SELF


def state_of(office: Office) -> object:
    """All that a request could have changed, but for nonces and when a device was last seen."""

    def look(tx: Transaction) -> object:
        return [
            (
                each.id,
                each.state,
                each.grant_seq,
                len(certificate.of_device(tx, each.id)),
                grant.last(tx, each.id),
            )
            for each in office.devices()
        ]

    uses = [(each.prefix, each.uses) for each in management.tokens(office.portal, office.account)]
    return office.portal.database.read(look), uses, office.in_use()


def claims(office: Office, text: str, kind: Kind) -> bytes:
    key = office.portal.ring.newest(KeyRole.GRANT).signing.public
    return jws.verify(text, (kind,), lambda _: key).payload


# --- signed requests ------------------------------------------------------------------------------------------

Forged = Callable[[Hand], tuple[dict[str, str], bytes | None]]
BODY = b'{"seq":1}'


def _with(change: dict[str, str]) -> Forged:
    def forged(hand: Hand) -> tuple[dict[str, str], bytes | None]:
        body = hand.wants(ONE)
        return hand.signed("PUT", message.ENTITLEMENTS, body) | change, body

    return forged


def _other_body(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    return hand.signed("PUT", message.ENTITLEMENTS, hand.wants(ONE)), hand.wants(
        Wanted(tag="standard", count=9)
    )


def _other_key(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    thief = Hand(hand.office, certificate=hand.certificate)
    return thief.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE)), body


def _other_portal(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    target = f"https://elsewhere.example{message.ENTITLEMENTS}"
    return hand.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE), target=target), body


def _other_path(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    return hand.signed("PUT", SELF, body := hand.wants(ONE)), body


def _other_method(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    return hand.signed("POST", message.ENTITLEMENTS, body := hand.wants(ONE)), body


def _stranger(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    other = Hand(hand.office, certificate=b"nobody's")
    return other.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE)), body


def _unsigned(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    return {"content-type": message.JSON, "idempotency-key": "0123456789", "client-cert": "x"}, hand.wants(
        ONE
    )


def _other_algorithm(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    fields = hand.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE))
    return fields | {
        "signature-input": fields["signature-input"].replace("ecdsa-p256-sha256", "hmac-sha256")
    }, body


def _fewer_components(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    fields = hand.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE))
    return fields | {"signature-input": fields["signature-input"].replace(' "content-digest"', "")}, body


def _no_key(hand: Hand) -> tuple[dict[str, str], bytes | None]:
    fields = hand.signed("PUT", message.ENTITLEMENTS, body := hand.wants(ONE))
    del fields["idempotency-key"]
    return fields, body


@pytest.mark.parametrize(
    ("forged", "kind"),
    [
        (_other_body, Type.DIGEST_MISMATCH),
        (_with({"content-digest": "sha-512=:AAAA:"}), Type.DIGEST_MISMATCH),
        (_with({"content-type": "text/plain"}), Type.SIGNATURE_INVALID),
        (_with({"idempotency-key": "0123456789"}), Type.SIGNATURE_INVALID),
        (_with({"signature": "sl1=:AAAA:"}), Type.SIGNATURE_INVALID),
        (_with({"signature-input": "sl1=()"}), Type.SIGNATURE_INVALID),
        (_other_key, Type.SIGNATURE_INVALID),
        (_other_portal, Type.SIGNATURE_INVALID),
        (_other_path, Type.SIGNATURE_INVALID),
        (_other_method, Type.SIGNATURE_INVALID),
        (_other_algorithm, Type.SIGNATURE_INVALID),
        (_fewer_components, Type.SIGNATURE_INVALID),
        (_unsigned, Type.SIGNATURE_INVALID),
        (_stranger, Type.IDENTITY_UNKNOWN),
        (_no_key, Type.KEY_MISSING),
    ],
)
def test_a_forged_request(office: Office, forged: Forged, kind: Type) -> None:
    """One thing wrong with a signed request, and it is refused by that thing's name."""
    hand = enrolled(office)
    before = state_of(office)
    fields, body = forged(hand)
    reply = office.ask("PUT", message.ENTITLEMENTS, fields, body)
    assert kind_of(reply) is kind
    assert reply.status == problem.MEANINGS[kind].status
    assert state_of(office) == before


def test_a_replayed_request(office: Office) -> None:
    """A request that comes a second time as it was is refused; with a new signature it gets its answer again."""
    hand = enrolled(office)
    body = hand.wants(ONE)
    fields = hand.signed("PUT", message.ENTITLEMENTS, body)
    first = office.ask("PUT", message.ENTITLEMENTS, fields, body)
    assert first.status == 200
    before = state_of(office)
    assert kind_of(office.ask("PUT", message.ENTITLEMENTS, fields, body)) is Type.REPLAY
    again = hand.signed("PUT", message.ENTITLEMENTS, body, key=fields["idempotency-key"])
    repeated = office.ask("PUT", message.ENTITLEMENTS, again, body)
    assert repeated.body == first.body
    assert ("idempotency-replayed", "true") in repeated.headers
    other = hand.wants(Wanted(tag="standard", count=2))
    reused = hand.signed("PUT", message.ENTITLEMENTS, other, key=fields["idempotency-key"])
    assert kind_of(office.ask("PUT", message.ENTITLEMENTS, reused, other)) is Type.KEY_REUSE
    assert state_of(office) == before


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=-3650)])
def test_a_wrong_clock(office: Office, off: timedelta) -> None:
    """A request from another time is told the right one, signed and for its own nonce."""
    hand = enrolled(office)
    body = hand.wants(ONE)
    created = office.clock.now() + off
    reply = office.ask(
        "PUT", message.ENTITLEMENTS, hand.signed("PUT", message.ENTITLEMENTS, body, created=created), body
    )
    found = problem.read(reply.body)
    assert found is not None
    assert found.kind is Type.CREATED_OUT_OF_WINDOW
    assert found.signed is not None
    time = wire.parse(TimeClaim, claims(office, found.signed, Kind.TIME))
    assert (time.now, time.nonce) == (office.clock.now(), found.nonce)


def test_a_revoked_device_is_told_so_signed(office: Office) -> None:
    """Only a signed refusal, for this request, takes an identity away."""
    hand = enrolled(office)
    (row,) = office.devices()
    management.move_device(office.portal, office.account, row.id, DeviceEvent.REVOKED)
    body = hand.wants(ONE)
    fields = hand.signed("PUT", message.ENTITLEMENTS, body)
    found = problem.read(office.ask("PUT", message.ENTITLEMENTS, fields, body).body)
    assert found is not None
    assert found.kind is Type.IDENTITY_REVOKED
    assert found.signed is not None
    told = wire.parse(Revocation, claims(office, found.signed, Kind.REVOKE))
    assert (told.sub, told.req) == (hand.keyid, fields["idempotency-key"])


# --- tokens ---------------------------------------------------------------------------------------------------


def test_a_token_that_does_not_prove_itself(office: Office) -> None:
    """A proof for another request, portal or time, or by another key, is refused and uses nothing."""
    made, hand = office.token(), Hand(office)
    before = state_of(office)
    other = request_for(new_key("ec256"))
    assert kind_of(hand.enrol(made, proves=other)) is Type.TOKEN_INVALID
    assert kind_of(hand.enrol(made, portal="elsewhere.example")) is Type.TOKEN_INVALID
    assert (
        kind_of(hand.enrol(made, at=office.clock.now() - timedelta(minutes=6))) is Type.CREATED_OUT_OF_WINDOW
    )
    stranger = office.token()
    forged = type(made)(id=made.id, secret=stranger.secret, pin=made.pin, bundle_seq=1)
    assert kind_of(hand.enrol(forged)) is Type.TOKEN_INVALID
    fields = {"content-type": message.PKCS10, "authorization": f"Bearer {made.text().reveal()}"}
    assert kind_of(office.ask("POST", ENROL, fields, enrolment.encode(hand.csr))) is Type.TOKEN_INVALID
    assert kind_of(office.ask("POST", ENROL, {}, enrolment.encode(hand.csr))) is Type.TOKEN_INVALID
    assert state_of(office)[0] == before[0]  # type: ignore[index]  # the devices


def test_a_token_whose_terms_do_not_hold(office: Office) -> None:
    """Exhausted, expired, revoked and constrained tokens are told apart, signed, and make no device."""
    used = office.token()
    assert Hand(office, sn="A").enrol(used).status == 200
    assert kind_of(Hand(office, sn="B").enrol(used)) is Type.TOKEN_EXHAUSTED
    serials = office.token(TokenTerms(serials="9A*"))
    assert kind_of(Hand(office, sn="B").enrol(serials)) is Type.TOKEN_CONSTRAINT
    network = office.token(TokenTerms(network="192.0.2.0/24"))
    assert kind_of(Hand(office, sn="B").enrol(network)) is Type.TOKEN_CONSTRAINT
    revoked = office.token()
    management.revoke_token(office.portal, office.account, revoked.id)
    reply = Hand(office, sn="B").enrol(revoked)
    found = problem.read(reply.body)
    assert found is not None
    assert found.kind is Type.TOKEN_REVOKED
    assert found.signed is not None
    assert wire.parse(Revocation, claims(office, found.signed, Kind.REVOKE)).sub == revoked.id
    short = office.token(TokenTerms(life=timedelta(minutes=1)))
    office.clock.advance(timedelta(minutes=2))
    assert kind_of(Hand(office, sn="B").enrol(short)) is Type.TOKEN_EXPIRED
    assert len(office.devices()) == 1


def test_a_token_used_by_many_at_once(either_office: Office) -> None:
    """However many come at once, a token makes as many devices as it allows."""
    office = either_office
    made = office.token(TokenTerms(uses=3))
    hands = [Hand(office, sn=f"N{number}") for number in range(24)]
    with ThreadPoolExecutor(12) as threads:
        replies = list(threads.map(lambda hand: hand.enrol(made), hands))
    assert sorted(reply.status for reply in replies) == [200] * 3 + [403] * 21
    assert len(office.devices()) == 3


def test_the_same_key_and_token_get_the_same_certificate(office: Office) -> None:
    """An enrolment whose answer was lost is answered again, and the token is used once."""
    made, hand = office.token(), Hand(office)
    first, again = hand.enrol(made), hand.enrol(made)
    assert first.body == again.body
    assert [each.uses for each in management.tokens(office.portal, office.account)] == [1]


@pytest.mark.parametrize(
    "csr",
    [
        b"",
        b"not a request",
        request_for(new_key("rsa1024")),
        request_for(new_key("ec521")),
        request_for(new_key("ec256"))[:-1] + b"\x00",
    ],
    ids=["empty", "text", "short-rsa", "other-curve", "changed"],
)
def test_a_request_that_cannot_be_certified(office: Office, csr: bytes) -> None:
    """Keys too short or of another kind, and requests whose own signature does not hold, are refused."""
    made = office.token()
    assert kind_of(Hand(office).enrol(made, csr=csr or b"\x00")) is Type.REQUEST_REFUSED
    assert office.devices() == ()


def test_one_device_is_not_enrolled_twice(office: Office) -> None:
    """A live device's identifier with another key is a conflict, unless the token may force it."""
    enrolled(office)
    assert kind_of(Hand(office).enrol(office.token())) is Type.UDI_CONFLICT
    assert Hand(office).enrol(office.token(TokenTerms(force=True))).status == 200
    assert [each.state for each in office.devices()] == [DeviceState.REMOVED, DeviceState.ACTIVE]


def test_approval(office: Office) -> None:
    """With a token that asks for approval a device waits until somebody approves it."""
    made, hand = office.token(TokenTerms(approval=True)), Hand(office)
    waiting = hand.enrol(made)
    assert (waiting.status, dict(waiting.headers)["retry-after"]) == (202, "600")
    (row,) = office.devices()
    management.move_device(office.portal, office.account, row.id, DeviceEvent.APPROVED)
    assert hand.enrol(made).status == 200


# --- sequence and seats ---------------------------------------------------------------------------------------


def granted(office: Office, hand: Hand, *wanted: Wanted) -> Grant:
    reply = hand.ask("PUT", message.ENTITLEMENTS, hand.wants(*wanted))
    assert reply.status == 200, reply.body
    found = wire.parse(Grant, claims(office, reply.body.decode(), Kind.GRANT))
    hand.seq, hand.jti = found.seq, found.jti
    return found


def test_a_twin_and_a_backup(either_office: Office) -> None:
    """An older number gets the current grant to adopt; two agents with one identity become a conflict, seats kept."""
    office = either_office
    hand = enrolled(office)
    first = granted(office, hand, ONE)
    second = granted(office, hand, Wanted(tag="standard", count=2))
    assert (second.seq, second.prev) == (2, first.jti)
    stale = hand.ask("PUT", message.ENTITLEMENTS, hand.wants(ONE, seq=1, last="x"))
    found = problem.read(stale.body)
    assert found is not None
    assert (found.kind, found.signed) == (
        Type.STALE_SEQUENCE,
        office.portal.database.read(lambda tx: grant.last(tx, office.devices()[0].id)).jws,  # type: ignore[union-attr]
    )
    assert (
        kind_of(hand.ask("PUT", message.ENTITLEMENTS, hand.wants(ONE, last="elsewhere")))
        is Type.SEQUENCE_FORK
    )
    assert office.devices()[0].state is DeviceState.CONFLICT
    assert office.in_use() == 2
    assert kind_of(hand.ask("PUT", message.ENTITLEMENTS, hand.wants(ONE))) is Type.SEQUENCE_FORK


def test_seats_run_out(either_office: Office) -> None:
    """Beyond what was bought a limited tag is out of compliance and asked for again in hours; a hard one refuses."""
    office = either_office
    hand = enrolled(office)
    many = granted(office, hand, Wanted(tag="standard", count=11))
    assert many.ent[0].status is AuthorizationState.OUT_OF_COMPLIANCE
    assert many.ref - many.iat == timedelta(hours=12)
    office.add_tag("firm", TagMode.HARD)
    management.add_lot(office.portal, office.place, "firm", 2)
    other = enrolled(office, sn="9A2", kind="ed25519")
    before = state_of(office)
    full = other.ask("PUT", message.ENTITLEMENTS, other.wants(Wanted(tag="firm", count=3)))
    found = problem.read(full.body)
    assert found is not None
    assert (found.kind, found.fits) == (Type.INSUFFICIENT_LICENSES, 2)
    assert kind_of(other.ask("PUT", message.ENTITLEMENTS, other.wants(Wanted(tag="odd")))) is Type.TAG_UNKNOWN
    office.add_tag("strong", restricted=True)
    strong = other.ask("PUT", message.ENTITLEMENTS, other.wants(Wanted(tag="strong")))
    assert kind_of(strong) is Type.EXPORT_NOT_ALLOWED
    assert state_of(office) == before
    asked = other.ask(
        "PUT", message.ENTITLEMENTS, other.wants(Wanted(tag="firm", count=3), mode=Mode.WHAT_IF)
    )
    assert asked.body == b'{"compliant":false,"short":[{"tag":"firm","count":1}]}'
    mixed = granted(office, other, Wanted(tag="firm", count=2), Wanted(tag="strong"), Wanted(tag="odd"))
    assert [(each.tag, each.n, str(each.status)) for each in mixed.ent] == [
        ("firm", 2, "authorized"),
        ("strong", 0, "not-authorized"),
        ("odd", 0, "invalid-tag"),
    ]
    assert state_of(office) != before


def test_many_devices_on_few_seats(either_office: Office) -> None:
    """Ten seats of a hard tag go to ten of forty devices that ask at once."""
    office = either_office
    office.add_tag("firm", TagMode.HARD)
    management.add_lot(office.portal, office.place, "firm", 10)
    hands = [enrolled(office, sn=f"N{number}") for number in range(40)]

    def ask(hand: Hand) -> Reply:
        return hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="firm")))

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(ask, hands))
    assert sorted(reply.status for reply in replies) == [200] * 10 + [409] * 30
    assert office.in_use() == 10


# --- the rest of a life ---------------------------------------------------------------------------------------


def test_leaving_twice(either_office: Office) -> None:
    """A device that leaves hears what it gave back in a signed receipt, and the same again when it asks again."""
    office = either_office
    hand = enrolled(office)
    granted(office, hand, Wanted(tag="standard", count=3))
    first, again = hand.ask("DELETE", SELF), hand.ask("DELETE", SELF)
    assert first.body == again.body
    receipt = wire.parse(Receipt, claims(office, first.body.decode(), Kind.RECEIPT))
    assert [(each.tag, each.n) for each in receipt.released] == [("standard", 3)]
    assert office.in_use() == 0
    assert kind_of(hand.ask("PUT", message.ENTITLEMENTS, hand.wants(ONE))) is Type.IDENTITY_UNKNOWN


def test_renewing_an_identity(office: Office) -> None:
    """The old certificate serves until the new one was used once, and then no more."""
    old = enrolled(office)
    new = Hand(office)
    csr = enrolment.encode(new.csr)
    reply = new.taken(old.ask("POST", REENROL, csr, content_type=message.PKCS10))
    assert reply.status == 200
    assert old.ask("POST", REENROL, csr, content_type=message.PKCS10).body == reply.body
    info = message.DeviceInfo(
        udi=Udi(pid="ASAv", sn="9A1"), sw=Software(name="asa", version="9.16"), agent="a/1"
    )
    assert old.ask("PUT", SELF, wire.dump(info)).status == 200
    assert new.ask("PUT", SELF, wire.dump(info)).status == 200
    assert kind_of(old.ask("PUT", SELF, wire.dump(info))) is Type.IDENTITY_SUPERSEDED
    assert new.ask("GET", message.RENEWAL_INFO).status == 200
    assert new.ask("GET", message.ENTITLEMENTS).status == 204
    stranger = message.DeviceInfo(udi=Udi(pid="ASAv", sn="other"), sw=info.sw, agent="a/1")
    assert kind_of(new.ask("PUT", SELF, wire.dump(stranger))) is Type.UDI_CONFLICT


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"seq":1,"seq":2}', b"\xff", b"[" * 5000])
def test_a_body_that_is_no_message(office: Office, body: bytes) -> None:
    """A signed body that is not its message is refused and changes nothing."""
    hand = enrolled(office)
    before = state_of(office)
    for method, path in (("PUT", message.ENTITLEMENTS), ("PUT", SELF), ("POST", message.INCIDENTS)):
        assert kind_of(hand.ask(method, path, body)) is Type.MESSAGE_MALFORMED
    assert kind_of(office.ask("POST", message.TIME, {}, body)) is Type.MESSAGE_MALFORMED
    assert state_of(office) == before
