"""The judge's answers. None of them is usable as a boolean: a verdict must be taken apart or required."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.distinguished_name import Name
from anchorwatch.pki.path import Path, WrongKey
from anchorwatch.pki.profile import Profile
from anchorwatch.pki.reason import Fault, Reason


class PkiError(Exception):
    """Base of this package's errors."""


class NotTrustedError(PkiError):
    """`require_trusted` was given anything else; `verdict` holds it."""

    def __init__(self, verdict: Refused | Unsupported) -> None:
        super().__init__(verdict.sentence)
        self.verdict = verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """One path that was tried, leaf first; `complete` where it ended in an anchor.

    `wrong_keys` are certificates with the missing issuer's name and another key, at its open end.
    """

    certificates: tuple[Certificate, ...]
    faults: tuple[Fault, ...]
    complete: bool
    wrong_keys: tuple[WrongKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingIssuer:
    """An authority that, trusted, would close a path; any one of a result's missing issuers suffices.

    `known` are certificates of it that the catalogue or the facts of the package name, as SHA-256; `wanted_by`
    is the certificate it issued; `ca_issuers` are the places that certificate says it can be had (AIA): told,
    never fetched. `nearest` is the store's closest name, `difference` says in words how it differs.
    """

    subject: Name
    key_id: bytes | None
    wanted_by: Certificate
    known: tuple[str, ...] = ()
    ca_issuers: tuple[str, ...] = ()
    nearest: Name | None = None
    difference: str | None = None


class Change(StrEnum):
    """The kinds of single change the judge tries."""

    ADD_ANCHOR = "add-anchor"
    REPLACE_ANCHOR = "replace-anchor"
    """The same key in a newer or other certificate of that authority."""
    DROP_ANCHOR = "drop-anchor"
    SERVER_SENDS_MORE = "server-sends-more"
    SERVER_DROPS = "server-drops"
    SERVER_REORDERS = "server-reorders"
    SET_CLOCK = "set-clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One change after which the judge accepts, found by trying it.

    `certificate` is what to add, drop or send; `presented` the chain the server would send instead, leaf first;
    `at` the time to set. What a change does not need is None. `anchorwatch.pki.fix.applied` makes the change.
    `lets_in` says what else the change admits. Where `caution` is not None the fix is explanation only and
    must never be planned; it says why.
    """

    change: Change
    sentence: str
    lets_in: str
    certificate: Certificate | None = None
    presented: tuple[Certificate, ...] | None = None
    at: datetime | None = None
    source: str = ""
    caution: str | None = None
    recommended: bool = False


class _Verdict:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not a boolean: match on Trusted, Refused and Unsupported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted(_Verdict):
    """The store vouches. `valid_until` is the last second at which this path still holds."""

    path: Path
    valid_until: datetime
    engine: str
    profile: Profile = field(repr=False)
    attempts: tuple[Attempt, ...] = ()
    """Paths that were tried before this one."""

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        leaf, anchor = self.path.certificates[0], self.path.anchor.certificate
        if leaf == anchor:
            return f"trusted: “{leaf.title}” is itself in the store"
        return f"trusted: “{leaf.title}” leads to “{anchor.title}” in the store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Verdict):
    """The store does not vouch, and why: the most telling path first, each with every fault."""

    reason: Reason
    sentence: str
    profile: Profile = field(repr=False)
    attempts: tuple[Attempt, ...] = ()
    missing: tuple[MissingIssuer, ...] = ()
    fixes: tuple[Fix, ...] = ()
    engine: str | None = None
    """The engine's own words where it was asked."""
    axes: tuple[str, ...] = ()
    """The unknown axes that decide, where the reason is `depends-on-unknown-axis`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported(_Verdict):
    """The question asks for something this judge cannot honour; it is never ignored."""

    sentence: str
    profile: Profile = field(repr=False)


Verdict = Trusted | Refused | Unsupported


def require_trusted(verdict: Verdict) -> Trusted:
    """The verdict where it is `Trusted`; raises `NotTrustedError` otherwise."""
    if isinstance(verdict, Trusted):
        return verdict
    raise NotTrustedError(verdict)
