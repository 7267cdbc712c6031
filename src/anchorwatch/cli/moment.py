"""Dates and times as people type them."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from anchorwatch.base.clock import Clock, SystemClock

__all__ = ["moment", "parse_moment"]


def parse_moment(text: str) -> datetime:
    """`2016-03-22`, `2016-03-22T14:05` or RFC 3339, as aware UTC; without a zone it is meant in UTC.

    Raises ValueError with one sentence.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no date; write 2016-03-22 or 2016-03-22T14:05:00Z") from None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside the years 1 to 9999") from None


def moment(text: str | None, clock: Clock | None = None) -> datetime:
    """The moment an `--at` option asks for, now when it is not given; a bad one ends with exit status 2."""
    if text is None:
        return (clock or SystemClock()).now()
    try:
        return parse_moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
