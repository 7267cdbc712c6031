"""Distinguished names: read, written as people read them, and compared by RFC 5280 section 7.1.

Two names that look alike in a report may differ in the bytes (one CA writes PrintableString, its successor
UTF8String), and two that differ only in case or blanks are the same name. So a name has three faces that must
not be mixed: `der` (what was signed), `text` (what a person reads), `key` (what decides equality). Equality and
hashing of `Name` go by `key`.

The key follows RFC 5280 section 7.1 and the string preparation of RFC 4518: string types are folded together,
mapped, case-folded, normalised with NFKC, and blanks that carry no meaning are dropped. A value that is not a
string, or holds characters RFC 4518 prohibits, is compared by its encoding.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from functools import lru_cache

from anchorwatch.pki import der as asn1

COMMON_NAME = "2.5.4.3"
EMAIL_ADDRESS = "1.2.840.113549.1.9.1"

# RFC 4514 section 3 for the first line, the names OpenSSL and RFC 4519 use for the others.
SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.6": "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.12": "title",
    "2.5.4.13": "description",
    "2.5.4.15": "businessCategory",
    "2.5.4.16": "postalAddress",
    "2.5.4.17": "postalCode",
    "2.5.4.18": "postOfficeBox",
    "2.5.4.20": "telephoneNumber",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.72": "role",
    "2.5.4.97": "organizationIdentifier",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}
_OIDS_BY_SHORT_NAME = {short.lower(): dotted for dotted, short in SHORT_NAMES.items()}

_UTF8, _PRINTABLE, _TELETEX, _IA5, _UNIVERSAL, _BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
# Numeric, Printable, Teletex, Videotex, IA5, Graphic, Visible, General: one octet a character. Teletex is read as
# Latin-1, which is what its issuers wrote and what OpenSSL reads.
_OCTET_STRINGS = frozenset({0x12, _PRINTABLE, _TELETEX, 0x15, _IA5, 0x19, 0x1A, 0x1B})
# What RFC 5280 appendix A fixes for these attributes; everything else is written as UTF8String.
_WRITTEN_AS = {
    "2.5.4.6": _PRINTABLE,
    "2.5.4.5": _PRINTABLE,
    "2.5.4.46": _PRINTABLE,
    "0.9.2342.19200300.100.1.25": _IA5,
    "1.2.840.113549.1.9.1": _IA5,
}

# RFC 4518 section 2.2, code points mapped to nothing and to a blank, that Unicode categories do not give.
_TO_NOTHING = frozenset(
    (0x00AD, 0x034F, 0x1806, 0x180B, 0x180C, 0x180D, 0x180E, 0x200B, 0xFFFC, *range(0xFE00, 0xFE10))
)
_TO_BLANK = frozenset((0x0009, 0x000A, 0x000B, 0x000C, 0x000D, 0x0085))


class MalformedName(asn1.DerError):
    """A distinguished name whose structure cannot be read; the message is one sentence."""


class Name:
    """A distinguished name as it stands in a certificate; equal and hashed by `key`.

    Immutable. `der` is the DER of the RDNSequence. May be empty (`is_empty`), as the subject of a certificate
    that is named by its subjectAltName alone.
    """

    __slots__ = ("_key", "_rdns", "_text", "der")

    der: bytes
    _rdns: tuple[tuple[tuple[str, int, bytes], ...], ...]
    _key: tuple[frozenset[tuple[str, str | bytes]], ...] | None
    _text: str | None

    def __init__(self, der: bytes) -> None:
        object.__setattr__(self, "der", der)
        object.__setattr__(self, "_rdns", _read(der))
        object.__setattr__(self, "_key", None)
        object.__setattr__(self, "_text", None)

    @classmethod
    def from_der(cls, der: bytes) -> Name:
        """Read a Name; raises `MalformedName` where the structure (not a value) is broken."""
        return cls(der)

    @classmethod
    def from_text(cls, text: str) -> Name:
        """Read what `text` shows, most specific first; raises `MalformedName`. RFC 4514 section 3."""
        return cls(_write(text))

    @property
    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Dotted attribute type and value in DER order; values that are not strings as `#` and hex."""
        return tuple((oid, _value_text(tag, content)) for rdn in self._rdns for oid, tag, content in rdn)

    @property
    def is_empty(self) -> bool:
        """Whether there is no attribute at all."""
        return not self._rdns

    @property
    def common_name(self) -> str | None:
        """The most specific commonName, or None."""
        found = self.values(COMMON_NAME)
        return found[-1] if found else None

    def values(self, oid: str) -> tuple[str, ...]:
        """All values of one attribute type (dotted) in DER order."""
        return tuple(
            _value_text(tag, content) for rdn in self._rdns for kind, tag, content in rdn if kind == oid
        )

    @property
    def key(self) -> Hashable:
        """What decides whether two names are the same. RFC 5280 section 7.1."""
        return self._prepared()

    @property
    def text(self) -> str:
        """The name as people read it, most specific first, on one line, with no control characters. RFC 4514.

        `Name.from_text` reads it back. The empty name is the empty string.
        """
        if self._text is None:
            rdns = (" + ".join(_pair(*part) for part in rdn) for rdn in reversed(self._rdns))
            object.__setattr__(self, "_text", ", ".join(rdns))
        assert self._text is not None
        return self._text

    def within(self, base: Name) -> bool:
        """Whether this name lies in the subtree of `base`, itself included. RFC 5280 section 7.1."""
        stem = base._prepared()
        return self._prepared()[: len(stem)] == stem

    @property
    def depth(self) -> int:
        """How many relative distinguished names there are."""
        return len(self._rdns)

    def stem(self, depth: int) -> Hashable:
        """The `key` of the first (least specific) `depth` relative distinguished names."""
        return self._prepared()[:depth]

    def _prepared(self) -> tuple[frozenset[tuple[str, str | bytes]], ...]:
        if self._key is None:
            key = tuple(
                frozenset((oid, _prepare(tag, content)) for oid, tag, content in rdn) for rdn in self._rdns
            )
            object.__setattr__(self, "_key", key)
        assert self._key is not None
        return self._key

    def __setattr__(self, attribute: str, value: object) -> None:
        raise AttributeError(f"a Name cannot be changed ({attribute})")

    def __delattr__(self, attribute: str) -> None:
        raise AttributeError(f"a Name cannot be changed ({attribute})")

    def __reduce__(self) -> tuple[type[Name], tuple[bytes]]:
        return Name, (self.der,)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Name):
            return NotImplemented
        return self.der == other.der or self._prepared() == other._prepared()

    def __hash__(self) -> int:
        return hash(self._prepared())

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Name({self.text!r})"


@lru_cache(maxsize=1024)
def oid_text(content: bytes) -> str:
    """The content octets of an object identifier as dotted text, remembered; raises `DerError`."""
    return asn1.oid_text(content)


def _oid_content(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    if first > 2 or (first < 2 and second > 39):
        raise MalformedName(f"no object identifier begins with {first}.{second}")
    out = bytearray()
    for arc in (40 * first + second, *rest):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(arc & 0x7F | 0x80)
        out += bytes(reversed(group))
    return bytes(out)


def encode(tag: int, content: bytes) -> bytes:
    """One DER element with this tag octet and content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _read(data: bytes) -> tuple[tuple[tuple[str, int, bytes], ...], ...]:
    element = asn1.element
    try:
        _, _, at, end = asn1.whole(data, asn1.SEQUENCE)
        rdns = []
        while at < end:
            tag, _, at, set_end = element(data, at, end)
            if tag != asn1.SET:
                raise MalformedName(f"expected a SET in a name and found tag 0x{tag:02x}")
            parts = []
            while at < set_end:
                tag, _, at, pair_end = element(data, at, set_end)
                if tag != asn1.SEQUENCE:
                    raise MalformedName(f"expected a type and value in a name and found tag 0x{tag:02x}")
                tag, _, start, stop = element(data, at, pair_end)
                if tag != asn1.OID:
                    raise MalformedName(f"expected an attribute type in a name and found tag 0x{tag:02x}")
                oid = oid_text(data[start:stop])
                tag, _, start, stop = element(data, stop, pair_end)
                if stop != pair_end:
                    raise MalformedName("an attribute of a name has more than a type and a value")
                parts.append((oid, tag, data[start:stop]))
                at = pair_end
            rdns.append(tuple(parts))
    except MalformedName:
        raise
    except asn1.DerError as error:
        raise MalformedName(f"a name cannot be read: {error}") from None
    return tuple(rdns)


def _string(tag: int, content: bytes) -> str | None:
    """The characters of a string value, or None for what is no string or is not validly encoded."""
    try:
        if tag == _UTF8:
            return content.decode("utf-8")
        if tag in _OCTET_STRINGS:
            return content.decode("latin-1")
        if tag == _BMP:
            return content.decode("utf-16-be")
        if tag == _UNIVERSAL:
            return content.decode("utf-32-be")
    except UnicodeDecodeError:
        return None
    return None


def _value_text(tag: int, content: bytes) -> str:
    value = _string(tag, content)
    return "#" + encode(tag, content).hex() if value is None else value


@lru_cache(maxsize=4096)
def _prepare(tag: int, content: bytes) -> str | bytes:
    value = _string(tag, content)
    if value is None:
        return encode(tag, content)
    if value.isascii() and value.isprintable():
        return " ".join(value.lower().split())
    mapped = "".join(map(_mapped, value))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", mapped.casefold()).casefold())
    if any(char == "\ufffd" or unicodedata.category(char) in {"Cn", "Co", "Cs"} for char in folded):
        return encode(tag, content)
    return " ".join(filter(None, folded.split(" ")))


def _mapped(char: str) -> str:
    code = ord(char)
    if code in _TO_BLANK or unicodedata.category(char) in {"Zs", "Zl", "Zp"}:
        return " "
    if code in _TO_NOTHING or unicodedata.category(char) in {"Cc", "Cf"}:
        return ""
    return char


def _pair(oid: str, tag: int, content: bytes) -> str:
    value = _string(tag, content)
    short = SHORT_NAMES.get(oid, oid)
    if value is None:
        return f"{short}=#{encode(tag, content).hex()}"
    return f"{short}={_escaped(value)}"


_PLAIN = re.compile(r"[A-Za-z0-9.'()/:=?@*&!_-](?:[A-Za-z0-9 .'()/:=?@*&!_-]*[A-Za-z0-9.'()/:=?@*&!_-])?")


def _escaped(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    last = len(value) - 1
    out = []
    for index, char in enumerate(value):
        if char in ',+"\\<>;' or (char == "#" and index == 0) or (char == " " and index in (0, last)):
            out.append("\\" + char)
        elif char == " " or char.isprintable():
            out.append(char)
        else:
            # Controls, line separators and invisible direction marks: a name must not rewrite the screen it is
            # shown on.
            out.append(_hexed(char))
    return "".join(out)


# One attribute of a written name: its type, then `#` and hex, or characters and escapes.
_TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=\s*")
_HEX_VALUE = re.compile(r"#((?:[0-9A-Fa-f]{2})+)\s*(?=[,;+]|$)")
_CHARACTER = re.compile(r"\\([0-9A-Fa-f]{2})|\\(.)|([^\\,;+])", re.DOTALL)


def _write(text: str) -> bytes:
    """The DER of a name written as RFC 4514 has it, with or without blanks around the separators."""
    if not text.strip():
        return encode(asn1.SEQUENCE, b"")
    rdns: list[list[bytes]] = [[]]
    at = 0
    while True:
        found = _TYPE.match(text, at)
        if found is None:
            raise MalformedName(f"no attribute type at character {at + 1} of the name {text[:200]!r}")
        dotted = found[1] if found[1][0].isdigit() else _OIDS_BY_SHORT_NAME.get(found[1].lower())
        if dotted is None:
            raise MalformedName(f"unknown attribute type {found[1][:80]!r} in a name")
        at = found.end()
        if hexed := _HEX_VALUE.match(text, at):
            value, at = bytes.fromhex(hexed[1]), hexed.end()
        else:
            characters, at = _characters(text, at)
            value = _value(dotted, characters)
        pair = encode(asn1.SEQUENCE, encode(asn1.OID, _oid_content(dotted)) + value)
        rdns[-1].append(pair)
        if at == len(text):
            break
        if text[at] != "+":
            rdns.append([])
        at += 1
    # DER sorts the elements of a SET (X.690 section 11.6).
    return encode(asn1.SEQUENCE, b"".join(encode(asn1.SET, b"".join(sorted(rdn))) for rdn in reversed(rdns)))


def _characters(text: str, at: int) -> tuple[str, int]:
    octets = bytearray()
    kept = 0
    while found := _CHARACTER.match(text, at):
        escaped_octet, escaped, plain = found.groups()
        octets += (
            bytes.fromhex(escaped_octet)
            if escaped_octet
            else (escaped or plain).encode("utf-8", "surrogatepass")
        )
        if plain is None or plain != " ":
            kept = len(octets)
        at = found.end()
    if at < len(text) and text[at] == "\\":
        raise MalformedName("a name ends in an unfinished escape")
    try:
        return bytes(octets[:kept]).decode("utf-8"), at
    except UnicodeDecodeError:
        raise MalformedName("the escapes of a name are not UTF-8") from None


def _value(dotted: str, value: str) -> bytes:
    tag = _WRITTEN_AS.get(dotted, _UTF8) if value.isascii() else _UTF8
    return encode(tag, value.encode("utf-8"))


def shown(value: str) -> str:
    """`value` with everything a terminal would not print as itself escaped."""
    return "".join(char if char.isprintable() else _hexed(char) for char in value)


def _hexed(char: str) -> str:
    return "".join(f"\\{octet:02X}" for octet in char.encode("utf-8", "surrogatepass"))
