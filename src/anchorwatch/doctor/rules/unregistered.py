"""The device was never registered, and nothing shows that anything is wrong."""

from __future__ import annotations

from anchorwatch.devices.fact import AgentEvent, LogMessage, Platform
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.span import Span
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule
from anchorwatch.licensing.status import AuthorizationState, RegistrationState

CODE = "unregistered"
# Lines of a device that was registered once.
_ONCE = frozenset({"ID_CERT_EXPIRED", "REG_EXPIRED_CLOCK_CHANGE", "AGENT_DEREG_SUCCESS", "AGENT_REG_SUCCESS"})


def find(case: Case) -> tuple[Finding, ...]:
    """Find the state, unless a failure or an earlier registration says more."""
    evidence = _never(case)
    # A test that a person made is no attempt of the agent's.
    attempted = any(not (each.worked and each.is_test) for each in standing.of(case).exchanges)
    if not evidence or attempted or spoken.said(case) or _was_registered(case):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CONFIRMED,
            sentence=(
                "The device is not registered and shows no attempt: nothing is wrong, and nothing is proven either. "
                "Export-controlled functions are not allowed until it is registered."
            ),
            evidence=evidence,
        ),
    )


def _never(case: Case) -> tuple[Span, ...]:
    for report in reversed(case.facts(LicenseReport)):
        registration = report.registration
        if registration is None or registration.status is None:
            continue
        if registration.state is not RegistrationState.NOT_REGISTERED:
            return ()
        if report.authorization and report.authorization.state is AuthorizationState.EVALUATION_EXPIRED:
            return ()  # then something is wrong
        if report.reservation and report.reservation.value.upper().startswith("ENABLED"):
            return ()  # a reserved licence needs no registration
        seen = [registration.status.span]
        if registration.export_controlled:
            seen.append(registration.export_controlled.span)
        if report.authorization and report.authorization.evaluation_remaining:
            seen.append(report.authorization.evaluation_remaining.span)
        return tuple(seen)
    for progress in reversed(case.facts(RegistrationProgress)):
        return (progress.status.span,) if progress.state is RegistrationState.NOT_REGISTERED else ()
    return ()


def _was_registered(case: Case) -> bool:
    before = case.earlier
    while before is not None:
        for report in before.facts(LicenseReport):
            if report.registration and report.registration.state is RegistrationState.REGISTERED:
                return True
        before = before.earlier
    return any(
        isinstance(message.detail, AgentEvent) and message.detail.mnemonic in _ONCE
        for message in case.facts(LogMessage)
    )


HOLDS = Example(
    title="A new ASAv in its evaluation period.",
    text="""fw-new# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED
  Export-Controlled Functionality: Not Allowed

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 71 days, 22 hours, 5 minutes, 9 seconds

License Usage
==============

(ASAv-STD-1G):
  Description: 
  Count: 1
  Version: 1.0
  Status: EVAL MODE

Product Information
===================
UDI: PID:ASAv,SN:9AEXAMPLE01
""",
)
SILENT = Example(
    title="Not registered because the attempt failed.",
    text="""fw-new# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: Not Allowed
  Initial Registration: FAILED on Nov 12 08:14:02 2018 UTC
    Failure reason: Communication message send error

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 71 days, 22 hours, 5 minutes, 9 seconds
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The device was never registered; nothing shows that anything is wrong.",
    evidence=("`Status: UNREGISTERED` in the registration, and no attempt, reason or earlier success",),
    look_alikes=(
        LookAlike(cause="registration-retrying", difference="an attempt is shown there, and its failure"),
        LookAlike(cause="evaluation-used-up", difference="the evaluation has run out there"),
        LookAlike(cause="id-certificate-expired", difference="that device was registered once"),
        LookAlike(
            cause="export-control",
            difference="export-controlled functions are never allowed while unregistered: normal",
        ),
    ),
    remedy=(
        (Platform.ASA, "`license smart register idtoken …` with a token of the right virtual account."),
        (Platform.FXOS, "`scope license`, `register idtoken …`, on each chassis."),
        (Platform.IOSXE, "`license smart register idtoken …` up to 17.3.1; later releases do not register."),
    ),
    verification="`show license all` says REGISTERED with a date later than the command.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.1", "domain 1.4", "domain 4, row 27"),
)
