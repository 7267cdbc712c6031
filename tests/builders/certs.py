"""Certificates made to order for the tests.

Everything is explicit and nothing is remembered between calls: a new authority has a new key unless one is
given, and no date is read from the machine. Elliptic-curve keys by default, because RSA keys cost a tenth of
a second each.

    root = CA.root("Harbour Root", not_before=T0, not_after=T9)
    middle = root.issue_ca("Harbour Issuing 1", path_length=0)
    leaf = middle.issue_leaf("portal.example", san=["portal.example", "192.0.2.7"])
    server_sends = [leaf, middle]
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PrivateKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)
KeyKind = Literal["ec256", "ec384", "ec521", "rsa1024", "rsa2048", "rsa3072", "rsa4096", "ed25519", "ed448"]
DigestName = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Extra = tuple[x509.ExtensionType, bool]

EARLY = datetime(2000, 1, 1, tzinfo=UTC)
LATE = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)

_CURRENT: dict[str, type[hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
# The digest and its signature algorithms by key. No standard names an ECDSA signature over MD5.
_RETIRED: dict[str, tuple[type[hashes.MD5 | hashes.SHA1], dict[str, str]]] = {
    "md5": (hashes.MD5, {"rsa": "1.2.840.113549.1.1.4"}),
    "sha1": (hashes.SHA1, {"rsa": "1.2.840.113549.1.1.5", "ecdsa": "1.2.840.10045.4.1"}),
}
_USAGES = (
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
CA_USAGE = ("key_cert_sign", "crl_sign")
LEAF_USAGE = ("digital_signature",)


def new_key(kind: KeyKind = "ec256") -> PrivateKey:
    """Generate a private key of the named kind."""
    match kind:
        case "ec256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ec384":
            return ec.generate_private_key(ec.SECP384R1())
        case "ec521":
            return ec.generate_private_key(ec.SECP521R1())
        case "ed25519":
            return ed25519.Ed25519PrivateKey.generate()
        case "ed448":
            return ed448.Ed448PrivateKey.generate()
        case _:
            return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))


def as_name(name: str | x509.Name) -> x509.Name:
    r"""Turn "CN=Root, O=Org" (most specific first, as people read it) or a plain common name into a name.

    A comma inside a value is written `\,`, as in RFC 4514. The empty string is the empty name.
    """
    if isinstance(name, x509.Name):
        return name
    if not name:
        return x509.Name([])
    head, equals, _ = name.partition("=")
    if equals and head.strip().upper() in {"CN", "O", "OU", "C", "L", "ST", "DC", "UID"}:
        return x509.Name.from_rfc4514_string(name.replace(", ", ","))
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def general_name(value: str | x509.GeneralName) -> x509.GeneralName:
    """Turn a word into a general name: an address, an e-mail address, a URI, else a DNS name."""
    if isinstance(value, x509.GeneralName):
        return value
    try:
        return x509.IPAddress(ipaddress.ip_address(value))
    except ValueError:
        pass
    if "://" in value:
        return x509.UniformResourceIdentifier(value)
    if "@" in value:
        return x509.RFC822Name(value)
    return x509.DNSName(value)


def key_usage(names: Iterable[str]) -> x509.KeyUsage:
    """Make a key usage from the attribute names that `cryptography` uses."""
    wanted = set(names)
    unknown = wanted - set(_USAGES)
    if unknown:
        raise ValueError(f"no such key usage: {sorted(unknown)}")
    return x509.KeyUsage(**{usage: usage in wanted for usage in _USAGES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate and the private key that goes with it."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate's DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate's PEM block."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def key_pem(self) -> str:
        """The private key, PKCS#8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")

    @property
    def sha256(self) -> str:
        """The certificate's fingerprint, lower-case hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def subject(self) -> x509.Name:
        """The subject name."""
        return self.certificate.subject

    @property
    def key_id(self) -> bytes:
        """The key identifier of RFC 5280 §4.2.1.2, method 1."""
        return x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key()).digest


@dataclass(frozen=True, slots=True, kw_only=True)
class CA(Issued):
    """An authority: one certificate of it, its key, and what it can issue."""

    @classmethod
    def root(
        cls,
        name: str | x509.Name,
        *,
        not_before: datetime = EARLY,
        not_after: datetime = LATE,
        key: KeyKind | PrivateKey = "ec256",
        digest: DigestName = "sha256",
        serial: int | None = None,
        path_length: int | None = None,
        usage: Collection[str] | None = CA_USAGE,
        extra: Sequence[Extra] = (),
        without: Collection[ObjectIdentifier] = (),
    ) -> Self:
        """Make a self-signed authority."""
        private = new_key(key) if isinstance(key, str) else key
        subject = as_name(name)
        certificate = _certificate(
            subject=subject,
            issuer=subject,
            public=private,
            signer=private,
            not_before=not_before,
            not_after=not_after,
            digest=digest,
            serial=serial,
            authority_key_id=None,
            extensions=_ca_extensions(path_length, usage, extra),
            without=without,
        )
        return cls(certificate=certificate, key=private)

    def issue_ca(
        self,
        name: str | x509.Name,
        *,
        not_before: datetime = EARLY,
        not_after: datetime = LATE,
        key: KeyKind | PrivateKey = "ec256",
        digest: DigestName = "sha256",
        serial: int | None = None,
        path_length: int | None = None,
        usage: Collection[str] | None = CA_USAGE,
        extra: Sequence[Extra] = (),
        without: Collection[ObjectIdentifier] = (),
        issuer: str | x509.Name | None = None,
    ) -> CA:
        """Issue an intermediate. `issuer` overrides the issuer's name, to forge what does not link."""
        private = new_key(key) if isinstance(key, str) else key
        certificate = _certificate(
            subject=as_name(name),
            issuer=self.subject if issuer is None else as_name(issuer),
            public=private,
            signer=self.key,
            not_before=not_before,
            not_after=not_after,
            digest=digest,
            serial=serial,
            authority_key_id=self.key_id,
            extensions=_ca_extensions(path_length, usage, extra),
            without=without,
        )
        return CA(certificate=certificate, key=private)

    def cross_sign(
        self, other: CA, *, not_before: datetime = EARLY, not_after: datetime = LATE, **options: object
    ) -> CA:
        """Issue a certificate of one's own for the name and key of another authority."""
        return self.issue_ca(
            other.subject,
            not_before=not_before,
            not_after=not_after,
            key=other.key,
            **options,  # type: ignore[arg-type]  # passed through to issue_ca as they are
        )

    def issue_leaf(
        self,
        name: str | x509.Name = "",
        *,
        san: Sequence[str | x509.GeneralName] | None = None,
        not_before: datetime = EARLY,
        not_after: datetime = LATE,
        key: KeyKind | PrivateKey = "ec256",
        digest: DigestName = "sha256",
        serial: int | None = None,
        usage: Collection[str] | None = LEAF_USAGE,
        eku: Sequence[ObjectIdentifier] | None = (ExtendedKeyUsageOID.SERVER_AUTH,),
        extra: Sequence[Extra] = (),
        without: Collection[ObjectIdentifier] = (),
        issuer: str | x509.Name | None = None,
    ) -> Issued:
        """Issue an end entity certificate.

        `san` None means the common name as a DNS name or address; an empty list means no extension.
        """
        private = new_key(key) if isinstance(key, str) else key
        subject = as_name(name)
        if san is None:
            commons = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            san = [str(commons[0].value)] if commons else []
        extensions: list[Extra] = [(x509.BasicConstraints(ca=False, path_length=None), True)]
        if usage is not None:
            extensions.append((key_usage(usage), True))
        if eku is not None:
            extensions.append((x509.ExtendedKeyUsage(eku), False))
        if san:
            names = x509.SubjectAlternativeName([general_name(value) for value in san])
            extensions.append((names, not list(subject)))
        certificate = _certificate(
            subject=subject,
            issuer=self.subject if issuer is None else as_name(issuer),
            public=private,
            signer=self.key,
            not_before=not_before,
            not_after=not_after,
            digest=digest,
            serial=serial,
            authority_key_id=self.key_id,
            extensions=_merged(extensions, extra),
            without=without,
        )
        return Issued(certificate=certificate, key=private)


def with_broken_signature(der: bytes) -> bytes:
    """Flip the last bit of a certificate's signature: it still parses and no longer verifies."""
    return der[:-1] + bytes([der[-1] ^ 1])


def bundle(certificates: Iterable[Issued]) -> str:
    """The PEM blocks of several certificates, in order."""
    return "".join(issued.pem for issued in certificates)


def _ca_extensions(
    path_length: int | None, usage: Collection[str] | None, extra: Sequence[Extra]
) -> list[Extra]:
    extensions: list[Extra] = [(x509.BasicConstraints(ca=True, path_length=path_length), True)]
    if usage is not None:
        extensions.append((key_usage(usage), True))
    return _merged(extensions, extra)


def _merged(extensions: list[Extra], extra: Sequence[Extra]) -> list[Extra]:
    """An extra extension replaces the usual one of the same kind."""
    replaced = {extension.oid for extension, _ in extra}
    return [pair for pair in extensions if pair[0].oid not in replaced] + list(extra)


def _certificate(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public: PrivateKey,
    signer: PrivateKey,
    not_before: datetime,
    not_after: datetime,
    digest: DigestName,
    serial: int | None,
    authority_key_id: bytes | None,
    extensions: Sequence[Extra],
    without: Collection[ObjectIdentifier],
) -> x509.Certificate:
    public_key = public.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(not_before.astimezone(UTC).replace(tzinfo=None))
        .not_valid_after(not_after.astimezone(UTC).replace(tzinfo=None))
    )
    usual: list[Extra] = [(x509.SubjectKeyIdentifier.from_public_key(public_key), False)]
    if authority_key_id is not None:
        usual.append((x509.AuthorityKeyIdentifier(authority_key_id, None, None), False))
    for extension, critical in _merged(usual, extensions):
        if extension.oid not in without:
            builder = builder.add_extension(extension, critical=critical)
    if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return builder.sign(signer, None)
    if digest in _RETIRED:
        return _signed_with_retired_digest(builder.sign(signer, hashes.SHA256()), signer, digest)
    return builder.sign(signer, _CURRENT[digest]())


def _signed_with_retired_digest(
    certificate: x509.Certificate, signer: PrivateKey, digest: DigestName
) -> x509.Certificate:
    """Sign a certificate anew under MD5 or SHA-1, which the library's own builder no longer does."""
    hashing, algorithms = _RETIRED[digest]
    structure = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    algorithm = {"algorithm": algorithms["rsa" if isinstance(signer, rsa.RSAPrivateKey) else "ecdsa"]}
    structure["tbs_certificate"]["signature"] = algorithm
    structure["signature_algorithm"] = algorithm
    signed = structure["tbs_certificate"].dump(force=True)
    if isinstance(signer, rsa.RSAPrivateKey):
        structure["signature_value"] = signer.sign(signed, padding.PKCS1v15(), hashing())
    elif isinstance(signer, ec.EllipticCurvePrivateKey):
        structure["signature_value"] = signer.sign(signed, ec.ECDSA(hashing()))
    else:
        raise TypeError(f"no {digest} signature with a key of this kind")
    return x509.load_der_x509_certificate(structure.dump(force=True))
