"""Signed objects: compact JWS (RFC 7515), of a closed list of kinds, under RFC 8725's advice.

Written here rather than taken from a library, because little of a library would be left. There are two algorithms,
each bound to its key, and the primitives are those of `key`, which the HTTP signatures use too. The header may hold
`alg`, `typ` and `kid` and nothing else, so there is no `none`, no key or address in a header to be believed, no `crit`
to be missed and no registry from which something could be left switched on. The octets are bounded before anything
is decoded, and an agent with little memory loads no JWK machinery.
The tests hold it against a JOSE library.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.error import MalformedMessageError, SignatureRefusedError
from anchorwatch.licensing.key import Algorithm, SigningKey, VerifyingKey
from anchorwatch.licensing.wire import MAX_BODY, Text, base64url, dump, from_base64url, load, read

MAX_HEADER = 512


class Kind(StrEnum):
    """What a signed object is: its `typ`."""

    TRUST = "sl-trust+jwt"
    TIME = "sl-time+jwt"
    GRANT = "sl-grant+jwt"
    ACK = "sl-ack+jwt"
    RECEIPT = "sl-receipt+jwt"
    REVOKE = "sl-revoke+jwt"
    PROOF = "sl-token+jwt"
    """A device's proof that it holds an ID token; the one kind that a device signs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The three members, all of them."""

    alg: Algorithm
    typ: Kind
    kid: Annotated[str, Text(128, r"[A-Za-z0-9._-]+")]


@dataclass(frozen=True, slots=True)
class Signed:
    """An object whose signature was checked."""

    header: Header
    payload: bytes


FindKey = Callable[[Header], VerifyingKey | None]


def sign(kind: Kind, payload: bytes, key: SigningKey, *, kid: str | None = None) -> str:
    """The compact form. `kid` is the key's own name unless another is given."""
    header = Header(alg=key.public.algorithm, typ=kind, kid=kid or key.public.kid)
    signed = f"{base64url(dump(header))}.{base64url(payload)}"
    return f"{signed}.{base64url(key.sign(signed.encode('ascii')))}"


def verify(text: str, kinds: Collection[Kind], find_key: FindKey) -> Signed:
    """Check a compact JWS of one of these kinds.

    `find_key` gives the key to believe for a header, None where there is none; the algorithm must be that key's own.
    Raises `SignatureRefusedError`, always before anything of the payload was looked at.
    """
    if len(text) > MAX_BODY:
        raise SignatureRefusedError("the signed object is too long")
    parts = text.split(".")
    if len(parts) != 3:
        raise SignatureRefusedError("the signed object does not have three parts")
    try:
        head, payload, signature = (from_base64url(part) for part in parts)
        header = _header(head)
    except (ValueError, MalformedMessageError):
        raise SignatureRefusedError("the signed object cannot be read") from None
    if header.typ not in kinds:
        raise SignatureRefusedError(f"the signed object is a {header.typ}, not {' or '.join(sorted(kinds))}")
    key = find_key(header)
    if key is None:
        raise SignatureRefusedError("the signed object is by a key that is not known here")
    if header.alg is not key.algorithm:
        raise SignatureRefusedError(f"the signed object says {header.alg}, its key is for {key.algorithm}")
    if not key.verify(signature, text[: len(parts[0]) + 1 + len(parts[1])].encode("ascii")):
        raise SignatureRefusedError("the signature of the signed object does not hold")
    return Signed(header, payload)


def unverified_payload(text: str) -> bytes:
    """The payload of an object that is checked later, or was checked before. Raises `SignatureRefusedError`."""
    parts = text.split(".")
    if len(text) > MAX_BODY or len(parts) != 3:
        raise SignatureRefusedError("the signed object does not have three parts")
    try:
        return from_base64url(parts[1])
    except ValueError:
        raise SignatureRefusedError("the signed object cannot be read") from None


def _header(octets: bytes) -> Header:
    members = load(octets, limit=MAX_HEADER)
    if set(members) != {"alg", "typ", "kid"}:
        raise MalformedMessageError("the header holds more or less than alg, typ and kid")
    return read(Header, members)
