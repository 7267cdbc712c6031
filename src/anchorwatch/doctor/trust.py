"""What a device trusts, as far as its own words tell it: entries of its listing matched to known certificates.

A listing prints names, a serial that may be shortened, dates with an untrusted zone label, sometimes an MD5. From
strong to weak: the octets themselves, the MD5 of the octets, full serial and issuer, subject with both dates,
subject alone. The strength is kept and told, because an answer can be no surer than its weakest match; and a
name that fits two certificates with different keys is no match at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.pasted import PastedCertificate
from anchorwatch.devices.printed_name import PrintedName, from_attributes
from anchorwatch.devices.span import Seen
from anchorwatch.doctor.case import Case
from anchorwatch.pki.catalogue import Catalogue
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import Anchor, TrustStore

MAX_ZONE = timedelta(hours=14)
"""A printed date may be off by any zone in use."""


class Strength(IntEnum):
    """How an entry of a listing was recognised, the surest highest."""

    NAME = 1
    DATES = 2
    SERIAL = 3
    FINGERPRINT = 4
    OCTETS = 5

    @property
    def words(self) -> str:
        """For people."""
        return {
            Strength.NAME: "by its name alone",
            Strength.DATES: "by its name and dates",
            Strength.SERIAL: "by its serial number and issuer",
            Strength.FINGERPRINT: "by its MD5 fingerprint",
            Strength.OCTETS: "by its octets",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One entry of a device's store: what was printed, and the certificate it is, where that is known.

    `others` are certificates that fit as well; `certificate` is None where they have another key.
    """

    printed: StoredCertificate | PastedCertificate
    certificate: Certificate | None
    strength: Strength | None
    others: tuple[Certificate, ...] = ()


def held(case: Case, catalogue: Catalogue) -> tuple[Held, ...]:
    """The entries of a case's listings and configuration, in order, each with its match."""
    index = _Index(catalogue)
    found = [index.match(entry) for entry in case.lasting(StoredCertificate) if entry.kind.startswith("CA")]
    found += [
        Held(printed=entry, certificate=entry.certificate, strength=Strength.OCTETS)
        for entry in case.lasting(PastedCertificate)
        if entry.certificate is not None and entry.trustpoint
    ]
    return tuple(found)


def store_of(entries: Iterable[Held], name: str = "as the device printed it") -> TrustStore:
    """The matched entries as a store; what was not matched is not in it."""
    return TrustStore(
        tuple(Anchor(entry.certificate) for entry in entries if entry.certificate is not None), name
    )


def printed(certificate: Certificate) -> PrintedName:
    """A certificate's subject as a device would print it."""
    return from_attributes(certificate.subject.attributes)


class _Index:
    """The catalogue by what a listing prints."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._by_name: dict[object, list[Certificate]] = {}
        self._by_md5: dict[str, Certificate] = {}
        for known in catalogue.entries:
            certificate = known.certificate
            self._by_name.setdefault(printed(certificate).key, []).append(certificate)
            self._by_md5[certificate.md5] = certificate

    def match(self, entry: StoredCertificate) -> Held:
        """The certificate an entry is, by the strongest thing it printed."""
        if entry.fingerprint is not None and entry.fingerprint.value in self._by_md5:
            found = self._by_md5[entry.fingerprint.value]
            return Held(printed=entry, certificate=found, strength=Strength.FINGERPRINT)
        named = self._by_name.get(entry.subject.value.key, []) if entry.subject is not None else []
        for strength, candidates in (
            (Strength.SERIAL, [c for c in named if _serial_fits(entry.serial, c) and _issuer_fits(entry, c)]),
            (Strength.DATES, [c for c in named if _dates_fit(entry, c)]),
            (Strength.NAME, named if entry.not_after is None and entry.serial is None else []),
        ):
            if candidates:
                return _held(entry, strength, candidates)
        return Held(printed=entry, certificate=None, strength=None, others=tuple(named))


def _held(entry: StoredCertificate, strength: Strength, candidates: list[Certificate]) -> Held:
    first, *others = candidates
    same_key = all(other.spki_sha256 == first.spki_sha256 for other in others)
    return Held(
        printed=entry,
        certificate=first if same_key else None,
        strength=strength if same_key else None,
        others=tuple(others if same_key else candidates),
    )


def _serial_fits(serial: Seen[str] | None, certificate: Certificate) -> bool:
    """Serial numbers as numbers: leading zeros come and go. A shortened one does not fit, and is no proof."""
    if serial is None:
        return False
    digits = serial.value.replace(" ", "").replace(":", "")
    try:
        return int(digits, 16) == certificate.serial
    except ValueError:
        return False


def _issuer_fits(entry: StoredCertificate, certificate: Certificate) -> bool:
    if entry.issuer is None:
        return True
    return entry.issuer.value.key == from_attributes(certificate.issuer.attributes).key


def _dates_fit(entry: StoredCertificate, certificate: Certificate) -> bool:
    """Both dates, within any zone; the same shift on both."""
    if entry.not_before is None or entry.not_after is None:
        return False
    start = _shift(entry.not_before.value, certificate.not_before)
    end = _shift(entry.not_after.value, certificate.not_after)
    return abs(start) <= MAX_ZONE and abs(end - start) <= timedelta(hours=1)


def _shift(shown: DeviceTime, real: datetime) -> timedelta:
    return shown.wall - real.replace(tzinfo=None)
