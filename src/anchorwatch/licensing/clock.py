"""What the agent knows of the time.

The server is the clock of rights; the device's clock only schedules. Whatever ends a right is asked of `high_water`:
signed time plus what the monotonic clock has counted since. It never goes down, so a clock that jumps back extends
nothing, and no reading of the device's clock moves it, so a clock that jumps forward ends nothing. After a restart it
goes on from where it was stored, which is never too late.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from anchorwatch.licensing.deadline import SKEW_IGNORED
from anchorwatch.licensing.machine import STAYS, Table, arrows
from anchorwatch.licensing.wire import Identifier


class ClockState(StrEnum):
    """The clock machine."""

    UNKNOWN = "unknown"
    OK = "ok"
    SKEWED = "skewed"
    ROLLED_BACK = "rolled-back"
    UNSET = "unset"


class ClockEvent(StrEnum):
    """What happens to it."""

    SIGNED_NEAR = "signed-near"
    SIGNED_FAR = "signed-far"
    BEHIND_HIGH_WATER = "behind-high-water"
    BEFORE_BUILD = "before-build"
    STEPPED = "stepped"
    DOUBTED = "doubted"


_ALL = tuple(ClockState)
TABLE: Table[ClockState, ClockEvent] = Table(
    name="clock",
    states=_ALL,
    events=tuple(ClockEvent),
    initial=ClockState.UNKNOWN,
    arrows=(
        *arrows(_ALL, ClockEvent.SIGNED_NEAR, ClockState.OK, "within five minutes of signed time"),
        *arrows(_ALL, ClockEvent.SIGNED_FAR, ClockState.SKEWED, "correct internally, report"),
        *arrows(
            (ClockState.UNKNOWN, ClockState.OK, ClockState.SKEWED),
            ClockEvent.BEHIND_HIGH_WATER,
            ClockState.ROLLED_BACK,
            "nothing is extended; ask for signed time",
        ),
        *arrows(
            (ClockState.UNKNOWN, ClockState.OK, ClockState.SKEWED, ClockState.ROLLED_BACK),
            ClockEvent.BEFORE_BUILD,
            ClockState.UNSET,
            "ask for signed time",
        ),
        *arrows(
            (ClockState.OK, ClockState.SKEWED),
            ClockEvent.STEPPED,
            ClockState.UNKNOWN,
            "ask for signed time",
        ),
        *arrows(
            (ClockState.OK, ClockState.SKEWED),
            ClockEvent.DOUBTED,
            ClockState.UNKNOWN,
            "the server's dates do not fit: ask for signed time",
        ),
    ),
    otherwise={
        ClockEvent.BEHIND_HIGH_WATER: STAYS,
        ClockEvent.BEFORE_BUILD: STAYS,
        ClockEvent.STEPPED: STAYS,
        ClockEvent.DOUBTED: STAYS,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at the device's clocks: the wall (aware UTC), the monotonic one, and which start it counts from."""

    wall: datetime
    mono: timedelta
    boot: Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeping:
    """`high_water` is the latest moment that is certainly past; `skew` how far the wall was ahead of signed time.

    `build` is a date before which no clock can be right. `source` is where the last signed time came from.
    """

    build: datetime
    state: ClockState = ClockState.UNKNOWN
    high_water: datetime | None = None
    skew: timedelta | None = None
    signed_in: Identifier | None = None
    """The start of the machine in which signed time was last had."""
    source: Identifier | None = None
    last: Reading | None = None
    stepped: bool = False
    """Whether the last look found the wall moved against the monotonic clock."""


def observe(keeping: Timekeeping, now: Reading) -> Timekeeping:
    """Take a look: count on, and notice a clock that was moved, goes backwards or was never set."""
    last = keeping.last
    same = last is not None and last.boot == now.boot
    passed = elapsed(keeping, now)
    high = keeping.high_water
    if high is not None:
        high += passed
    step = last is not None and same and abs((now.wall - last.wall) - passed) > SKEW_IGNORED
    keeping = replace(keeping, last=now, high_water=high, stepped=step)
    if step:
        keeping = _moved(keeping, ClockEvent.STEPPED)
    if high is not None and _explained(keeping, now, high):
        # It is as wrong as it was when signed time was last had; asking again would tell nothing new.
        return keeping
    if now.wall < keeping.build:
        return _moved(keeping, ClockEvent.BEFORE_BUILD)
    if high is not None and now.wall < high - SKEW_IGNORED:
        return _moved(keeping, ClockEvent.BEHIND_HIGH_WATER)
    return keeping


def elapsed(keeping: Timekeeping, now: Reading) -> timedelta:
    """What the monotonic clock has counted since the last look, or since the machine started where that was later."""
    last = keeping.last
    since = last.mono if last is not None and last.boot == now.boot else timedelta(0)
    return max(now.mono - since, timedelta(0))


def doubted(keeping: Timekeeping) -> Timekeeping:
    """The clock after the dates of a server's chain did not fit it: one of the two is wrong, and signed time says which."""
    return _moved(keeping, ClockEvent.DOUBTED)


def _explained(keeping: Timekeeping, now: Reading, high: datetime) -> bool:
    """Whether the known skew already says why the wall is behind."""
    return keeping.skew is not None and abs((now.wall - high) - keeping.skew) <= SKEW_IGNORED


def signed(keeping: Timekeeping, now: Reading, moment: datetime, source: str) -> Timekeeping:
    """Take a signed time that belongs to this moment. Time that is certainly past is not taken back."""
    skew = now.wall - moment
    event = ClockEvent.SIGNED_NEAR if abs(skew) <= SKEW_IGNORED else ClockEvent.SIGNED_FAR
    high = moment if keeping.high_water is None else max(keeping.high_water, moment)
    keeping = replace(
        keeping, high_water=high, skew=skew, signed_in=now.boot, source=source, last=now, stepped=False
    )
    return _moved(keeping, event)


def past(keeping: Timekeeping, moment: datetime) -> Timekeeping:
    """Take a signed moment that is over; how long ago, nobody says."""
    high = moment if keeping.high_water is None else max(keeping.high_water, moment)
    return replace(keeping, high_water=high)


def _moved(keeping: Timekeeping, event: ClockEvent) -> Timekeeping:
    return replace(keeping, state=TABLE.target(keeping.state, event))


def scheduled(keeping: Timekeeping, now: Reading) -> datetime:
    """The best guess at the time, for planning and for `created`; no right hangs on it."""
    high = keeping.high_water
    if high is not None and keeping.signed_in == now.boot:
        return high
    guess = now.wall if keeping.skew is None else _less(now.wall, keeping.skew)
    return guess if high is None else max(guess, high)


def _less(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:
        return moment


def wants_signed_time(keeping: Timekeeping) -> bool:
    """Whether the clock is in doubt."""
    return keeping.state in (ClockState.UNKNOWN, ClockState.ROLLED_BACK, ClockState.UNSET)
