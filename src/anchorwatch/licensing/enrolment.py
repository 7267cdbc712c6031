"""EST bodies (RFC 7030, 8951): certificate requests, certificates-only PKCS#7, base64 without line breaks.

Answers of E3 and E4 are no signed objects. The agent therefore believes a certificate only where its key is the one it
asked for and a bundle anchor of role `id` issued it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from anchorwatch.licensing.claim import Role, Sha256, TrustBundle
from anchorwatch.licensing.error import MalformedMessageError, SignatureRefusedError
from anchorwatch.licensing.signature import keyid
from anchorwatch.licensing.trust_bundle import anchors
from anchorwatch.licensing.wire import Octets, Text
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.edge import names_fit, signature_good

MAX_REQUEST = 16_384
MAX_ANSWER = 65_536
_BLANK = re.compile(rb"[ \t\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An ID certificate, and the names by which it is found."""

    certificate: Annotated[bytes, Octets(1, MAX_REQUEST)]
    x5t: Annotated[str, Text(43, r"[A-Za-z0-9_-]{43}")]
    spki_sha256: Sha256
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Csr:
    """A certificate request that can be granted: its key, its subject's serial number and its URIs."""

    der: bytes
    spki: bytes
    spki_sha256: bytes
    serial_number: str | None
    uris: tuple[str, ...]


def encode(der: bytes) -> bytes:
    """Base64 on one line: some clients read no other (RFC 8951)."""
    return base64.b64encode(der)


def decode(body: bytes, *, limit: int) -> bytes:
    """Base64 with or without line breaks. Raises `MalformedMessageError`."""
    if len(body) > limit * 2:
        raise MalformedMessageError(f"{len(body)} octets are too many for this body")
    try:
        return base64.b64decode(_BLANK.sub(b"", body), validate=True)
    except binascii.Error:
        raise MalformedMessageError("the body is not base64") from None


def read_request(body: bytes) -> Csr:
    """Read and check a PKCS#10 body: its signature holds and its key is of a kind that is granted.

    ECDSA on P-256 and P-384, Ed25519, RSA of 2048 to 4096 bits. Raises `MalformedMessageError`.
    """
    der = decode(body, limit=MAX_REQUEST)
    if len(der) > MAX_REQUEST:
        raise MalformedMessageError("the certificate request is too long")
    try:
        request = x509.load_der_x509_csr(der)
        public = request.public_key()
        _check_key(public)
        if not request.is_signature_valid:
            raise MalformedMessageError("the signature of the certificate request does not hold")
        common = request.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)
        uris: tuple[str, ...] = ()
        try:
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            uris = tuple(names.get_values_for_type(x509.UniformResourceIdentifier))
        except x509.ExtensionNotFound:
            pass
    except (ValueError, UnsupportedAlgorithm, InvalidSignature, TypeError) as error:
        if isinstance(error, MalformedMessageError):
            raise
        raise MalformedMessageError("the certificate request cannot be read") from None
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Csr(
        der=der,
        spki=spki,
        spki_sha256=hashlib.sha256(spki).digest(),
        serial_number=str(common[0].value) if common else None,
        uris=uris,
    )


def _check_key(public: object) -> None:
    match public:
        case ed25519.Ed25519PublicKey():
            return
        case ec.EllipticCurvePublicKey() if isinstance(public.curve, ec.SECP256R1 | ec.SECP384R1):
            return
        case rsa.RSAPublicKey() if 2048 <= public.key_size <= 4096 and public.public_numbers().e == 65537:
            return
    raise MalformedMessageError("the certificate request has a key of a kind that is not granted")


def write_certificates(ders: tuple[bytes, ...]) -> bytes:
    """A certificates-only PKCS#7 body."""
    certificates = [x509.load_der_x509_certificate(der) for der in ders]
    return encode(pkcs7.serialize_certificates(certificates, serialization.Encoding.DER))


def issued(body: bytes, spki_sha256: bytes, bundle: TrustBundle) -> Identity:
    """The ID certificate in an answer of E3 or E4.

    Raises `MalformedMessageError` where it cannot be read, `SignatureRefusedError` where it is for another key or by
    nobody the bundle names for identities.
    """
    der = decode(body, limit=MAX_ANSWER)
    try:
        found = [
            Certificate.from_der(each.public_bytes(serialization.Encoding.DER))
            for each in pkcs7.load_der_pkcs7_certificates(der)[:16]
        ]
    except (ValueError, UnsupportedAlgorithm, MalformedCertificateError):
        raise MalformedMessageError("the answer holds no certificates") from None
    mine = [each for each in found if bytes.fromhex(each.spki_sha256) == spki_sha256]
    if not mine:
        raise SignatureRefusedError("the certificate is for another key than the one asked for")
    leaf = mine[0]
    if not any(names_fit(leaf, ca) and signature_good(leaf, ca) for _, ca in anchors(bundle, Role.ID)):
        raise SignatureRefusedError("the certificate is by nobody whom the trust bundle names for identities")
    return Identity(
        certificate=leaf.der,
        x5t=keyid(leaf.der),
        spki_sha256=spki_sha256,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
    )
