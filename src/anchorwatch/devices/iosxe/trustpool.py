"""``crypto pki trustpool import`` and counted listings of IOS-XE.

The message speaks of PEM although the file is PKCS#7, and there are no counters: what is in the pool afterwards is told
by its listing only, often counted with ``| count Downloaded``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolImport:
    """An import into the pool: from where, and whether it succeeded (None: not shown)."""

    url: Seen[str] | None = None
    succeeded: Seen[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCount:
    """``… | count WORD``: how many lines matched."""

    count: Seen[int]


_READING = re.compile(
    r"^\s*(?:Reading file from|Loading)\s+(?P<url>(?:[a-z]{2,12}:)\S{1,500})", re.IGNORECASE
)
_DONE = re.compile(r"^\s*% ?PEM files import (?P<word>succeeded|failed)", re.IGNORECASE)
_COUNT = re.compile(r"^\s*Number of lines which match regexp\s?=\s?(?P<count>\d{1,9})", re.IGNORECASE)


def parse(lines: Sequence[Line]) -> tuple[Found[PoolImport | LineCount], ...]:
    """Find each import by its end, with the address read before it, and each count."""
    found: list[Found[PoolImport | LineCount]] = []
    reading: tuple[int, Seen[str]] | None = None
    for index, line in enumerate(lines):
        text = line.text
        counted = _COUNT.match(text) if "regexp" in text else None
        if counted:
            found.append(Found(fact=LineCount(count=Seen(int(counted["count"]), line.whole)), lines=(index,)))
            continue
        read = _READING.match(text) if ":" in text and len(text) < 600 else None
        if read:
            reading = (index, Seen(read["url"], line.whole))
            continue
        done = _DONE.match(text) if "PEM" in text else None
        if done:
            near = reading is not None and index - reading[0] < 12
            fact = PoolImport(
                url=reading[1] if reading and near else None,
                succeeded=Seen(done["word"].lower() == "succeeded", line.whole),
            )
            used = (reading[0], index) if reading and near else (index,)
            found.append(Found(fact=fact, lines=used))
            reading = None
    return tuple(found)


def render(fact: PoolImport | LineCount) -> str:
    """Print an import's end, or a count."""
    match fact:
        case LineCount():
            return f"Number of lines which match regexp = {fact.count}"
        case PoolImport():
            lines = [f"Reading file from {fact.url}"] if fact.url else []
            if fact.succeeded is not None:
                lines.append(f"% PEM files import {'succeeded' if fact.succeeded.value else 'failed'}.")
            return "\n".join(lines)
