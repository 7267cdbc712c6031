"""What time it is for a case, from the case alone.

The machine's clock says nothing about last year's capture. A case is asked about either at a time that somebody
gave, or at the newest time its own lines speak of as past. A time given is an instant, a printed one a wall clock
whose zone is free text, so a printed date counts as passed only when it has passed in every zone in use.

Log lines of many devices carry no year: such a time is the latest one that lies before everything else the case knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from anchorwatch.devices.fact import ClockReading, ClockZone, LogMessage
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen, Span
from anchorwatch.doctor.case import Case, state_times

MAX_ZONE = timedelta(hours=14)
"""The farthest a zone in use is from UTC."""
_SLACK = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A printed date has passed: `since` when (a wall clock), `asked` where only the time of the question says so."""

    span: Span
    by: timedelta
    asked: bool


def newest(case: Case) -> datetime | None:
    """The newest wall clock that a case's own lines speak of as past; None where nothing is dated."""
    return case.once(_newest)


def _newest(case: Case) -> datetime | None:
    times = [time for report in case.facts(LicenseReport) for time in state_times(report)]
    times += [
        seen.value
        for progress in case.facts(RegistrationProgress)
        for seen in (progress.last_response_time, progress.last_retry, progress.started)
        if seen is not None
    ]
    times += [reading.time.value for reading in case.facts(ClockReading) if not reading.time.value.mark]
    times += [message.time for message in case.facts(LogMessage) if message.time is not None]
    return max((time.wall for time in times if time.has_year), default=None)


def wall(case: Case, time: DeviceTime | None, reference: datetime | None = None) -> datetime | None:
    """A printed time as a wall clock with its year; None where neither it nor the case tells the year.

    `reference` is `newest(case)` where the caller has it already.
    """
    if time is None:
        return None
    if time.has_year:
        return time.wall
    reference = reference or newest(case)
    if reference is None:
        return None
    for year in (reference.year, reference.year - 1):
        try:
            dated = time.wall.replace(year=year)
        except ValueError:  # the 29th of February of another year
            continue
        if dated <= reference + _SLACK:
            return dated
    return None


def passed(case: Case, date: Seen[DeviceTime] | None) -> Passed | None:
    """Whether a printed date lies in the past of its case; None where it does not, or where nothing tells."""
    if date is None or not date.value.has_year:
        return None
    now = newest(case)
    if now is not None and now > date.value.wall:
        return Passed(span=date.span, by=now - date.value.wall, asked=False)
    if case.asked_at is None:
        return None
    zones = case.lasting(ClockZone)
    latest = date.value.wall - timedelta(minutes=zones[-1].minutes) if zones else date.value.wall + MAX_ZONE
    asked = case.asked_at.replace(tzinfo=None)
    return Passed(span=date.span, by=asked - latest, asked=True) if asked > latest else None


def days(length: timedelta) -> str:
    """A length for people: days, or hours below two days."""
    if length < timedelta(hours=48):
        hours = int(length.total_seconds() // 3600)
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{length.days} days"
