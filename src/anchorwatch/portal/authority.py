"""The certificates a portal makes: its licensing root, the authority for identities, a bundle signer, devices.

All keys are on P-256: it is the one curve that the protocol's signatures, OpenSSL's CMS and plain EST clients share.

Every root promises its successor: its certificate holds the hash of the key that follows it (RFC 8649), which is made
with it and signs nothing before its time. Whoever holds the root today can tell the true next one from any other.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anchorwatch.formats import tlv
from anchorwatch.licensing import deadline
from anchorwatch.licensing.enrolment import Csr
from anchorwatch.pki import der as asn1

AUTHORITY_LIFE = timedelta(days=365 * 20)
SIGNER_LIFE = timedelta(days=365 * 5)
_HASH = hashes.SHA256()
_NEXT_KEY = x509.ObjectIdentifier("1.3.6.1.4.1.51483.2.1")
"""The extension HashOfRootKey, RFC 8649 section 4."""
_SHA256 = "2.16.840.1.101.3.4.2.1"


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key."""
    return ec.generate_private_key(ec.SECP256R1())


def der(certificate: x509.Certificate) -> bytes:
    """Its DER."""
    return certificate.public_bytes(Encoding.DER)


def self_signed(
    title: str, key: ec.EllipticCurvePrivateKey, now: datetime, following: ec.EllipticCurvePublicKey
) -> x509.Certificate:
    """A root of that common name, from `now` on, which promises the key that follows it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    promise = x509.UnrecognizedExtension(_NEXT_KEY, _hashed(following))
    builder = _authority(name, key.public_key(), name, key, now, now + AUTHORITY_LIFE)
    return builder.add_extension(promise, critical=False).sign(key, _HASH)


def promises(root: x509.Certificate, following: ec.EllipticCurvePublicKey) -> bool | None:
    """Whether a root promised that key as the next; None where it promised nothing."""
    try:
        found = root.extensions.get_extension_for_oid(_NEXT_KEY).value
    except x509.ExtensionNotFound:
        return None
    return isinstance(found, x509.UnrecognizedExtension) and found.value == _hashed(following)


def _hashed(key: ec.EllipticCurvePublicKey) -> bytes:
    """HashedRootKey: the algorithm, and the hash of the key's SubjectPublicKeyInfo."""
    spki = key.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    algorithm = tlv.encode(asn1.SEQUENCE, tlv.encode_oid(_SHA256))
    return tlv.encode(asn1.SEQUENCE, algorithm, tlv.encode(asn1.OCTET_STRING, hashlib.sha256(spki).digest()))


def cross_signed(
    subject: x509.Certificate, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.Certificate:
    """The authority `subject` vouched for by another one (RFC 9810 section 4.4: OldWithNew and NewWithOld)."""
    public = subject.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    until = min(subject.not_valid_after_utc, issuer.not_valid_after_utc)
    return _authority(subject.subject, public, issuer.subject, key, now, until).sign(key, _HASH)


def _authority(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    return (
        _builder(subject, public, issuer, key, now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign", "digital_signature"), critical=True)
    )


def bundle_signer(
    title: str,
    public: ec.EllipticCurvePublicKey,
    root: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    """A certificate for signing trust bundles, by the licensing root."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    until = min(now + SIGNER_LIFE, root.not_valid_after_utc)
    builder = (
        _builder(name, public, root.subject, key, now, until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
    )
    return builder.sign(key, _HASH)


def identity(
    csr: Csr,
    *,
    device: str,
    serial_number: str,
    uri: str,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    """The ID certificate for a checked request: names are the portal's, only the key is the device's."""
    dates = deadline.identity_dates(now.replace(microsecond=0))
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, device[:64]),
        ]
    )
    public = serialization.load_der_public_key(csr.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey)
    builder = (
        _builder(name, public, authority.subject, key, dates.not_before, dates.not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    )
    return builder.sign(key, _HASH)


def _builder(
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start.replace(tzinfo=None, microsecond=0))
        .not_valid_after(end.replace(tzinfo=None, microsecond=0))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )


def _usage(*wanted: str) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in wanted for name in names})
