"""A certificate revocation list as a value: its octets and every field that decides whether it may be used.

RFC 5280 section 5. Entries are not kept one by one: a list may hold a million of them and a question asks
for a few. Reading walks over them once, for what concerns the list as a whole (a critical entry extension
nobody understands makes all of it unusable, section 5.3); `find` walks again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from anchorwatch.pki import der
from anchorwatch.pki.certificate import parse_time
from anchorwatch.pki.distinguished_name import Name

MAX_CRL = 1 << 24
"""Octets of one list we read; the largest public ones have some 10 million, and an engine needs 30 times that to read one."""

CRL_NUMBER = "2.5.29.20"
REASON_CODE = "2.5.29.21"
DELTA_CRL_INDICATOR = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT = "2.5.29.28"
CERTIFICATE_ISSUER = "2.5.29.29"
AUTHORITY_KEY_ID = "2.5.29.35"
_UNDERSTOOD = frozenset({CRL_NUMBER, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT, AUTHORITY_KEY_ID})
_ENTRY_UNDERSTOOD = frozenset({REASON_CODE, CERTIFICATE_ISSUER, "2.5.29.23", "2.5.29.24"})

REASONS = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
)
"""Reason codes by number, RFC 5280 section 5.3.1; 7 is not used."""
REMOVE_FROM_CRL = 8

ALL_REASONS = frozenset(range(1, 9))
"""The bits of ReasonFlags (RFC 5280 section 4.2.1.13) that together decide a status; bit 0 is unused."""


class MalformedCrlError(ValueError):
    """The octets are not a revocation list; the message says where reading stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The issuingDistributionPoint of a list (RFC 5280 section 5.2.5); all defaults mean the full list.

    `names` are comparable forms of its distribution point, None where it has none.
    """

    names: frozenset[Hashable] | None = None
    only_leaves: bool = False
    only_authorities: bool = False
    only_attributes: bool = False
    reasons: frozenset[int] = ALL_REASONS
    indirect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionPoint:
    """Where a certificate says its revocation is told (RFC 5280 section 4.2.1.13)."""

    names: frozenset[Hashable] | None = None
    reasons: frozenset[int] = ALL_REASONS
    issuers: frozenset[Hashable] = frozenset()
    """Name keys of a list's issuer, where that is not the certificate's own."""
    issuer_names: frozenset[Hashable] = frozenset()
    """The same as general names, which stand in where the point itself has no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One revoked certificate: since when (aware UTC) and the number of its reason."""

    revoked_at: datetime
    reason: int = 0

    @property
    def reason_text(self) -> str:
        """The reason as RFC 5280 spells it."""
        return REASONS[self.reason] if 0 <= self.reason < len(REASONS) else f"reason {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crl:
    """A revocation list, complete where `base_number` is None, else the delta to that one.

    `number` is None where the list has none. `unknown_critical` names extensions, of the list or of any
    entry, that must be understood and are not.
    """

    der: bytes = field(repr=False)
    issuer: Name
    this_update: datetime
    next_update: datetime | None
    number: int | None
    number_critical: bool
    base_number: int | None
    scope: Scope
    scope_der: bytes = field(repr=False)
    authority_key_id: bytes = field(repr=False)
    unknown_critical: tuple[str, ...]
    signature_algorithm: str
    signature_parameters: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    entries: tuple[int, int] = field(repr=False)
    """Offsets of the first entry and one past the last."""

    @classmethod
    def from_der(cls, octets: bytes) -> Crl:
        """Read one list; the same octets give the same value. Raises `MalformedCrlError` with one sentence."""
        return _read(bytes(octets))

    def find(self, issuer: Name, serial: int) -> Entry | None:
        """The entry of the certificate with that issuer and serial number, the last one where it stands twice.

        In an indirect list an entry belongs to the issuer named in it or in the nearest one before
        (RFC 5280 section 5.3.3), at first to the list's own.
        """
        current, wanted = self.issuer.key, issuer.key
        found = None
        start, stop = self.entries
        while start < stop:
            item = der.element(self.der, start, stop)
            start = item.stop
            number = der.element(self.der, item.content, item.stop)
            when = der.element(self.der, number.stop, item.stop)
            reason = 0
            if when.stop < item.stop:
                for oid, _, value in _extensions(self.der, der.element(self.der, when.stop, item.stop)):
                    if oid == CERTIFICATE_ISSUER:
                        current = _entry_issuer(value)
                    elif oid == REASON_CODE:
                        code = der.element(value, 0, len(value))
                        reason = der.integer(value[code.content : code.stop])
            if current == wanted and der.integer(self.der[number.content : number.stop]) == serial:
                found = Entry(revoked_at=_time(self.der, when), reason=reason)
        return found


@lru_cache(maxsize=256)
def _read(octets: bytes) -> Crl:
    if len(octets) > MAX_CRL:
        raise MalformedCrlError(f"{len(octets)} octets are too many for one revocation list")
    try:
        return _parse(octets)
    except MalformedCrlError:
        raise
    except (der.DerError, ValueError, IndexError, OverflowError) as error:
        raise MalformedCrlError(f"not a revocation list: {error}") from error


def _parse(data: bytes) -> Crl:
    outer = der.inside(data, der.whole(data, der.SEQUENCE))
    if len(outer) != 3 or outer[0].tag != der.SEQUENCE or outer[2].tag != der.BIT_STRING:
        raise MalformedCrlError("not a revocation list: no to-be-signed part, algorithm and signature")
    tbs, algorithm, signature = outer
    if data[signature.content] != 0:
        raise MalformedCrlError("the signature of a revocation list is not a whole number of octets")
    parts = der.inside(data, tbs)
    if parts[0].tag == der.INTEGER:
        parts.pop(0)
    inner_algorithm, issuer_name, this_update, *rest = parts
    if data[inner_algorithm.start : inner_algorithm.stop] != data[algorithm.start : algorithm.stop]:
        raise MalformedCrlError("the signed and the outer signature algorithm of a revocation list differ")
    next_update = None
    if rest and rest[0].tag in (der.UTC_TIME, der.GENERALIZED_TIME):
        next_update = _time(data, rest.pop(0))
    entries = (0, 0)
    if rest and rest[0].tag == der.SEQUENCE:
        revoked = rest.pop(0)
        entries = (revoked.content, revoked.stop)
    found: dict[str, tuple[bool, bytes]] = {}
    if rest and rest[0].tag == 0xA0:
        for oid, critical, value in _extensions(data, der.inside(data, rest[0])[0]):
            if oid in found:
                raise MalformedCrlError(f"the extension {oid} stands twice in a revocation list")
            found[oid] = critical, value
    unknown = {oid for oid, (critical, _) in found.items() if critical and oid not in _UNDERSTOOD}
    issuer = Name.from_der(data[issuer_name.start : issuer_name.stop])
    scope_der = found.get(ISSUING_DISTRIBUTION_POINT, (False, b""))[1]
    oid, parameters = _algorithm(data, algorithm)
    return Crl(
        der=data,
        issuer=issuer,
        this_update=_time(data, this_update),
        next_update=next_update,
        number=_number(found, CRL_NUMBER),
        number_critical=found.get(CRL_NUMBER, (False, b""))[0],
        base_number=_number(found, DELTA_CRL_INDICATOR),
        scope=_scope(scope_der, issuer),
        scope_der=scope_der,
        authority_key_id=found.get(AUTHORITY_KEY_ID, (False, b""))[1],
        unknown_critical=tuple(sorted(unknown | _entry_unknown(data, *entries))),
        signature_algorithm=oid,
        signature_parameters=parameters,
        signature=data[signature.content + 1 : signature.stop],
        tbs=data[tbs.start : tbs.stop],
        entries=entries,
    )


def _entry_unknown(data: bytes, start: int, stop: int) -> set[str]:
    """Critical entry extensions nobody understands; walking finds broken entries too."""
    unknown: set[str] = set()
    while start < stop:
        item = der.element(data, start, stop)
        start = item.stop
        number = der.element(data, item.content, item.stop)
        when = der.element(data, number.stop, item.stop)
        if item.tag != der.SEQUENCE or number.tag != der.INTEGER:
            raise MalformedCrlError(
                f"the entry of a revocation list at offset {item.start} has no serial number"
            )
        if when.stop < item.stop:
            for oid, critical, value in _extensions(data, der.element(data, when.stop, item.stop)):
                if critical and oid not in _ENTRY_UNDERSTOOD:
                    unknown.add(oid)
                if oid == CERTIFICATE_ISSUER:
                    _entry_issuer(value)
    return unknown


def _extensions(data: bytes, listing: der.Element) -> list[tuple[str, bool, bytes]]:
    """Identifier, criticality and value octets of each extension."""
    found = []
    for item in der.inside(data, listing):
        oid, *middle, value = der.inside(data, item)
        critical = bool(middle) and data[middle[0].content] != 0
        found.append((der.oid_text(data[oid.content : oid.stop]), critical, data[value.content : value.stop]))
    return found


def _algorithm(data: bytes, item: der.Element) -> tuple[str, bytes]:
    oid, *parameters = der.inside(data, item)
    raw = data[parameters[0].start : parameters[0].stop] if parameters else b""
    return der.oid_text(data[oid.content : oid.stop]), raw


def _time(data: bytes, item: der.Element) -> datetime:
    return parse_time(item.tag, data[item.content : item.stop].decode("ascii", "replace"))[0]


def _number(found: dict[str, tuple[bool, bytes]], oid: str) -> int | None:
    if oid not in found:
        return None
    value = found[oid][1]
    item = der.whole(value, der.INTEGER)
    return der.integer(value[item.content : item.stop])


def _scope(value: bytes, issuer: Name) -> Scope:
    if not value:
        return Scope()
    fields = {item.tag: item for item in der.inside(value, der.whole(value, der.SEQUENCE))}
    names = _point_names(value, fields[0xA0], issuer) if 0xA0 in fields else None

    def flag(tag: int) -> bool:
        return tag in fields and value[fields[tag].content] != 0

    return Scope(
        names=names,
        only_leaves=flag(0x81),
        only_authorities=flag(0x82),
        reasons=_reasons(value, fields.get(0x83)),
        indirect=flag(0x84),
        only_attributes=flag(0x85),
    )


def distribution_points(value: bytes, issuer: Name) -> tuple[DistributionPoint, ...]:
    """The distribution points in an extension's value, of a certificate that `issuer` issued.

    Raises `ValueError` where the value cannot be read.
    """
    try:
        listing = der.inside(value, der.whole(value, der.SEQUENCE))
        return tuple(_distribution_point(value, item, issuer) for item in listing)
    except IndexError as error:
        raise der.DerError("a distribution point is cut off") from error


def _distribution_point(value: bytes, item: der.Element, issuer: Name) -> DistributionPoint:
    fields = {part.tag: part for part in der.inside(value, item)}
    issuer_names: list[Hashable] = []
    issuers: list[Name] = []
    if 0xA2 in fields:
        for part in der.inside(value, fields[0xA2]):
            issuer_names.append(_general_name(value, part))
            if part.tag == 0xA4:
                issuers.append(_directory_name(value, part))
    base = issuers[0] if issuers else issuer
    return DistributionPoint(
        names=_point_names(value, fields[0xA0], base) if 0xA0 in fields else None,
        reasons=_reasons(value, fields.get(0x81)),
        issuers=frozenset(name.key for name in issuers),
        issuer_names=frozenset(issuer_names),
    )


def _point_names(value: bytes, wrapper: der.Element, base: Name) -> frozenset[Hashable]:
    """DistributionPointName: full names, or one relative name below `base`."""
    choice = der.inside(value, wrapper)[0]
    if choice.tag == 0xA0:
        return frozenset(_general_name(value, part) for part in der.inside(value, choice))
    if choice.tag != 0xA1:
        raise der.DerError(f"a distribution point name with tag 0x{choice.tag:02x}")
    relative = bytes([der.SET]) + value[choice.start + 1 : choice.stop]
    stem = base.der[der.whole(base.der, der.SEQUENCE).content :]
    return frozenset({name_form(Name.from_der(_sequence(stem + relative)))})


def name_form(name: Name) -> Hashable:
    """A directory name in the form in which names of distribution points are compared."""
    return "directoryName", name.key


def _general_name(value: bytes, item: der.Element) -> Hashable:
    if item.tag == 0xA4:
        return name_form(_directory_name(value, item))
    return item.tag, value[item.content : item.stop]


def _directory_name(value: bytes, item: der.Element) -> Name:
    inner = der.inside(value, item)[0]
    return Name.from_der(value[inner.start : inner.stop])


def _entry_issuer(value: bytes) -> Hashable:
    for item in der.inside(value, der.whole(value, der.SEQUENCE)):
        if item.tag == 0xA4:
            return _directory_name(value, item).key
    raise der.DerError("an entry's issuer is not a directory name")


def _reasons(value: bytes, item: der.Element | None) -> frozenset[int]:
    """Bits of a ReasonFlags BIT STRING, all of them where it is absent; the unused bit 0 counts for nothing."""
    if item is None:
        return ALL_REASONS
    octets = value[item.content + 1 : item.stop]
    return (
        frozenset(
            8 * place + bit for place, octet in enumerate(octets) for bit in range(8) if octet & (0x80 >> bit)
        )
        & ALL_REASONS
    )


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([der.SEQUENCE, size]) + content
    width = (size.bit_length() + 7) // 8
    return bytes([der.SEQUENCE, 0x80 | width]) + size.to_bytes(width, "big") + content
