"""Time as a thing one holds.

Below the line `now` is an argument. Above it a service is given a `Clock` when it is made and asks no one
else, so that a town can be turned a year forward while it runs: certificates expire, renewals fall due, and
last year's incident happens again.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that knows what time it is."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...


class SystemClock:
    """The machine's clock. Faces make one; everything else is given it."""

    __slots__ = ()

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the machine's clock

    def __repr__(self) -> str:
        return "SystemClock()"


class TurnableClock:
    """A clock that stands still until somebody turns it, in either direction.

    Holding still is the point: two events of one story carry the same time unless the story says otherwise.
    Turning is one assignment, so a service in another thread sees the time before or the time after.
    """

    __slots__ = ("_now",)

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Turn the clock by a span, backwards if it is negative, and say what it shows now."""
        self._now += by
        return self._now

    def turn_to(self, moment: datetime) -> datetime:
        """Turn the clock to a moment, before or after the one it shows."""
        self._now = _utc(moment)
        return self._now

    def __repr__(self) -> str:
        return f"TurnableClock({self._now.isoformat()})"


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} says no time zone; a clock is set to an aware moment")
    return moment.astimezone(UTC)
