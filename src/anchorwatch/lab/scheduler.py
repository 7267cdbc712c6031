"""Letting time pass in order: whatever is due at a moment is done at that moment.

Everything that wakes stands in a heap by when it wants to be woken. While the clock goes by itself, what is due is
started as it becomes due. While it is turned, it is held and jumps from one moment to the next, so that a year takes
as long as what happens in it.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from anchorwatch.lab.town_clock import TownClock

WORKERS = 8
"""Devices at work at one time while the clock goes by itself; one that waits for a network holds up no other."""
_RESTLESS = 24
"""Wakes at one and the same moment; whoever wants more waits a little, lest time stands still."""
_A_LITTLE = timedelta(seconds=1)
_log = logging.getLogger("anchorwatch.lab")

Due = Callable[[], datetime | None]
Do = Callable[[], None]


class Turn(IntEnum):
    """Who is first at one moment: what happens to the town, what the town does, what its devices do."""

    EVENT = 0
    TOWN = 1
    DEVICE = 2


@dataclass(slots=True)
class _Entry:
    turn: Turn
    due: Due
    do: Do
    version: int = 0
    busy: bool = False
    at: datetime | None = None
    wakes: int = 0


class Scheduler:
    """Who wakes when. Every method may be called from any thread."""

    def __init__(self, clock: TownClock, *, done: Callable[[str], None] = lambda _: None) -> None:
        self._clock = clock
        self._done = done
        self._guard = threading.RLock()
        self._turning = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._heap: list[tuple[datetime, Turn, int, str]] = []
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="device")
        self.woken: Counter[str] = Counter()

    def close(self) -> None:
        """Wait for what is under way, and wake nobody any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, name: str, turn: Turn, due: Due, do: Do) -> None:
        """From now on wake somebody; the name is his alone. `due` is None for never."""
        with self._guard:
            self._entries[name] = _Entry(turn, due, do)
        self.touch(name)

    def remove(self, name: str) -> None:
        """Wake him no more."""
        with self._guard:
            self._entries.pop(name, None)

    def touch(self, name: str) -> None:
        """He may want to be woken at another moment than he said: ask again."""
        with self._guard:
            entry = self._entries.get(name)
            if entry is None or entry.busy:
                return
            self._ask(name, entry)

    def next_due(self) -> datetime | None:
        """When somebody wants to be woken next."""
        with self._guard:
            self._drop_stale()
            return self._heap[0][0] if self._heap else None

    # ------------------------------------------------------------------------------------------- as time goes

    def start_due(self) -> None:
        """Start, and do not wait for, what is due by now; while the clock is turned there is nothing to start."""
        if not self._turning.acquire(blocking=False):
            return
        try:
            for name, entry in self._take_due(self._clock.now()):
                if entry.turn is Turn.DEVICE:
                    self._pool.submit(self._one, name, entry)
                else:
                    self._one(name, entry)
        finally:
            self._turning.release()

    # ------------------------------------------------------------------------------------------ as it is turned

    def run_until(
        self,
        end: datetime,
        *,
        told: Callable[[datetime], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Turn the clock to `end`, doing on the way all that is due, in order; `told` hears each moment.

        `stop` ends it early, after the moment that is under way. The clock goes on afterwards as it did before.
        """
        with self._turning:
            going = self._clock.goes
            self._clock.hold()
            try:
                while not (stop is not None and stop.is_set()):
                    at = self.next_due()
                    if at is None or at > end:
                        self._clock.turn_to(end)
                        return
                    self._clock.turn_to(at)
                    told(at)
                    self._moment()
            finally:
                if going:
                    self._clock.go()

    def _moment(self) -> None:
        """Do all that is due now, one turn after the other.

        Devices come one by one too: nobody waits for a network while the clock is turned, and threads that take turns
        at one interpreter cost a fifth more of the processor.
        """
        taken = self._take_due(self._clock.now())
        for turn in Turn:
            for name, entry in taken:
                if entry.turn is turn:
                    self._one(name, entry)

    # ---------------------------------------------------------------------------------------------- the heap

    def _one(self, name: str, entry: _Entry) -> None:
        try:
            entry.do()
        except Exception:  # noqa: BLE001 - whatever goes wrong in one device, the others live on
            _log.exception("%s failed while it was woken", name)
        self.woken[name] += 1
        with self._guard:
            entry.busy = False
            if self._entries.get(name) is entry:
                self._ask(name, entry)
        self._done(name)

    def _take_due(self, now: datetime) -> list[tuple[str, _Entry]]:
        with self._guard:
            taken: list[tuple[str, _Entry]] = []
            while self._heap and self._heap[0][0] <= now:
                _, _, version, name = heapq.heappop(self._heap)
                entry = self._entries.get(name)
                if entry is not None and entry.version == version and not entry.busy:
                    entry.busy = True
                    taken.append((name, entry))
            return taken

    def _ask(self, name: str, entry: _Entry) -> None:
        entry.version += 1
        try:
            due = entry.due()
        except Exception:  # noqa: BLE001 - as above
            _log.exception("%s cannot say when it is to be woken", name)
            due = self._clock.now() + timedelta(hours=1)
        if due is None:
            return
        now = self._clock.now()
        if due <= now:
            entry.wakes = entry.wakes + 1 if entry.at == now or self._clock.goes else 1
            entry.at = now
            due = now
            if entry.wakes > _RESTLESS:
                entry.wakes = 0
                due = now + _A_LITTLE
        else:
            entry.wakes = 0
        heapq.heappush(self._heap, (due, entry.turn, entry.version, name))

    def _drop_stale(self) -> None:
        while self._heap:
            _, _, version, name = self._heap[0]
            entry = self._entries.get(name)
            if entry is not None and entry.version == version:
                return
            heapq.heappop(self._heap)
