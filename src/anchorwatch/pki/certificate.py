"""A certificate as a value: its octets and every field the judge looks at.

One reading serves strict and lenient alike: `anchorwatch.pki.der` cuts, this module names the pieces.
`cryptography` is asked once whether it would load the certificate too; where it refuses (fractional
seconds in two Cisco roots, among others) the certificate still has all its fields and says so in
`leniency`. What cannot be read at all raises, once, here, and never later.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from anchorwatch.pki import der
from anchorwatch.pki.constraint import NameConstraints
from anchorwatch.pki.name import Name, SubjectAltName

MAX_CERTIFICATE = 1 << 20
"""Octets of one certificate we read; the largest of 1,458 real ones has 4,096."""

BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
EXTENDED_KEY_USAGE = "2.5.29.37"
SUBJECT_KEY_ID = "2.5.29.14"
AUTHORITY_KEY_ID = "2.5.29.35"
SUBJECT_ALT_NAME = "2.5.29.17"
ISSUER_ALT_NAME = "2.5.29.18"
NAME_CONSTRAINTS = "2.5.29.30"
POLICIES = "2.5.29.32"
POLICY_MAPPINGS = "2.5.29.33"
POLICY_CONSTRAINTS = "2.5.29.36"
INHIBIT_ANY_POLICY = "2.5.29.54"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
FRESHEST_CRL = "2.5.29.46"
AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1"

SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0"
CA_ISSUERS = "1.3.6.1.5.5.7.48.2"

KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""Key usage bits by number, RFC 5280 section 4.2.1.3."""

CURVES = {
    "1.2.840.10045.3.1.1": ("secp192r1", 192),
    "1.3.132.0.33": ("secp224r1", 224),
    "1.2.840.10045.3.1.7": ("secp256r1", 256),
    "1.3.132.0.10": ("secp256k1", 256),
    "1.3.132.0.34": ("secp384r1", 384),
    "1.3.132.0.35": ("secp521r1", 521),
    "1.3.36.3.3.2.8.1.1.7": ("brainpoolP256r1", 256),
    "1.3.36.3.3.2.8.1.1.11": ("brainpoolP384r1", 384),
    "1.3.36.3.3.2.8.1.1.13": ("brainpoolP512r1", 512),
}
"""Named curves (RFC 5480, SEC 2, RFC 5639): name and bits of the order."""

EDWARDS_KEYS = {"1.3.101.112": ("ed25519", 256), "1.3.101.113": ("ed448", 456)}

RSA_PSS = "1.2.840.113549.1.1.10"
SIGNATURES: dict[str, tuple[str, str, str | None]] = {
    "1.2.840.113549.1.1.2": ("md2WithRSAEncryption", "rsa", "md2"),
    "1.2.840.113549.1.1.3": ("md4WithRSAEncryption", "rsa", "md4"),
    "1.2.840.113549.1.1.4": ("md5WithRSAEncryption", "rsa", "md5"),
    "1.2.840.113549.1.1.5": ("sha1WithRSAEncryption", "rsa", "sha1"),
    "1.3.14.3.2.29": ("sha1WithRSASignature", "rsa", "sha1"),
    "1.2.840.113549.1.1.14": ("sha224WithRSAEncryption", "rsa", "sha224"),
    "1.2.840.113549.1.1.11": ("sha256WithRSAEncryption", "rsa", "sha256"),
    "1.2.840.113549.1.1.12": ("sha384WithRSAEncryption", "rsa", "sha384"),
    "1.2.840.113549.1.1.13": ("sha512WithRSAEncryption", "rsa", "sha512"),
    RSA_PSS: ("id-RSASSA-PSS", "rsa-pss", None),
    "1.2.840.10040.4.3": ("id-dsa-with-sha1", "dsa", "sha1"),
    "2.16.840.1.101.3.4.3.1": ("id-dsa-with-sha224", "dsa", "sha224"),
    "2.16.840.1.101.3.4.3.2": ("id-dsa-with-sha256", "dsa", "sha256"),
    "1.2.840.10045.4.1": ("ecdsa-with-SHA1", "ec", "sha1"),
    "1.2.840.10045.4.3.1": ("ecdsa-with-SHA224", "ec", "sha224"),
    "1.2.840.10045.4.3.2": ("ecdsa-with-SHA256", "ec", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa-with-SHA384", "ec", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa-with-SHA512", "ec", "sha512"),
    "1.3.101.112": ("Ed25519", "ed25519", None),
    "1.3.101.113": ("Ed448", "ed448", None),
}
"""Signature algorithm by OID: name, kind of key, digest (RFC 4055, 5758, 8410)."""

HASHES = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


class MalformedCertificateError(ValueError):
    """The octets are not a certificate anyone could judge; the message says where reading stopped."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a path rule needs to know of a key; `kind` is the algorithm's OID where we have no name."""

    kind: str
    bits: int
    """RSA modulus or DSA prime length, order length of a curve; 0 where unknown."""
    curve: str | None = None
    """Name of the curve, "explicit" for spelled-out parameters, None for keys without one."""


@dataclass(frozen=True, slots=True)
class BasicConstraints:
    """RFC 5280 section 4.2.1.9."""

    ca: bool
    path_length: int | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class AuthorityKeyId:
    """RFC 5280 section 4.2.1.1; the three parts are what the issuer chose to write."""

    key_id: bytes | None = None
    issuer: Name | None = None
    serial: int | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, uninterpreted."""

    oid: str
    critical: bool
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certificate:
    """An X.509 certificate (RFC 5280 section 4.1), equal to another exactly when the octets are equal.

    Times are aware UTC. `signature_algorithm` is a dotted OID; `digest` its hash by lower-case name,
    None where the algorithm has none of its own or is unknown. `irregularities` are sentences about what
    a strict reader would object to; `leniency` is what `cryptography` said when it refused to load it.
    """

    der: bytes = field(repr=False)
    sha256: str
    subject: Name
    issuer: Name
    serial: int
    version: int
    not_before: datetime
    not_after: datetime
    key: PublicKey
    spki: bytes = field(repr=False)
    spki_sha256: str = field(repr=False)
    signature_algorithm: str
    digest: str | None
    tbs: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    signature_parameters: bytes = field(repr=False)
    extensions: tuple[Extension, ...] = field(repr=False)
    subject_key_id: bytes | None = field(repr=False, default=None)
    authority_key_id: AuthorityKeyId | None = field(repr=False, default=None)
    basic_constraints: BasicConstraints | None = None
    key_usage: frozenset[str] | None = field(repr=False, default=None)
    extended_key_usage: tuple[str, ...] | None = field(repr=False, default=None)
    san: SubjectAltName | None = field(repr=False, default=None)
    name_constraints: NameConstraints | None = field(repr=False, default=None)
    ca_issuers: tuple[str, ...] = field(repr=False, default=())
    self_issued: bool = field(repr=False)
    critical: frozenset[str] = field(repr=False)
    irregularities: tuple[str, ...] = field(repr=False, default=())
    leniency: str | None = field(repr=False, default=None)

    @classmethod
    def from_der(cls, octets: bytes) -> Certificate:
        """Read one certificate; the same octets give the same value, parsed once while remembered.

        Raises `MalformedCertificateError` with one sentence.
        """
        return _read(bytes(octets))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Certificate):
            return NotImplemented
        return self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints says so; version 1 certificates never do."""
        return self.basic_constraints is not None and self.basic_constraints.ca

    @property
    def sha1(self) -> str:
        """SHA-1 of the octets, lower-case hex: shown beside other tools' output, never an identity."""
        return hashlib.sha1(self.der, usedforsecurity=False).hexdigest()

    @property
    def md5(self) -> str:
        """MD5 of the octets, lower-case hex: what an ASA prints as "Fingerprint"."""
        return hashlib.md5(self.der, usedforsecurity=False).hexdigest()

    @property
    def pem(self) -> str:
        """RFC 7468 text, lines of 64, with a final newline."""
        body = "\n".join(textwrap.wrap(base64.b64encode(self.der).decode(), 64))
        return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"

    @property
    def signature_name(self) -> str:
        """The signature algorithm in words, its OID where we have none."""
        known = SIGNATURES.get(self.signature_algorithm)
        return known[0] if known else self.signature_algorithm

    @property
    def title(self) -> str:
        """The shortest words by which a person would know it: common name, else unit, else all of it."""
        return title(self.subject) or f"serial {self.serial:x}"

    def extension(self, oid: str) -> bytes | None:
        """The value octets of the first extension of that kind, or None."""
        for extension in self.extensions:
            if extension.oid == oid:
                return extension.value
        return None

    def native(self) -> x509.Certificate | None:
        """The same certificate for `cryptography`, None where only the lenient reading works."""
        return None if self.leniency else _load(self.der)


def title(name: Name) -> str:
    """The shortest words by which a person would know a name; empty for an empty name."""
    units = name.values("2.5.4.11")
    return name.common_name or (units[0] if units else name.text)


def _load(octets: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        # Real roots carry serial 0 and negative serials; we judge those ourselves.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(octets)


def _strict_objection(octets: bytes) -> str | None:
    try:
        _load(octets)
    except (ValueError, TypeError, x509.InvalidVersion) as error:
        return f"{error}".split("\n", 1)[0] or type(error).__name__
    return None


# 16,384 certificates are some 60 MB; the whole of CCADB is 10,213.
@lru_cache(maxsize=16_384)
def _read(octets: bytes) -> Certificate:
    if len(octets) > MAX_CERTIFICATE:
        raise MalformedCertificateError(f"{len(octets)} octets are too many for one certificate")
    try:
        return _Reader(octets).certificate()
    except (der.DerError, ValueError, OverflowError) as error:
        if isinstance(error, MalformedCertificateError):
            raise
        raise MalformedCertificateError(f"not a certificate: {error}") from error


class _Reader:
    """Names the slices of one certificate."""

    def __init__(self, octets: bytes) -> None:
        self.data = octets
        self.irregular: list[str] = []

    def certificate(self) -> Certificate:
        data = self.data
        outer = der.inside(data, der.whole(data, der.SEQUENCE))
        if len(outer) != 3 or outer[0].tag != der.SEQUENCE or outer[2].tag != der.BIT_STRING:
            raise MalformedCertificateError(
                "not a certificate: no to-be-signed part, algorithm and signature"
            )
        tbs, algorithm, signature = outer
        parts = der.inside(data, tbs)
        version = 1
        if parts and parts[0].tag == 0xA0:
            wrapper = parts.pop(0)
            version = der.integer(self._content(der.element(data, wrapper.content, wrapper.stop))) + 1
        if len(parts) < 6:
            raise MalformedCertificateError(
                "not a certificate: serial, issuer, validity, subject or key missing"
            )
        serial, inner_algorithm, issuer, validity, subject, spki = parts[:6]
        if serial.tag != der.INTEGER or validity.tag != der.SEQUENCE or spki.tag != der.SEQUENCE:
            raise MalformedCertificateError("not a certificate: serial, validity or key of another type")
        oid, parameters = self._algorithm(algorithm)
        if self._raw(inner_algorithm) != self._raw(algorithm):
            self.irregular.append("the signed and the outer signature algorithm differ")
        not_before, not_after = (self._time(item) for item in self._pair(validity))
        subject_name = Name.from_der(self._raw(subject))
        issuer_name = Name.from_der(self._raw(issuer))
        extensions = self._extensions(parts[6:], version)
        known: dict[str, Extension] = {}
        for extension in extensions:
            if extension.oid in known:
                self.irregular.append(f"the extension {extension.oid} stands in it twice")
            known.setdefault(extension.oid, extension)
        spki_octets = self._raw(spki)
        digest = _digest(oid, parameters)
        fields = self._known_fields(known)
        return Certificate(
            der=data,
            sha256=hashlib.sha256(data).hexdigest(),
            subject=subject_name,
            issuer=issuer_name,
            serial=der.integer(self._content(serial)),
            version=version,
            not_before=not_before,
            not_after=not_after,
            key=self._key(spki),
            spki=spki_octets,
            spki_sha256=hashlib.sha256(spki_octets).hexdigest(),
            signature_algorithm=oid,
            digest=digest,
            tbs=self._raw(tbs),
            signature=self._content(signature)[1:],
            signature_parameters=parameters,
            extensions=tuple(extensions),
            self_issued=subject_name.key == issuer_name.key,
            critical=frozenset(item.oid for item in extensions if item.critical),
            irregularities=tuple(self.irregular),
            leniency=_strict_objection(data),
            **fields,  # type: ignore[arg-type]  # one dict for nine differently typed optional fields
        )

    def _raw(self, item: der.Element) -> bytes:
        return self.data[item.start : item.stop]

    def _content(self, item: der.Element) -> bytes:
        return self.data[item.content : item.stop]

    def _pair(self, item: der.Element) -> tuple[der.Element, der.Element]:
        found = der.inside(self.data, item)
        if len(found) != 2:
            raise MalformedCertificateError("not a certificate: the validity does not have two times")
        return found[0], found[1]

    def _algorithm(self, item: der.Element) -> tuple[str, bytes]:
        found = der.inside(self.data, item)
        if not found or found[0].tag != der.OID:
            raise MalformedCertificateError("not a certificate: an algorithm without its identifier")
        parameters = self._raw(found[1]) if len(found) > 1 else b""
        return der.oid_text(self._content(found[0])), parameters

    def _time(self, item: der.Element) -> datetime:
        """RFC 5280 section 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050, seconds, Zulu."""
        text = self._content(item).decode("ascii", "replace")
        moment, odd = parse_time(item.tag, text)
        if odd:
            self.irregular.append(odd)
        return moment

    def _key(self, spki: der.Element) -> PublicKey:
        parts = der.inside(self.data, spki)
        if len(parts) != 2 or parts[1].tag != der.BIT_STRING:
            raise MalformedCertificateError("not a certificate: the public key has no algorithm and bits")
        oid, parameters = self._algorithm(parts[0])
        bits = self._content(parts[1])[1:]
        return public_key(oid, parameters, bits)

    def _extensions(self, rest: list[der.Element], version: int) -> list[Extension]:
        found: list[Extension] = []
        for part in rest:
            if part.tag in (0x81, 0x82, 0xA1, 0xA2):
                if version < 2:
                    self.irregular.append("a unique identifier in a version 1 certificate")
            elif part.tag == 0xA3:
                if version != 3:
                    self.irregular.append(f"extensions in a version {version} certificate")
                listing = der.inside(self.data, part)
                found += (
                    [self._extension(item) for item in der.inside(self.data, listing[0])] if listing else []
                )
        return found

    def _extension(self, item: der.Element) -> Extension:
        parts = der.inside(self.data, item)
        critical = len(parts) == 3 and self._content(parts[1]) != b"\x00"
        if not 2 <= len(parts) <= 3 or parts[0].tag != der.OID or parts[-1].tag != der.OCTET_STRING:
            raise MalformedCertificateError("not a certificate: an extension without identifier and value")
        return Extension(der.oid_text(self._content(parts[0])), critical, self._content(parts[-1]))

    def _known_fields(self, known: dict[str, Extension]) -> dict[str, object]:
        """The extensions we judge by; one that cannot be read is an irregularity, not a failure."""
        fields: dict[str, object] = {}
        for oid, (name, read) in _EXTENSION_READERS.items():
            extension = known.get(oid)
            if extension is None:
                continue
            try:
                fields[name] = read(extension)
            except (der.DerError, ValueError, IndexError) as error:
                self.irregular.append(f"the extension {oid} cannot be read: {error}")
        return fields


def parse_time(tag: int, text: str) -> tuple[datetime, str | None]:
    """A UTCTime or GeneralizedTime as aware UTC, and a sentence where RFC 5280 section 4.1.2.5 objects.

    Fractional seconds are dropped, offsets applied. Raises `ValueError`.
    """
    digits = text
    if tag == der.UTC_TIME:
        years = 2
    elif tag == der.GENERALIZED_TIME:
        years = 4
    else:
        raise ValueError(f"a time with tag 0x{tag:02x}")
    zone = timedelta()
    odd = None
    if digits.endswith("Z"):
        digits = digits[:-1]
    elif len(digits) > 5 and digits[-5] in "+-":
        sign = -1 if digits[-5] == "-" else 1
        zone = sign * timedelta(hours=int(digits[-4:-2]), minutes=int(digits[-2:]))
        digits, odd = digits[:-5], f"the time {text} carries an offset instead of Z"
    else:
        odd = f"the time {text} does not end in Z"
    if "." in digits:
        digits, odd = digits.split(".", 1)[0], f"the time {text} has fractional seconds"
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (years + 8, years + 10):
        raise ValueError(f"the time {text!r} cannot be read")
    if len(digits) == years + 8:
        digits, odd = digits + "00", f"the time {text} has no seconds"
    year = int(digits[:years])
    if years == 2:
        # RFC 5280 section 4.1.2.5.1; a GeneralizedTime before 2050 is as readable and not worth a word.
        year += 1900 if year >= 50 else 2000
    month, day, hour, minute, second = (int(digits[i : i + 2]) for i in range(years, years + 10, 2))
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return moment - zone if zone else moment, odd


def public_key(oid: str, parameters: bytes, bits: bytes) -> PublicKey:
    """Kind and size from a SubjectPublicKeyInfo's parts (RFC 3279, 5480, 8410). Never raises."""
    try:
        if oid in ("1.2.840.113549.1.1.1", RSA_PSS):
            modulus = der.inside(bits, der.whole(bits, der.SEQUENCE))[0]
            number = int.from_bytes(bits[modulus.content : modulus.stop], "big")
            return PublicKey("rsa", number.bit_length())
        if oid == "1.2.840.10045.2.1":
            shape = der.element(parameters, 0, len(parameters))
            if shape.tag != der.OID:
                return PublicKey("ec", 0, "explicit")
            curve = der.oid_text(parameters[shape.content : shape.stop])
            name, size = CURVES.get(curve, (curve, 0))
            return PublicKey("ec", size, name)
        if oid == "1.2.840.10040.4.1":
            if not parameters:
                return PublicKey("dsa", 0)
            prime = der.inside(parameters, der.whole(parameters, der.SEQUENCE))[0]
            return PublicKey(
                "dsa", int.from_bytes(parameters[prime.content : prime.stop], "big").bit_length()
            )
        if oid in EDWARDS_KEYS:
            return PublicKey(*EDWARDS_KEYS[oid])
    except (der.DerError, IndexError):
        pass
    return PublicKey(oid, 0)


def pss_digest(parameters: bytes) -> str | None:
    """The hash of RSASSA-PSS parameters; SHA-1 where they leave it out (RFC 4055 section 3.1)."""
    if not parameters:
        return "sha1"
    try:
        for item in der.inside(parameters, der.whole(parameters, der.SEQUENCE)):
            if item.tag == 0xA0:
                algorithm = der.inside(parameters, der.inside(parameters, item)[0])[0]
                return HASHES.get(der.oid_text(parameters[algorithm.content : algorithm.stop]))
    except (der.DerError, IndexError):
        return None
    return "sha1"


def _digest(oid: str, parameters: bytes) -> str | None:
    if oid == RSA_PSS:
        return pss_digest(parameters)
    known = SIGNATURES.get(oid)
    return known[2] if known else None


def _read_basic_constraints(extension: Extension) -> BasicConstraints:
    value = extension.value
    ca, length = False, None
    for item in der.inside(value, der.whole(value, der.SEQUENCE)):
        if item.tag == der.BOOLEAN:
            ca = value[item.content : item.stop] != b"\x00"
        elif item.tag == der.INTEGER:
            length = der.integer(value[item.content : item.stop])
    return BasicConstraints(ca, length, extension.critical)


def _read_key_usage(extension: Extension) -> frozenset[str]:
    value = extension.value
    bits = der.whole(value, der.BIT_STRING)
    octets = value[bits.content + 1 : bits.stop]
    return frozenset(
        name
        for number, name in enumerate(KEY_USAGES)
        if number // 8 < len(octets) and octets[number // 8] & (0x80 >> number % 8)
    )


def _read_extended_key_usage(extension: Extension) -> tuple[str, ...]:
    value = extension.value
    outer = der.whole(value, der.SEQUENCE)
    return tuple(der.oid_text(value[item.content : item.stop]) for item in der.inside(value, outer))


def _read_subject_key_id(extension: Extension) -> bytes:
    item = der.whole(extension.value, der.OCTET_STRING)
    return extension.value[item.content : item.stop]


def _read_authority_key_id(extension: Extension) -> AuthorityKeyId:
    value = extension.value
    key_id: bytes | None = None
    issuer: Name | None = None
    serial: int | None = None
    for item in der.inside(value, der.whole(value, der.SEQUENCE)):
        if item.tag == 0x80:
            key_id = value[item.content : item.stop]
        elif item.tag == 0xA1:
            for general in der.inside(value, item):
                if general.tag == 0xA4:
                    issuer = Name.from_der(value[general.content : general.stop])
        elif item.tag == 0x82:
            serial = der.integer(value[item.content : item.stop])
    return AuthorityKeyId(key_id, issuer, serial)


def _read_ca_issuers(extension: Extension) -> tuple[str, ...]:
    value = extension.value
    found = []
    for item in der.inside(value, der.whole(value, der.SEQUENCE)):
        method, place = der.inside(value, item)[:2]
        if place.tag == 0x86 and der.oid_text(value[method.content : method.stop]) == CA_ISSUERS:
            found.append(value[place.content : place.stop].decode("latin-1"))
    return tuple(found)


def _read_san(extension: Extension) -> SubjectAltName:
    return SubjectAltName.from_der(extension.value)


def _read_name_constraints(extension: Extension) -> NameConstraints:
    return NameConstraints.from_der(extension.value)


_EXTENSION_READERS = {
    BASIC_CONSTRAINTS: ("basic_constraints", _read_basic_constraints),
    KEY_USAGE: ("key_usage", _read_key_usage),
    EXTENDED_KEY_USAGE: ("extended_key_usage", _read_extended_key_usage),
    SUBJECT_KEY_ID: ("subject_key_id", _read_subject_key_id),
    AUTHORITY_KEY_ID: ("authority_key_id", _read_authority_key_id),
    SUBJECT_ALT_NAME: ("san", _read_san),
    NAME_CONSTRAINTS: ("name_constraints", _read_name_constraints),
    AUTHORITY_INFO_ACCESS: ("ca_issuers", _read_ca_issuers),
}
