"""What the portal signs: the claims inside each kind of signed object. Moments are whole seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.key import Algorithm, VerifyingKey, verifying_key
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.licensing.wire import (
    Count,
    Identifier,
    Key,
    Many,
    Name,
    Numeric,
    Octets,
    Sequence,
    Text,
    Whole,
    Words,
)

Sha256 = Annotated[bytes, Octets(32, 32)]
KeyId = Annotated[str, Text(128, r"[A-Za-z0-9._-]+")]
Host = Annotated[str, Text(253, r"[A-Za-z0-9.:_-]+")]
Tag = Annotated[str, Text(200, r"[A-Za-z0-9._~:@+/-]+")]


class Role(StrEnum):
    """What an anchor of a trust bundle is for."""

    TLS = "tls"
    LICENSING = "licensing"
    ID = "id"


class OnExpiry(StrEnum):
    """What a device does with an entitlement when its right ends."""

    CONTINUE = "continue"
    NO_NEW_USE = "no-new-use"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorClaim:
    """An anchor. `names` are the host names it may speak for (with role tls never empty); `x5c` its DER."""

    role: Role
    sha256: Sha256
    not_after: Numeric
    x5c: Annotated[bytes, Octets(1, 16_384)] | None = None
    names: Annotated[tuple[Host, ...], Many(32)] = ()

    def __post_init__(self) -> None:
        if self.role is Role.TLS and not self.names:
            raise ValueError("an anchor for TLS says for which names")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A root that will be used from a date on, announced by its key."""

    role: Role
    spki_sha256: Sha256
    switch_after: Numeric


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyClaim:
    """A key of the portal, as SubjectPublicKeyInfo, with the time in which it may have signed."""

    kid: KeyId
    alg: Algorithm
    spki: Annotated[bytes, Octets(32, 128)]
    nbf: Numeric | None = None
    exp: Numeric | None = None

    def key(self) -> VerifyingKey:
        """The key. Raises `SignatureRefusedError` where it is none of ours or says another algorithm."""
        key = verifying_key(self.spki)
        if key.algorithm is not self.alg:
            raise SignatureRefusedError(f"the key {self.kid} is not for {self.alg}")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBundle:
    """`sl-trust+jwt`: whom a device may believe. `seq` only grows; `prev_sha256` is of the bundle before it (JWS)."""

    iss: Host
    seq: Sequence
    iat: Numeric
    exp: Numeric
    refresh_hint: timedelta
    anchors: Annotated[tuple[AnchorClaim, ...], Many(64)]
    grant_keys: Annotated[tuple[PublicKeyClaim, ...], Many(16)]
    roots: Annotated[tuple[PublicKeyClaim, ...], Many(8)]
    threshold: Annotated[int, Whole(1, 8)] = 1
    planned: Annotated[tuple[Planned, ...], Many(64)] = ()
    prev_sha256: Sha256 | None = None

    def __post_init__(self) -> None:
        if not self.roots or not self.grant_keys:
            raise ValueError("a bundle has at least one root and one key for grants")
        for keys in (self.roots, self.grant_keys):
            if len({key.kid for key in keys}) != len(keys):
                raise ValueError("two keys of a bundle have one name")
        if not timedelta(seconds=1) <= self.refresh_hint <= timedelta(days=400):
            raise ValueError("the refresh hint is between a second and 400 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeClaim:
    """`sl-time+jwt`: the portal's time for a nonce, right within `radius_ms`."""

    iss: Host
    nonce: Annotated[str, Text(64, r"[A-Za-z0-9_-]+")]
    now: Numeric
    radius_ms: Annotated[int, Whole(0, 600_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Which certificate a grant is bound to (RFC 8705)."""

    x5t: Annotated[str, Key("x5t#S256"), Text(43, r"[A-Za-z0-9_-]{43}")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The names of the accounts, for people."""

    sa: Name
    va: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """One entitlement of a grant: how many, in what state, and what happens when the right ends."""

    tag: Tag
    n: Count
    status: AuthorizationState
    source: Identifier = "pool"
    until: Numeric | None = None
    on_expiry: OnExpiry = OnExpiry.CONTINUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Whether export-controlled functionality may be used, and on what ground."""

    allowed: bool
    basis: Identifier = "token"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWindow:
    """When the portal would like to hear from the device next."""

    start: Numeric
    end: Numeric


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`sl-grant+jwt`: what a device may use until when. `ref` refresh from, `exp` deadline, `grace` its end."""

    iss: Host
    sub: Identifier
    cnf: Confirmation
    jti: Identifier
    prev: Identifier | None = None
    seq: Annotated[int, Whole(1)]
    iat: Numeric
    nbf: Numeric
    ref: Numeric
    exp: Numeric
    grace: Numeric
    acct: Account
    ent: Annotated[tuple[Entitled, ...], Many(128)]
    export: Export
    trust_seq: Sequence
    next_call: CallWindow | None = None

    def __post_init__(self) -> None:
        if not self.nbf <= self.iat <= self.ref <= self.exp <= self.grace:
            raise ValueError("its dates are not in order")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`sl-receipt+jwt`: a device was removed, and the seats it gave back."""

    iss: Host
    sub: Identifier
    iat: Numeric
    released: Annotated[tuple[Entitled, ...], Many(128)] = ()


class Revoked(StrEnum):
    """What a revocation takes away."""

    IDENTITY = "identity"
    TOKEN = "token"  # noqa: S105 - the word for it, not one


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """`sl-revoke+jwt`: a refusal that may change a device. `sub` is x5t#S256 or the token's id.

    `req` is the idempotency key of the request it answers, so that an old refusal cannot be shown again.
    """

    iss: Host
    sub: Identifier
    what: Revoked
    problem: Identifier
    req: Identifier
    iat: Numeric
    reason: Words = ""
