"""Bringing a bundle into the trust pool: fetching it, looking at its signature, counting what came of each entry.

The file comes over plain HTTP, or from the flash; whether it is believed is the signature's matter alone.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from anchorwatch.formats import read
from anchorwatch.formats.bundle import Bundle
from anchorwatch.formats.merge import Merge, merge
from anchorwatch.formats.verification import Rule, Verified, verify
from anchorwatch.lab.asa import url as urls
from anchorwatch.lab.asa.body import AsaBody
from anchorwatch.net import http
from anchorwatch.net.limits import Limits
from anchorwatch.net.outcome import Unreachable
from anchorwatch.pki.truststore import TrustStore

MOST = 4 * 1024 * 1024
"""Octets of a bundle; the largest published one has less than half a million."""
_LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
_KEPT = 32


class Signature(Enum):
    """What a file's signature is worth to this device."""

    VERIFIED = "verified"
    BAD = "bad"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that was fetched: its size, what it holds, and what its signature is worth."""

    size: int
    bundle: Bundle
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A file that was not fetched; `resolved` is False where its host has no address."""

    sentence: str
    resolved: bool = True


def fetch(machine: AsaBody, url: str) -> File | Missing:
    """Fetch a file, by plain HTTP or from flash. May take the time of a connection."""
    parts = urls.read(url)
    if parts is None:
        return Missing(sentence=f"Error opening {url} (Unsupported)")
    if parts.scheme in ("disk0", "flash"):
        # Files lie side by side; a path into anything else leads to none.
        path = machine.flash / (parts.path.lstrip("/").replace("/", "_").lstrip(".") or "_")
        try:
            data = path.read_bytes() if path.stat().st_size <= MOST else b""
        except OSError:
            return Missing(sentence=f"Error opening {url} (No such file or directory)")
        return _file(machine, data)
    if parts.scheme != "http" or not parts.host:
        return Missing(sentence=f"Error opening {url} (Unsupported)")
    found = machine.find(parts.host, parts.port)
    if isinstance(found, Unreachable):
        return Missing(
            sentence=f"Error opening {url} ({_WORDS.get(found.stage, 'Connection failed')})",
            resolved=found.stage != "resolve",
        )
    where = f"http://{found}{parts.path or '/'}"
    rules = http.Rules(limits=_LIMITS, most_octets=MOST)
    answer = http.fetch(http.Ask(url=where), clock=machine.clock, trust=None, rules=rules)
    if not isinstance(answer, http.Answer):
        return Missing(sentence=f"Error opening {url} (Connection failed)")
    if answer.status != 200:
        return Missing(sentence=f"Error opening {url} (No such file or directory)")
    return _file(machine, answer.body)


_WORDS = {"resolve": "Host name lookup failed", "route": "No route to host"}


def take(machine: AsaBody, bundle: Bundle, *, clean: bool = False) -> Merge:
    """Put what a bundle holds into the pool; with `clean` the pool is emptied first. What came of each entry."""
    store = TrustStore((), "Trustpool") if clean else machine.pool
    merged = merge(store, bundle, at=machine.clock.now())
    machine.hold(merged.store)
    return merged


# One file serves every device of a town, and looking at its signature takes longer than fetching it.
_seen: OrderedDict[tuple[bytes, frozenset[str], datetime], File] = OrderedDict()


def _file(machine: AsaBody, data: bytes) -> File:
    at = machine.clock.now()
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    key = (hashlib.sha256(data).digest(), machine.pins, day)
    known = _seen.get(key)
    if known is not None:
        return known
    bundle = read(data, source="the bundle")
    signature = Signature.ABSENT
    if bundle.signed is not None:
        verified = isinstance(verify(bundle.signed, at=at, rule=Rule(pins=machine.pins)), Verified)
        signature = Signature.VERIFIED if verified else Signature.BAD
    made = File(size=len(data), bundle=bundle, signature=signature)
    _seen[key] = made
    while len(_seen) > _KEPT:
        _seen.popitem(last=False)
    return made
