"""From a case and its findings to the plan: what the repair depends on, gathered from the facts.

One plan a case, for the surest cause that has one. What the device did not say stays unknown in the situation, and
`anchorwatch.doctor.remedy` then asks for it or plans nothing; nothing is filled in here.
"""

from __future__ import annotations

from datetime import date

from anchorwatch.devices.asa.failover import FailoverUnit
from anchorwatch.devices.fact import Platform, SoftwareVersion, TrustpoolPolicy
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.step import About, Claim
from anchorwatch.doctor import platform as platforms
from anchorwatch.doctor import remedy
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.outlook import Outlook
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.refusal import portal_hosts
from anchorwatch.doctor.situation import Licensing, Model, Situation, model_of
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import EMPTY, Catalogue
from anchorwatch.pki.verdict import Change, Refused


def treat(
    case: Case,
    findings: tuple[Finding, ...],
    *,
    catalogue: Catalogue = EMPTY,
    outlook: Outlook | None = None,
    platform: Platform | None = None,
) -> Plan | NoPlan | None:
    """The plan for the first cause that can be planned for, else why there is none; None where nothing is broken.

    A mere candidate is never planned for: first it must be shown. `outlook` is what the judge says of the
    endpoint's present chain, `platform` what somebody said the device is.
    """
    causes = [
        finding
        for finding in findings
        if finding.explained_by is None
        and finding.severity is not Severity.NOTE
        and finding.confidence is not Confidence.CANDIDATE
        and finding.code in remedy.codes()
    ]
    answers = [
        remedy.remedy(situation(case, finding, catalogue=catalogue, outlook=outlook, platform=platform))
        for finding in causes
    ]
    return next((answer for answer in answers if isinstance(answer, Plan)), next(iter(answers), None))


def situation(
    case: Case,
    finding: Finding,
    *,
    catalogue: Catalogue = EMPTY,
    outlook: Outlook | None = None,
    platform: Platform | None = None,
) -> Situation:
    """Everything the repair of a finding depends on, as far as the facts tell it."""
    versions = case.lasting(SoftwareVersion)
    version = versions[0] if versions else None
    owner = platforms.owner(case)
    where = platform or (owner.platform if owner else Platform.ASA)
    product = owner.product if owner else ""
    model = model_of(version.hardware.value) if version and version.hardware else model_of(product)
    if where is Platform.FXOS and model is Model.UNKNOWN:
        model = Model.CHASSIS
    hosts = portal_hosts(case)
    return Situation(
        code=finding.code,
        platform=where,
        device=case.device,
        model=model,
        release=str(version.version) if version and version.version else "",
        licensing=_licensing(case, version),
        units=tuple(dict.fromkeys(unit.unit.value for unit in case.lasting(FailoverUnit))),
        multi_context=_has_contexts(case, version),
        endpoint=hosts[0][0] if hosts else "",
        at=_day(case),
        needed=finding.sufficient,
        judged=_judged(outlook),
        catalogue=catalogue,
        registration=_registration(case),
        holds=_holds(case),
        evidence=tuple(span.text for span in finding.evidence),
    )


def _licensing(case: Case, version: SoftwareVersion | None) -> Licensing:
    if case.lasting(LicenseReport) or bool(case.lasting(RegistrationProgress)):
        return Licensing.SMART
    if version is not None and version.license_mode is not None:
        return Licensing.SMART if "smart" in version.license_mode.value.lower() else Licensing.UNKNOWN
    return Licensing.UNKNOWN


def _has_contexts(case: Case, version: SoftwareVersion | None) -> bool:
    """Whether the device is divided: its version names a context, or its prompt a context that is no unit."""
    if version is not None and version.context is not None:
        return True
    return any(part not in ("primary", "secondary") for part in case.device.split("/")[1:])


def _day(case: Case) -> date | None:
    """The day the repair is for: when the question is asked, else the day of the evidence; None where neither is told."""
    if case.asked_at is not None:
        return case.asked_at.date()
    moment = case.moment
    return moment.wall.date() if moment is not None and moment.has_year else None


def _judged(outlook: Outlook | None) -> tuple[str, ...]:
    """Anchors that the judge found sufficient and that may be proposed."""
    if outlook is None or not isinstance(outlook.verdict, Refused):
        return ()
    return tuple(
        fix.certificate.sha256
        for fix in outlook.verdict.fixes
        if fix.certificate is not None
        and fix.caution is None
        and fix.change in (Change.ADD_ANCHOR, Change.REPLACE_ANCHOR)
    )


def _registration(case: Case) -> RegistrationState:
    report = case.last(LicenseReport)
    if report is not None and report.registration is not None:
        return report.registration.state
    progress = case.last(RegistrationProgress)
    return progress.state if progress is not None else RegistrationState.UNKNOWN


def _holds(case: Case) -> frozenset[Claim]:
    """What need not be done because the device already shows it."""
    policy = case.last(TrustpoolPolicy)
    if policy is not None and policy.automatic is not None and policy.automatic.value:
        return frozenset({Claim(about=About.AUTO_IMPORT_ON)})
    return frozenset()
