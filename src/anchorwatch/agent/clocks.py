"""The clocks of a device: what they read, and how one waits by them.

The machine's own for a real agent, a turned one for a lab and for tests: there a year passes in seconds, since
waiting turns the clock. Every process counts its monotonic time from its own beginning and says so by a name drawn
afresh, so that no timer of another process is compared with it.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import select
import socket
import sys
import time
from datetime import datetime, timedelta
from typing import Protocol

from anchorwatch.base.clock import Clock, SystemClock, TurnableClock
from anchorwatch.licensing.clock import Reading


class Clocks(Protocol):
    """What an agent is given to know the time, and to let it pass."""

    def reading(self) -> Reading:
        """One look at the clocks."""
        ...

    def wait(self, span: timedelta) -> bool:
        """Let a span of monotonic time pass; False where somebody asked for the end."""
        ...


class MachineClocks:
    """The clocks of this machine. `stop` and `nudge` end a wait at once, from a signal handler or another thread.

    They ring over a pair of sockets, since a handler that takes a lock may meet the very thread that holds it.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._boot = secrets.token_hex(8)
        self._began = _steady()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._stopped = False

    def reading(self) -> Reading:
        """One look at the clocks."""
        mono = timedelta(seconds=max(0.0, _steady() - self._began))
        return Reading(wall=self._clock.now(), mono=mono, boot=self._boot)

    def wait(self, span: timedelta) -> bool:
        """Let a span pass, or less where `nudge` or `stop` is called; False after `stop`."""
        if self._stopped:
            return False
        if select.select([self._bell], [], [], max(0.0, span.total_seconds()))[0]:
            self._bell.recv(64)
        return not self._stopped

    def nudge(self) -> None:
        """End the present wait, or the next one."""
        with contextlib.suppress(BlockingIOError):
            self._rope.send(b"!")

    def stop(self) -> None:
        """End the present wait and every later one."""
        self._stopped = True
        self.nudge()

    def close(self) -> None:
        """Let the bell go; nobody waits any more."""
        self._stopped = True
        self._bell.close()
        self._rope.close()


class TurnedClocks:
    """Clocks of a lab: waiting turns the clock. Monotonic time is what was waited, `off` how wrong the wall is."""

    def __init__(self, clock: TurnableClock, *, until: datetime | None = None) -> None:
        self._clock = clock
        self._boot = secrets.token_hex(8)
        self._began = clock.now()
        self.until = until
        self.off = timedelta(0)

    def reading(self) -> Reading:
        """One look at the clocks."""
        now = self._clock.now()
        return Reading(wall=now + self.off, mono=max(now - self._began, timedelta(0)), boot=self._boot)

    def wait(self, span: timedelta) -> bool:
        """Turn the clock by a span, not past `until`; False once it is reached."""
        # At least a little, so that no rounding lets a wait of nothing go on for ever.
        span = max(span, timedelta(milliseconds=1))
        left = span if self.until is None else min(span, self.until - self._clock.now())
        if left > timedelta(0):
            self._clock.advance(left)
        return self.until is None or self._clock.now() < self.until


class Chance:
    """Chance from the machine: for keys and nonces from the system, for spreading a quick one."""

    def octets(self, count: int) -> bytes:
        """Octets nobody can guess."""
        return secrets.token_bytes(count)

    def fraction(self) -> float:
        """A number from 0 to 1."""
        return random.random()  # noqa: S311 - it spreads retries and keeps no secret


def _steady() -> float:
    """Seconds of a clock that counts on while the machine sleeps, where the system has one."""
    if sys.platform == "linux":
        seconds = time.clock_gettime(time.CLOCK_BOOTTIME)
    else:
        seconds = time.monotonic()  # noqa: TID251 - above the line; a service measures what it slept
    return seconds
