r"""Distinguished names as devices print them.

A device prints the attributes with lower-case short names, the most specific first.
The ASA writes a comma inside a value as ``\,``; IOS-XE breaks the value at the comma onto the next line and loses
the comma; a web page or a mail may lose the backslash.
All three must read as the same name, because a name is all that a log line gives us to recognise a CA by.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Attribute types that devices print by name; anything else appears as a dotted OID.
SHORT_NAMES: dict[str, str] = {
    "2.5.4.3": "cn",
    "2.5.4.4": "sn",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "c",
    "2.5.4.7": "l",
    "2.5.4.8": "st",
    "2.5.4.9": "street",
    "2.5.4.10": "o",
    "2.5.4.11": "ou",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "gn",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "uid",
    "0.9.2342.19200300.100.1.25": "dc",
    "1.2.840.113549.1.9.1": "ea",
    "1.2.840.113549.1.9.2": "unstructuredName",
    "1.2.840.113549.1.9.8": "unstructuredAddress",
}
_SYNONYMS = {
    "e": "ea",
    "email": "ea",
    "emailaddress": "ea",
    "mail": "ea",
    "s": "st",
    "sp": "st",
    "hostname": "unstructuredname",
    "ipaddress": "unstructuredaddress",
    "givenname": "gn",
    "surname": "sn",
}
_ATTRIBUTE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]{0,30}|\d+(?:\.\d+){2,20})\s*=\s*")
_KNOWN = {name.lower() for name in SHORT_NAMES.values()} | set(_SYNONYMS)
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_BLANKS = re.compile(r"\s+")
_DASHES = re.compile("[\u2010-\u2015\u2212]")


@dataclass(frozen=True, slots=True)
class PrintedName:
    """A distinguished name, most specific attribute first, with commas unescaped; may be empty."""

    attributes: tuple[tuple[str, str], ...]

    @property
    def common_name(self) -> str | None:
        """The first common name, or None."""
        return next((value for kind, value in self.attributes if kind.lower() == "cn"), None)

    @property
    def organization(self) -> str | None:
        """The first organization, or None."""
        return next((value for kind, value in self.attributes if kind.lower() == "o"), None)

    @property
    def label(self) -> str:
        """What a person calls this name: the common name, else the most specific unit, else everything."""
        return self.common_name or (self.attributes[0][1] if self.attributes else "(empty name)")

    @property
    def key(self) -> tuple[tuple[str, str], ...]:
        """What two printings of one name have in common: case, blanks, dashes and commas do not count.

        Sorted, because platforms disagree about the order in which they print the attributes.
        """
        return tuple(sorted((_kind_key(kind), value_key(value)) for kind, value in self.attributes))

    @property
    def line(self) -> str:
        r"""The name on one line as the ASA logs it: ``cn=…,o=VeriSign\, Inc.,c=US``."""
        return ",".join(f"{kind}={escape(value)}" for kind, value in self.attributes)

    def __str__(self) -> str:
        return self.line


def escape(value: str) -> str:
    r"""Write commas of a value as the ASA does: ``\,``."""
    return value.replace(",", "\\,")


def value_key(value: str) -> str:
    """Reduce a value to what survives printing, wrapping and copying."""
    folded = unicodedata.normalize("NFKC", _DASHES.sub("-", value)).casefold()
    return _BLANKS.sub("", folded.replace(",", "").replace("\\", ""))


def _kind_key(kind: str) -> str:
    lower = kind.lower()
    return _SYNONYMS.get(lower, lower)


def from_attributes(attributes: Iterable[tuple[str, str]]) -> PrintedName:
    """Turn attributes in DER order (dotted OID, value) into the name a device prints."""
    return PrintedName(
        tuple((SHORT_NAMES.get(oid, oid), value) for oid, value in reversed(tuple(attributes)))
    )


def parse_line(text: str) -> PrintedName:
    """Read a name printed on one line; a part that is no ``attribute=value`` belongs to the value before it."""
    return _collect(_UNESCAPED_COMMA.split(text), torn_at_comma=True)


def parse_lines(lines: Sequence[str]) -> PrintedName:
    """Read a name printed one attribute a line; a line without an attribute continues the value before it.

    A continuation that starts with a blank was torn off at a comma (IOS-XE), any other was folded at a blank.
    """
    return _collect(lines, torn_at_comma=False)


def _collect(parts: Iterable[str], *, torn_at_comma: bool) -> PrintedName:
    attributes: list[tuple[str, str]] = []
    for part in parts:
        match = _ATTRIBUTE.match(part)
        # An unknown word before "=" starts an attribute only if it is the first thing seen: values hold "=" too.
        if match and (match[1].lower() in _KNOWN or match[1][0].isdigit() or not attributes):
            attributes.append((match[1], _plain(part[match.end() :])))
        elif attributes and part.strip():
            kind, value = attributes[-1]
            comma = "," if torn_at_comma or part.startswith(" ") else ""
            attributes[-1] = (kind, f"{value}{comma} {_plain(part)}")
    return PrintedName(tuple(attributes))


def _plain(value: str) -> str:
    return _BLANKS.sub(" ", value.replace("\\,", ",")).strip()
