"""When things fall due: pure arithmetic on the periods of the protocol.

The numbers are the ones that devices of the system in the document print and that its YANG model names.
Two clocks meet in them. What the *server* issues (deadline, end of the certificate) is counted from its own time
less `BACKDATING`, so that a device whose clock is a little behind does not meet a certificate of the future.
What the *device* plans (next renewal) is counted from the event itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

AUTHORIZATION_RENEWAL = timedelta(days=30)
OUT_OF_COMPLIANCE_RENEWAL = timedelta(hours=12)
COMMUNICATION_DEADLINE = timedelta(days=90)
GRACE = timedelta(days=90)
"""After the deadline: the MIB speaks of about 180 days without contact in all."""
ID_RENEWAL = timedelta(days=180)
ID_LIFETIME = timedelta(days=365)
EVALUATION = timedelta(days=90)
"""Of use, not of the calendar."""
CLOCK_GRACE = timedelta(minutes=60)
"""How long a clock may stand outside the certificate's validity before such a device is unregistered."""
BACKDATING = timedelta(minutes=5)
OVERDUE = AUTHORIZATION_RENEWAL + timedelta(days=3)
"""Without contact for this long, a device is overdue at the portal."""

SKEW_IGNORED = timedelta(minutes=5)
SKEW_CORRECTED = timedelta(hours=1)
CREATED_WINDOW = timedelta(seconds=300)
IDEMPOTENCY_KEPT = timedelta(hours=48)
STALE_AFTER = 3
"""A bundle is stale when it is older than so many of its refresh hints."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in which something should be done; `start` is not after `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a window ends after it starts")

    def pick(self, position: float) -> datetime:
        """The moment at `position` (0 to 1) of the window."""
        return self.start + (self.end - self.start) * position

    def clamped(self, earliest: datetime, latest: datetime) -> Window:
        """The window moved inside the bounds; never empty."""
        start = min(max(self.start, earliest), latest)
        return Window(start, min(max(self.end, start), latest))


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityDates:
    """Of an ID certificate: valid from, renew at, valid until."""

    not_before: datetime
    renew: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDates:
    """Of a grant: valid from, refresh at, deadline, end of grace. Each is not before the one before it."""

    not_before: datetime
    refresh: datetime
    deadline: datetime
    grace_end: datetime


def identity_dates(issued: datetime) -> IdentityDates:
    """The dates of an ID certificate issued at that moment (aware UTC)."""
    start = issued - BACKDATING
    return IdentityDates(not_before=start, renew=issued + ID_RENEWAL, not_after=start + ID_LIFETIME)


def grant_dates(issued: datetime, *, compliant: bool = True) -> GrantDates:
    """The dates of a grant issued at that moment; out of compliance it is asked for again after 12 hours."""
    start = issued - BACKDATING
    period = AUTHORIZATION_RENEWAL if compliant else OUT_OF_COMPLIANCE_RENEWAL
    deadline = start + COMMUNICATION_DEADLINE
    return GrantDates(
        not_before=start, refresh=issued + period, deadline=deadline, grace_end=deadline + GRACE
    )


def exactly(moment: datetime) -> Window:
    """The window of one moment: what the devices of the document do."""
    return Window(moment, moment)


def spread(issued: datetime, due: datetime) -> Window:
    """The last third of the time from `issued` to `due`, over which a portal spreads its herd."""
    return Window(due - (due - issued) / 3, due)


def is_stale(fetched: datetime, refresh_hint: timedelta, now: datetime) -> bool:
    """Whether a bundle has not been confirmed for more than three of its refresh hints."""
    return now - fetched > STALE_AFTER * refresh_hint


def created_in_window(created: datetime, now: datetime) -> bool:
    """Whether a request's `created` is near enough to the server's time."""
    return abs(created - now) <= CREATED_WINDOW
