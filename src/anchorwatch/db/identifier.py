"""Names of things: UUIDs of version 7, which sort by the time they were made."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TAIL = 74
_lock = threading.Lock()
_last = (-1, 0)


def new_id(now: datetime) -> UUID:
    """A new name made at `now` (aware): 48 bits of milliseconds and 74 of chance. RFC 9562 section 5.7.

    Those made by one program at one moment sort in the order they were made (section 6.2, method 2), for a
    clock that stands still in a story would else shuffle a ledger.
    """
    global _last  # noqa: PLW0603 - one line of names for the whole program
    milliseconds = max((now - _EPOCH) // _MILLISECOND, 0) & ((1 << 48) - 1)
    with _lock:
        before, tail = _last
        if before == milliseconds:
            tail += 1 + secrets.randbits(32)
        else:
            tail = secrets.randbits(_TAIL - 1)  # the top bit is left free, so that adding never overflows
        _last = (milliseconds, tail)
    high, low = tail >> 62, tail & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0x2 << 62 | low)
