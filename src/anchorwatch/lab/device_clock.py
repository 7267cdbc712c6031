"""The clock of a virtual device: the town's time, and how wrong the device has it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from anchorwatch.base.clock import Clock
from anchorwatch.licensing.clock import Reading


class DeviceClock:
    """What a device believes the time to be, in UTC; also the clocks of its licensing agent.

    `true` is the town's clock, `off` how far the device is ahead of it, `synchronized` whether it follows a time
    server. Monotonic time counts from the last start.
    """

    def __init__(self, true: Clock, *, off: timedelta = timedelta(0), synchronized: bool = False) -> None:
        self.true = true
        self.off = off
        self.synchronized = synchronized
        self.restart()

    def restart(self) -> None:
        """The device was switched on anew: its monotonic time begins again."""
        self._boot = secrets.token_hex(8)
        self.started = self.true.now()

    def now(self) -> datetime:
        """The time as the device has it."""
        return self.true.now() + self.off

    def set(self, moment: datetime) -> None:
        """Somebody sets the clock by hand."""
        self.off = moment - self.true.now()
        self.synchronized = False

    def follow(self, server: datetime | None) -> None:
        """Take the time of a server; None where none answers."""
        self.synchronized = server is not None
        if server is not None:
            self.off = server - self.true.now()

    def true_time(self, believed: datetime) -> datetime:
        """When the device will believe it to be that time."""
        return believed - self.off

    def reading(self) -> Reading:
        """One look, for the agent."""
        up = max(self.true.now() - self.started, timedelta(0))
        return Reading(wall=self.now(), mono=up, boot=self._boot)

    def wait(self, span: timedelta) -> bool:  # noqa: ARG002 - as `Clocks` has it
        """Nobody waits here: the town wakes its devices."""
        return False
