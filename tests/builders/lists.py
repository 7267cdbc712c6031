"""Revocation lists made to order for the tests, beside the authorities of `builders.certs`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from builders.certs import CA, Extra, Issued

ISSUED = datetime(2020, 1, 1, tzinfo=UTC)
ENDS = datetime(2020, 2, 1, tzinfo=UTC)


def entry(
    certificate: Issued | int,
    *,
    reason: x509.ReasonFlags | None = None,
    issuer: x509.Name | None = None,
    since: datetime = datetime(2019, 12, 24, tzinfo=UTC),
    extra: Sequence[Extra] = (),
) -> x509.RevokedCertificate:
    """One line of a list: a certificate, or a serial number. `issuer` makes it an indirect list's line."""
    serial = certificate if isinstance(certificate, int) else certificate.certificate.serial_number
    builder = (
        x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since.replace(tzinfo=None))
    )
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    if issuer is not None:
        builder = builder.add_extension(x509.CertificateIssuer([x509.DirectoryName(issuer)]), critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    return builder.build()


def revocation_list(
    signer: CA,
    revoked: Collection[x509.RevokedCertificate] = (),
    *,
    number: int | None = 1,
    number_critical: bool = False,
    base: int | None = None,
    this_update: datetime = ISSUED,
    next_update: datetime = ENDS,
    scope: x509.IssuingDistributionPoint | None = None,
    extra: Sequence[Extra] = (),
    issuer: x509.Name | None = None,
) -> bytes:
    """A list in DER, signed by an authority in its own name unless `issuer` says otherwise."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.subject if issuer is None else issuer)
        .last_update(this_update.replace(tzinfo=None))
        .next_update(next_update.replace(tzinfo=None))
        .add_extension(x509.AuthorityKeyIdentifier(signer.key_id, None, None), critical=False)
    )
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=number_critical)
    if base is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
    if scope is not None:
        builder = builder.add_extension(scope, critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    for line in revoked:
        builder = builder.add_revoked_certificate(line)
    signed = builder.sign(signer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def scope(
    *,
    names: Sequence[str] | None = None,
    only_leaves: bool = False,
    only_authorities: bool = False,
    only_attributes: bool = False,
    reasons: Collection[x509.ReasonFlags] | None = None,
    indirect: bool = False,
) -> x509.IssuingDistributionPoint:
    """What a list is about: places (URIs), kinds of certificates, reasons, other issuers."""
    return x509.IssuingDistributionPoint(
        full_name=None if names is None else [x509.UniformResourceIdentifier(name) for name in names],
        relative_name=None,
        only_contains_user_certs=only_leaves,
        only_contains_ca_certs=only_authorities,
        only_some_reasons=None if reasons is None else frozenset(reasons),
        indirect_crl=indirect,
        only_contains_attribute_certs=only_attributes,
    )


def points(
    *names: str,
    reasons: Collection[x509.ReasonFlags] | None = None,
    issuer: x509.Name | None = None,
) -> Extra:
    """A certificate's own word on where its revocation is told, ready for `extra`."""
    point = x509.DistributionPoint(
        full_name=[x509.UniformResourceIdentifier(name) for name in names] or None,
        relative_name=None,
        reasons=None if reasons is None else frozenset(reasons),
        crl_issuer=None if issuer is None else [x509.DirectoryName(issuer)],
    )
    return x509.CRLDistributionPoints([point]), False
