"""A certificate of a store as the facts that an ASA prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from anchorwatch.devices import printed_name
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Seen
from anchorwatch.pki.certificate import SIGNATURES, Certificate
from anchorwatch.pki.name import Name

When = Callable[[datetime], DeviceTime]

_KINDS = {"rsa": "RSA", "rsa-pss": "RSA", "ec": "ECDSA", "dsa": "DSA"}
_DIGESTS = {"md2": "MD2", "md5": "MD5", "sha1": "SHA1", "sha224": "SHA224", "sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}  # fmt: skip


def serial(certificate: Certificate) -> str:
    """The serial number as an ASA prints it: the octets of the DER in hex, lower case."""
    number = certificate.serial
    size = max(1, (number.bit_length() + 7) // 8)
    return (number % (1 << 8 * size)).to_bytes(size, "big").hex()


def name(of: Name) -> PrintedName:
    """A name as an ASA prints it."""
    return printed_name.from_attributes(of.attributes)


def whole(certificate: Certificate, trustpoints: tuple[str, ...], when: When) -> StoredCertificate:
    """All that ``show crypto ca certificates`` prints of a certificate; `when` makes the device's own times."""
    ocsp, crl = addresses(certificate)
    return StoredCertificate(
        kind="CA Certificate",
        status=Seen("Available"),
        serial=Seen(serial(certificate)),
        usage=Seen("General Purpose"),
        key_type=Seen(
            f"{_KINDS.get(certificate.key.kind, certificate.key.kind)} ({certificate.key.bits} bits)"
        ),
        signature_algorithm=Seen(_signed_with(certificate)),
        issuer=Seen(name(certificate.issuer)),
        subject=Seen(name(certificate.subject)),
        ocsp_urls=ocsp,
        crl_urls=crl,
        not_before=Seen(when(certificate.not_before)),
        not_after=Seen(when(certificate.not_after)),
        trustpoints=Seen(trustpoints),
    )


def brief(certificate: Certificate) -> StoredCertificate:
    """What ``show crypto ca trustpool`` prints of a certificate."""
    return StoredCertificate(
        kind="CA Certificate",
        fingerprint=Seen(certificate.md5),
        issuer=Seen(name(certificate.issuer)),
        subject=Seen(name(certificate.subject)),
    )


def _signed_with(certificate: Certificate) -> str:
    _, kind, digest = SIGNATURES.get(certificate.signature_algorithm, ("", "", certificate.digest))
    words = _DIGESTS.get(certificate.digest or digest or "", "")
    return (
        f"{words} with {_KINDS.get(kind, kind)} Encryption" if words and kind else certificate.signature_name
    )


def addresses(certificate: Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where it says that revocation can be asked for: responders, and lists."""
    native = certificate.native()
    if native is None:
        return (), ()
    ocsp: list[str] = []
    crl: list[str] = []
    try:
        for extension in native.extensions:
            match extension.value:
                case x509.AuthorityInformationAccess() as access:
                    ocsp += [
                        each.access_location.value
                        for each in access
                        if each.access_method == AuthorityInformationAccessOID.OCSP
                        and isinstance(each.access_location, x509.UniformResourceIdentifier)
                    ]
                case x509.CRLDistributionPoints() as points:
                    crl += [
                        place.value
                        for point in points
                        for place in point.full_name or ()
                        if isinstance(place, x509.UniformResourceIdentifier)
                    ]
                case _:
                    pass
    except ValueError:
        # An extension that cannot be read names no address.
        return (), ()
    return tuple(ocsp), tuple(crl)
