"""The doctor's answer about some inputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.devices import reading
from anchorwatch.devices.span import Span
from anchorwatch.doctor import case as cases
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Finding, Severity
from anchorwatch.doctor.rules import RULES


class Status(StrEnum):
    """The state of a device as far as its outputs show it."""

    HEALTHY = "healthy"
    TROUBLE = "trouble"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One case with its findings, causes first."""

    case: Case
    status: Status
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the doctor says about some inputs, with the places it did not understand."""

    diagnoses: tuple[Diagnosis, ...]
    not_understood: tuple[Span, ...]


def diagnose(inputs: Iterable[tuple[str, str | bytes]]) -> Report:
    """Diagnose inputs given as (name, content): any mixture of what devices printed.

    Never raises for what the inputs hold. Without evidence the status is `undetermined`, never `healthy`.
    """
    seen = reading.read(inputs)
    return Report(
        diagnoses=tuple(_diagnose(case) for case in cases.split(seen)), not_understood=seen.not_understood
    )


def _diagnose(case: Case) -> Diagnosis:
    findings = tuple(finding for rule in RULES for finding in rule.find(case))
    trouble = any(finding.severity is Severity.TROUBLE for finding in findings)
    return Diagnosis(case=case, status=Status.TROUBLE if trouble else Status.UNDETERMINED, findings=findings)
