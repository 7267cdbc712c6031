"""The doctor's answer about some inputs.

Reading, splitting, judging, explaining, each a function of the one before. Every rule is asked about every case;
then confidence is capped, consequences are put under their cause, and what is left decides the status:

    trouble        a cause or a consequence is established
    healthy        nothing is, and a success newer than every failure proves that licensing works, or no exchange is shown
                   and the device declares itself in order
    undetermined   anything else: a missing proof is not a proof
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from anchorwatch.devices import capture, reading
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.reading import Content
from anchorwatch.devices.redaction import redact, redact_lines
from anchorwatch.devices.span import Span
from anchorwatch.doctor import ask, impact, ladder, standing, treatment
from anchorwatch.doctor import case as cases
from anchorwatch.doctor.ask import Command
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.impact import Impact
from anchorwatch.doctor.ladder import Ladder
from anchorwatch.doctor.outlook import Outlook
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.rule import Rule
from anchorwatch.doctor.rules import BY_CODE, RULES
from anchorwatch.doctor.standing import Standing
from anchorwatch.pki.catalogue import EMPTY, Catalogue


class Status(StrEnum):
    """The state of a device as far as its outputs show it."""

    HEALTHY = "healthy"
    TROUBLE = "trouble"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """A cause that was considered and does not hold, and what speaks against it."""

    code: str
    sentence: str
    evidence: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One case with its findings, causes first; consequences carry `explained_by`."""

    case: Case
    status: Status
    findings: tuple[Finding, ...]
    standing: Standing
    impact: Impact
    ruled_out: tuple[RuledOut, ...] = ()
    ladder: Ladder | None = None
    """How far the device's attempts come; set by `examine`."""
    next_commands: tuple[Command, ...] = ()
    """What to ask next, most telling first; empty where the cause is confirmed."""
    outlook: Outlook | None = None
    """The answer about an endpoint, where one was asked about."""
    plan: Plan | NoPlan | None = None
    """What to do, or why nothing is planned; None where nothing is broken."""

    @property
    def causes(self) -> tuple[Finding, ...]:
        """Findings that nothing else explains, the surest first."""
        return tuple(finding for finding in self.findings if finding.explained_by is None)

    @property
    def well(self) -> Span | None:
        """The line by which a healthy device is called so, None for any other."""
        if self.status is not Status.HEALTHY:
            return None
        newest = self.standing.newest
        return newest.span if newest else standing.declared(self.case)

    @property
    def next_step(self) -> str:
        """What to do now, in a sentence; empty where there is nothing sensible to say."""
        match self.plan:
            case Plan() as plan:
                return f"{plan.title} (the repair below)"
            case NoPlan() as reason:
                return reason.instead[0] if reason.instead else reason.reason
            case _ if self.status is Status.HEALTHY:
                return "nothing"
            case _:
                return f"collect `{self.next_commands[0].line}`" if self.next_commands else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the doctor says about some inputs, with the places it did not understand.

    `inputs` are (name, text) as they were read: decoded, and with every secret masked. A log of which only some
    lines were selected is not among them.
    """

    diagnoses: tuple[Diagnosis, ...]
    not_understood: tuple[Span, ...]
    inputs: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def status(self) -> Status:
        """Trouble where any case has it, healthy where all cases are, else undetermined."""
        found = {diagnosis.status for diagnosis in self.diagnoses}
        if Status.TROUBLE in found:
            return Status.TROUBLE
        return Status.HEALTHY if found == {Status.HEALTHY} else Status.UNDETERMINED


def diagnose(
    inputs: Iterable[tuple[str, Content]],
    *,
    at: datetime | None = None,
    catalogue: Catalogue = EMPTY,
    platform: Platform | None = None,
) -> Report:
    """Diagnose inputs given as (name, content): any mixture of what devices printed.

    `at` is when the question is asked (aware UTC), None where the inputs' own dates must do. `catalogue` is what a
    plan may take a CA from, `platform` what somebody said the device is. Never raises for what the inputs hold. Secrets are masked before anything is read, so that nothing that is quoted or saved
    later can hold one. Without evidence the status is `undetermined`, never `healthy`.
    """
    masked = tuple((name, _masked(content)) for name, content in inputs)
    seen = reading.read(masked)
    texts = tuple((name, content) for name, content in masked if isinstance(content, str))
    return Report(
        diagnoses=tuple(
            examine(case, catalogue=catalogue, platform=platform) for case in cases.split(seen, at)
        ),
        not_understood=seen.not_understood,
        inputs=texts,
    )


def _masked(content: Content) -> str | tuple[Line, ...]:
    """An input without its secrets; of selected lines each keeps its place."""
    if isinstance(content, tuple):
        texts = redact_lines(line.text for line in content)
        return tuple(replace(line, text=text) for line, text in zip(content, texts, strict=True))
    return redact(capture.decode(content) if isinstance(content, bytes) else content).text


def examine(case: Case, *, catalogue: Catalogue = EMPTY, platform: Platform | None = None) -> Diagnosis:
    """Diagnose one case."""
    stands = standing.of(case)
    found = [_capped(finding, rule) for rule in RULES for finding in rule.find(case)]
    findings = _ordered(_explained(found))
    status = _status(case, findings, stands)
    rungs = ladder.of(case)
    return Diagnosis(
        case=case,
        status=status,
        findings=findings,
        standing=stands,
        impact=impact.of(case, working=status is Status.HEALTHY),
        ruled_out=_ruled_out(findings),
        ladder=rungs,
        next_commands=ask.next_commands(
            case, rungs, findings, platform=platform, healthy=status is Status.HEALTHY
        ),
        plan=None
        if status is Status.HEALTHY
        else treatment.treat(case, findings, catalogue=catalogue, platform=platform),
    )


def with_outlook(
    diagnosis: Diagnosis, seen: Outlook | None, *, catalogue: Catalogue, platform: Platform | None = None
) -> Diagnosis:
    """The diagnosis with the answer about an endpoint, and the plan that follows from both."""
    if diagnosis.status is Status.HEALTHY:
        return replace(diagnosis, outlook=seen)
    plan = treatment.treat(
        diagnosis.case, diagnosis.findings, catalogue=catalogue, outlook=seen, platform=platform
    )
    return replace(diagnosis, outlook=seen, plan=plan)


_SURENESS = {Confidence.CONFIRMED: 0, Confidence.LIKELY: 1, Confidence.CANDIDATE: 2}
_GRAVITY = {Severity.TROUBLE: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def _capped(finding: Finding, rule: Rule) -> Finding:
    """A rule that rests on anything unconfirmed is never surer than its cap."""
    if _SURENESS[finding.confidence] < _SURENESS[rule.cap]:
        return replace(finding, confidence=rule.cap)
    return finding


def _explained(findings: list[Finding]) -> list[Finding]:
    """Put each consequence under the surest cause that explains it; a mere candidate explains nothing away."""
    causes = [finding for finding in findings if finding.confidence is not Confidence.CANDIDATE]
    causes.sort(key=lambda finding: (_SURENESS[finding.confidence], _height(finding)))
    told = []
    for finding in findings:
        cause = next(
            (
                cause.code
                for cause in causes
                if cause.code != finding.code and finding.code in BY_CODE[cause.code].explains
            ),
            None,
        )
        told.append(
            replace(finding, explained_by=cause) if cause and finding.explained_by is None else finding
        )
    return told


def _height(finding: Finding) -> int:
    rung = BY_CODE[finding.code].rung
    return rung.height if rung else len(BY_CODE)


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """Causes before consequences, grave before slight, sure before unsure, low rungs before high ones."""
    return tuple(
        sorted(
            findings,
            key=lambda finding: (
                finding.explained_by is not None,
                _GRAVITY[finding.severity],
                _SURENESS[finding.confidence],
                _height(finding),
                finding.code,
            ),
        )
    )


def _status(case: Case, findings: tuple[Finding, ...], stands: Standing) -> Status:
    established = [finding for finding in findings if finding.confidence is not Confidence.CANDIDATE]
    if any(finding.severity is Severity.TROUBLE for finding in established):
        return Status.TROUBLE
    if any(finding.severity is Severity.TROUBLE for finding in findings):
        return Status.UNDETERMINED
    if stands.works and (standing.is_settled(case) or not case.facts(LicenseReport)):
        return Status.HEALTHY
    if (stands.works or not stands.exchanges) and standing.declared(case) is not None:
        return Status.HEALTHY
    return Status.UNDETERMINED


def _ruled_out(findings: tuple[Finding, ...]) -> tuple[RuledOut, ...]:
    """For each cause found, its look-alikes that were not, and what separates them."""
    found = {finding.code for finding in findings}
    told: dict[str, RuledOut] = {}
    for finding in findings:
        if finding.explained_by is not None or finding.severity is not Severity.TROUBLE:
            continue
        for other in BY_CODE[finding.code].look_alikes:
            if other.cause not in found:
                told.setdefault(
                    other.cause,
                    RuledOut(code=other.cause, sentence=other.difference, evidence=finding.evidence[:1]),
                )
    return tuple(told.values())
