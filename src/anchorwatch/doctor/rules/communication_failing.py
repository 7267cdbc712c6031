"""The newest exchange with the portal failed: a consequence, or all that is known."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.doctor import ladder, portal_words, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "communication-failing"


def find(case: Case) -> tuple[Finding, ...]:
    """Say that licensing fails, since when, in whose words, and which rung is known to fail."""
    stands = standing.of(case)
    newest = stands.newest
    if stands.works is not False or newest is None:
        return ()
    reasons = spoken.standing_reasons(case)
    reason = next((each for each in reversed(reasons) if newest.span in each.spans), None)
    rung = ladder.of(case).failing
    sentence = "The newest exchange with the portal failed"
    sentence += f": “{reason.text[:200].rstrip('. ')}”." if reason else "."
    if rung is not None:
        sentence += f" The lowest rung that fails is {rung.rung.upper()}: {rung.sentence[0].lower()}{rung.sentence[1:]}"
    else:
        sentence += " Which rung fails is not shown: from clock to portal each has to be asked."
    evidence = [newest.span, *([newest.reason] if newest.reason else []), *(rung.spans if rung else ())]
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING if _harmless(case, reasons) else Severity.TROUBLE,
            confidence=Confidence.CONFIRMED,
            sentence=sentence,
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _harmless(case: Case, reasons: tuple[spoken.Said, ...]) -> bool:
    """Whether only the utility that IOS-XE looks for by default was not found: nothing waits for it."""
    if not reasons or not all(portal_words.names_local_utility(each.text) for each in reasons):
        return False
    return not any(report.registration for report in case.facts(LicenseReport))


HOLDS = Example(
    title="Registered, and the last communication failed without a telling reason.",
    text="""asa-edge# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Edge
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Feb 11 09:20:14 2019 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Aug 10 09:20:13 2019 UTC
  Registration Expires: Feb 11 09:15:10 2020 UTC

License Authorization: 
  Status: AUTHORIZED on Feb 11 09:20:20 2019 UTC
  Last Communication Attempt: FAILED on Mar 13 09:20:31 2019 UTC
    Failure reason: Communication message send error
  Next Communication Attempt: Mar 13 09:35:31 2019 UTC
  Communication Deadline: May 12 09:15:16 2019 UTC

License Usage
==============

ASAv10 Standard - 1G (ASAv-STD-1G):
  Description: ASAv10 Standard - 1G
  Count: 1
  Version: 1.0
  Status: AUTHORIZED
""",
)
SILENT = Example(
    title="Failures at boot that a later success has healed.",
    text="""rtr-7# show logging
Oct  3 06:11:40.122: %SMART_LIC-6-AGENT_READY: Smart Agent for Licensing is initialized
Oct  3 06:11:52.640: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : Communications init failure
Oct  3 06:13:09.001: %SYS-5-CONFIG_I: Configured from console by admin on vty0
Oct  3 06:19:44.310: %SMART_LIC-5-COMM_RESTORED: Communications with the Cisco Smart Software Manager (CSSM) restored
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=None,
    sentence="The device does not get through to the licensing portal: a consequence, or a cause not yet known.",
    evidence=(
        "the newest attempt on a licence screen is FAILED, or the agent's newest line says so",
        "no success newer than it: REGISTERED proves nothing",
    ),
    look_alikes=(
        LookAlike(
            cause="out-of-compliance",
            difference="communication works there, and the next attempt is 12 hours after the last",
        ),
        LookAlike(cause="unregistered", difference="nothing was tried there, so nothing failed"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Find the rung: clock, DNS, `ping tcp`, `call-home test profile License`, then the log.",
        ),
        (Platform.FXOS, "Find the rung: clock, DNS, reachability from the chassis, then its trustpoints."),
        (Platform.IOSXE, "Find the rung: clock, name resolution, the source interface, then the trust pool."),
    ),
    verification="A communication that succeeded, later than the repair.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, reading key", "domain 6, decoys 5 and 9"),
)
