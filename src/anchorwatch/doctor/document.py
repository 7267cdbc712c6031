"""A report as a document: the stable form that others build on, and the one writer of it.

Every quotation carries its source, line, column and words, so that a reader finds the line in his own file.
"""

from __future__ import annotations

from typing import Any

from anchorwatch.base.schema import Schema
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.span import Span
from anchorwatch.devices.step import NoUndo, Step, Undo
from anchorwatch.doctor.diagnosis import Diagnosis, Report
from anchorwatch.doctor.finding import Finding, Severity
from anchorwatch.doctor.outlook import Outlook
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.procedure import undo_lines
from anchorwatch.doctor.rules import BY_CODE
from anchorwatch.pki.verdict import Refused

SCHEMA = Schema("diagnosis", 1)


def document(report: Report) -> dict[str, Any]:
    """The content of a diagnosis document: `status`, `cases`, `not_understood`."""
    return {
        "status": report.status,
        "cases": [_case(diagnosis) for diagnosis in report.diagnoses],
        "not_understood": [_span(span) for span in report.not_understood],
    }


def _case(diagnosis: Diagnosis) -> dict[str, Any]:
    moment = diagnosis.case.moment
    content: dict[str, Any] = {
        "device": diagnosis.case.device or None,
        "moment": str(moment) if moment is not None else None,
        "status": diagnosis.status,
        "impact": {
            "effect": diagnosis.impact.effect,
            "sentence": diagnosis.impact.sentence,
            "communication_deadline": str(diagnosis.impact.deadline) if diagnosis.impact.deadline else None,
            "registration_expires": str(diagnosis.impact.expires) if diagnosis.impact.expires else None,
        },
        "findings": [_finding(finding) for finding in diagnosis.findings],
        "ruled_out": [
            {"code": other.code, "sentence": other.sentence, "evidence": [_span(s) for s in other.evidence]}
            for other in diagnosis.ruled_out
        ],
    }
    content["ladder"] = [
        {"rung": step.rung, "footing": step.footing, "sentence": step.sentence}
        for step in (diagnosis.ladder.steps if diagnosis.ladder is not None else ())
    ]
    content["next_commands"] = [
        {"line": command.line, "why": command.why, "place": command.place}
        for command in diagnosis.next_commands
    ]
    content["plan"] = _plan(diagnosis.plan) if isinstance(diagnosis.plan, Plan) else None
    content["no_plan"] = _no_plan(diagnosis.plan) if isinstance(diagnosis.plan, NoPlan) else None
    content["verify"] = _verify(diagnosis)
    if diagnosis.outlook is not None:
        content["outlook"] = _outlook(diagnosis.outlook)
    return content


def _plan(plan: Plan) -> dict[str, Any]:
    """A plan in brief; the whole of it, to be applied, is a document of its own (`--save-plan`)."""
    return {
        "code": plan.code,
        "title": plan.title,
        "steps": [_step(step, part.unit) for part in plan.parts for step in (*part.prechecks, *part.steps)],
        "cautions": plan.cautions,
        "decisions": [{"question": each.question, "why": each.why} for each in plan.decisions],
        "admits": plan.admits,
        "anchors": plan.anchors,
        "alternatives": plan.alternatives,
    }


def _step(step: Step, unit: str) -> dict[str, Any]:
    return {
        "id": step.id,
        "unit": unit or None,
        "purpose": step.purpose,
        "where": step.place.scope,
        "lines": list(step.typed),
        "expect": step.expected.sentence,
        "undo": undo_lines(step.undo) if isinstance(step.undo, Undo) else [],
        "no_undo": step.undo.reason if isinstance(step.undo, NoUndo) else None,
        "effect": step.effect,
        "risks": [{"danger": risk.danger, "sentence": risk.sentence} for risk in step.risks],
        "decides": step.decides,
        "unconfirmed": step.unconfirmed or None,
    }


def _no_plan(reason: NoPlan) -> dict[str, Any]:
    return {
        "code": reason.code,
        "reason": reason.reason,
        "instead": reason.instead,
        "commands": reason.commands,
        "wanted": reason.wanted,
    }


def _verify(diagnosis: Diagnosis) -> list[str]:
    """How to prove the repair: the plan's own proofs, else those of the causes."""
    if isinstance(diagnosis.plan, Plan) and diagnosis.plan.proof:
        return list(diagnosis.plan.proof)
    return [
        BY_CODE[finding.code].verification
        for finding in diagnosis.causes
        if finding.severity is not Severity.NOTE and BY_CODE[finding.code].verification
    ]


def _outlook(outlook: Outlook) -> dict[str, Any]:
    verdict = outlook.verdict
    return {
        "answer": outlook.answer,
        "sentence": outlook.sentence,
        "reason": verdict.reason if isinstance(verdict, Refused) else None,
        "missing": [
            {"subject": issuer.subject.text, "sha256": issuer.known}
            for issuer in (verdict.missing if isinstance(verdict, Refused) else ())
        ],
        "recognised": [
            {
                "subject": str(entry.printed.subject)
                if isinstance(entry.printed, StoredCertificate)
                else None,
                "sha256": entry.certificate.sha256 if entry.certificate else None,
                "by": entry.strength.name.lower() if entry.strength else None,
            }
            for entry in outlook.entries
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    content: dict[str, Any] = {
        "code": finding.code,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "sentence": finding.sentence,
        "evidence": [_span(span) for span in finding.evidence],
        "explained_by": finding.explained_by,
    }
    if finding.sufficient:
        content["sufficient"] = [str(name) for name in finding.sufficient]
    if finding.near_miss is not None:
        content["near_miss"] = {
            "has": str(finding.near_miss.has),
            "lacks": str(finding.near_miss.lacks),
            "differing": [list(pair) for pair in finding.near_miss.differing],
        }
    return content


def _span(span: Span) -> dict[str, Any]:
    return {"source": span.source, "line": span.line, "column": span.column, "text": span.text}
