"""How long and how much: the limits of one look at a server, and the deadline they become."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one connection: the whole of it, one silence, and what the handshake may weigh.

    `octets` counts what the server sends until the handshake is over. A certificate list is at most
    100 KiB in OpenSSL, so the default leaves room for everything a handshake may hold.
    """

    whole: timedelta = timedelta(seconds=15)
    silence: timedelta = timedelta(seconds=6)
    octets: int = 512 * 1024

    def __post_init__(self) -> None:
        if self.whole <= timedelta() or self.silence <= timedelta() or self.octets <= 0:
            raise ValueError("limits must be positive")


class Deadline:
    """The moment when a thing must be over, on the machine's steady clock.

    Not on `base.clock`: a lab that turns its clock by a year must not time out its sockets.
    """

    __slots__ = ("_end", "_silence")

    def __init__(self, limits: Limits, *, not_after: float | None = None) -> None:
        end = time.monotonic() + limits.whole.total_seconds()
        self._end = end if not_after is None else min(end, not_after)
        self._silence = limits.silence.total_seconds()

    @property
    def left(self) -> float:
        """Seconds until the whole must be over, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def patience(self) -> float:
        """Seconds to wait for the next sign of life."""
        return min(self.left, self._silence)

    def within(self, span: timedelta) -> Deadline:
        """A nearer deadline inside this one, with no limit on a single silence."""
        return Deadline(Limits(whole=span, silence=span), not_after=self._end)

    @property
    def limits(self) -> Limits:
        """What is left, as limits for a part of the whole."""
        left = timedelta(seconds=max(self.left, 0.001))
        return Limits(whole=left, silence=min(left, timedelta(seconds=self._silence)))

    @property
    def over(self) -> bool:
        return self.left <= 0
