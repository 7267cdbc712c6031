"""Making a signed bundle: the shape of Cisco's, with a signer of one's own.

The order of things is that of RFC 5652 section 5.4: the content first, its digest into the signed
attributes, the attributes sorted as DER sorts a SET OF, the signature over exactly those octets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from anchorwatch.formats import pkcs7, tlv
from anchorwatch.formats.cms import (
    BUNDLE_NAME,
    BUNDLE_VERSION,
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_TIME,
    digest_of,
)
from anchorwatch.formats.complaint import FormatError
from anchorwatch.formats.pkcs7 import DATA, SIGNED_DATA
from anchorwatch.pki import der
from anchorwatch.pki.certificate import Certificate

__all__ = ["BundleSigner", "SigningError", "SigningKey", "sign"]

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_NULL = b"\x05\x00"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = "1.2.840.113549.1.1.1"
_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")


class SigningError(FormatError):
    """A signed bundle was asked for that no reader would accept; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSigner:
    """Who signs: a certificate, its private key, and the certificates to send along above it.

    RSA and elliptic curves only: OpenSSL 3.0 cannot check Ed25519 over signed attributes.
    """

    certificate: Certificate
    key: SigningKey = field(repr=False)
    issuers: tuple[Certificate, ...] = ()

    def __post_init__(self) -> None:
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if public != self.certificate.spki:
            raise SigningError(f"the private key is not that of {self.certificate.title}")


def sign(
    certificates: Sequence[Certificate],
    *,
    signer: BundleSigner,
    name: str,
    version: str,
    signing_time: datetime,
) -> bytes:
    """A signed bundle in DER holding `certificates` in that order; raises SigningError.

    `version` is text of up to 18 digits, kept as it is written (`04`); `signing_time` is aware and loses its
    fraction. SHA-256, with PKCS #1 v1.5 for RSA keys as Cisco does.
    """
    if not certificates:
        raise SigningError("a bundle without certificates would empty the pools that import it")
    if not re.fullmatch(r"[0-9]{1,18}", version):
        raise SigningError(f"a version is a number of at most 18 digits, not {version!r}")
    if not name or len(name) > 200:
        raise SigningError("a bundle needs a name of 1 to 200 characters")
    content = pkcs7.write(certificates)
    digest_algorithm = tlv.encode(der.SEQUENCE, tlv.encode_oid(_SHA256), _NULL)
    attributes = sorted(
        (
            _attribute(CONTENT_TYPE, tlv.encode_oid(DATA)),
            _attribute(SIGNING_TIME, _time(signing_time)),
            _attribute(MESSAGE_DIGEST, tlv.encode(der.OCTET_STRING, digest_of("sha256", content))),
            _attribute(BUNDLE_VERSION, _text(version)),
            _attribute(BUNDLE_NAME, _text(name)),
        )
    )
    signature = _signature(signer.key, tlv.encode(der.SET, *attributes))
    certificate = signer.certificate
    serial = certificate.serial
    signer_info = tlv.encode(
        der.SEQUENCE,
        tlv.encode(der.INTEGER, b"\x01"),
        tlv.encode(
            der.SEQUENCE,
            certificate.issuer.der,
            tlv.encode(der.INTEGER, serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)),
        ),
        digest_algorithm,
        tlv.encode(0xA0, *attributes),
        _algorithm(signer.key),
        tlv.encode(der.OCTET_STRING, signature),
    )
    sent = dict.fromkeys((certificate, *signer.issuers))
    body = tlv.encode(
        der.SEQUENCE,
        tlv.encode(der.INTEGER, b"\x01"),
        tlv.encode(der.SET, digest_algorithm),
        tlv.encode(
            der.SEQUENCE, tlv.encode_oid(DATA), tlv.encode(0xA0, tlv.encode(der.OCTET_STRING, content))
        ),
        tlv.encode(0xA0, *(found.der for found in sent)),
        tlv.encode(der.SET, signer_info),
    )
    return tlv.encode(der.SEQUENCE, tlv.encode_oid(SIGNED_DATA), tlv.encode(0xA0, body))


def _algorithm(key: SigningKey) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return tlv.encode(der.SEQUENCE, tlv.encode_oid(_RSA), _NULL)
    return tlv.encode(der.SEQUENCE, tlv.encode_oid(_ECDSA_SHA256))


def _signature(key: SigningKey, octets: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(octets, ec.ECDSA(hashes.SHA256()))


def _attribute(kind: str, value: bytes) -> bytes:
    return tlv.encode(der.SEQUENCE, tlv.encode_oid(kind), tlv.encode(der.SET, value))


def _text(text: str) -> bytes:
    if _PRINTABLE.fullmatch(text):
        return tlv.encode(0x13, text.encode("ascii"))
    return tlv.encode(0x0C, text.encode("utf-8"))


def _time(moment: datetime) -> bytes:
    # RFC 5652 section 11.3: two digits for the year from 1950 to 2049, four outside.
    moment = moment.astimezone(UTC)
    if 1950 <= moment.year < 2050:
        return tlv.encode(der.UTC_TIME, f"{moment:%y%m%d%H%M%SZ}".encode("ascii"))
    return tlv.encode(der.GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode("ascii"))
