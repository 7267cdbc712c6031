"""The licence is reserved: such a device needs no connection at all."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.doctor import spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "reservation"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the reservation on a screen, and a registration refused because of it."""
    spans = [
        report.reservation.span
        for report in case.facts(LicenseReport)
        if report.reservation and report.reservation.value.upper().startswith("ENABLED")
    ]
    refused = [span for each in spoken.about(case, Topic.RESERVATION) for span in each.spans]
    if not spans and not refused:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "Licence reservation is enabled: the licence lives on the device and needs no connection; "
                "a registration is refused while it is."
            ),
            evidence=tuple(dict.fromkeys([*spans, *refused])),
        ),
    )


HOLDS = Example(
    title="An isolated firewall whose licence is reserved.",
    text="""fw-iso# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED - UNIVERSAL LICENSE RESERVATION
  Export-Controlled Functionality: ALLOWED
  Initial Registration: SUCCEEDED on Aug 14 09:00:00 2020 UTC

License Authorization:
  Status: AUTHORIZED - RESERVED on Aug 14 09:00:00 2020 UTC

Utility:
  Status: DISABLED

Transport:
  Type: Callhome

Product Information
===================
UDI: PID:ASAv,SN:9AEXAMPLE05

Agent Version
=============
Smart Agent for Licensing: 4.3.6_rel/38

Reservation Info
================
License reservation: ENABLED
""",
)
SILENT = Example(
    title="The ordinary case: reservation is there, and off.",
    text="""fw-net# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED
  Export-Controlled Functionality: NOT ALLOWED

License Authorization:
  Status: No Licenses in Use

Reservation Info
================
License reservation: DISABLED
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The licence is reserved (PLR, SLR): the device needs no connection to the portal.",
    evidence=("`License reservation: ENABLED`", "or a registration refused because of a reservation"),
    look_alikes=(
        LookAlike(cause="unregistered", difference="a reserved device does not register, and is in order"),
        LookAlike(cause="communication-failing", difference="it does not communicate at all"),
    ),
    remedy=(
        (Platform.ASA, "Leave it alone, or return the reservation first, which is a person's decision."),
        (Platform.IOSXE, "Leave it alone, or return the reservation first, which is a person's decision."),
    ),
    verification="`show license all` still shows what was reserved.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.1", "domain 4, row 36"),
)
