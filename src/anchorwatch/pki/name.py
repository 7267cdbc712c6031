"""Who a certificate speaks for, and whether that is the peer that was meant.

Three kinds of name meet here: the distinguished name of a subject (`Name`), the general names of a
subjectAltName (RFC 5280 section 4.2.1.6), and the one name a caller expects (`PeerName`, the *reference
identifier* of RFC 9525). Reading is lenient, because one odd entry must not hide the others, and comparing is
strict: an entry that is malformed is kept, says why, and matches nothing.

Rules in which clients differ (the subject's common name as a last resort, wildcards within a label, underscores,
wildcards over public suffixes) are fields of `NameRule`; nothing here decides them. See
`docs/explanation/names.md`.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, assert_never

from anchorwatch.pki import der
from anchorwatch.pki.distinguished_name import (
    COMMON_NAME,
    EMAIL_ADDRESS,
    MalformedName,
    Name,
    oid_text,
    shown,
)
from anchorwatch.pki.likeness import difference, likeness, nearest
from anchorwatch.pki.public_suffix import is_public_suffix

__all__ = [
    "RFC9525",
    "GeneralName",
    "Identification",
    "MalformedName",
    "Name",
    "NameRule",
    "PeerName",
    "SubjectAltName",
    "difference",
    "dns_fault",
    "email_fault",
    "general_name",
    "identify",
    "likeness",
    "matches",
    "nearest",
    "split_email",
    "to_ascii",
    "unlisted_common_names",
]

SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9"

NameKind = Literal["other", "email", "dns", "x400", "directory", "edi", "uri", "ip", "registered_id"]

_KINDS: Final[dict[int, NameKind]] = {
    0xA0: "other",
    0x81: "email",
    0x82: "dns",
    0xA3: "x400",
    0xA4: "directory",
    0xA5: "edi",
    0x86: "uri",
    0x87: "ip",
    0x88: "registered_id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralName:
    """One entry of a subjectAltName, or the base of a name constraint. RFC 5280 section 4.2.1.6.

    `value` is for people and for comparing: the characters of dns, email and uri as they stand, an address for
    ip, a dotted identifier for registered_id, the type for other, the text of a directory name. `content` holds
    the octets within the tag. `fault` says in one sentence why the entry is malformed, None where it is not.
    An SmtpUTF8Mailbox (RFC 9598) is of kind `email` with `smtp_utf8` set.
    """

    kind: NameKind
    value: str
    content: bytes
    directory: Name | None = None
    smtp_utf8: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAltName:
    """The names of a subjectAltName in the order they stand; may be empty.

    `malformed` says why the extension cannot be read (to its end); the entries before that point are kept, and
    `identify` accepts nothing by such an extension.
    """

    names: tuple[GeneralName, ...] = ()
    malformed: str | None = None

    @classmethod
    def from_der(cls, value: bytes) -> SubjectAltName:
        """Read the value of the extension; never raises, see `malformed`."""
        names: list[GeneralName] = []
        try:
            outer = der.whole(value, der.SEQUENCE)
            at = outer.content
            while at < outer.stop:
                item = der.element(value, at, outer.stop)
                names.append(general_name(item.tag, value[item.content : item.stop]))
                at = item.stop
        except der.DerError as error:
            return cls(names=tuple(names), malformed=f"the names cannot be read: {error}")
        problem = None if names else "the list of names is empty"
        return cls(names=tuple(names), malformed=problem)

    def of_kind(self, kind: NameKind) -> Iterator[GeneralName]:
        """The entries of one kind, in order, malformed ones included."""
        return (name for name in self.names if name.kind == kind)


def general_name(tag: int, content: bytes, *, base: bool = False) -> GeneralName:
    """Read one GeneralName from its tag octet and content; never raises, see `fault`.

    With `base`, an iPAddress is an address and a mask (RFC 5280 section 4.2.1.10).
    """
    kind = _KINDS.get(tag)
    match kind:
        case "dns" | "email" | "uri":
            fault = None if content.isascii() else f"a {kind} name with characters outside ASCII"
            return GeneralName(kind=kind, value=_characters(content), content=content, fault=fault)
        case "ip":
            if base:
                return GeneralName(
                    kind=kind, value=_network(content), content=content, fault=_network_fault(content)
                )
            if len(content) in (4, 16):
                return GeneralName(kind=kind, value=str(ipaddress.ip_address(content)), content=content)
            fault = f"an IP address of {len(content)} octets"
            return GeneralName(kind=kind, value="#" + content.hex(), content=content, fault=fault)
        case "directory":
            return _directory(content)
        case "registered_id":
            return _registered(content)
        case "other":
            return _other(content)
        case "x400" | "edi":
            return GeneralName(kind=kind, value="#" + content.hex(), content=content)
        case None:
            fault = f"an entry with tag 0x{tag:02x}, which no kind of name has"
            return GeneralName(kind="other", value=f"#{content.hex()}", content=content, fault=fault)


def _characters(content: bytes) -> str:
    """IA5String; what is outside ASCII is a fault, and shown as the UTF-8 it most often is."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _directory(content: bytes) -> GeneralName:
    try:
        name = Name.from_der(content)
    except MalformedName as error:
        return GeneralName(kind="directory", value="#" + content.hex(), content=content, fault=str(error))
    return GeneralName(kind="directory", value=name.text, content=content, directory=name)


def _registered(content: bytes) -> GeneralName:
    try:
        return GeneralName(kind="registered_id", value=oid_text(content), content=content)
    except der.DerError as error:
        return GeneralName(kind="registered_id", value="#" + content.hex(), content=content, fault=str(error))


def _other(content: bytes) -> GeneralName:
    try:
        kind, wrapped = der.elements(content, 0, len(content))
        if kind.tag != der.OID or wrapped.tag != 0xA0:
            raise der.DerError("an otherName without type and value")
        dotted = oid_text(content[kind.content : kind.stop])
        if dotted != SMTP_UTF8_MAILBOX:
            return GeneralName(kind="other", value=dotted, content=content)
        mailbox = der.whole(content[wrapped.content : wrapped.stop], _UTF8_STRING)
        inner = content[wrapped.content : wrapped.stop]
        value = inner[mailbox.content : mailbox.stop].decode("utf-8")
        return GeneralName(kind="email", value=value, content=content, smtp_utf8=True)
    except ValueError as error:
        fault = f"an otherName that cannot be read: {error}"
        return GeneralName(kind="other", value="#" + content.hex(), content=content, fault=fault)


_UTF8_STRING = 0x0C


def _network_fault(content: bytes) -> str | None:
    if len(content) not in (8, 32):
        return f"an IP address and mask of {len(content)} octets"
    mask = int.from_bytes(content[len(content) // 2 :], "big")
    inverse = mask ^ ((1 << len(content) * 4) - 1)
    if inverse & (inverse + 1):
        return "an IP mask whose one bits are not contiguous"
    return None


def _network(content: bytes) -> str:
    if len(content) not in (8, 32):
        return "#" + content.hex()
    half = len(content) // 2
    address, mask = content[:half], content[half:]
    if _network_fault(content) is None:
        return f"{ipaddress.ip_address(address)}/{int.from_bytes(mask, 'big').bit_count()}"
    return f"{ipaddress.ip_address(address)}/{ipaddress.ip_address(mask)}"


# --- what the characters of a name may be ------------------------------------------------------------------

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff]+")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"')


def dns_fault(host: str, *, underscore: bool = True) -> str | None:
    """Why `host` is no DNS name (RFC 1034 section 3.5, RFC 1123 section 2.1), or None where it is one.

    Underscores are not in the preferred syntax and are in use; `underscore` says whether they pass. A name whose
    last label is a number is an address to every resolver, hence none. No wildcard, no trailing dot.
    """
    if not host:
        return "the name is empty"
    if len(host) > 253:
        return f"the name has {len(host)} characters, and 253 are the most"
    labels = host.split(".")
    for label in labels:
        if not label:
            return "a label is empty"
        if not _LABEL.fullmatch(label):
            return f"{_clip(label)} is no label of a DNS name"
    if not underscore and "_" in host:
        return "an underscore is not in the preferred name syntax"
    if labels[-1].isdigit():
        return "the last label is a number, as in an IP address"
    return None


def split_email(address: str) -> tuple[str, str] | None:
    """Local part and host of a mailbox (RFC 5321 section 4.1.2), or None where it is none. Nothing is folded."""
    local, at, host = address.rpartition("@")
    if not at or not local or not host or len(local.encode("utf-8", "surrogatepass")) > 64:
        return None
    if local[0] == '"':
        return (local, host) if _QUOTED.fullmatch(local) else None
    if not _ATOM.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        return None
    return local, host


def email_fault(address: str) -> str | None:
    """Why `address` is no mailbox, or None where it is one. RFC 5280 section 4.2.1.6, RFC 9598 section 3."""
    parts = split_email(address)
    if parts is None:
        return f"{_clip(address)} is no mailbox (local part, @, host)"
    host = to_ascii(parts[1])
    if host is None:
        return f"{_clip(parts[1])} is no DNS name"
    return dns_fault(host)


def to_ascii(host: str) -> str | None:
    """`host` in lower case with A-labels for U-labels (RFC 5890), or None where a label has no such form."""
    if host.isascii():
        return host.lower()
    labels = []
    for label in unicodedata.normalize("NFC", host).split("."):
        if label.isascii():
            labels.append(label.lower())
            continue
        lowered = unicodedata.normalize("NFC", label.lower())
        if any(
            unicodedata.category(char) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"} for char in lowered
        ):
            return None
        labels.append("xn--" + lowered.encode("punycode").decode("ascii"))
    return ".".join(labels)


def _clip(value: str) -> str:
    return f'"{shown(value if len(value) <= 80 else value[:79] + "…")}"'


# --- the peer that was meant -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerName:
    """The name a caller expects the peer to have: RFC 9525's reference identifier.

    `value` is normalised at birth: DNS names in lower case without the trailing dot, addresses in the form of
    RFC 5952, mailboxes with their host in lower case and their local part untouched. Raises `ValueError` with one
    sentence for anything that is no such name. Internationalised hosts are given as A-labels ("xn--…").
    """

    kind: Literal["dns", "ip", "email"]
    value: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _normalised(self.kind, self.value))

    @classmethod
    def parse(cls, text: str) -> PeerName:
        """Take what a person typed for whichever kind it is: an address, a mailbox, else a DNS name."""
        bare = text.strip()
        try:
            return cls("ip", bare.removeprefix("[").removesuffix("]"))
        except ValueError:
            return cls("email" if "@" in bare else "dns", bare)

    @property
    def octets(self) -> bytes:
        """The octets of an address (4 or 16); empty for the other kinds."""
        return ipaddress.ip_address(self.value).packed if self.kind == "ip" else b""

    def __str__(self) -> str:
        return self.value


def _normalised(kind: str, value: str) -> str:
    match kind:
        case "dns":
            host = value.removesuffix(".").lower()
            if not host.isascii():
                ascii_form = to_ascii(host)
                hint = f'; write it as "{ascii_form}"' if ascii_form and not dns_fault(ascii_form) else ""
                raise ValueError(f"{_clip(value)} is not in ASCII{hint}")
            if fault := dns_fault(host):
                raise ValueError(f"{_clip(value)} is no DNS name: {fault}")
            return host
        case "ip":
            try:
                # A zone ("fe80::1%eth0") belongs to a machine, not to a certificate.
                return str(ipaddress.ip_address(value.partition("%")[0]))
            except ValueError:
                raise ValueError(f"{_clip(value)} is no IP address") from None
        case "email":
            if fault := email_fault(value):
                raise ValueError(fault)
            local, _, host = value.rpartition("@")
            return f"{local}@{to_ascii(host)}"
        case _:
            raise ValueError(f"{_clip(kind)} is no kind of peer name; known are dns, ip and email")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRule:
    """In what clients differ when they compare a peer with a certificate. Each field is an axis of a profile."""

    common_name: bool = False
    """Whether the subject's common name stands in for a certificate without a dNSName (RFC 6125 section 6.4.4),
    and its emailAddress for one without an rfc822Name; RFC 9525 section 2 has given this up."""

    partial_wildcard: bool = False
    """Whether `f*.example.com` is a wildcard: RFC 6125 section 6.4.3 allowed it, OpenSSL still does by default."""

    labels_after_wildcard: int = 2
    """How many labels must follow `*.`: with 2, `*.com` and `*` match nothing."""

    public_suffix_wildcard: bool = True
    """Whether `*.co.uk` matches; False asks `is_public_suffix`."""

    underscore: bool = True
    """Whether a dNSName with an underscore matches; RFC 5280 section 4.2.1.6 forbids it, deployed hosts have it."""


RFC9525 = NameRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Whether a certificate speaks for a peer: by which of its names, or in one sentence why not."""

    matched: bool
    by: str | None = None
    sentence: str = ""


def matches(
    peer: PeerName, san: SubjectAltName | None, subject: Name | None = None, *, rule: NameRule = RFC9525
) -> bool:
    """Whether a certificate with these names speaks for `peer`; `identify` says why not."""
    return identify(peer, san, subject, rule=rule).matched


def identify(
    peer: PeerName, san: SubjectAltName | None, subject: Name | None = None, *, rule: NameRule = RFC9525
) -> Identification:
    """Compare a peer with a certificate's names. RFC 9525 section 6; for e-mail RFC 5280 section 7.5, RFC 9598.

    `subject` is looked at only where `rule.common_name` allows it.
    """
    if san is not None and san.malformed:
        return Identification(matched=False, sentence=f"the subjectAltName is malformed: {san.malformed}")
    presented = list(san.of_kind(peer.kind)) if san is not None else []
    for name in presented:
        if name.fault is None and _speaks_for(name, peer, rule):
            return Identification(matched=True, by=name.value)
    values = [name.value for name in presented]
    if not presented and rule.common_name and subject is not None:
        values = (
            list(subject.values(EMAIL_ADDRESS if peer.kind == "email" else COMMON_NAME))
            if peer.kind != "ip"
            else []
        )
        for value in values:
            if (
                _same_mailbox(value, peer.value)
                if peer.kind == "email"
                else _dns_matches(value, peer.value, rule)
            ):
                return Identification(matched=True, by=value)
    return Identification(matched=False, sentence=_why_not(peer, san, values))


def _speaks_for(name: GeneralName, peer: PeerName, rule: NameRule) -> bool:
    match peer.kind:
        case "dns":
            return _dns_matches(name.value, peer.value, rule)
        case "ip":
            return name.content == peer.octets
        case "email":
            return _same_mailbox(name.value, peer.value)
        case _:
            assert_never(peer.kind)


def _dns_matches(presented: str, host: str, rule: NameRule) -> bool:
    """Whether a presented DNS name, perhaps with a wildcard, covers `host` (normalised). RFC 9525 section 6.3."""
    presented = presented.lower()
    if "*" not in presented:
        return presented == host and dns_fault(presented, underscore=rule.underscore) is None
    pattern, _, tail = presented.partition(".")
    label, _, rest = host.partition(".")
    if tail != rest or tail.count(".") + 1 < rule.labels_after_wildcard:
        return False
    if dns_fault(tail, underscore=rule.underscore) or (not rule.underscore and "_" in label):
        return False
    if not rule.public_suffix_wildcard and is_public_suffix(tail):
        return False
    if pattern == "*":
        return True
    before, _, after = pattern.partition("*")
    if not rule.partial_wildcard or "*" in after or pattern.startswith("xn--") or label.startswith("xn--"):
        return False
    return len(label) >= len(pattern) - 1 and label.startswith(before) and label.endswith(after)


def _same_mailbox(presented: str, wanted: str) -> bool:
    """RFC 5280 section 7.5: the local part octet by octet, the host without regard to case; RFC 9598 section 5."""
    if email_fault(presented):
        return False
    local, _, host = presented.rpartition("@")
    return f"{local}@{to_ascii(host)}" == wanted


# More names than these do not fit into one sentence; certificates of content networks carry hundreds.
_NAMES_IN_A_SENTENCE = 4


def _why_not(peer: PeerName, san: SubjectAltName | None, values: list[str]) -> str:
    if values:
        shown_values = [_clip(value) for value in values[:_NAMES_IN_A_SENTENCE]]
        more = len(values) - len(shown_values)
        rest = f" and {more} more" if more > 0 else ""
        return f"{_clip(peer.value)} is not among its {_WORDS[peer.kind]}: {', '.join(shown_values)}{rest}"
    if peer.kind == "ip" and san is not None and any(name.value == peer.value for name in san.of_kind("dns")):
        return f"the address {peer.value} stands in it as a DNS name, where no client looks for addresses"
    if san is None or not san.names:
        return f"it names no host in a subjectAltName, so it cannot be shown to be {_clip(peer.value)}"
    return f"it has no {_WORDS[peer.kind]}, so it cannot be shown to be {_clip(peer.value)}"


_WORDS: Final = {"dns": "DNS names", "ip": "IP addresses", "email": "mailboxes"}


def unlisted_common_names(subject: Name, san: SubjectAltName | None) -> tuple[str, ...]:
    """Common names that are no character-for-character copy of a name in the subjectAltName.

    A rule for issuers (CA/Browser Forum Baseline Requirements, section 7.1.4.3), not for clients. Addresses are
    copied in the form of RFC 3986 (version 4) or RFC 5952 (version 6).
    """
    listed = {name.value for name in san.names if name.kind in ("dns", "ip")} if san is not None else set()
    return tuple(value for value in subject.values(COMMON_NAME) if value not in listed)
