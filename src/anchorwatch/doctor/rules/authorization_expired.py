"""No contact for 90 days: what was authorized is no longer."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, SoftwareVersion
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import ladder, present, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule
from anchorwatch.licensing.status import AuthorizationState, RegistrationState, authorization_state

CODE = "authorization-expired"
_EXPIRED = (AuthorizationState.EXPIRED, AuthorizationState.GRACE_EXPIRED)


def find(case: Case) -> tuple[Finding, ...]:
    """Find the state, the agent's line, or a deadline that has passed, and point at the rung that fails."""
    printed = [*_printed(case), *_logged(case)]
    report = next((each for each in reversed(case.facts(LicenseReport)) if each.authorization), None)
    authorization = report.authorization if report else None
    passed = present.passed(case, authorization.deadline) if authorization else None
    if report is not None and report.registration is not None:
        # A device that is not registered has no authorization to lose.
        passed = passed if report.registration.state is RegistrationState.REGISTERED else None
    if not printed and passed is None:
        return ()
    rung = ladder.of(case).failing
    evidence = [*printed, *([passed.span] if passed else []), *(rung.spans[:2] if rung else ())]
    if authorization is not None and authorization.last_communication is not None:
        evidence.append(authorization.last_communication.outcome.span)
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=_confidence(case, bool(printed), passed),
            sentence=_sentence(passed, rung),
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _confidence(case: Case, printed: bool, passed: present.Passed | None) -> Confidence:
    if printed:
        return Confidence.CONFIRMED
    if passed is not None and passed.asked and standing.of(case).works:
        return Confidence.CANDIDATE  # the output is old; the device has had time to renew since
    return Confidence.LIKELY


def _sentence(passed: present.Passed | None, rung: ladder.Step | None) -> str:
    sentence = "The authorization has expired: there was no contact with the portal for 90 days."
    if passed is not None:
        sentence += f" The deadline passed {present.days(passed.by)} ago."
    if rung is not None:
        return sentence + f" This is a consequence; the rung that fails is {rung.rung.upper()}."
    return sentence + " This is a consequence; which rung has failed all the while is not shown."


def _printed(case: Case) -> list[Span]:
    spans: list[Span] = []
    for report in case.facts(LicenseReport)[-2:]:
        if report.authorization and report.authorization.status and report.authorization.state in _EXPIRED:
            spans.append(report.authorization.status.outcome.span)
        elif report.overall_status and authorization_state(_words(report.overall_status.value)) in _EXPIRED:
            spans.append(report.overall_status.span)
        spans += [
            entry.status.span for entry in report.entitlements if entry.status and entry.state in _EXPIRED
        ]
    for version in case.facts(SoftwareVersion):
        if version.enforce_mode and authorization_state(_words(version.enforce_mode.value)) in _EXPIRED:
            spans.append(version.enforce_mode.span)
    return spans


def _words(printed: str) -> str:
    """``AuthorizationExpired (8)`` of the first agents, as later ones write it."""
    return printed.replace("AuthorizationExpired", "authorization expired")


def _logged(case: Case) -> list[Span]:
    worked = [exchange.order for exchange in standing.of(case).exchanges if exchange.worked]
    places = {id(item.fact): order for order, item in enumerate(case.items)}
    return [
        message.span
        for message in case.events("AUTHORIZATION_EXPIRED")
        if not any(order > places.get(id(message), 0) for order in worked)
    ]


HOLDS = Example(
    title="A chassis that has failed to reach the portal for a hundred days.",
    text="""chassis-1-A /license # show license all

Smart Licensing Status
=====

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Data Centre
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Jul 02 11:40:05 2018 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Dec 29 11:40:04 2018 UTC
  Registration Expires: Jul 02 11:35:01 2019 UTC

License Authorization:
  Status: AUTHORIZATION EXPIRED on Nov 05 07:11:20 2018 UTC
  Last Communication Attempt: FAILED on Nov 15 07:12:44 2018 UTC
    Failure reason: Failed to authenticate server
  Next Communication Attempt: Nov 15 08:12:43 2018 UTC
  Communication Deadline: Nov 05 07:06:17 2018 UTC
""",
)
SILENT = Example(
    title="Communication fails, and the deadline is still to come.",
    text="""chassis-1-A /license # show license all

Smart Licensing Status
=====

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Data Centre
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Jul 02 11:40:05 2018 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Dec 29 11:40:04 2018 UTC
  Registration Expires: Jul 02 11:35:01 2019 UTC

License Authorization:
  Status: AUTHORIZED on Sep 30 07:11:20 2018 UTC
  Last Communication Attempt: FAILED on Oct 30 07:12:44 2018 UTC
    Failure reason: Failed to authenticate server
  Next Communication Attempt: Oct 30 08:12:43 2018 UTC
  Communication Deadline: Dec 29 07:06:17 2018 UTC
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=None,
    sentence="The authorization has expired: 90 days without contact. A consequence of the rung that fails.",
    evidence=(
        "`Status: AUTHORIZATION EXPIRED` in the authorization, or the agent's AUTHORIZATION_EXPIRED",
        "or a Communication Deadline before the newest time in the output or the time of the question",
    ),
    look_alikes=(
        LookAlike(cause="out-of-compliance", difference="the portal is reached there, and answers"),
        LookAlike(
            cause="id-certificate-expired", difference="a year has passed there, and a new token is needed"
        ),
    ),
    remedy=(
        (Platform.ASA, "Mend the failing rung, then `license smart renew auth`."),
        (
            Platform.FXOS,
            "Mend the failing rung on the chassis, then `scope license`, `scope licdebug`, `renew`.",
        ),
        (Platform.IOSXE, "Mend the failing rung, then `license smart renew auth`."),
    ),
    verification="AUTHORIZED with a new date, and the next communication about 30 days ahead.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.2", "domain 4, row 28"),
)
