"""Spans of time as people type them: `90d`, `12h30m`, `-3d`."""

from __future__ import annotations

import re
from datetime import timedelta

_WHOLE = re.compile(r"[+-]?(?:[0-9]{1,9}[wdhms]){1,5}")
_PART = re.compile(r"([0-9]+)([wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class SpanError(ValueError):
    """A text is no span of time; the message is one sentence."""


def parse_span(text: str) -> timedelta:
    """Read a span: numbers with w, d, h, m or s, in front a sign if it is negative. Raises `SpanError`."""
    written = text.strip().replace(" ", "")
    if not _WHOLE.fullmatch(written):
        raise SpanError(f"{text[:40]!r} is no span of time; write 90d, 12h or 3d12h30m")
    try:
        span = sum(
            (timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(written)),
            timedelta(0),
        )
    except OverflowError:
        raise SpanError(f"{text[:40]!r} is longer than any calendar") from None
    return -span if written.startswith("-") else span
