"""Signatures, tokens, bundles and messages against whoever means harm."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.secret import Secret
from anchorwatch.licensing import (
    claim,
    enrolment,
    jws,
    message,
    problem,
    retry,
    signature,
    state,
    token,
    trust_bundle,
    wire,
)
from anchorwatch.licensing.claim import AnchorClaim, Role
from anchorwatch.licensing.clock import Timekeeping
from anchorwatch.licensing.error import (
    BundleRefusedError,
    LicensingError,
    MalformedMessageError,
    SignatureRefusedError,
    TokenRefusedError,
)
from anchorwatch.licensing.event import BundleGiven, RenewAuthorization, Send, Want
from anchorwatch.licensing.failure import Failure
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.licensing.trust import BundleState
from anchorwatch.licensing.trust_bundle import Objection
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA, new_key
from licensing.cable import PRODUCT, Box, Cable, World
from licensing.desk import BUILD, PORTAL, Desk, Reply, public_claim

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NONCE = "A" * 21 + "g"
KEYS = {"ed25519": SigningKey.of(new_key("ed25519")), "p256": SigningKey.of(new_key("ec256"))}


@pytest.fixture(params=list(KEYS))
def key(request: pytest.FixtureRequest) -> SigningKey:
    return KEYS[request.param]


def a_request(body: bytes | None = b'{"a":1}') -> signature.Request:
    return signature.Request(
        method="PUT",
        target_uri="https://portal.example/sl/v1/devices/self",
        body=body,
        content_type="application/json" if body is not None else None,
        idempotency_key="6f0e…".encode("ascii", "ignore").decode() + "-1",
    )


def signed(request: signature.Request, key: SigningKey) -> dict[str, str]:
    return signature.sign(request, key, keyid="k" * 43, created=T0, nonce=NONCE)


def test_a_signed_request_is_believed(key: SigningKey) -> None:
    """What was signed with either kind of key is read and verified."""
    presented = signature.read(signed(a_request(), key))
    signature.verify(a_request(), presented, key.public, T0 + timedelta(seconds=300))
    assert presented.nonce == NONCE


@pytest.mark.parametrize(
    ("change", "problem_type"),
    [
        ({"method": "DELETE"}, "signature-invalid"),
        ({"target_uri": "https://portal.example/sl/v1/other"}, "signature-invalid"),
        ({"body": b'{"a":2}'}, "digest-mismatch"),
        ({"content_type": "text/plain"}, "signature-invalid"),
        ({"idempotency_key": "other"}, "signature-invalid"),
        ({"body": None}, "signature-invalid"),
    ],
)
def test_a_changed_request_is_refused(key: SigningKey, change: dict[str, object], problem_type: str) -> None:
    """Any signed part that differs refuses the request, with its problem type."""
    presented = signature.read(signed(a_request(), key))
    changed = dataclasses.replace(a_request(), **change)  # type: ignore[arg-type]  # each names one field
    with pytest.raises(SignatureRefusedError) as refused:
        signature.verify(changed, presented, key.public, T0)
    assert refused.value.problem == problem_type


def test_a_request_from_another_time_is_refused(key: SigningKey) -> None:
    """Beyond 300 seconds either way the problem is the time, and only the holder of the key learns it."""
    presented = signature.read(signed(a_request(), key))
    for moment in (T0 + timedelta(seconds=301), T0 - timedelta(seconds=301)):
        with pytest.raises(SignatureRefusedError) as refused:
            signature.verify(a_request(), presented, key.public, moment)
        assert refused.value.problem == "created-out-of-window"


def test_the_algorithm_is_the_keys_own() -> None:
    """A request that names the other algorithm is refused before anything is verified."""
    fields = signed(a_request(), KEYS["p256"])
    fields["signature-input"] = fields["signature-input"].replace("ecdsa-p256-sha256", "ed25519")
    with pytest.raises(SignatureRefusedError, match="another algorithm"):
        signature.verify(a_request(), signature.read(fields), KEYS["p256"].public, T0)


@given(st.integers(0, 2**32 - 1))
def test_a_damaged_signature_field_never_passes(seed: int) -> None:
    """Any one changed character of either field is refused with a SignatureRefusedError."""
    dice = random.Random(seed)
    fields = signed(a_request(), KEYS["ed25519"])
    name = dice.choice(["signature-input", "signature"])
    place = dice.randrange(len(fields[name]))
    other = chr(dice.randrange(32, 127))
    if fields[name][place] == other:
        return
    fields[name] = fields[name][:place] + other + fields[name][place + 1 :]
    with pytest.raises(SignatureRefusedError):
        signature.verify(a_request(), signature.read(fields), KEYS["ed25519"].public, T0)


@given(st.text(max_size=300), st.text(max_size=120))
def test_any_field_is_read_or_refused(described: str, value: str) -> None:
    """Reading never fails in any other way than by refusing."""
    with pytest.raises(SignatureRefusedError):
        signature.read({"signature-input": f"sl1=({described}", "signature": f"sl1=:{value}:"})


# --- signed objects


def forged(header: dict[str, object], payload: bytes, signature_octets: bytes) -> str:
    parts = (json.dumps(header).encode(), payload, signature_octets)
    return ".".join(wire.base64url(part) for part in parts)


def test_a_signed_object_is_believed(key: SigningKey) -> None:
    """A signed object comes back with its kind and payload."""
    text = jws.sign(Kind.TIME, b"{}", key)
    assert jws.verify(text, (Kind.TIME,), lambda _: key.public).payload == b"{}"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "sl-grant+jwt", "kid": "k"},
        {"alg": "HS256", "typ": "sl-grant+jwt", "kid": "k"},
        {"alg": "EdDSA", "typ": "sl-grant+jwt", "kid": "k"},
        {"alg": "ES256", "typ": "sl-grant+jwt", "kid": "k"},
        {"alg": "Ed25519", "typ": "JWT", "kid": "k"},
        {"alg": "Ed25519", "typ": "sl-time+jwt", "kid": "k"},
        {"alg": "Ed25519", "typ": "sl-grant+jwt"},
        {"alg": "Ed25519", "typ": "sl-grant+jwt", "kid": "k", "jwk": {}},
        {"alg": "Ed25519", "typ": "sl-grant+jwt", "kid": "k", "crit": ["b64"]},
        {"alg": "Ed25519", "typ": "sl-grant+jwt", "kid": "k", "jku": "https://x.example"},
    ],
)
def test_algorithm_confusion_is_refused(header: dict[str, object]) -> None:
    """A correct signature under any other header than ours is refused: none, HMAC, another kind, keys inside."""
    key = KEYS["ed25519"]
    start = forged(header, b"{}", b"")[:-1]
    text = f"{start}.{wire.base64url(key.sign(start.encode()))}"
    with pytest.raises(SignatureRefusedError):
        jws.verify(text, (Kind.GRANT,), lambda _: key.public)


def test_hmac_with_the_public_key_is_refused() -> None:
    """The public key used as the secret of an HMAC proves nothing."""
    import hashlib
    import hmac

    key = KEYS["p256"]
    start = forged({"alg": "HS256", "typ": "sl-grant+jwt", "kid": key.public.kid}, b"{}", b"")[:-1]
    made = hmac.digest(key.public.spki, start.encode(), hashlib.sha256)
    with pytest.raises(SignatureRefusedError):
        jws.verify(f"{start}.{wire.base64url(made)}", (Kind.GRANT,), lambda _: key.public)


@given(st.integers(0, 2**32 - 1))
def test_a_changed_signed_object_never_passes(seed: int) -> None:
    """Any one changed character of a compact JWS is refused."""
    dice = random.Random(seed)
    key = KEYS["ed25519"]
    text = jws.sign(Kind.GRANT, b'{"seq":1}', key)
    place = dice.randrange(len(text))
    other = dice.choice("ABCDwxyz0189-_.=")
    if text[place] == other:
        return
    with pytest.raises(SignatureRefusedError):
        jws.verify(text[:place] + other + text[place + 1 :], (Kind.GRANT,), lambda _: key.public)


# --- tokens


def a_token(number: int = 7) -> token.IdToken:
    return token.make(
        id_octets=bytes(10), seed=bytes([number]) * 32, root_spki=KEYS["ed25519"].public.spki, bundle_seq=12
    )


def test_a_token_comes_back_from_its_text() -> None:
    """A token is read back from its line, in capitals and between blanks too, and prints as dots."""
    made = a_token()
    text = made.text().reveal()
    assert token.parse(Secret(text)) == made
    assert token.parse(Secret(f"  {text.upper()}\n")) == made
    assert made.secret.reveal() not in repr(made)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text[:30] + "\n" + text[30:], "blank or a line break"),
        (lambda text: text[:-40], "parts between its dashes|characters"),
        (lambda text: text.replace("SL1", "SL2"), "does not begin"),
        (lambda _: "x" * 1000, "too long"),
        (lambda _: token.make_basic(id_octets=bytes(10), secret=bytes(32)).text().reveal(), "plain EST"),
        (lambda text: text.replace("a", "1", 1), "changed|characters"),
    ],
)
def test_a_mangled_token_is_told_without_repeating_it(spoil: Callable[[str], str], sentence: str) -> None:
    """What is wrong with a token is said in a sentence that holds no part of it."""
    text = a_token().text().reveal()
    with pytest.raises(TokenRefusedError, match=sentence) as refused:
        token.parse(Secret(spoil(text)))
    assert a_token().secret.reveal() not in str(refused.value)


def test_a_proof_holds_for_one_request_and_one_portal() -> None:
    """A proof is for this request, this portal and this time, by the holder of the token."""
    made = a_token()
    proof = token.prove(made, b"csr", portal=PORTAL, now=T0, nonce=bytes(16))
    assert token.token_id(proof) == made.id
    assert made.secret.reveal() not in proof
    token.check_proof(proof, made.key().public, b"csr", portal=PORTAL, now=T0)
    for public, csr, portal, now in (
        (a_token(8).key().public, b"csr", PORTAL, T0),
        (made.key().public, b"other", PORTAL, T0),
        (made.key().public, b"csr", "evil.example", T0),
        (made.key().public, b"csr", PORTAL, T0 + timedelta(seconds=301)),
    ):
        with pytest.raises(SignatureRefusedError):
            token.check_proof(proof, public, csr, portal=portal, now=now)


# --- bundles


def test_bundles_only_go_forward() -> None:
    """An older bundle, another one of the same number, and one by a stranger are refused."""
    desk = Desk(T0)
    held = desk.make_bundle(T0, seq=5)
    newer = desk.make_bundle(T0, seq=6)
    older = desk.make_bundle(T0, seq=4)
    twin = desk.make_bundle(T0 + timedelta(days=1), seq=5)
    stranger = Desk(T0).make_bundle(T0, seq=9)
    assert trust_bundle.accept(newer, held=held).seq == 6
    assert trust_bundle.accept(held, held=held).seq == 5
    for text, code in (
        (older, Objection.ROLLBACK),
        (twin, Objection.FORKED),
        (stranger, Objection.SIGNATURE),
    ):
        with pytest.raises(BundleRefusedError) as refused:
            trust_bundle.accept(text, held=held)
        assert refused.value.code == code


def test_the_first_bundle_is_by_the_pinned_root() -> None:
    """At first contact only the root that the token pins is believed, and nothing older than the token."""
    desk = Desk(T0)
    pin = token.pin_of(desk.root.public.spki)
    assert trust_bundle.accept(desk.bundle, held=None, pin=pin, token_seq=1).seq == 1
    for wrong_pin, seq in ((bytes(16), 1), (pin, 2), (None, 0)):
        with pytest.raises(BundleRefusedError):
            trust_bundle.accept(desk.bundle, held=None, pin=wrong_pin, token_seq=seq)


def test_roots_change_hand_over_hand() -> None:
    """New roots must be signed by a key that was there before and stays."""
    desk = Desk(T0)
    held = desk.bundle
    fresh = SigningKey.of(new_key("ed25519"))
    both = dataclasses.replace(desk.claims, seq=2, roots=(public_claim(desk.root), public_claim(fresh)))
    alone = dataclasses.replace(desk.claims, seq=2, roots=(public_claim(fresh),))
    added = jws.sign(Kind.TRUST, wire.dump(both), desk.root)
    assert trust_bundle.accept(added, held=held).seq == 2
    for signer in (desk.root, fresh):
        with pytest.raises(BundleRefusedError):
            trust_bundle.accept(jws.sign(Kind.TRUST, wire.dump(alone), signer), held=held)
    final = jws.sign(Kind.TRUST, wire.dump(dataclasses.replace(alone, seq=3)), fresh)
    assert trust_bundle.accept(final, held=added).seq == 3


def test_an_anchor_of_a_bundle_speaks_for_its_names_only() -> None:
    """A TLS anchor is left out for a leaf with any other name, so that it is no root for everything."""
    desk, root = Desk(T0), CA.root("Portal TLS Root")
    anchor = AnchorClaim(
        role=Role.TLS,
        sha256=bytes.fromhex(root.sha256),
        not_after=datetime(2049, 1, 1, tzinfo=UTC),
        x5c=root.der,
        names=(PORTAL,),
    )
    bundle = trust_bundle.read(desk.make_bundle(T0, seq=2, anchors=(anchor,)))
    own = TrustStore(())

    def admitted(*names: str) -> int:
        leaf = root.issue_leaf(names[0], san=list(names))
        return len(trust_bundle.tls_store(bundle, own, Certificate.from_der(leaf.der)))

    assert admitted(PORTAL) == 1
    assert admitted("bank.example") == 0
    assert admitted(PORTAL, "bank.example") == 0
    assert admitted(PORTAL, "192.0.2.1") == 0


def a_registered_box() -> Box:
    box = Box(Cable(Desk(T0), World(T0)))
    box.feed(Want((Wanted(tag="standard"),)))
    box.register(box.cable.desk.issue_token())
    assert box.authorization() is AuthorizationState.AUTHORIZED
    return box


def test_an_agent_notices_an_older_bundle() -> None:
    """A replayed bundle changes nothing and leaves an alarm that newer bundles do not clear."""
    box = a_registered_box()
    first = box.cable.desk.bundle
    box.feed(BundleGiven(box.cable.desk.make_bundle(T0, seq=2)))
    assert box.bundle_state() is BundleState.FRESH
    box.cable.desk.bundle = first
    box.run(timedelta(days=8))
    assert box.bundle_state() is BundleState.ROLLBACK_SUSPECTED
    trusted = box.state.trust()
    assert trusted is not None
    assert trusted.seq == 2
    assert "bundle-rollback" in box.told


def test_a_replayed_grant_is_refused() -> None:
    """An old grant shown again as the answer to a new request changes nothing."""
    box = a_registered_box()
    old = box.state.grant
    assert old is not None
    box.intercept = lambda send, reply: Reply(200, old.encode()) if send.step is state.Step.ENTITLE else reply
    box.feed(RenewAuthorization())
    assert box.state.seq == 1
    assert box.state.failure is not None
    assert box.state.failure.kind == "body_signature"


def test_a_replayed_request_is_refused() -> None:
    """The same signed request again is a replay, whatever it asks."""
    box = a_registered_box()
    seen: list[Reply] = []
    ask = box.cable._ask

    def twice(method: str, path: str, fields: dict[str, str], body: bytes | None) -> Reply:
        reply = ask(method, path, fields, body)
        if path == message.ENTITLEMENTS:
            seen.append(ask(method, path, fields, body))
        return reply

    box.cable._ask = twice  # type: ignore[method-assign]  # the wire in between
    box.feed(RenewAuthorization())
    found = problem.read(seen[0].body)
    assert found is not None
    assert found.kind is problem.Type.REPLAY


REVOKED = problem.Type.IDENTITY_REVOKED


@pytest.mark.parametrize(
    "forged", ["unsigned", "another's key", "another request", "another device", "another kind"]
)
def test_an_unsigned_revocation_takes_nothing_away(forged: str) -> None:
    """A refusal that says revoked, and is not signed by the portal for this request of this device, only delays."""
    box = a_registered_box()
    desk = box.cable.desk

    def lie(send: Send, reply: Reply | Failure | None) -> Reply | Failure | None:
        if send.step is not state.Step.ENTITLE:
            return reply
        assert box.state.identity is not None
        told = claim.Revocation(
            iss=PORTAL,
            sub="somebody-else" if forged == "another device" else box.state.identity.x5t,
            what=claim.Revoked.IDENTITY,
            problem=REVOKED,
            req="0123456789" if forged == "another request" else send.idempotency_key or "",
            iat=T0,
        )
        kind = Kind.RECEIPT if forged == "another kind" else Kind.REVOKE
        signer = SigningKey.of(new_key("ec256")) if forged == "another's key" else desk.grants
        text = jws.sign(kind, wire.dump(told), signer, kid=desk.grants.public.kid)
        found = problem.problem(REVOKED, signed=None if forged == "unsigned" else text)
        return Reply(401, problem.write(found))

    box.intercept = lie
    held = box.state.grant
    box.feed(RenewAuthorization())
    assert box.registration() is RegistrationState.REGISTERED
    assert (box.state.grant, box.authorization()) == (held, AuthorizationState.AUTHORIZED)
    box.intercept = lambda _, reply: reply
    box.run(timedelta(days=2))
    assert box.state.failure is None


def test_a_rogue_portal_is_believed_in_nothing() -> None:
    """Whoever answers in the portal's place, over TLS that is believed, neither registers nor keeps a device."""
    rogue, true = Desk(T0), Desk(T0)
    stranger = Box(Cable(rogue, World(T0)))
    made = true.issue_token()
    rogue.tokens[made.id] = made.key().public
    stranger.feed(Want((Wanted(tag="standard"),)))
    stranger.register(made)
    stranger.run(timedelta(days=2))
    assert stranger.registration() is not RegistrationState.REGISTERED
    assert (stranger.state.bundle, rogue.effects) == (None, [])
    assert not any(send.token for send in stranger.sent)

    box = a_registered_box()
    held = (box.state.grant, box.state.bundle, box.state.identity)
    box.cable.desk = rogue
    box.run(timedelta(days=60))
    assert (box.state.grant, box.state.bundle, box.state.identity) == held
    assert box.authorization() is AuthorizationState.AUTHORIZED


def test_a_bundle_that_nobody_renews_is_stale_and_used() -> None:
    """Kept from newer bundles for three times their period, an agent warns, and goes on with what it has."""
    box = a_registered_box()
    box.intercept = lambda send, reply: None if send.step is state.Step.TRUST else reply
    box.run(timedelta(days=20))
    assert box.bundle_state() is BundleState.FRESH
    box.run(timedelta(days=9))
    assert box.bundle_state() is BundleState.STALE
    assert box.authorization() is AuthorizationState.AUTHORIZED
    box.intercept = lambda _, reply: reply
    box.run(timedelta(days=1))
    assert box.bundle_state() is BundleState.FRESH


def test_a_device_says_little_of_itself() -> None:
    """What a device tells by default names the product, its serial number and its software, and no host or person."""
    told = {"udi", "sw", "agent", "ha", "features", "trust_seq", "probes", "adoptions"}
    assert set(wire.members(message.DeviceInfo)) <= told
    assert set(wire.members(message.EntitlementRequest)) <= {
        "seq", "last_jti", "grant", "entitlements", "mode", "clock", "trust_seq", "state_sha256", "adoptions",
    }  # fmt: skip
    box = a_registered_box()
    assert all(b"host" not in (send.body or b"") for send in box.sent)


# --- every parser

PARSED = (
    claim.TrustBundle, claim.TimeClaim, claim.Grant, claim.Receipt, claim.Revocation, message.Discovery,
    message.TimeRequest, message.DeviceInfo, message.DeviceAnswer, message.RenewalInfo,
    message.EntitlementRequest, message.Forecast, message.IncidentReport, problem.Problem, state.AgentState,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", PARSED, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_message_is_parsed_or_refused(kind: type, data: st.DataObject) -> None:
    """Octets, any JSON, and JSON with the right members give a message or a MalformedMessageError, nothing else."""
    names = list(wire.members(kind))
    candidates = st.one_of(
        st.binary(max_size=60),
        JSON.map(lambda value: json.dumps(value).encode()),
        st.dictionaries(st.sampled_from(names), JSON).map(lambda value: json.dumps(value).encode()),
    )
    with contextlib.suppress(MalformedMessageError):
        wire.parse(kind, data.draw(candidates))


@given(st.binary(max_size=200))
def test_every_other_reader_refuses_in_its_own_words(octets: bytes) -> None:
    """Certificate requests, PKCS#7, JWS, tokens and problems never fail otherwise."""
    text = octets.decode("latin-1")
    for attempt in (
        lambda: enrolment.read_request(octets),
        lambda: enrolment.read_request(enrolment.encode(octets)),
        lambda: jws.verify(text, (Kind.GRANT,), lambda _: None),
        lambda: token.parse(Secret(text)),
        lambda: token.token_id(text),
        lambda: trust_bundle.read(text),
    ):
        with pytest.raises(LicensingError):
            attempt()
    assert problem.read(octets) is None


def test_too_deep_and_twin_members_are_refused() -> None:
    """Deep nesting, a member twice, NaN and endless numbers are refused."""
    for octets in (
        b'{"a":' + b"[" * 100_000,
        b'{"nonce":"a","nonce":"b"}',
        b'{"a":NaN}',
        b'{"a":' + b"9" * 50 + b"}",
    ):
        with pytest.raises(MalformedMessageError):
            wire.parse(message.TimeRequest, octets)


# --- retries


@given(
    st.sampled_from(retry.Purpose),
    st.integers(0, 1_000_000),
    st.floats(0, 1),
    st.integers(0, 400 * 24 * 3600),
    st.integers(0, 10**9),
)
def test_a_retry_waits_no_longer_than_allowed(
    purpose: retry.Purpose, attempts: int, random: float, left: int, retry_after: int
) -> None:
    """No wait exceeds its cap or, where the portal asks, a quarter of the time left; none is shorter than half a base."""
    now = timedelta(days=3)
    timer = retry.Timer(purpose=purpose, boot="b", since=timedelta(0), due=now, attempts=attempts)
    remaining = timedelta(seconds=left)
    plain = retry.failed(timer, now, random, left=remaining)
    asked = retry.failed(timer, now, random, left=remaining, retry_after=timedelta(seconds=retry_after))
    assert plain.due is not None
    assert asked.due is not None
    assert retry.SCHEDULES[purpose].base / 2 <= plain.due - now <= timedelta(hours=6)
    if timedelta(0) < remaining <= timedelta(days=1):
        assert plain.due - now <= timedelta(minutes=15)
    if remaining > timedelta(0):
        assert asked.due - now <= max(plain.due - now, remaining / 4)


def test_a_local_change_arms_at_most_once_a_minute() -> None:
    """A flapping interface does not make a herd of one; a stopped timer stays stopped."""
    timer = retry.failed(retry.armed(retry.Purpose.RENEWAL, "b", timedelta(0)), timedelta(0), 1.0)
    now = timedelta(seconds=10)
    nudged = retry.nudged(timer, now)
    assert retry.is_due(nudged, now)
    again = retry.failed(nudged, now, 1.0)
    assert not retry.is_due(retry.nudged(again, now + timedelta(seconds=59)), now + timedelta(seconds=59))
    assert retry.is_due(retry.nudged(again, now + timedelta(seconds=60)), now + timedelta(seconds=60))
    assert retry.nudged(retry.stopped(timer), now).due is None


def test_a_fresh_state_is_written_and_read() -> None:
    """The document of a new agent is one of its own kind and version."""
    fresh = state.AgentState(product=PRODUCT, time=Timekeeping(build=BUILD))
    text = state.write(fresh)
    assert '"schema": "anchorwatch.licence-agent/1"' in text
    assert state.read(text) == fresh
