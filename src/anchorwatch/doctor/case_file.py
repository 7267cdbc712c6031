"""A case on disk: the masked inputs and the time of the question, so that it can be judged again.

Keeping what was said instead of what was concluded means that last year's incident is diagnosed with today's rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from anchorwatch.base.schema import Schema, SchemaError, read, write

SCHEMA = Schema("case", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """What a case file holds: (name, masked text) of each input, and when the question was asked (UTC), if said."""

    inputs: tuple[tuple[str, str], ...]
    asked_at: datetime | None = None


def to_text(inputs: Iterable[tuple[str, str]], asked_at: datetime | None) -> str:
    """The document; the inputs must be masked, as those of a report are."""
    return write(
        SCHEMA,
        {
            "asked_at": asked_at,
            "redacted": True,
            "inputs": [{"name": name, "text": text} for name, text in inputs],
        },
    )


def looks_like_one(data: bytes) -> bool:
    """Whether bytes are meant as a case file, well-formed or not."""
    return data[:200].lstrip().startswith(b"{") and b'"anchorwatch.case/' in data[:200]


def from_text(data: str | bytes) -> CaseFile:
    """Read a case file; raises `SchemaError` with one sentence."""
    _, content = read(data, SCHEMA)
    inputs = content.get("inputs")
    asked_at = content.get("asked_at")
    if not isinstance(inputs, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("text"), str)
        for each in inputs
    ):
        raise SchemaError("this case document has no inputs with a name and a text")
    try:
        moment = datetime.fromisoformat(asked_at).astimezone(UTC) if asked_at is not None else None
    except (TypeError, ValueError, OverflowError):
        raise SchemaError("this case document says no readable time of the question") from None
    return CaseFile(inputs=tuple((each["name"], each["text"]) for each in inputs), asked_at=moment)
