"""What the doctor says, and how sure it is.

A finding names its cause by a stable code and quotes the lines it rests on.
Its confidence is capped by the evidence: `confirmed` wants every piece the rule asks for, on lines whose form is
known; `likely` wants the decisive piece; a rule that rests on anything unconfirmed stays at `candidate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Span


class Severity(StrEnum):
    """How much it matters: something is broken, will be, or is worth knowing."""

    TROUBLE = "trouble"
    WARNING = "warning"
    NOTE = "note"


class Confidence(StrEnum):
    """How far the evidence carries."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """An anchor the device has whose name looks like one it lacks; `differing` pairs (has, lacks) word by word."""

    has: PrintedName
    lacks: PrintedName
    differing: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One cause (or consequence) with its evidence.

    `sufficient` are the names of CAs of which any single one, trusted, would mend it; outermost first, may be empty.
    `explained_by` is the code of the finding that causes this one, None for a cause of its own.
    """

    code: str
    severity: Severity
    confidence: Confidence
    sentence: str
    evidence: tuple[Span, ...]
    explained_by: str | None = None
    sufficient: tuple[PrintedName, ...] = ()
    near_miss: NearMiss | None = None
