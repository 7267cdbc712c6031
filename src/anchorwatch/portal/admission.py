"""Who is let in, before anything is read or checked: buckets of tokens, by arithmetic alone.

A bucket holds `burst` tokens and fills at `per_second`; a request takes one. It is kept as one number, the moment at
which it will be full again (the generic cell rate algorithm), so a full bucket and an unknown one are the same and
nothing has to be filled by a timer.

Two questions are asked of a request. How many came from its *address*: an IPv6 one counts by its /64, which is what one
customer has. And how many from there in the name of its *caller*, a certificate or a token. The name is not proven yet,
so it counts together with the address: nobody can use up another's bucket by saying the other's name.

Buckets are forgotten, the one that was asked longest ago first, when there are too many. Whoever commands that many
addresses is held by the bound on what is under way instead.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second on average, and so many at once after a pause. Raises `ValueError` for none."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not 0 < self.per_second <= 1e6 or not 1 <= self.burst <= 10**9:
            raise ValueError("a rate is of more than 0 a second, with a burst of at least 1")

    @property
    def window(self) -> int:
        """Seconds in which an empty bucket fills; at least 1."""
        return max(1, math.ceil(self.burst / self.per_second))

    def shared_by(self, workers: int) -> Rate:
        """What each of so many workers allows, so that together they allow this; a caller may meet any of them."""
        return Rate(self.per_second / workers, max(1, self.burst // workers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a portal takes in at most. `waiting` are requests under way, `connections` those of one listener."""

    address: Rate = Rate(200, 2000)
    caller: Rate = Rate(2, 120)
    waiting: int = 256
    connections: int = 1024
    connections_of_address: int = 256
    reading: int = 32 * 1024 * 1024
    """Octets of bodies that are being read, all together."""

    def shared_by(self, workers: int) -> Limits:
        """The limits of each of so many workers."""
        return Limits(
            address=self.address.shared_by(workers),
            caller=self.caller.shared_by(workers),
            waiting=self.waiting,
            connections=self.connections,
            connections_of_address=self.connections_of_address,
            reading=self.reading,
        )


@dataclass(frozen=True, slots=True)
class Level:
    """How a bucket stands after a request: tokens left, seconds until it is full, and, if it was refused, until one is back."""

    left: int
    full_in: float
    wait: float = 0.0

    @property
    def refused(self) -> bool:
        """Whether there was none to take."""
        return self.wait > 0


class Buckets:
    """The buckets of one kind, by a key."""

    def __init__(self, rate: Rate, most: int = 50_000) -> None:
        self.rate = rate
        self._step = 1 / rate.per_second
        self._depth = rate.burst * self._step
        self._most = most
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> Level:
        """Take a token, if there is one. `now` is in seconds, by any clock that only goes forward."""
        full_at = max(self._full_at.pop(key, now), now)
        after = full_at + self._step
        # A little room, for sums of fractions: a full bucket holds all of its tokens.
        wait = after - now - self._depth
        if wait > 1e-9 * self._depth:
            self._full_at[key] = full_at
            return Level(0, full_at - now, wait)
        if len(self._full_at) >= self._most:
            self._full_at.popitem(last=False)
        self._full_at[key] = after
        return Level(int((self._depth - (after - now)) / self._step + 1e-6), after - now)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What admission says: fields for the answer, and for how many seconds it is refused, 0 where it is not."""

    fields: tuple[tuple[str, str], ...]
    wait: float


class Admission:
    """The buckets of a listener. For one thread."""

    def __init__(self, limits: Limits) -> None:
        self._address = Buckets(limits.address)
        self._caller = Buckets(limits.caller)
        both = (("address", limits.address), ("caller", limits.caller))
        self._policies = tuple(f'"{name}";q={rate.burst};w={rate.window}' for name, rate in both)

    def ask(self, address: str, name: str | None, now: float) -> Verdict:
        """May a request from there, in that name if in any, come in? It is counted either way."""
        where = place(address)
        level = self._address.take(where, now)
        policy, left, wait = self._policies[0], _left("address", level), level.wait
        if name is not None and not level.refused:
            own = self._caller.take(f"{where} {name}", now)
            policy, left, wait = f"{policy}, {self._policies[1]}", f"{left}, {_left('caller', own)}", own.wait
        # draft-ietf-httpapi-ratelimit-headers-10
        return Verdict((("ratelimit-policy", policy), ("ratelimit", left)), wait)


def _left(name: str, level: Level) -> str:
    return f'"{name}";r={level.left};t={math.ceil(level.full_in)}'


def place(address: str) -> str:
    """What of an address counts as one: all of IPv4, also written as IPv6, and the first 64 bits of IPv6."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
