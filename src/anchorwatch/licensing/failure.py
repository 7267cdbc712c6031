"""Why an exchange failed: one class of a closed list, one sentence, and the evidence.

The classes follow the ladder from name to licence, so that the first rung that does not hold names the failure.
Whoever holds the wire says what happened there; what the judge refused becomes a class here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.wire import Identifier, Many, Text, Whole, Words
from anchorwatch.pki.reason import Position, Reason
from anchorwatch.pki.verdict import Refused


class FailureClass(StrEnum):
    """The closed list, in the order of the ladder."""

    DNS = "dns"
    TCP_REFUSED = "tcp_refused"
    TCP_TIMEOUT = "tcp_timeout"
    PROXY_REFUSED = "proxy_refused"
    PROXY_AUTH = "proxy_auth"
    TLS_VERSION = "tls_version"
    TLS_ALERT = "tls_alert"
    TLS_INTERCEPTED = "tls_intercepted"
    UNKNOWN_ROOT = "unknown_root"
    MISSING_INTERMEDIATE = "missing_intermediate"
    LEAF_EXPIRED = "leaf_expired"
    LEAF_NOT_YET_VALID = "leaf_not_yet_valid"
    NAME_MISMATCH = "name_mismatch"
    WEAK_ALGORITHM = "weak_algorithm"
    REVOKED = "revoked"
    HTTP_ERROR = "http_error"
    BODY_SIGNATURE = "body_signature"
    LICENCE_ERROR = "licence_error"


PEER_UNTRUSTED = frozenset(
    {
        FailureClass.TLS_INTERCEPTED,
        FailureClass.UNKNOWN_ROOT,
        FailureClass.MISSING_INTERMEDIATE,
        FailureClass.LEAF_EXPIRED,
        FailureClass.LEAF_NOT_YET_VALID,
        FailureClass.NAME_MISMATCH,
        FailureClass.WEAK_ALGORITHM,
        FailureClass.REVOKED,
    }
)
"""The classes in which the server was reached and not believed."""
CURABLE_BY_BUNDLE = frozenset(
    {FailureClass.UNKNOWN_ROOT, FailureClass.MISSING_INTERMEDIATE, FailureClass.TLS_INTERCEPTED}
)
"""After these a newer trust bundle may help; interception shows as an unknown root until one was fetched."""
ABOUT_TIME = frozenset({FailureClass.LEAF_EXPIRED, FailureClass.LEAF_NOT_YET_VALID})
"""After these a signed time may show that the clock is wrong."""

Fingerprint = Annotated[str, Text(64, r"[0-9a-f]{64}")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen: fingerprints as presented (leaf first), the issuers any of which would suffice, numbers."""

    peer: Annotated[str, Text(300)] | None = None
    presented: Annotated[tuple[Fingerprint, ...], Many(16)] = ()
    missing: Annotated[tuple[Words, ...], Many(16)] = ()
    alert: Annotated[int, Whole(0, 255)] | None = None
    status: Annotated[int, Whole(100, 599)] | None = None
    problem: Identifier | None = None
    words: Words | None = None
    """The library's or the portal's own words."""
    clock: Identifier | None = None
    """What the agent thought of its clock: a state of the clock machine."""
    skew: timedelta | None = None
    """How far the device's clock was ahead of the last signed time."""


NOTHING = Evidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed exchange."""

    kind: FailureClass
    sentence: Words
    evidence: Evidence = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Failures of one class kept until they can be delivered (L6)."""

    id: Identifier
    failure: Failure
    first: datetime
    last: datetime
    count: Annotated[int, Whole(1, 1_000_000_000)] = 1
    repaired_by: Identifier | None = None


_CLASSES: dict[Reason, FailureClass] = {
    Reason.NOT_YET_VALID: FailureClass.LEAF_NOT_YET_VALID,
    Reason.EXPIRED: FailureClass.LEAF_EXPIRED,
    Reason.NAME_MISMATCH: FailureClass.NAME_MISMATCH,
    Reason.NAME_CONSTRAINT: FailureClass.NAME_MISMATCH,
    Reason.WEAK_DIGEST: FailureClass.WEAK_ALGORITHM,
    Reason.WEAK_KEY: FailureClass.WEAK_ALGORITHM,
    Reason.REVOKED: FailureClass.REVOKED,
    Reason.REVOCATION_UNKNOWN: FailureClass.REVOKED,
}


def of_refusal(
    refused: Refused, *, peer: str, presented: tuple[str, ...], newest_bundle: bool, sent_issuers: int
) -> Failure:
    """The failure in a judge's refusal of the portal's chain.

    `newest_bundle` says that the portal's own signed bundle was fetched after the chain was met, and still does not
    lead to it: then somebody between presents another chain, and it is interception, which no bundle may heal.
    `sent_issuers` is how many certificates came beside the leaf: none of them, and an issuer missing, is a server that
    forgot its intermediate.
    """
    kind = _class(refused, sent_issuers)
    if newest_bundle and kind is FailureClass.UNKNOWN_ROOT:
        kind = FailureClass.TLS_INTERCEPTED
    missing = tuple(_printable(issuer.subject.text) for issuer in refused.missing)
    evidence = Evidence(
        peer=_printable(peer)[:300],
        presented=presented[:16],
        missing=missing[:16],
        words=_printable(refused.engine) if refused.engine else None,
    )
    return Failure(kind=kind, sentence=_printable(refused.sentence), evidence=evidence)


def _class(refused: Refused, sent_issuers: int) -> FailureClass:
    if refused.reason is Reason.ISSUER_UNKNOWN:
        leaf_open = any(
            not attempt.complete and len(attempt.certificates) == 1 for attempt in refused.attempts
        )
        known = any(issuer.known for issuer in refused.missing)
        if sent_issuers == 0 and leaf_open and known:
            return FailureClass.MISSING_INTERMEDIATE
        return FailureClass.UNKNOWN_ROOT
    found = _CLASSES.get(refused.reason, FailureClass.UNKNOWN_ROOT)
    faults = refused.attempts[0].faults if refused.attempts else ()
    if found in ABOUT_TIME and faults and faults[0].position is Position.ANCHOR:
        # An expired root of a cross-signed pair is a matter of trust, not of the leaf's dates.
        return FailureClass.UNKNOWN_ROOT
    return found


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "·" for letter in text)[:1024]


def noted(
    incidents: tuple[Incident, ...], failure: Failure, at: datetime, fresh_id: str, *, limit: int = 64
) -> tuple[Incident, ...]:
    """The incidents with one more failure: counted where its class is open already; the oldest go beyond the limit."""
    for index, incident in enumerate(incidents):
        if incident.failure.kind is failure.kind and incident.repaired_by is None:
            again = Incident(
                id=incident.id,
                failure=failure,
                first=incident.first,
                last=at,
                count=min(incident.count + 1, 1_000_000_000),
            )
            return (*incidents[:index], again, *incidents[index + 1 :])
    return (*incidents, Incident(id=fresh_id, failure=failure, first=at, last=at))[-limit:]


def repaired(
    incidents: tuple[Incident, ...], by: str, *, but: FailureClass | None = None
) -> tuple[Incident, ...]:
    """The incidents after an exchange worked: all of them over, except those of the class `but`."""
    return tuple(
        incident
        if incident.repaired_by or incident.failure.kind is but
        else Incident(
            id=incident.id,
            failure=incident.failure,
            first=incident.first,
            last=incident.last,
            count=incident.count,
            repaired_by=by,
        )
        for incident in incidents
    )
