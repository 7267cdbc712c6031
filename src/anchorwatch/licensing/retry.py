"""When to try again: a pure function of the timer, what happened, the time and a random number.

The wait after the n-th failure is min(cap, base x 2^n) times a number between a half and one, so that a herd that
failed together does not come back together. `Retry-After` is obeyed, but never beyond a quarter of the time that is
left to the deadline. A local change (a new bundle, an interface up, a clock set, a proxy configured) arms the timer at
once, though at most once a minute. A permanent problem stops it.

Time here is monotonic, counted from the start of the machine: a wrong clock that is set right must not move a retry by
years. After a restart the timer is armed anew, spread over the base, so that a power cut is no herd either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.wire import Whole

ONCE_A_MINUTE = timedelta(minutes=1)


class Purpose(StrEnum):
    """What is tried: the schedules differ."""

    REGISTRATION = "registration"
    RENEWAL = "renewal"
    SIDE = "side"
    """What no right depends on: a look at the bundle, incidents, device data."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A base and the caps: `cap`, and `late_cap` after `late` of trying."""

    base: timedelta
    cap: timedelta
    late: timedelta | None = None
    late_cap: timedelta | None = None


SCHEDULES = {
    Purpose.REGISTRATION: Schedule(
        timedelta(seconds=30), timedelta(hours=1), timedelta(hours=24), timedelta(hours=6)
    ),
    Purpose.RENEWAL: Schedule(timedelta(minutes=5), timedelta(hours=6)),
    Purpose.SIDE: Schedule(timedelta(minutes=1), timedelta(hours=6)),
}
LAST_WEEK = (timedelta(days=7), timedelta(hours=1))
LAST_DAY = (timedelta(days=1), timedelta(minutes=15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """`due` and the others are monotonic; `boot` names the start of the machine they count from.

    `attempts` failed since `since`. `due` None is a stopped timer; `jumped` when a local change last armed it.
    """

    purpose: Purpose
    boot: str
    since: timedelta
    due: timedelta | None
    attempts: Annotated[int, Whole(0, 1_000_000)] = 0
    jumped: timedelta | None = None


def armed(purpose: Purpose, boot: str, now: timedelta) -> Timer:
    """A timer that is due now."""
    return Timer(purpose=purpose, boot=boot, since=now, due=now)


def delay(
    schedule: Schedule, attempt: int, trying: timedelta, left: timedelta | None, random: float
) -> timedelta:
    """The wait after the failure number `attempt` (from 0). `random` is from 0 to 1; `left` to the deadline."""
    cap = schedule.cap
    if schedule.late is not None and schedule.late_cap is not None and trying >= schedule.late:
        cap = schedule.late_cap
    if left is not None:
        for before, tighter in (LAST_WEEK, LAST_DAY):
            if timedelta(0) < left <= before:
                cap = min(cap, tighter)
    # 2^20 bases are beyond every cap; a larger exponent would only be a larger number.
    doubled: timedelta = schedule.base * (1 << min(attempt, 20))
    return min(cap, doubled) * (0.5 + random / 2)


def failed(
    timer: Timer,
    now: timedelta,
    random: float,
    *,
    left: timedelta | None = None,
    retry_after: timedelta | None = None,
) -> Timer:
    """The timer after a failure that may pass."""
    wait = delay(SCHEDULES[timer.purpose], timer.attempts, now - timer.since, left, random)
    if retry_after is not None:
        asked = max(retry_after, timedelta(0))
        if left is not None and left > timedelta(0):
            asked = min(asked, left / 4)
        wait = max(wait, min(asked, timedelta(days=1)))
    return replace(timer, due=now + wait, attempts=min(timer.attempts + 1, 1_000_000))


def waited(timer: Timer, now: timedelta, wait: timedelta) -> Timer:
    """The timer after an answer that asks to come again (202), which is no failure."""
    return replace(timer, due=now + max(timedelta(seconds=1), min(wait, timedelta(days=1))))


def nudged(timer: Timer, now: timedelta) -> Timer:
    """The timer after a local change: due at once, at most once a minute. A stopped one stays stopped."""
    if timer.due is None or (timer.jumped is not None and now - timer.jumped < ONCE_A_MINUTE):
        return timer
    return replace(timer, due=min(timer.due, now), jumped=now)


def stopped(timer: Timer) -> Timer:
    """The timer after a permanent problem."""
    return replace(timer, due=None)


def restarted(timer: Timer, boot: str, now: timedelta, random: float) -> Timer:
    """The timer after the machine started again."""
    if timer.boot == boot:
        return timer
    due = None if timer.due is None else now + SCHEDULES[timer.purpose].base * random
    return replace(timer, boot=boot, since=now, due=due, jumped=None)


def is_due(timer: Timer, now: timedelta) -> bool:
    """Whether it is time."""
    return timer.due is not None and now >= timer.due
