"""How far a device's clock is off, from one licence screen alone.

"Next Renewal Attempt" and "Next Communication Attempt" are computed by the device's own clock. "Registration
Expires" and "Communication Deadline" come from the portal. So the expiry less its term, compared with the moment
of the event on the device's clock, shows the difference between the two clocks, plus what the portal back-dates.
Six published outputs: five lie between -4 min 26 s and -6 min 4 s, one at -59 min 10 s, whose clock ran about
54 min ahead. The zone label plays no part: all four times of a screen carry the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from anchorwatch.devices.license_fact import Attempt, LicenseReport
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen, Span

REGISTRATION_TERM = timedelta(days=365)
DEADLINE_TERM = timedelta(days=90)

BACK_DATING = timedelta(minutes=5)
"""What the portal takes off by itself, measured on six outputs."""
UNCERTAINTY = timedelta(minutes=2)
"""Half the spread of those outputs, rounded up."""

# A clock this far off fails the handshake long before it shows here: then another event set the term.
_PLAUSIBLE = timedelta(hours=26)
# A year that holds a 29th of February is a day longer than its 365 days.
_DAY = timedelta(days=1)
_NEAR = timedelta(hours=1)
# How far the two estimates of one screen were seen apart, with room.
_AGREEING = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """How far the device's clock runs `ahead` of the portal's (negative: behind), give or take `uncertainty`.

    `evidence` are the lines it was computed from.
    """

    ahead: timedelta
    uncertainty: timedelta
    evidence: tuple[Span, ...]

    @property
    def is_normal(self) -> bool:
        """Whether the device's clock may be right."""
        return abs(self.ahead) <= self.uncertainty


def estimate(report: LicenseReport) -> Skew | None:
    """The clock difference a screen shows, None where it does not hold the four times it takes.

    Each term is compared with the newest success that can have set it; a difference of days means that
    another event set it, and is no estimate.
    """
    expires = report.registration.expires if report.registration else None
    deadline = report.authorization.deadline if report.authorization else None
    pairs = (
        _compare(expires, _registered(report), REGISTRATION_TERM, hidden=_renewed_unseen(report)),
        _compare(deadline, _authorized(report), DEADLINE_TERM),
    )
    found = [pair for pair in pairs if pair is not None]
    if not found:
        return None
    ahead = sum((skew for skew, _ in found), timedelta()) / len(found)
    spread = max(skew for skew, _ in found) - min(skew for skew, _ in found)
    if spread > _AGREEING or (expires and deadline and len(found) < _told(report)):
        return None  # dates that contradict each other were set by other events, or made up
    return Skew(
        ahead=ahead,
        uncertainty=max(UNCERTAINTY, spread),
        evidence=tuple(span for _, spans in found for span in spans),
    )


def _told(report: LicenseReport) -> int:
    """How many of the two estimates the screen has an event for."""
    return sum(event is not None for event in (_registered(report), _authorized(report)))


def _registered(report: LicenseReport) -> Attempt | None:
    registration = report.registration
    if registration is None:
        return None
    for attempt in (registration.last_renewal, registration.initial):
        if attempt is not None and attempt.succeeded and attempt.time is not None:
            return attempt
    return None


def _renewed_unseen(report: LicenseReport) -> bool:
    """Whether the registration may have been renewed since what the screen shows: it tells only the last attempt."""
    last = report.registration.last_renewal if report.registration else None
    return last is not None and last.failed


def _authorized(report: LicenseReport) -> Attempt | None:
    authorization = report.authorization
    if authorization is None or authorization.last_communication is None:
        return None
    attempt = authorization.last_communication
    return attempt if attempt.succeeded and attempt.time is not None else None


def _compare(
    expiry: Seen[DeviceTime] | None, event: Attempt | None, term: timedelta, *, hidden: bool = False
) -> tuple[timedelta, tuple[Span, ...]] | None:
    if expiry is None or event is None or event.time is None:
        return None
    if not (expiry.value.has_year and event.time.has_year):
        return None
    if expiry.value.zone and event.time.zone and expiry.value.zone != event.time.zone:
        return None  # summer and winter time
    behind = (expiry.value.wall - term) - event.time.wall
    if hidden and behind > _NEAR:
        return None  # a success that is not shown set the date
    if abs(behind) > _PLAUSIBLE or abs(behind + BACK_DATING - _DAY) < _NEAR:
        return None
    return -(behind + BACK_DATING), (event.outcome.span, expiry.span)
