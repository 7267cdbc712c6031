"""Making the certificates of a story, with keys of our own.

Everything is made at once when a town is built, in an order in which issuers come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from anchorwatch.lab.story import Certified, Story
from anchorwatch.pki.certificate import Certificate

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_TYPES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
}


class StoryInconsistentError(ValueError):
    """A story names an issuer that it does not hold, or two that certify each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A certificate with its private key."""

    certificate: Certificate
    key: Key = field(repr=False)


def mint(story: Story) -> Mapping[str, Minted]:
    """Make every certificate of a story; by the codes of the story. Raises `StoryInconsistentError`."""
    made: dict[str, Minted] = {}
    natives: dict[str, x509.Certificate] = {}
    waiting = dict(story.certificates)
    while waiting:
        ready = [code for code, plan in waiting.items() if all(need in made for need in _needs(plan))]
        if not ready:
            raise StoryInconsistentError(
                f"these certificates wait for an issuer that never comes: {sorted(waiting)}"
            )
        for code in ready:
            plan = waiting.pop(code)
            key = made[plan.same_as].key if plan.same_as else _new_key(plan.key)
            subject = natives[plan.same_as].subject if plan.same_as else _name(plan)
            issuer = made.get(plan.issuer)
            native = _certify(
                plan,
                subject=subject,
                key=key,
                issuer=natives[plan.issuer].subject if issuer else subject,
                signing=issuer.key if issuer else key,
            )
            natives[code] = native
            der = native.public_bytes(serialization.Encoding.DER)
            made[code] = Minted(certificate=Certificate.from_der(der), key=key)
    return MappingProxyType(made)


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
    return builder.sign(signing, hashes.SHA256())


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
