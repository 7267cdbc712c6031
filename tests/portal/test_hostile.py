"""Whoever means harm: each attack is refused by its name, in one sentence, soon, in little memory, and changes nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
from asn1crypto import csr as asn1_csr
from asn1crypto import keys as asn1_keys
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from anchorwatch.licensing import enrolment, jws, message, token, wire
from anchorwatch.licensing.account import DeviceEvent
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import management
from anchorwatch.portal.key_ring import KeyRole
from builders.certs import new_key
from licensing.desk import PORTAL, Desk
from portal.hand import ENROL, REENROL, Hand, enrolled, request_for
from portal.law import dump, harmless, told
from portal.office import START, Office

ONE = Wanted(tag="standard", count=1)
L1 = message.ENTITLEMENTS
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256."""


def test_the_dump_is_whole(office: Office) -> None:
    """The law looks at every table: a good request changes the dump, and one that is only heard the other one."""
    hand = enrolled(office)
    assert hand.ask("GET", message.RENEWAL_INFO).status == 200
    before, heard = dump(office), dump(office, heard=True)
    assert len(before) >= 15
    office.clock.advance(timedelta(seconds=2))
    assert hand.ask("GET", message.RENEWAL_INFO).status == 200
    assert dump(office) != before
    assert dump(office, heard=True) == heard
    assert hand.ask("PUT", L1, hand.wants(ONE)).status == 200
    assert dump(office, heard=True) != heard


@pytest.fixture(scope="module")
def quay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One portal for all that change nothing."""
    made = Office(tmp_path_factory.mktemp("quay") / "portal", seats=1000)
    yield made
    made.close()


_numbers = count(1)


def newcomer(office: Office) -> Hand:
    """A device of its own for each attack."""
    return enrolled(office, sn=f"N{next(_numbers)}")


# --- signed requests ------------------------------------------------------------------------------------------

Fields = dict[str, str]
Forge = Callable[[Hand, Fields, bytes], tuple[Fields, bytes]]


def _input(change: Callable[[str], str]) -> Forge:
    """The description changed, and the request signed as described: only the profile can refuse it."""

    def forge(hand: Hand, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
        changed = change(fields["signature-input"])
        covered = {
            "@method": "PUT",
            "@target-uri": f"https://{PORTAL}{L1}",
            "content-digest": fields["content-digest"],
            "content-type": fields["content-type"],
            "idempotency-key": fields["idempotency-key"],
        }
        parameters = changed.partition("=")[2]
        inside = parameters[1 : parameters.index(")")] if ")" in parameters else ""
        names = [name.strip('"') for name in inside.split()]
        lines = "".join(f'"{name}": {covered.get(name, "")}\n' for name in names)
        made = SigningKey.of(hand.key).sign(f'{lines}"@signature-params": {parameters}'.encode())
        value = base64.b64encode(made).decode()
        return fields | {"signature-input": changed, "signature": f"sl1=:{value}:"}, body

    return forge


def _with(**change: str) -> Forge:
    return lambda _, fields, body: (
        fields | {name.replace("_", "-"): text for name, text in change.items()},
        body,
    )


def _signature(change: Callable[[bytes, Hand, Fields], bytes]) -> Forge:
    def forge(hand: Hand, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
        octets = base64.b64decode(fields["signature"][5:-1])
        changed = base64.b64encode(change(octets, hand, fields)).decode()
        return fields | {"signature": f"sl1=:{changed}:"}, body

    return forge


def _in_der(octets: bytes, _: Hand, __: Fields) -> bytes:
    return encode_dss_signature(int.from_bytes(octets[:32]), int.from_bytes(octets[32:]))


def _by_hmac(_: bytes, hand: Hand, fields: Fields) -> bytes:
    public = SigningKey.of(hand.key).public.spki
    return hmac.digest(public, fields["signature-input"].encode(), hashlib.sha512)


def _again(change: Callable[[bytes], bytes]) -> Forge:
    """The request is made once with success, and then again with its signature changed so that it holds still."""

    def forge(hand: Hand, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
        assert hand.office.ask("PUT", L1, fields, body).status == 200
        octets = base64.b64decode(fields["signature"][5:-1])
        return fields | {"signature": f"sl1=:{base64.b64encode(change(octets)).decode()}:"}, body

    return forge


def _other_root_of_s(octets: bytes) -> bytes:
    return octets[:32] + (ORDER - int.from_bytes(octets[32:])).to_bytes(32)


def _of_another_device(hand: Hand, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
    other = newcomer(hand.office)
    return fields | {"signature-input": fields["signature-input"].replace(hand.keyid, other.keyid)}, body


def _revoked(hand: Hand, fields: Fields, body: bytes) -> tuple[Fields, bytes]:
    (row,) = [each for each in hand.office.devices() if each.sn == hand.sn]
    management.move_device(hand.office.portal, hand.office.account, row.id, DeviceEvent.REVOKED)
    return fields, body


def _late(hand: Hand, _: Fields, body: bytes) -> tuple[Fields, bytes]:
    return hand.signed("PUT", L1, body, created=hand.office.clock.now() - timedelta(seconds=301)), body


def _too_early(hand: Hand, _: Fields, body: bytes) -> tuple[Fields, bytes]:
    return hand.signed("PUT", L1, body, created=hand.office.clock.now() + timedelta(days=3650)), body


FORGED: dict[str, tuple[Forge, Type]] = {
    "the public key as the secret of an HMAC": (_signature(_by_hmac), Type.SIGNATURE_INVALID),
    "says HMAC": (
        _input(lambda text: text.replace("ecdsa-p256-sha256", "hmac-sha256")),
        Type.SIGNATURE_INVALID,
    ),
    "says Ed25519": (
        _input(lambda text: text.replace("ecdsa-p256-sha256", "ed25519")),
        Type.SIGNATURE_INVALID,
    ),
    "says none": (_input(lambda text: text.replace("ecdsa-p256-sha256", "none")), Type.SIGNATURE_INVALID),
    "all zero": (_signature(lambda *_: bytes(64)), Type.SIGNATURE_INVALID),
    "r and s are the order": (_signature(lambda *_: ORDER.to_bytes(32) * 2), Type.SIGNATURE_INVALID),
    "as DER": (_signature(_in_der), Type.SIGNATURE_INVALID),
    "empty": (_with(signature="sl1=::"), Type.SIGNATURE_INVALID),
    "another tag": (_input(lambda text: text.replace('tag="sl1"', 'tag="sl2"')), Type.SIGNATURE_INVALID),
    "another label": (_input(lambda text: text.replace("sl1=(", "sig1=(")), Type.SIGNATURE_INVALID),
    "two labels": (_input(lambda text: f"{text}, {text.replace('sl1=(', 'sl2=(')}"), Type.SIGNATURE_INVALID),
    "its label and another's value": (
        lambda _, fields, body: (fields | {"signature": f"sl2{fields['signature'][3:]}"}, body),
        Type.SIGNATURE_INVALID,
    ),
    "signed twice": (
        lambda _, fields, body: (
            fields | {"signature": f"{fields['signature']}, {fields['signature']}"},
            body,
        ),
        Type.SIGNATURE_INVALID,
    ),
    "without the body": (_input(lambda text: text.replace(' "content-digest"', "")), Type.SIGNATURE_INVALID),
    "without the target": (_input(lambda text: text.replace(' "@target-uri"', "")), Type.SIGNATURE_INVALID),
    "without the key": (_input(lambda text: text.replace(' "idempotency-key"', "")), Type.SIGNATURE_INVALID),
    "in another order": (
        _input(lambda text: text.replace('"@method" "@target-uri"', '"@target-uri" "@method"')),
        Type.SIGNATURE_INVALID,
    ),
    "a component twice": (
        _input(lambda text: text.replace('"@method"', '"@method" "@method"')),
        Type.SIGNATURE_INVALID,
    ),
    "created twice": (
        _input(lambda text: text.replace(";nonce", ";created=1;nonce")),
        Type.SIGNATURE_INVALID,
    ),
    "an expiry": (_input(lambda text: f"{text};expires=99999999999"), Type.SIGNATURE_INVALID),
    "without a nonce": (
        _input(lambda text: ";".join(each for each in text.split(";") if not each.startswith("nonce"))),
        Type.SIGNATURE_INVALID,
    ),
    "a short nonce": (
        _input(
            lambda text: ";".join(
                'nonce="AAAA"' if each.startswith("nonce") else each for each in text.split(";")
            )
        ),
        Type.SIGNATURE_INVALID,
    ),
    "no time": (
        _input(
            lambda text: ";".join(
                "created=x" if each.startswith("created") else each for each in text.split(";")
            )
        ),
        Type.SIGNATURE_INVALID,
    ),
    "a field of 100 kB": (_with(signature_input="sl1=(" + '"@method" ' * 10_000), Type.SIGNATURE_INVALID),
    "a digest of 100 kB": (_with(content_digest="sha-256=:" + "A" * 100_000), Type.SIGNATURE_INVALID),
    "two digests": (
        lambda _, fields, body: (
            fields | {"content-digest": f"{fields['content-digest']}, sha-512=:AA==:"},
            body,
        ),
        Type.DIGEST_MISMATCH,
    ),
    "another body": (lambda _, fields, body: (fields, body[:-1] + b" }"), Type.DIGEST_MISMATCH),
    "no body": (lambda _, fields, __: (fields, b""), Type.DIGEST_MISMATCH),
    "another's certificate": (_of_another_device, Type.SIGNATURE_INVALID),
    "a key with a line break": (_with(idempotency_key="aaaaaaaa\r\nx-evil: 1"), Type.KEY_MISSING),
    "a key with a null": (_with(idempotency_key="aaaaaaaa\0"), Type.KEY_MISSING),
    "a key of full-width digits": (_with(idempotency_key="\uff11" * 12), Type.KEY_MISSING),
    "an endless key": (_with(idempotency_key="a" * 100_000), Type.KEY_MISSING),
    "a key twice": (
        lambda _, fields, body: (
            fields | {"idempotency-key": ", ".join([fields["idempotency-key"]] * 2)},
            body,
        ),
        Type.KEY_MISSING,
    ),
    "seen before": (_again(lambda octets: octets), Type.REPLAY),
    "seen before, with the other root of s": (_again(_other_root_of_s), Type.REPLAY),
    "five minutes old": (_late, Type.CREATED_OUT_OF_WINDOW),
    "of another decade": (_too_early, Type.CREATED_OUT_OF_WINDOW),
    "revoked": (_revoked, Type.IDENTITY_REVOKED),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_signed_requests(quay: Office, name: str) -> None:
    """A request whose signature is forged, changed, moved, repeated or of another time is refused and changes nothing."""
    forge, kind = FORGED[name]
    hand = newcomer(quay)
    body = hand.wants(ONE)
    fields, sent = forge(hand, hand.signed("PUT", L1, body), body)
    with harmless(quay):
        reply = quay.ask("PUT", L1, fields, sent)
    told(reply, kind)


def test_what_proxies_would_say_identifies_nobody(office: Office) -> None:
    """An unsigned request does not become anybody's by fields in which a proxy would name the client."""
    hand = enrolled(office)
    shown = base64.b64encode(hand.certificate).decode()
    spoofed = {
        "client-cert": f":{shown}:",
        "x-ssl-client-cert": shown,
        "x-client-cert": shown,
        "x-forwarded-client-cert": f'Hash={hashlib.sha256(hand.certificate).hexdigest()};Cert="{shown}"',
        "x-forwarded-for": "127.0.0.1",
        "x-real-ip": "127.0.0.1",
        "forwarded": "for=127.0.0.1;proto=https;host=portal.example",
        "x-http-method-override": "DELETE",
        "x-original-url": message.SELF,
        "idempotency-key": "0123456789",
    }
    csr = enrolment.encode(request_for(new_key("ec256")))
    for method, path, body in (
        ("PUT", L1, hand.wants(ONE)),
        ("DELETE", message.SELF, b""),
        ("POST", REENROL, csr),
    ):
        with harmless(office):
            reply = office.ask(method, path, spoofed, body)
        told(reply, Type.SIGNATURE_INVALID)


# --- what a proven device may not say -------------------------------------------------------------------------


def _l1(**change: object) -> Callable[[Hand], bytes]:
    def made(hand: Hand) -> bytes:
        members = json.loads(hand.wants(ONE))
        return json.dumps(members | change).encode()

    return made


def _text(old: str, new: str) -> Callable[[Hand], bytes]:
    return lambda hand: hand.wants(ONE).decode().replace(old, new).encode()


TAG = '"standard"'
SAID: dict[str, Callable[[Hand], bytes]] = {
    "nested too deep": lambda _: b'{"seq":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "objects nested too deep": lambda _: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number of 100,000 digits": _text('"seq":1', f'"seq":{"9" * 100_000}'),
    "an exponent": _text('"seq":1', '"seq":1e400'),
    "NaN": _text('"seq":1', '"seq":NaN'),
    "Infinity": _text('"seq":1', '"seq":-Infinity'),
    "a fraction": _text('"seq":1', '"seq":1.5'),
    "a number that is a string": _text('"seq":1', '"seq":"1"'),
    "a number that is true": _text('"seq":1', '"seq":true'),
    "beyond what JSON counts exactly": _l1(seq=2**63),
    "below nothing": _l1(seq=-1),
    "a member twice": _text('"seq":1', '"seq":1,"seq":2'),
    "UTF-16": lambda hand: hand.wants(ONE).decode().encode("utf-16"),
    "a mark at its beginning": lambda hand: b"\xef\xbb\xbf" + hand.wants(ONE),
    "half a character": _text(TAG, '"\\ud800"'),
    "a null in a name": _text(TAG, '"a\\u0000b"'),
    "a line break in a name": _text(TAG, '"a\\r\\nb"'),
    "an escape of a terminal": _text(TAG, '"\\u001b]0;x\\u0007"'),
    "letters from right to left": _text(TAG, '"a\\u202eb"'),
    "SQL in a name": _text(TAG, '"\'; DROP TABLE device; --"'),
    "SQL in another name": _text(TAG, '"x\\" OR \\"1\\"=\\"1"'),
    "an endless name": _text(TAG, f'"{"a" * 200_000}"'),
    "too many names": _l1(entitlements=[{"tag": "standard", "count": 1}] * 5000),
    "the same name twice": _l1(entitlements=[{"tag": "standard", "count": 1}] * 2),
    "fewer than none": _l1(entitlements=[{"tag": "standard", "count": -1}]),
    "more than there are": _l1(entitlements=[{"tag": "standard", "count": 10**18}]),
    "a time beyond the last": _l1(
        clock={"now": "9999-12-31T23:59:59-14:00", "source": "device", "mono_ms": 1, "boot_id": "b"}
    ),
    "a mode there is not": _l1(mode="free"),
    "gzip": lambda hand: gzip.compress(hand.wants(ONE)),
    "zeros that were gzipped": lambda _: gzip.compress(bytes(64 * 1024 * 1024)),
}


@pytest.mark.parametrize("name", SAID)
def test_messages_that_are_none(quay: Office, name: str) -> None:
    """A proven device that sends no message, or one out of bounds, is refused; only that it was heard is kept."""
    hand = newcomer(quay)
    body = SAID[name](hand)
    with harmless(quay, heard=True):
        reply = hand.ask("PUT", L1, body)
    told(reply, Type.MESSAGE_MALFORMED)


def _signed_grant(
    office: Office, hand: Hand, key: SigningKey, kind: Kind = Kind.GRANT, **change: object
) -> str:
    reply = hand.ask("PUT", L1, hand.wants(ONE))
    claims = json.loads(jws.unverified_payload(reply.body.decode()))
    return jws.sign(
        kind,
        json.dumps(claims | {"seq": 9, "jti": "ahead"} | change).encode(),
        key,
        kid=office.portal.ring.newest(KeyRole.GRANT).signing.public.kid,
    )


@pytest.mark.parametrize(
    "name",
    ["another's key", "of another portal", "for another device", "another kind", "no signature", "none"],
)
def test_grants_that_prove_nothing(quay: Office, name: str) -> None:
    """A grant that somebody made, changed, or took from another device or portal is no proof of a later number."""
    hand = newcomer(quay)
    ours = quay.portal.ring.newest(KeyRole.GRANT).signing
    made = partial(_signed_grant, quay, hand)
    match name:
        case "another's key":
            text = made(SigningKey.of(new_key("ec256")))
        case "of another portal":
            text = made(ours, iss="elsewhere.example")
        case "for another device":
            text = made(ours, sub="somebody")
        case "another kind":
            text = made(ours, Kind.RECEIPT)
        case "no signature":
            text = ".".join(made(ours).split(".")[:2]) + ".AA"
        case _:
            payload = made(ours).split(".")[1]
            header = wire.base64url(b'{"alg":"none","typ":"sl-grant+jwt","kid":"k"}')
            text = f"{header}.{payload}.AA"
    members = json.loads(hand.wants(ONE, seq=10, last="ahead")) | {"grant": text}
    with harmless(quay, heard=True):
        reply = hand.ask("PUT", L1, json.dumps(members).encode())
    told(reply, Type.HISTORY_LOST)


def test_a_grant_of_ours_proves_its_number(office: Office) -> None:
    """With nothing wrong the same proof is taken: the portal goes on from the number it had forgotten."""
    hand = enrolled(office)
    text = _signed_grant(office, hand, office.portal.ring.newest(KeyRole.GRANT).signing)
    members = json.loads(hand.wants(ONE, seq=10, last="ahead")) | {"grant": text}
    assert hand.ask("PUT", L1, json.dumps(members).encode()).status == 200
    assert office.devices()[0].grant_seq == 10


def test_another_spelling_is_another_request(office: Office) -> None:
    """Octets count, not what they mean: one idempotency key does not serve two spellings of the same members."""
    hand = enrolled(office)
    body = hand.wants(ONE)
    fields = hand.signed("PUT", L1, body)
    assert office.ask("PUT", L1, fields, body).status == 200
    spelt = json.dumps(dict(reversed(json.loads(body).items())), indent=1).encode()
    again = hand.signed("PUT", L1, spelt, key=fields["idempotency-key"])
    with harmless(office, heard=True):
        reply = office.ask("PUT", L1, again, spelt)
    told(reply, Type.KEY_REUSE)


# --- tokens and certificate requests --------------------------------------------------------------------------


def _rsa(bits: int, exponent: int = 65537) -> bytes:
    """A request with a modulus of so many bits, as an attacker makes it who never has to own the key."""
    plain = asn1_csr.CertificationRequest.load(request_for(new_key("rsa2048")))
    modulus = (1 << (bits - 1)) | secrets.randbits(bits - 2) | 1
    key = asn1_keys.RSAPublicKey({"modulus": modulus, "public_exponent": exponent})
    plain["certification_request_info"]["subject_pk_info"]["public_key"] = key
    plain["signature"] = secrets.token_bytes(bits // 8)
    return bytes(plain.dump(force=True))


def _off_the_curve() -> bytes:
    plain = request_for(new_key("ec256"))
    at = plain.index(b"\x03\x42\x00\x04") + 4
    return plain[:at] + bytes(63) + b"\x05" + plain[at + 64 :]


REQUESTS: dict[str, Callable[[], bytes]] = {
    "RSA of 16,384 bits": lambda: _rsa(16_384),
    "RSA of 16,384 bits and an exponent as long": lambda: _rsa(16_384, (1 << 16_383) | 1),
    "RSA of 40,000 bits": lambda: _rsa(40_000),
    "RSA of 1,024 bits": lambda: request_for(new_key("rsa1024")),
    "an exponent of 3": lambda: _rsa(2048, 3),
    "a wrong signature": lambda: request_for(new_key("ec256"))[:-1] + b"\x00",
    "a point off the curve": _off_the_curve,
    "a curve that is not granted": lambda: request_for(new_key("ec521")),
    "zeros": lambda: bytes(16_000),
    "nested without end": lambda: b"\x30\x80" * 8_000,
    "longer than any": lambda: b"\x30" * 20_000,
    "two devices": lambda: _two_devices(),  # noqa: PLW0108 - it is defined below
    "an endless device": lambda: request_for(new_key("ec256"), uri="urn:sl:udi:ASAv:" + "9" * 4000),
    "SQL for a device": lambda: request_for(new_key("ec256"), uri="urn:sl:udi:ASAv:9'; DROP TABLE device;--"),
    "a device with a null": lambda: request_for(new_key("ec256"), uri="urn:sl:udi:ASAv:9A1\0"),
    "a device in capitals": lambda: request_for(new_key("ec256"), uri="URN:SL:UDI:ASAv:9A1"),
}


def _two_devices() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    names = [x509.UniformResourceIdentifier(f"urn:sl:udi:ASAv:{sn}") for sn in ("9A1", "9A2")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(new_key("ec256"), hashes.SHA256()).public_bytes(Encoding.DER)


KEYS = {
    "RSA of 16,384 bits",
    "RSA of 16,384 bits and an exponent as long",
    "RSA of 40,000 bits",
    "RSA of 1,024 bits",
    "an exponent of 3",
    "a curve that is not granted",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_certificate_requests_nobody_grants(office: Office, name: str) -> None:
    """A request with a monstrous key, a wrong signature or a name that is none is refused, and the token keeps its use."""
    made, csr = office.token(), REQUESTS[name]()
    with harmless(office):
        reply = Hand(office).enrol(made, csr=csr)
    told(reply, Type.REQUEST_REFUSED)
    # A monstrous key is refused for what it is, before anybody calculates with it.
    assert (b"a key of a kind that is not granted" in reply.body) == (name in KEYS)
    assert Hand(office).enrol(made).status == 200


@dataclass(frozen=True)
class Thief:
    """Who has seen a token's name and one proof by it, and owns a token for plain clients and one of another portal."""

    office: Office
    made: token.IdToken
    basic: str
    csr: bytes

    def proof(self, **change: object) -> str:
        good: dict[str, object] = {
            "portal": PORTAL,
            "now": self.office.clock.now(),
            "nonce": secrets.token_bytes(16),
        }
        return token.prove(self.made, self.csr, **(good | change))  # type: ignore[arg-type]  # of its arguments

    def edited(self, **members: object) -> str:
        header, payload, value = self.proof().split(" ")[1].split(".")
        head = json.loads(wire.from_base64url(header)) | members
        return f"SL-Token {wire.base64url(json.dumps(head).encode())}.{payload}.{value}"


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


TOKENS: dict[str, Callable[[Thief], str]] = {
    "nothing": lambda _: "",
    "another scheme": lambda it: f"Digest {it.basic}",
    "the line itself": lambda it: f"SL-Token {it.made.text().reveal()}",
    "the line as a password": lambda it: _basic("token", it.made.text().reveal()),
    "the line as a bearer": lambda it: f"Bearer {it.made.text().reveal()}",
    "a proof as a bearer": lambda it: f"Bearer {it.proof().split(' ')[1]}",
    "the secret in a plain token": lambda it: _basic("token", f"SLB-{it.made.id}-{it.made.secret.reveal()}"),
    "another user": lambda it: _basic("admin", it.basic),
    "no user": lambda it: _basic("", it.basic),
    "a wrong password": lambda it: _basic("token", it.basic[:-1] + ("a" if it.basic[-1] != "a" else "b")),
    "an endless password": lambda _: _basic("token", "a" * 500_000),
    "no base64": lambda _: "Basic \u00e9\u00e9\u00e9",
    "SQL": lambda _: _basic("token", "SLB-' OR '1'='1-" + "a" * 52),
    "for another portal": lambda it: it.proof(portal="elsewhere.example"),
    "for another request": lambda it: token.prove(
        it.made, b"other", portal=PORTAL, now=it.office.clock.now(), nonce=bytes(16)
    ),
    "no algorithm": lambda it: it.edited(alg="none"),
    "another algorithm": lambda it: it.edited(alg="ES256"),
    "an algorithm of HMAC": lambda it: it.edited(alg="HS256"),
    "another kind": lambda it: it.edited(typ="sl-grant+jwt"),
    "a key of its own": lambda it: it.edited(jwk={"kty": "OKP"}),
    "a name with SQL": lambda it: it.edited(kid="' OR 1=1 --"),
    "an endless name": lambda it: it.edited(kid="a" * 100_000),
    "not signed": lambda it: it.proof().rpartition(".")[0] + ".",
    "a token of another portal": lambda it: token.prove(
        Desk(START).issue_token(), it.csr, portal=PORTAL, now=it.office.clock.now(), nonce=bytes(16)
    ),
    "two of them": lambda it: f"{it.proof()}, {it.proof()}",
    "line breaks": lambda it: it.proof() + "\r\nx: y",
}


@pytest.mark.parametrize("name", TOKENS)
def test_tokens_that_prove_nothing(quay: Office, name: str) -> None:
    """Whoever has no token's secret, or sends it the wrong way, gets no certificate, and no token is used."""
    csr = request_for(new_key("ec256"))
    thief = Thief(quay, quay.token(), quay.basic().reveal(), csr)
    fields = {
        "authorization": TOKENS[name](thief),
        "content-type": message.PKCS10,
        "idempotency-key": "0123456789",
    }
    with harmless(quay):
        reply = quay.ask("POST", ENROL, fields, enrolment.encode(csr))
    told(reply, Type.TOKEN_INVALID)


def test_a_proof_seen_on_the_wire_serves_nobody_else(office: Office) -> None:
    """A proof repeated with its request gives the same certificate to the holder of its key, and nothing to others."""
    made, hand = office.token(management.TokenTerms(uses=5)), Hand(office)
    proof = token.prove(made, hand.csr, portal=PORTAL, now=office.clock.now(), nonce=secrets.token_bytes(16))
    fields = {"authorization": proof, "content-type": message.PKCS10, "idempotency-key": "0123456789"}
    csr = hand.csr
    proof = token.prove(made, csr, portal=PORTAL, now=office.clock.now(), nonce=secrets.token_bytes(16))
    fields["authorization"] = proof
    first = office.ask("POST", ENROL, fields, enrolment.encode(csr))
    assert first.status == 200
    other = enrolment.encode(request_for(new_key("ec256"), sn="9A2", uri="urn:sl:udi:ASAv:9A2"))
    with harmless(office):
        assert office.ask("POST", ENROL, fields, enrolment.encode(csr)).body == first.body
        told(office.ask("POST", ENROL, fields, other), Type.TOKEN_INVALID)
