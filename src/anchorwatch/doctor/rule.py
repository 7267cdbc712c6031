"""What a rule is: one cause, everything that is known about it, and the function that recognises it.

A rule is a record.
The words in it are what a report prints and what the rule's page in the documentation is made of; the function says
whether the cause holds for a case, and quotes the lines.
Rules do not know each other: which finding is the consequence of which is said with `explained_by` afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """Another cause with similar lines, and what separates the two."""

    cause: str
    difference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One cause. `rung` is the rung of the ladder that fails; `remedy` says per platform what mends it."""

    code: str
    severity: Severity
    rung: str
    sentence: str
    evidence: tuple[str, ...]
    look_alikes: tuple[LookAlike, ...]
    remedy: tuple[tuple[Platform, str], ...]
    verification: str
    find: Callable[[Case], tuple[Finding, ...]]
