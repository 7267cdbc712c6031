"""Which CA an endpoint's certificate comes from, at which date: the history of the moves, as data.

A device that says "the server could not be authenticated" names no CA, and a log line is only as good as the
session it was written in. What should be there is known from the endpoint and the date. So the table serves twice:
it tells a missing anchor (the CA is the endpoint's own) from inspection of TLS (it is somebody else's), and it
tells which root to install. It identifies by SHA-256 and never vouches.

The dates of a move are those at which its outcome was seen; where it happened some days earlier, both CAs are
answered for the days between.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from anchorwatch.devices.printed_name import PrintedName, value_key
from anchorwatch.doctor.trust import printed
from anchorwatch.pki.catalogue import EMPTY, Catalogue, Origin
from anchorwatch.pki.known_authority import KNOWN_AUTHORITIES, KnownAuthority


class Confidence(StrEnum):
    """How sure the table is of an answer."""

    KNOWN = "known"
    """Seen before and after the date."""
    MOVING = "moving"
    """The move happened about then: one of several."""
    LAST_KNOWN = "last-known"
    """The date lies after the day until which we have looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time in which an endpoint's certificates came from one root.

    `start` is None for the first period we know of. `earliest` is before `start` where the move is not known to the
    day. `also` are further certificates that ended a path then. `unconfirmed` says what is not proven, "" for nothing.
    """

    endpoint: str
    start: date | None
    earliest: date | None
    root: KnownAuthority
    intermediates: tuple[KnownAuthority, ...]
    also: tuple[KnownAuthority, ...] = ()
    notices: tuple[str, ...] = ()
    unconfirmed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an endpoint should present at a date: one period, or two while it was moving."""

    periods: tuple[Period, ...]
    confidence: Confidence

    @property
    def roots(self) -> tuple[KnownAuthority, ...]:
        """The roots, the newer first, each once."""
        return tuple(dict.fromkeys(period.root for period in reversed(self.periods)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """A certificate that is never recommended (from a day on), and why."""

    sha256: str
    reason: str
    since: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRecord:
    """A copy of the signed bundle that was seen: from when, how many certificates and whose, what it is known to lack."""

    url: str
    start: date
    until: date | None
    octets: int
    count: int
    whom: tuple[str, ...]
    roots: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Table:
    looked_until: date
    periods: tuple[Period, ...]
    unfit: tuple[Unfit, ...]
    bundles: tuple[BundleRecord, ...]
    organizations: dict[str, str]


def expected_ca(endpoint: str, at: date) -> Expectation | None:
    """What an endpoint (a host name) should present at a date; None where the table does not know the endpoint."""
    table = _table()
    known = [period for period in table.periods if period.endpoint == endpoint.lower().rstrip(".")]
    if not known:
        return None
    begun = [period for period in known if _begins(period) <= at]
    current = [period for period in begun if (period.start or date.min) <= at][-1:]
    moving = [period for period in begun if period not in current and _begins(period) > _begins(current[-1])]
    if moving:
        return Expectation(periods=(*current, *moving), confidence=Confidence.MOVING)
    last = current[-1] is known[-1] and at > table.looked_until
    return Expectation(periods=tuple(current), confidence=Confidence.LAST_KNOWN if last else Confidence.KNOWN)


def endpoints() -> tuple[str, ...]:
    """The endpoints the table knows, in order."""
    return tuple(dict.fromkeys(period.endpoint for period in _table().periods))


def history(endpoint: str) -> tuple[Period, ...]:
    """The periods of an endpoint, the oldest first; empty where the table does not know it."""
    return tuple(period for period in _table().periods if period.endpoint == endpoint.lower().rstrip("."))


def is_known_public_ca(name: PrintedName, catalogue: Catalogue = EMPTY) -> bool:
    """Whether a name a device printed is that of a public CA: of the table, or of a root programme or signed bundle.

    A name is no proof of who signed; but a name that nobody public carries is a proof that somebody private did.
    Where a name prints an organization, that must fit too.
    """
    wanted = value_key(name.label)
    organization = name.organization
    for known, owner in _table().organizations.items():
        if value_key(known) == wanted and (
            organization is None or value_key(organization) == value_key(owner)
        ):
            return True
    return any(
        entry.origin in (Origin.PROGRAMME, Origin.BUNDLE) and printed(entry.certificate).key == name.key
        for entry in catalogue.entries
    )


def unfit(sha256: str, at: date) -> str | None:
    """Why a certificate must not be recommended at a date, None where the table knows nothing against it."""
    return next(
        (
            entry.reason
            for entry in _table().unfit
            if entry.sha256 == sha256 and (entry.since is None or entry.since <= at)
        ),
        None,
    )


def bundle_at(url: str, at: date | None) -> BundleRecord | None:
    """The copy of a signed bundle that was served at a date, as far as one was seen then; else None."""
    if at is None:
        return None
    records = [record for record in _table().bundles if record.url == url and record.start <= at]
    if not records or (records[-1].until is not None and at > records[-1].until):
        return None
    return records[-1]


def _begins(period: Period) -> date:
    return period.earliest or period.start or date.min


@cache
def _table() -> _Table:
    text = resources.files("anchorwatch.doctor").joinpath("migration.toml").read_text(encoding="utf-8")
    data: dict[str, Any] = tomllib.loads(text)  # Any: the file is ours, and its tests read every entry
    return _Table(
        looked_until=data["looked_until"],
        periods=tuple(_period(each) for each in data["period"]),
        unfit=tuple(Unfit(**each) for each in data["unfit"]),
        bundles=tuple(_bundle(each) for each in data["bundle"]),
        organizations=data["organizations"],
    )


def _period(data: dict[str, Any]) -> Period:
    return Period(
        endpoint=data["endpoint"],
        start=data.get("from"),
        earliest=data.get("earliest"),
        root=_authority(data["root"]),
        intermediates=_authorities(data["intermediates"]),
        also=_authorities(data.get("also", ())),
        notices=tuple(data.get("notices", ())),
        unconfirmed=data.get("unconfirmed", ""),
    )


def _bundle(data: dict[str, Any]) -> BundleRecord:
    return BundleRecord(
        url=data["url"],
        start=data["from"],
        until=data.get("until"),
        octets=data["octets"],
        count=data["count"],
        whom=tuple(data["whom"]),
        roots=tuple(data.get("roots", ())),
        lacks=tuple(data.get("lacks", ())),
    )


def _authorities(digests: Iterable[str]) -> tuple[KnownAuthority, ...]:
    return tuple(_authority(sha256) for sha256 in digests)


def _authority(sha256: str) -> KnownAuthority:
    return next(fact for fact in KNOWN_AUTHORITIES if fact.sha256 == sha256)
