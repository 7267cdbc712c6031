"""Making the certificates of a story, with keys of our own.

Everything is made at once when a town is built, in an order in which issuers come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from anchorwatch.disk import file as disk
from anchorwatch.lab.story import Certified
from anchorwatch.pki.certificate import Certificate

_KEPT = ".pem"
_LARGEST = 64 * 1024

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_TYPES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
}


class StoryInconsistentError(ValueError):
    """A story names an issuer that it does not hold, or two that certify each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A certificate with its private key."""

    certificate: Certificate
    key: Key = field(repr=False)


def mint(plans: Mapping[str, Certified], kept: Mapping[str, Minted] | None = None) -> Mapping[str, Minted]:
    """Make every certificate that is planned, by code; what is `kept` from before is not made again.

    Raises `StoryInconsistentError`.
    """
    made: dict[str, Minted] = dict(kept or {})
    waiting = {code: plan for code, plan in plans.items() if code not in made}
    while waiting:
        ready = [code for code, plan in waiting.items() if all(need in made for need in _needs(plan))]
        if not ready:
            raise StoryInconsistentError(
                f"these certificates wait for an issuer that never comes: {sorted(waiting)}"
            )
        for code in ready:
            plan = waiting.pop(code)
            key = made[plan.same_as].key if plan.same_as else _new_key(plan.key)
            subject = _subject(made[plan.same_as]) if plan.same_as else _name(plan)
            issuer = made.get(plan.issuer)
            native = _certify(
                plan,
                subject=subject,
                key=key,
                issuer=_subject(issuer) if issuer else subject,
                signing=issuer.key if issuer else key,
            )
            der = native.public_bytes(serialization.Encoding.DER)
            made[code] = Minted(certificate=Certificate.from_der(der), key=key)
    return MappingProxyType(made)


def save(made: Mapping[str, Minted], folder: Path) -> None:
    """Keep certificates and keys in a folder, each pair in a private file of its own. Raises `OSError`."""
    for code, minted in made.items():
        pem = minted.certificate.pem.encode("ascii") + minted.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        disk.write(folder / f"{code}{_KEPT}", pem, private=True)


def kept(folder: Path) -> Mapping[str, Minted]:
    """What `save` kept there. Raises `OSError`, and `StoryInconsistentError` for a file that is damaged."""
    found: dict[str, Minted] = {}
    for path in sorted(folder.glob(f"*{_KEPT}")):
        data = disk.read_private(path, _LARGEST)
        try:
            native = x509.load_pem_x509_certificate(data)
            key = serialization.load_pem_private_key(data, None)
        except ValueError:
            raise StoryInconsistentError(f"{path.name} holds no certificate with its key") from None
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise StoryInconsistentError(f"{path.name} holds a key of another kind than is made here")
        der = native.public_bytes(serialization.Encoding.DER)
        found[path.name.removesuffix(_KEPT)] = Minted(certificate=Certificate.from_der(der), key=key)
    return MappingProxyType(found)


def _subject(minted: Minted) -> x509.Name:
    return x509.load_der_x509_certificate(minted.certificate.der).subject


def _needs(plan: Certified) -> tuple[str, ...]:
    return tuple(code for code in (plan.issuer, plan.same_as) if code)


def _new_key(kind: str) -> Key:
    if kind == "ec256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def _name(plan: Certified) -> x509.Name:
    return x509.Name([x509.NameAttribute(_TYPES[kind], value) for kind, value in plan.name])


def _certify(
    plan: Certified, *, subject: x509.Name, key: Key, issuer: x509.Name, signing: Key
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int(plan.serial, 16) if plan.serial else x509.random_serial_number())
        .not_valid_before(plan.valid[0])
        .not_valid_after(plan.valid[1])
        .add_extension(x509.BasicConstraints(ca=plan.is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
        .add_extension(_usage(plan), critical=True)
    )
    if not plan.is_ca:
        purpose = x509.ObjectIdentifier(plan.purpose) if plan.purpose else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if plan.hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in plan.hosts])
        builder = builder.add_extension(names, critical=False)
    if plan.ocsp:
        where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, _uri(plan.ocsp))
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    if plan.crl:
        point = x509.DistributionPoint([_uri(plan.crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(signing, hashes.SHA256())


def _uri(url: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(url)


def _usage(plan: Certified) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not plan.is_ca,
        content_commitment=False,
        key_encipherment=not plan.is_ca and plan.key.startswith("rsa"),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=plan.is_ca,
        crl_sign=plan.is_ca,
        encipher_only=False,
        decipher_only=False,
    )
