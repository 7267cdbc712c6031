"""What an engine said about one path."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAnswer:
    """Whether an engine accepts one path; `engine` is its name and version, `words` its own sentence."""

    accepted: bool
    engine: str
    words: str
