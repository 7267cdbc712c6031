"""ID tokens: one pasted line that proves who asks, and pins whom to believe.

    SL1-<id>-<secret>-<first 128 bits of SHA-256 of the licensing root's SPKI>-<bundle seq at issue>

The parts are base32 in lower case without padding (RFC 4648; letters that survive being read aloud), the last one a
decimal number. The secret is the seed of an Ed25519 key and never crosses the wire: the agent proves it by signing the
hash of its request for a certificate, and the portal keeps only the public key. The pin lets an agent verify the
signed trust bundle before any TLS succeeds.

A *basic* token (`SLB-<id>-<secret>`) is for plain EST clients; its secret is no seed of a key and the portal keeps its
hash. The mode is fixed when a token is made, and the agent refuses basic ones.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from anchorwatch.base.secret import Secret
from anchorwatch.licensing import jws, wire
from anchorwatch.licensing.deadline import created_in_window
from anchorwatch.licensing.error import MalformedMessageError, SignatureRefusedError, TokenRefusedError
from anchorwatch.licensing.key import SigningKey, VerifyingKey

ID_OCTETS = 10
SECRET_OCTETS = 32
PIN_OCTETS = 16

_PROOF = re.compile(
    r"[Ss][Ll]1-([A-Za-z2-7]{16})-([A-Za-z2-7]{52})-([A-Za-z2-7]{26})-(0|[1-9][0-9]{0,14})", re.ASCII
)
_BASIC = re.compile(r"[Ss][Ll][Bb]-([A-Za-z2-7]{16})-([A-Za-z2-7]{52})", re.ASCII)
_LENGTHS = (("its name", 16), ("its secret", 52), ("its pin", 26))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdToken:
    """A token in proof mode. `pin` are the first 16 octets of SHA-256 of the licensing root's SPKI."""

    id: str
    secret: Secret
    pin: bytes
    bundle_seq: int

    def text(self) -> Secret:
        """The line that a person is shown once."""
        return Secret(f"SL1-{self.id}-{self.secret.reveal()}-{_base32(self.pin)}-{self.bundle_seq}")

    def key(self) -> SigningKey:
        """The key whose seed is the secret."""
        return SigningKey.from_seed(_from_base32(self.secret.reveal()))


def make(*, id_octets: bytes, seed: bytes, root_spki: bytes, bundle_seq: int) -> IdToken:
    """A new token; `id_octets` (10) and `seed` (32) are random octets, which this room does not draw."""
    if len(id_octets) != ID_OCTETS or len(seed) != SECRET_OCTETS:
        raise ValueError(f"a token is made of {ID_OCTETS} and {SECRET_OCTETS} random octets")
    return IdToken(
        id=_base32(id_octets), secret=Secret(_base32(seed)), pin=pin_of(root_spki), bundle_seq=bundle_seq
    )


def pin_of(root_spki: bytes) -> bytes:
    """What a token says of the licensing root."""
    return hashlib.sha256(root_spki).digest()[:PIN_OCTETS]


def parse(text: Secret) -> IdToken:
    """Read a pasted token; blanks around it do not matter, blanks within it do.

    Raises `TokenRefusedError`, which says what is wrong with its form and never repeats it.
    """
    line = text.reveal().strip()
    match = _PROOF.fullmatch(line)
    if match is None:
        raise TokenRefusedError(_what_is_wrong(line))
    name, secret, pin, seq = match.groups()
    try:
        token = IdToken(
            id=name.lower(), secret=Secret(secret.lower()), pin=_from_base32(pin), bundle_seq=int(seq)
        )
        _from_base32(secret)
        _from_base32(name)
    except ValueError:
        raise TokenRefusedError("this is no ID token: a part of it was changed on its way") from None
    return token


def _what_is_wrong(line: str) -> str:
    if _BASIC.fullmatch(line):
        return "this is a basic token for plain EST clients; the agent proves its token and never sends one"
    if len(line) > 256:
        return "this is no ID token: it is too long"
    if any(character.isspace() for character in line):
        return "this is no ID token: there is a blank or a line break within it"
    parts = line.split("-")
    if parts[0].upper() != "SL1":
        return "this is no ID token: it does not begin with SL1-"
    if len(parts) != 5:
        return f"this is no ID token: it has {len(parts)} parts between its dashes, not 5"
    for (name, length), part in zip(_LENGTHS, parts[1:], strict=False):
        if len(part) != length:
            return f"this is no ID token: {name} has {len(part)} characters, not {length}"
    return "this is no ID token: a part of it was changed on its way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a device signs with its token: for which request, to which portal, when; used once by its `nonce`."""

    csr_sha256: Annotated[bytes, wire.Octets(32, 32)]
    portal: Annotated[str, wire.Text(253)]
    iat: wire.Numeric
    nonce: Annotated[bytes, wire.Octets(16, 32)]


def prove(token: IdToken, csr: bytes, *, portal: str, now: datetime, nonce: bytes) -> str:
    """The value of ``Authorization`` for E3: ``SL-Token`` and a JWS; the request itself (DER) is named by its hash."""
    proof = Proof(csr_sha256=hashlib.sha256(csr).digest(), portal=portal, iat=now, nonce=nonce)
    return f"SL-Token {jws.sign(jws.Kind.PROOF, wire.dump(proof), token.key(), kid=token.id)}"


def token_id(authorization: str) -> str:
    """Which token an ``Authorization`` speaks of, before it is checked. Raises `SignatureRefusedError`."""
    scheme, _, value = authorization.partition(" ")
    if scheme != "SL-Token" or len(value) > 2048:
        raise SignatureRefusedError("the request does not prove an ID token", "token-invalid")
    found: list[str] = []

    def note(header: jws.Header) -> None:
        found.append(header.kid)

    try:
        jws.verify(value, (jws.Kind.PROOF,), note)
    except SignatureRefusedError:
        if not found:
            raise SignatureRefusedError("the request does not prove an ID token", "token-invalid") from None
    return found[0]


def check_proof(authorization: str, public: VerifyingKey, csr: bytes, *, portal: str, now: datetime) -> Proof:
    """Check a proof with the public key the portal keeps; its nonce is the caller's to remember.

    Raises `SignatureRefusedError` whose `problem` is ``token-invalid`` or ``created-out-of-window``.
    """
    value = authorization.partition(" ")[2]
    try:
        signed = jws.verify(value, (jws.Kind.PROOF,), lambda _: public)
        proof = wire.parse(Proof, signed.payload)
    except (SignatureRefusedError, MalformedMessageError):
        raise SignatureRefusedError("the proof of the ID token does not hold", "token-invalid") from None
    if not hmac.compare_digest(proof.csr_sha256, hashlib.sha256(csr).digest()):
        raise SignatureRefusedError("the proof is for another certificate request", "token-invalid")
    if proof.portal != portal:
        raise SignatureRefusedError("the proof is for another portal", "token-invalid")
    if not created_in_window(proof.iat, now):
        raise SignatureRefusedError("the proof was made too long ago or ahead", "created-out-of-window")
    return proof


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicToken:
    """A token for plain EST clients, sent as the password of HTTP Basic."""

    id: str
    secret: Secret

    def text(self) -> Secret:
        """The line that a person is shown once."""
        return Secret(f"SLB-{self.id}-{self.secret.reveal()}")

    def kept(self) -> bytes:
        """What the portal keeps: a hash; the secret has 256 bits, so a slow one would add nothing."""
        return hashlib.sha256(b"sl-basic\0" + self.secret.reveal().encode("ascii")).digest()


def make_basic(*, id_octets: bytes, secret: bytes) -> BasicToken:
    """A new basic token of random octets."""
    if len(id_octets) != ID_OCTETS or len(secret) != SECRET_OCTETS:
        raise ValueError(f"a token is made of {ID_OCTETS} and {SECRET_OCTETS} random octets")
    return BasicToken(id=_base32(id_octets), secret=Secret(_base32(secret)))


def parse_basic(password: Secret) -> BasicToken:
    """Read a Basic password. Raises `TokenRefusedError`, for a token in proof mode too."""
    match = _BASIC.fullmatch(password.reveal().strip())
    if match is None:
        raise TokenRefusedError("this is no basic token")
    return BasicToken(id=match[1].lower(), secret=Secret(match[2].lower()))


def _base32(octets: bytes) -> str:
    return base64.b32encode(octets).rstrip(b"=").decode("ascii").lower()


def _from_base32(text: str) -> bytes:
    upper = text.upper()
    try:
        octets = base64.b32decode(upper + "=" * (-len(upper) % 8))
    except binascii.Error as error:
        raise ValueError("not base32") from error
    if _base32(octets) != text.lower():
        raise ValueError("not the one base32 form of its value")
    return octets
