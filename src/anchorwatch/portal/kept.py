"""Things remembered while there is room."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most `most` things by their keys; the one that came first goes first. Threads may share it."""

    __slots__ = ("_lock", "_most", "_things")

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: dict[K, V] = {}
        self._lock = threading.Lock()

    def __contains__(self, key: K) -> bool:
        return key in self._things

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: K) -> V | None:
        """The thing of that key; None where it is not remembered."""
        return self._things.get(key)

    def keep(self, key: K, thing: V) -> None:
        """Remember a thing."""
        with self._lock:
            if key not in self._things and len(self._things) >= self._most:
                del self._things[next(iter(self._things))]
            self._things[key] = thing
