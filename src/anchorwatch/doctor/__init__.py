"""The doctor's front door: `diagnose([(name, text), ...])`, from what a device printed to the cause and the repair.

Names are loaded when first used: a program that only reads a plan does not pay for the rules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anchorwatch.doctor.diagnosis import Diagnosis, Report, Status, diagnose
    from anchorwatch.doctor.finding import Confidence, Finding, Severity
    from anchorwatch.doctor.plan import NoPlan, Plan

_HOMES = {
    "Confidence": "finding",
    "Diagnosis": "diagnosis",
    "Finding": "finding",
    "NoPlan": "plan",
    "Plan": "plan",
    "Report": "diagnosis",
    "Severity": "finding",
    "Status": "diagnosis",
    "diagnose": "diagnosis",
}

__all__ = [
    "Confidence",
    "Diagnosis",
    "Finding",
    "NoPlan",
    "Plan",
    "Report",
    "Severity",
    "Status",
    "diagnose",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"anchorwatch.doctor.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
