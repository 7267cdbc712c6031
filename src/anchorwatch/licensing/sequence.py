"""Once and only once: the rules by which a portal answers a request that may come again, late, or from a twin.

Grants of a device are numbered without gaps, so a lost answer is told from a copied device and a restored backup on
either side from both. None of these decisions takes a seat away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ruling(StrEnum):
    """What to do with an L1 request."""

    PROCESS = "process"
    """Decide, store grant n+1, answer with it."""
    REPEAT = "repeat"
    """The answer was lost: give grant n again."""
    FORK = "fork"
    """Two agents speak with one identity: the device goes to conflict, no seats removed, alert."""
    STALE = "stale"
    """The client was restored from a backup: it gets the current grant and adopts it; count the adoptions."""
    SHOW = "show"
    """The portal may have been restored: ask for the client's last grant."""
    RECOVER = "recover"
    """The client's grant proves that the portal lost history: take its number, consume seats again, alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the portal has of a device: the number, jti and request hash of its last grant; 0 and None before one."""

    seq: int = 0
    jti: str | None = None
    request_sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a request says. `proven_seq` is the number of the grant it shows, where its signature holds."""

    seq: int
    last_jti: str | None
    request_sha256: bytes
    proven_seq: int | None = None


def rule(known: Known, claimed: Claimed) -> Ruling:
    """The ruling on an L1 request: the whole table of b.4."""
    if claimed.seq < known.seq:
        return Ruling.STALE
    if claimed.seq == known.seq:
        same = known.request_sha256 == claimed.request_sha256
        return Ruling.REPEAT if same else Ruling.FORK
    if claimed.seq == known.seq + 1:
        if known.seq > 0 and claimed.last_jti is not None and claimed.last_jti != known.jti:
            return Ruling.FORK
        if known.seq == 0 and claimed.last_jti is not None:
            # The client remembers a grant of a device that has none here.
            return Ruling.RECOVER if claimed.proven_seq == claimed.seq - 1 else Ruling.SHOW
        return Ruling.PROCESS
    proves = claimed.proven_seq is not None and claimed.proven_seq == claimed.seq - 1
    return Ruling.RECOVER if proves else Ruling.SHOW


class Record(StrEnum):
    """What is known about an idempotency key."""

    IN_FLIGHT = "in-flight"
    DONE = "done"


class Once(StrEnum):
    """What to do with a request that carries an idempotency key."""

    PROCESS = "process"
    REPEAT = "repeat"
    """Give the stored answer, with ``Idempotency-Replayed: true``."""
    WAIT = "wait"
    """409 request-in-flight, ``Retry-After: 1``."""
    REUSED = "reused"
    """422 idempotency-key-reuse."""
    MISSING = "missing"
    """400 idempotency-key-missing."""


def once(key: str | None, record: Record | None, stored_sha256: bytes | None, request_sha256: bytes) -> Once:
    """The ruling on an idempotency key of one principal; `record` None where the key is new.

    Another body is told before anything else, so that a stranger's request never waits for an answer to come.
    """
    if not key:
        return Once.MISSING
    if record is None:
        return Once.PROCESS
    if stored_sha256 != request_sha256:
        return Once.REUSED
    return Once.WAIT if record is Record.IN_FLIGHT else Once.REPEAT
