"""A year without renewal: the identity certificate has ended, and only a new token helps."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import ladder, present, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule
from anchorwatch.licensing.status import RegistrationState

CODE = "id-certificate-expired"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the state, the agent's line, or an expiry that has passed."""
    report = next((each for each in reversed(case.facts(LicenseReport)) if each.registration), None)
    registration = report.registration if report else None
    printed = _logged(case)
    passed = None
    if registration is not None:
        if registration.status and registration.state is RegistrationState.EXPIRED:
            printed.append(registration.status.span)
        passed = present.passed(case, registration.expires)
    if not printed and passed is None:
        return ()
    stands = standing.of(case)
    if printed:
        confidence = Confidence.CONFIRMED
    else:
        old = passed is not None and passed.asked and stands.works
        confidence = Confidence.CANDIDATE if old else Confidence.LIKELY
    sentence = "The identity certificate has expired: a renewal cannot work any more, a new token is needed."
    if passed is not None:
        sentence += f" The registration ended {present.days(passed.by)} ago."
    rung = ladder.of(case).failing
    if rung is not None:
        sentence += f" Mend first what kept it from renewing: {rung.rung.upper()} fails."
    else:
        sentence += " What kept it from renewing for so long is not shown."
    evidence = [*printed, *([passed.span] if passed else []), *(rung.spans[:2] if rung else ())]
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=confidence,
            sentence=sentence,
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _logged(case: Case) -> list[Span]:
    worked = [exchange.order for exchange in standing.of(case).exchanges if exchange.worked]
    places = {id(item.fact): order for order, item in enumerate(case.items)}
    return [
        message.span
        for message in case.events("ID_CERT_EXPIRED")
        if not any(order > places.get(id(message), 0) for order in worked)
    ]


HOLDS = Example(
    title="A log line of the agent, and a screen whose registration has expired.",
    text="""asa-west# show logging | include SMART
Feb 04 2021 02:10:07: %ASA-3-444303: %SMART_LIC-3-ID_CERT_EXPIRED: Identity certificate expired. Agent will transition to the unidentified (not registered) state.
asa-west# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTRATION EXPIRED
  Export-Controlled Functionality: Not Allowed

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 89 days, 23 hours, 40 minutes, 2 seconds

License Usage
==============

(ASAv-STD-1G):
  Description: 
  Count: 1
  Version: 1.0
  Status: EVAL MODE
""",
)
SILENT = Example(
    title="Only a warning that it will end, and a renewal that succeeded after it.",
    text="""asa-west# show logging | include SMART
Jan 05 2021 02:10:07: %ASA-3-444303: %SMART_LIC-3-ID_CERT_EXPIRED_WARNING: This device's registration will expire in 30 days.
Jan 08 2021 10:31:55: %ASA-6-444306: %SMART_LIC-6-ID_CERT_RENEW_SUCCESS: Identity certificate renewal successful
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=None,
    sentence="The identity certificate has ended after a year without renewal: a consequence, and it needs a new token.",
    evidence=(
        "`REGISTRATION EXPIRED`, or the agent's ID_CERT_EXPIRED",
        "or Registration Expires before the newest time in the output or the time of the question",
    ),
    look_alikes=(
        LookAlike(
            cause="authorization-expired", difference="90 days have passed there, and `renew auth` suffices"
        ),
        LookAlike(
            cause="clock-wrong",
            difference="REG_EXPIRED_CLOCK_CHANGE: the clock moved, and moving it back within an hour helps",
        ),
        LookAlike(cause="unregistered", difference="that device was never registered"),
    ),
    remedy=(
        (Platform.ASA, "Mend the failing rung, then `license smart register idtoken …` with a new token."),
        (Platform.FXOS, "Mend the failing rung on the chassis, then `scope license`, `register idtoken …`."),
        (Platform.IOSXE, "Mend the failing rung, then `license smart register idtoken …` with a new token."),
    ),
    verification="REGISTERED with an initial registration later than the repair, same export flag as before.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.2", "domain 4, row 28"),
)
