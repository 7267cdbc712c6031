"""The evaluation period has run out on a device that was never registered."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung
from anchorwatch.licensing.status import AuthorizationState, RegistrationState

CODE = "evaluation-used-up"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the state of an unregistered device, or the agent's line; a registered one does not care."""
    states = [
        report.registration.state
        for report in case.facts(LicenseReport)
        if report.registration and report.registration.status
    ]
    stands = standing.of(case)
    # A test that a person made may succeed, and leaves the device unregistered all the same.
    works = stands.works and stands.newest is not None and not stands.newest.is_test
    if works or RegistrationState.REGISTERED in states:
        return ()
    spans: list[Span] = []
    for report in case.facts(LicenseReport):
        authorization = report.authorization
        if (
            authorization
            and authorization.status
            and authorization.state is AuthorizationState.EVALUATION_EXPIRED
        ):
            spans.append(authorization.status.outcome.span)
            if report.registration and report.registration.status:
                spans.append(report.registration.status.span)
    logged = [message.span for message in case.events("EVAL_EXPIRED", "EVAL_EXPIRED_WARNING")]
    if not spans and not logged:
        return ()
    sure = bool(spans) and RegistrationState.NOT_REGISTERED in states
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if sure else Confidence.LIKELY,
            sentence="The evaluation period is used up and the device is not registered: it has to be registered.",
            evidence=tuple(dict.fromkeys([*spans, *logged])),
        ),
    )


HOLDS = Example(
    title="Never registered, and no evaluation left.",
    text="""rtr-old#show license all
Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED
  Export-Controlled Functionality: Not Allowed

License Authorization: 
  Status: EVAL EXPIRED

License Usage
==============

(ISR_4331_Security):
  Description: 
  Count: 1
  Version: 1.0
  Status: EVAL EXPIRED

Product Information
===================
UDI: PID:ISR4331/K9,SN:FDOEXAMPLE1
""",
)
SILENT = Example(
    title="A registered telephone system that used its evaluation up long ago.",
    text="""admin:show license all

Smart Licensing Status
=======================
Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Voice
  Virtual Account: Collaboration
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Feb 06 10:20:30 2018 CET
  Last Renewal Attempt: SUCCEEDED on Feb 06 10:20:30 2018 CET
  Next Renewal Attempt: Aug 05 10:20:30 2018 CET
  Registration Expires: Feb 06 10:15:27 2019 CET

License Authorization:
  Status: AUTHORIZED on Feb 06 10:22:00 2018 CET
  Last Communication Attempt: SUCCEEDED on Feb 06 10:22:00 2018 CET
  Next Communication Attempt: Mar 08 10:22:00 2018 CET
  Communication Deadline: May 07 10:16:58 2018 CET

Evaluation Period:
  Evaluation Mode: Not In Use
  EVALUATION PERIOD EXPIRED on Dec 1 21:40:05 2017 CET
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.ENTITLEMENT,
    sentence="The evaluation period is used up and the device was never registered.",
    evidence=(
        "`Status: EVAL EXPIRED` while UNREGISTERED, or the agent's EVAL_EXPIRED without a success after it",
    ),
    look_alikes=(
        LookAlike(cause="unregistered", difference="evaluation is still running there"),
        LookAlike(
            cause="authorization-expired", difference="that device is registered and lost contact for 90 days"
        ),
    ),
    remedy=(
        (Platform.ASA, "`license smart register idtoken …`"),
        (Platform.FXOS, "`scope license`, `register idtoken …`"),
        (Platform.IOSXE, "`license smart register idtoken …`"),
    ),
    verification="REGISTERED and AUTHORIZED.",
    find=find,
    explains=("unregistered",),
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.1", "domain 4, row 38", "domain 6, decoy 4"),
)
