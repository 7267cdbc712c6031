"""The account holds fewer licences than the device uses."""

from __future__ import annotations

from datetime import timedelta

from anchorwatch.devices.fact import Platform, SoftwareVersion
from anchorwatch.devices.license_fact import Authorization, Entitlement, LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung
from anchorwatch.licensing.status import AuthorizationState, authorization_state

CODE = "out-of-compliance"
_RECHECK = timedelta(hours=12)
_SLACK = timedelta(minutes=30)


def find(case: Case) -> tuple[Finding, ...]:
    """Find the state, and whether the contact that told it was recent."""
    state: list[Span] = []
    contact: list[Span] = []
    short: list[Entitlement] = []
    for report in case.facts(LicenseReport)[-2:]:
        short += [each for each in report.entitlements if each.state is AuthorizationState.OUT_OF_COMPLIANCE]
        authorization = report.authorization
        if (
            authorization
            and authorization.status
            and authorization.state is AuthorizationState.OUT_OF_COMPLIANCE
        ):
            state.append(authorization.status.outcome.span)
            contact += _recent(authorization)
        state += [
            seen.span for seen in (report.compliance, report.overall_status) if seen and _is_short(seen.value)
        ]
    state += [each.status.span for each in short if each.status]
    for version in case.facts(SoftwareVersion):
        if version.enforce_mode and _is_short(version.enforce_mode.value):
            state.append(version.enforce_mode.span)
    state += _logged(case)
    if not state:
        return ()
    names = list(dict.fromkeys(each.name or each.tag.value for each in short))
    what = f" ({', '.join(names[:4])}{' and others' if len(names) > 4 else ''})" if names else ""
    sentence = f"The account holds fewer licences than the device uses{what}."
    if contact:
        sentence += " The portal was reached and said so: nothing is wrong with the connection or with trust."
    else:
        sentence += " The portal said so at the last contact; whether it is still reached is not shown."
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if contact else Confidence.LIKELY,
            sentence=sentence,
            evidence=tuple(dict.fromkeys([*state, *contact])),
        ),
    )


def _is_short(printed: str) -> bool:
    """``OutOfCompliance (4)`` of the first agents and the words of later ones."""
    return authorization_state(printed.split("(", maxsplit=1)[0]) is AuthorizationState.OUT_OF_COMPLIANCE


def _recent(authorization: Authorization) -> list[Span]:
    """The lines that show the contact: it succeeded, and the next is 12 hours after it."""
    last, following = authorization.last_communication, authorization.next_communication
    if last is None or not last.succeeded:
        return []
    spans = [last.outcome.span]
    if following and last.time and last.time.has_year and following.value.has_year:
        wait = following.value.wall - last.time.wall
        if abs(wait - _RECHECK) <= _SLACK:
            spans.append(following.span)
    return spans


def _logged(case: Case) -> list[Span]:
    """The agent's newest line about compliance, where it says that there is none."""
    events = case.events("OUT_OF_COMPLIANCE", "IN_COMPLIANCE")
    if not events or "OUT_OF_COMPLIANCE" not in events[-1].span.text:
        return []
    order = {id(item.fact): index for index, item in enumerate(case.items)}[id(events[-1])]
    for later in case.items[order + 1 :]:
        report = later.fact
        if isinstance(report, LicenseReport) and report.authorization:
            good = report.authorization.state is AuthorizationState.AUTHORIZED
            if good and standing.of(case).works:
                return []
    return [events[-1].span]


HOLDS = Example(
    title="Contact two minutes ago, the next in twelve hours, one of two licences short.",
    text="""rtr-branch#show license all
Smart Licensing Status
======================

Smart Licensing is ENABLED

Utility:
  Status: DISABLED

Data Privacy:
  Sending Hostname: yes
    Callhome hostname privacy: DISABLED
    Smart Licensing hostname privacy: DISABLED
  Version privacy: DISABLED

Transport:
  Type: Callhome

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Branches
  Export-Controlled Functionality: ALLOWED
  Initial Registration: SUCCEEDED on May 04 12:00:00 2021 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Oct 31 12:00:00 2021 UTC
  Registration Expires: May 04 11:55:03 2022 UTC

License Authorization: 
  Status: OUT OF COMPLIANCE on May 04 12:00:20 2021 UTC
  Last Communication Attempt: SUCCEEDED on May 04 12:00:20 2021 UTC
  Next Communication Attempt: May 05 00:00:20 2021 UTC
  Communication Deadline: Aug 02 11:55:22 2021 UTC

License Usage
==============

AX Package (ISR_4331_Application):
  Description: AX Package
  Count: 1
  Version: 1.0
  Status: OUT OF COMPLIANCE
  Export status: NOT RESTRICTED

Security Package (ISR_4331_Security):
  Description: Security Package
  Count: 1
  Version: 1.0
  Status: AUTHORIZED
  Export status: NOT RESTRICTED
""",
)
SILENT = Example(
    title="A telephone system in compliance, its next contact twelve hours ahead all the same.",
    text="""admin@orchestra# show license status
Smart Licensing is ENABLED

Registration:
Status: REGISTERED
Smart Account: Example Services
Virtual Account: Default
Export-Controlled Functionality: Allowed
Initial Registration: SUCCEEDED on Mar 02 09:10:01 2017 UTC
Last Renewal Attempt: SUCCEEDED on Mar 02 09:10:05 2017 UTC
Next Renewal Attempt: Aug 29 09:10:05 2017 UTC
Registration Expires: Mar 02 09:07:02 2018 UTC

License Authorization:
License Authorization:
Status: IN COMPLIANCE on Mar 02 09:10:09 2017 UTC
Last Communication Attempt: SUCCEEDED on Mar 02 09:10:09 2017 UTC
Next Communication Attempt: Mar 02 21:10:09 2017 UTC
Communication Deadline: May 31 09:05:08 2017 UTC
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.ENTITLEMENT,
    sentence="The account holds fewer licences than the device uses; the connection works.",
    evidence=(
        "`Status: OUT OF COMPLIANCE` in the authorization or of a licence, or the agent's OUT_OF_COMPLIANCE",
        "a successful communication at that time, and the next attempt 12 hours later",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the portal was reached and answered: trust works"),
        LookAlike(cause="authorization-expired", difference="there was contact, so no deadline has passed"),
        LookAlike(
            cause="communication-failing",
            difference="the last communication succeeded; 12 hours is normal here",
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "Add licences to the virtual account, move them there or ask for less; then `license smart renew auth`.",
        ),
        (
            Platform.FXOS,
            "Add or move licences in the virtual account; then `scope license`, `scope licdebug`, `renew`.",
        ),
        (Platform.IOSXE, "Add or move licences in the virtual account; then `license smart renew auth`."),
    ),
    verification="AUTHORIZED, and the next communication about 30 days ahead.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.2", "domain 4, row 26"),
)
