"""How far the device's clock is from the portal's, told by one licence screen; information, not a fault."""

from __future__ import annotations

from datetime import timedelta

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.doctor import skew
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung

CODE = "clock-skew"


def find(case: Case) -> tuple[Finding, ...]:
    """Estimate the difference from the newest screen that shows it."""
    for report in reversed(case.facts(LicenseReport)):
        estimated = skew.estimate(report)
        if estimated is None:
            continue
        raw = abs(estimated.ahead + skew.BACK_DATING)
        if estimated.is_normal:
            sentence = (
                f"The portal's dates lie {_minutes(raw)} before the device's own: normal, because the portal dates back "
                f"by about {_minutes(skew.BACK_DATING)}. The clock is right within {_minutes(estimated.uncertainty)}."
            )
        else:
            side = "ahead of" if estimated.ahead > timedelta(0) else "behind"
            sentence = (
                f"The device's clock ran about {_minutes(abs(estimated.ahead))} {side} the portal's "
                f"(± {_minutes(estimated.uncertainty)}), told from this screen alone."
            )
        return (
            Finding(
                code=CODE,
                severity=Severity.NOTE,
                confidence=Confidence.LIKELY,
                sentence=sentence,
                evidence=estimated.evidence,
            ),
        )
    return ()


def _minutes(length: timedelta) -> str:
    minutes = round(length / timedelta(minutes=1))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


HOLDS = Example(
    title="All times of the portal lie an hour before those of the device.",
    text="""csr1#sh license status
Smart Licensing is ENABLED

Utility:
  Status: DISABLED

Transport:
  Type: Callhome

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Lab
  Export-Controlled Functionality: ALLOWED
  Initial Registration: SUCCEEDED on Sep 01 16:00:00 2023 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Feb 28 16:00:00 2024 UTC
  Registration Expires: Aug 31 15:00:55 2024 UTC

License Authorization: 
  Status: AUTHORIZED on Sep 01 16:00:05 2023 UTC
  Last Communication Attempt: SUCCEEDED on Sep 01 16:00:05 2023 UTC
  Next Communication Attempt: Oct 01 16:00:05 2023 UTC
  Communication Deadline: Nov 30 15:01:02 2023 UTC
""",
)
SILENT = Example(
    title="Dates that contradict each other were set by other events, and tell nothing.",
    text="""fw# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example LLC
  Virtual Account: DEFAULT
  Export-Controlled Functionality: ALLOWED
  Initial Registration: SUCCEEDED on Feb 10 2023 11:27:20 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Aug 18 2023 13:40:54 UTC
  Registration Expires: Feb 29 2024 13:21:17 UTC

License Authorization:
  Status: AUTHORIZED on Feb 10 2023 08:20:02 UTC
  Last Communication Attempt: SUCCEEDED on Feb 11 2023 17:28:02 UTC
  Next Communication Attempt: Mar 10 2023 09:43:06 UTC
  Communication Deadline: May 09 2023 18:22:16 UTC
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=Rung.CLOCK,
    sentence="How far the device's clock is from the portal's, told by one licence screen.",
    evidence=(
        "Registration Expires less 365 days, beside the time of that registration or renewal",
        "Communication Deadline less 90 days, beside the time of the last success",
    ),
    look_alikes=(
        LookAlike(
            cause="clock-wrong", difference="that is a fault shown by the clock itself or by what fails"
        ),
    ),
    remedy=((Platform.ASA, "`ntp server …`"), (Platform.IOSXE, "`ntp server …`")),
    verification="After the next renewal the difference is about five minutes.",
    find=find,
    cap=Confidence.LIKELY,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.3",),
)
