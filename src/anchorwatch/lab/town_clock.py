"""The clock of a town: it goes with real time, and can be turned."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def _steady() -> float:
    return time.monotonic()


class TownClock:
    """One clock for everybody in a town. From its making it stands still, until `go`; while it is turned it is held.

    Holding is what lets a year pass in order: everything that is due at a moment is done at that moment.
    """

    def __init__(self, start: datetime, *, steady: Callable[[], float] = _steady) -> None:
        self._steady = steady
        self._guard = threading.Lock()
        self._shown = start.astimezone(UTC)
        self._since: float | None = None

    def now(self) -> datetime:
        """The present moment of the town, aware and in UTC."""
        with self._guard:
            return self._reading()

    @property
    def goes(self) -> bool:
        """Whether time passes by itself."""
        return self._since is not None

    def go(self) -> None:
        """Let time pass as it does outside."""
        with self._guard:
            self._shown = self._reading()
            self._since = self._steady()

    def hold(self) -> None:
        """Let it stand still."""
        with self._guard:
            self._shown = self._reading()
            self._since = None

    def turn_to(self, moment: datetime) -> None:
        """Show another moment. Time of a town does not go back: an earlier one than now is not shown."""
        with self._guard:
            self._shown = max(moment.astimezone(UTC), self._reading())
            if self._since is not None:
                self._since = self._steady()

    def _reading(self) -> datetime:
        if self._since is None:
            return self._shown
        return self._shown + timedelta(seconds=self._steady() - self._since)
