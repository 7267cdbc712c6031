"""The trust machine of an agent: its bundle, and whether it believes the server it meets. Two tables, one machine."""

from __future__ import annotations

from enum import StrEnum

from anchorwatch.licensing.machine import STAYS, Arrow, Table, arrows


class BundleState(StrEnum):
    """What is held."""

    NONE = "none"
    FRESH = "fresh"
    STALE = "stale"
    ROLLBACK_SUSPECTED = "rollback-suspected"


class BundleEvent(StrEnum):
    """What happens to it."""

    ACCEPTED = "accepted"
    AGED = "aged"
    OLDER_SEEN = "older-seen"
    CLEARED = "cleared-by-operator"
    WIPED = "wiped"


_B = BundleState
BUNDLE_TABLE: Table[BundleState, BundleEvent] = Table(
    name="bundle",
    states=tuple(BundleState),
    events=tuple(BundleEvent),
    initial=_B.NONE,
    arrows=(
        *arrows((_B.NONE, _B.FRESH, _B.STALE), BundleEvent.ACCEPTED, _B.FRESH, "keep it and when it came"),
        Arrow(_B.FRESH, BundleEvent.AGED, _B.STALE, "warn, go on using it"),
        *arrows(
            (_B.FRESH, _B.STALE), BundleEvent.OLDER_SEEN, _B.ROLLBACK_SUSPECTED, "alarm until somebody looks"
        ),
        Arrow(_B.ROLLBACK_SUSPECTED, BundleEvent.CLEARED, _B.STALE, "the operator has looked"),
        *arrows(tuple(_B), BundleEvent.WIPED, _B.NONE),
    ),
    # While a rollback is suspected newer bundles are accepted and the alarm stays.
    otherwise={
        BundleEvent.ACCEPTED: STAYS,
        BundleEvent.AGED: STAYS,
        BundleEvent.OLDER_SEEN: STAYS,
        BundleEvent.CLEARED: STAYS,
    },
)


class PeerState(StrEnum):
    """What was last thought of the server."""

    UNKNOWN = "unknown"
    OK = "ok"
    UNTRUSTED = "untrusted"


class PeerEvent(StrEnum):
    """What happens with it."""

    ANSWERED = "answered"
    REFUSED = "refused"
    REPAIRED = "repaired"


_P = PeerState
PEER_TABLE: Table[PeerState, PeerEvent] = Table(
    name="peer",
    states=tuple(PeerState),
    events=tuple(PeerEvent),
    initial=_P.UNKNOWN,
    arrows=(
        *arrows(tuple(_P), PeerEvent.ANSWERED, _P.OK),
        *arrows(
            tuple(_P), PeerEvent.REFUSED, _P.UNTRUSTED, "keep class and evidence; look for a newer bundle"
        ),
        Arrow(
            _P.UNTRUSTED, PeerEvent.REPAIRED, _P.UNKNOWN, "a bundle, a relay or a person: try again at once"
        ),
    ),
    otherwise={PeerEvent.REPAIRED: STAYS},
)
