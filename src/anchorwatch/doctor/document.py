"""A report as a document: the stable form that others build on, and the one writer of it.

Every quotation carries its source, line, column and words, so that a reader finds the line in his own file.
"""

from __future__ import annotations

from typing import Any

from anchorwatch.base.schema import Schema
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.span import Span
from anchorwatch.doctor.diagnosis import Diagnosis, Report
from anchorwatch.doctor.finding import Finding
from anchorwatch.doctor.outlook import Outlook
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
    if diagnosis.outlook is not None:
        content["outlook"] = _outlook(diagnosis.outlook)
    return content


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
