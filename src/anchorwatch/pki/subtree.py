"""Subtrees of names: one list of a name constraint, prepared so that a name finds its subtree by look-up.

A subtree is one *token*, and a name knows the tokens of every subtree that could hold it: `a.example.com` lies in the
subtrees `a.example.com`, `example.com`, `com` and the empty one, and in `.example.com` and `.com`. Whether a name is in
any of a thousand subtrees is then a few look-ups in a dictionary. Per name form there is one function from subtree
to token and one from name to tokens; RFC 5280 section 4.2.1.10 defines the forms, RFC 9598 section 6 mailboxes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, assert_never

from anchorwatch.pki.distinguished_name import shown
from anchorwatch.pki.name import GeneralName, dns_fault, email_fault, split_email, to_ascii

Token = Hashable
Tokens = dict[Token, GeneralName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtrees:
    """The subtrees of one list (permitted or excluded) and one name form, ready to be asked."""

    bases: tuple[GeneralName, ...]
    tokens: Tokens
    faults: tuple[str, ...]
    sizes: frozenset[int]
    """Lengths that occur: prefix lengths of networks, attribute counts of directory names."""


def form_of(name: GeneralName) -> str:
    """The form a name belongs to; other names are as many forms as there are types (X.509 section 9.4.2.1)."""
    return f"other {name.value}" if name.kind == "other" else name.kind


def by_form(bases: Iterable[GeneralName]) -> dict[str, list[GeneralName]]:
    """Subtrees sorted by the form they belong to, each list in its order."""
    found: dict[str, list[GeneralName]] = {}
    for base in bases:
        found.setdefault(form_of(base), []).append(base)
    return found


def prepare(form: str, bases: list[GeneralName]) -> Subtrees:
    """Make the subtrees of one form ready to be asked; malformed ones have no token and are told in `faults`."""
    tokens: Tokens = {}
    faults: list[str] = []
    sizes: set[int] = set()
    for base in bases:
        fault = base.fault or _base_fault(base)
        if fault:
            faults.append(f'the subtree {form} "{clip(base.value)}" is malformed: {fault}')
            continue
        for token in _base_tokens(base):
            tokens.setdefault(token, base)
        if base.kind == "ip":
            sizes.add(_prefix_length(base))
        elif base.directory is not None:
            sizes.add(base.directory.depth)
    return Subtrees(bases=tuple(bases), tokens=tokens, faults=tuple(faults), sizes=frozenset(sizes))


def _base_fault(base: GeneralName) -> str | None:
    match base.kind:
        case "dns":
            host = base.value.removeprefix(".")
            if "*" in host:
                return "a wildcard is no subtree"
            return dns_fault(host) if host else ("it is a lone dot" if base.value else None)
        case "email":
            if base.smtp_utf8:
                return "mailboxes outside ASCII are constrained by rfc822Name (RFC 9598 section 6)"
            if "@" in base.value:
                return email_fault(base.value)
            return dns_fault(base.value.removeprefix(".")) if base.value else None
        case "uri":
            return dns_fault(base.value.removeprefix(".")) if base.value else None
        case _:
            return None


def _base_tokens(base: GeneralName) -> Iterator[Token]:
    """The token of a subtree; for a DNS subtree also the mark by which a wildcard finds what it could reach.

    The forms that are not understood have none.
    """
    match base.kind:
        case "dns":
            host = base.value.lower()
            yield host
            if host:
                yield _BELOW, host.partition(".")[2] if host[0] != "." else host[1:]
        case "email":
            local, _, host = base.value.rpartition("@")
            yield (local, host.lower()) if local else host.lower()
        case "uri":
            yield base.value.lower()
        case "ip":
            yield _network_token(base.content[: len(base.content) // 2], _prefix_length(base))
        case "directory":
            if base.directory is not None:
                yield base.directory.key
        case "other" | "x400" | "edi" | "registered_id":
            return
        case _:
            assert_never(base.kind)


# Marks the token under which an excluded host is found from its parent: `*.example.com` could be it.
_BELOW: Final = "*"


def _prefix_length(base: GeneralName) -> int:
    return int.from_bytes(base.content[len(base.content) // 2 :], "big").bit_count()


def _network_token(octets: bytes, length: int) -> Token:
    return len(octets), length, int.from_bytes(octets, "big") >> (len(octets) * 8 - length)


def _host_tokens(host: str) -> Iterator[Token]:
    """The DNS subtrees that hold `host`: itself and every ending, and ".ending" for what lies below an ending."""
    yield ""
    yield host
    at = host.find(".")
    while at >= 0:
        yield host[at:]
        yield host[at + 1 :]
        at = host.find(".", at + 1)


def _dns_tokens(name: GeneralName, _: Subtrees) -> Iterable[Token]:
    # A wildcard lies where every host it stands for lies, just as if "*" were a label.
    return _host_tokens(name.value.lower())


def _email_tokens(name: GeneralName, _: Subtrees) -> Iterable[Token]:
    local, host = split_email(name.value) or ("", "")
    folded = to_ascii(host) or ""
    return [
        "",
        (local, folded),
        folded,
        *(token for token in _host_tokens(folded) if str(token).startswith(".")),
    ]


def _uri_tokens(name: GeneralName, _: Subtrees) -> Iterable[Token]:
    host = (uri_host(name.value) or "").lower()
    return ["", host, *(token for token in _host_tokens(host) if str(token).startswith("."))]


def _ip_tokens(name: GeneralName, subtrees: Subtrees) -> Iterable[Token]:
    most = len(name.content) * 8
    return [_network_token(name.content, size) for size in subtrees.sizes if size <= most]


def _directory_tokens(name: GeneralName, subtrees: Subtrees) -> Iterable[Token]:
    if name.directory is None:
        return []
    return [name.directory.stem(size) for size in subtrees.sizes if size <= name.directory.depth]


_NAME_TOKENS: Final[dict[str, Callable[[GeneralName, Subtrees], Iterable[Token]]]] = {
    "dns": _dns_tokens,
    "email": _email_tokens,
    "uri": _uri_tokens,
    "ip": _ip_tokens,
    "directory": _directory_tokens,
}
UNDERSTOOD: Final = frozenset(_NAME_TOKENS)
"""The name forms whose constraints are processed."""


def name_fault(name: GeneralName) -> str | None:
    """Why a name of a certificate is malformed, so that nothing can be said about its place."""
    if name.fault:
        return name.fault
    match name.kind:
        case "dns":
            return dns_fault(name.value.removeprefix("*."))
        case "email":
            return email_fault(name.value)
        case "uri":
            return None if uri_host(name.value) else "the URI has no host name, which the constraint is about"
        case _:
            return None


def uri_host(uri: str) -> str | None:
    """The host name of a URI, or None where it has none or an address instead. RFC 3986 section 3.2."""
    scheme, colon, rest = uri.partition(":")
    if not colon or not rest.startswith("//") or not scheme.isascii():
        return None
    authority = rest[2:].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return None
    host = host.partition(":")[0]
    return None if dns_fault(host) else host


def holder(name: GeneralName, subtrees: Subtrees, *, reach: bool) -> GeneralName | None:
    """The subtree that holds `name`; with `reach` also one that a wildcard could reach into."""
    tokens = subtrees.tokens
    if not tokens:
        return None
    for token in _NAME_TOKENS[name.kind](name, subtrees):
        if token in tokens:
            return tokens[token]
    if reach and name.kind == "dns" and name.value.startswith("*."):
        return tokens.get((_BELOW, name.value[2:].lower()))
    return None


def clip(value: str) -> str:
    """`value` as it may stand in a sentence: no control characters, at most 80 characters."""
    return shown(value if len(value) <= 80 else value[:79] + "…")
