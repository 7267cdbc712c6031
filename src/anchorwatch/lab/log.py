"""What a device logged: the buffer, and whoever listens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from anchorwatch.devices.fact import LogMessage

MOST_KEPT = 2_000

Listener = Callable[[LogMessage], None]


class Log:
    """The messages of one device, the oldest first; at most `MOST_KEPT` are kept."""

    def __init__(self) -> None:
        self._kept: deque[LogMessage] = deque(maxlen=MOST_KEPT)
        self._listeners: list[Listener] = []
        self.logged = 0
        """How many messages there ever were since the last start."""

    def add(self, message: LogMessage, *, keep: bool = True) -> None:
        """Log a message; without `keep` only those who listen hear of it."""
        if keep:
            self._kept.append(message)
            self.logged += 1
        for listener in tuple(self._listeners):
            listener(message)

    def clear(self) -> None:
        """Forget what is kept, as a restart does."""
        self._kept.clear()
        self.logged = 0

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear every message from now on; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def __iter__(self) -> Iterator[LogMessage]:
        return iter(tuple(self._kept))

    def __len__(self) -> int:
        return len(self._kept)
