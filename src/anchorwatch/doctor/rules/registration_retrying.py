"""A registration was tried, failed, and will be tried again."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.doctor import ladder, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule
from anchorwatch.licensing.status import RegistrationState

CODE = "registration-retrying"
_TRYING = (RegistrationState.RETRYING, RegistrationState.IN_PROGRESS)


def find(case: Case) -> tuple[Finding, ...]:
    """Find an attempt that hangs between failure and retry."""
    evidence = [
        seen.span
        for progress in case.facts(RegistrationProgress)
        if progress.state is RegistrationState.RETRYING
        for seen in (progress.status, progress.next_retry, progress.last_response)
        if seen is not None
    ]
    for report in case.facts(LicenseReport):
        registration = report.registration
        if registration is None or registration.status is None:
            continue
        failed = registration.initial is not None and registration.initial.failed
        if registration.state is RegistrationState.RETRYING or (registration.state in _TRYING and failed):
            evidence.append(registration.status.span)
            if registration.initial is not None:
                evidence.append(registration.initial.outcome.span)
    if not evidence or standing.of(case).works:
        return ()
    reasons = spoken.standing_reasons(case)
    rung = ladder.of(case).failing
    sentence = "A registration failed and will be tried again"
    sentence += f": “{reasons[-1].text[:200].rstrip('. ')}”." if reasons else "."
    if rung is not None:
        sentence += f" The lowest rung that fails is {rung.rung.upper()}."
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED,
            sentence=sentence,
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


HOLDS = Example(
    title="The first agents' screen, its first lines doubled, one retry behind it.",
    text="""fw-lab# show license registration

Registration Status: Retry In Progress.
Registration Start Time: Sep 08 10:02:11 2016 UTC
Registration Status: Retry In Progress.
Registration Start Time: Sep 08 10:02:11 2016 UTC
Last Retry Start Time: Sep 08 10:03:01 2016 UTC.
Next Scheduled Retry Time: Sep 08 10:21:40 2016 UTC.
Number of Retries: 1.
Last License Server response time: Sep 08 10:03:02 2016 UTC.
Last License Server response message: Communication message send response error
""",
)
SILENT = Example(
    title="A registration that has only just been asked for.",
    text="""fw-lab# show license summary

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTERING
  Export-Controlled Functionality: Not Allowed

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 83 days, 4 hours, 12 minutes, 3 seconds
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=None,
    sentence="A registration failed and is being retried: a consequence, or a cause not yet known.",
    evidence=(
        "`Registration Status: Retry In Progress`, or a registration in progress whose first attempt FAILED",
        "the reason in `Last License Server response message` or below the attempt",
    ),
    look_alikes=(
        LookAlike(cause="unregistered", difference="nothing was tried there"),
        LookAlike(
            cause="token-invalid", difference="the portal's words about the token end the attempt for good"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "Mend the cause, then `license smart register idtoken …` again; wait, do not repeat it.",
        ),
        (Platform.FXOS, "Mend the cause, then `scope license`, `register idtoken …`."),
        (Platform.IOSXE, "Mend the cause, then `license smart register idtoken …`."),
    ),
    verification="The state becomes REGISTERED with an initial registration later than the repair.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.1", "domain 2.2", "TAC document 213932"),
)
