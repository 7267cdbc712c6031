"""The transport is off, so usage is reported only by hand."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.doctor import present
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "reporting-off"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a transport that is off; with a deadline for an acknowledgement that matters."""
    for report in reversed(case.facts(LicenseReport)):
        transport = report.transport
        if transport is None or transport.kind is None:
            continue
        if "off" not in transport.kind.value.lower().split():
            return ()
        spans = [transport.kind.span]
        deadline = report.reporting.next_ack_deadline if report.reporting else None
        due = deadline is not None and any(character.isdigit() for character in deadline.value)
        if deadline is not None and due:
            spans.append(deadline.span)
        seen = present.newest(case)
        return (
            Finding(
                code=CODE,
                severity=Severity.WARNING if due else Severity.NOTE,
                confidence=Confidence.CANDIDATE,
                sentence=(
                    "The transport is off: usage reaches the portal only as a file carried by hand"
                    + (f", and an acknowledgement is due ({deadline})." if due else ".")
                    + ("" if seen else " Whether a file was carried lately is not shown.")
                ),
                evidence=tuple(spans),
            ),
        )
    return ()


HOLDS = Example(
    title="The transport is off, and an acknowledgement is due.",
    text="""acc-sw-3#show license status
Utility:
  Status: DISABLED

Smart Licensing Using Policy:
  Status: ENABLED

Data Privacy:
  Sending Hostname: yes
    Callhome hostname privacy: DISABLED
    Smart Licensing hostname privacy: DISABLED
  Version privacy: DISABLED

Transport:
  Type: Transport Off

Usage Reporting:
  Last ACK received: <none>
  Next ACK deadline: Sep 14 10:12:00 2022 UTC
  Reporting push interval: 30  days
  Next ACK push check: <none>
  Next report push: Jul 16 10:12:00 2022 UTC
  Last report push: <none>
  Last report file write: <none>

Trust Code Installed: <none>
""",
)
SILENT = Example(
    title="Reports go out and are acknowledged.",
    text="""acc-sw-4#show license status
Utility:
  Status: DISABLED

Smart Licensing Using Policy:
  Status: ENABLED

Transport:
  Type: Smart
  URL: https://smartreceiver.cisco.com/licservice/license
  Proxy:
    Not Configured

Usage Reporting:
  Last ACK received: Jun 16 10:12:41 2022 UTC
  Next ACK deadline: Sep 14 10:12:41 2022 UTC
  Reporting push interval: 30  days
  Next ACK push check: <none>
  Next report push: Jul 16 10:08:00 2022 UTC
  Last report push: Jun 16 10:08:00 2022 UTC
  Last report file write: <none>
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="The transport is off: usage is reported only by files carried by hand.",
    evidence=("`Transport: Type: Transport Off`", "a date in `Next ACK deadline`"),
    look_alikes=(
        LookAlike(
            cause="transport-disabled", difference="there a transport is set and call-home is not active"
        ),
        LookAlike(cause="cslu-default", difference="there the device looks for a utility"),
    ),
    remedy=(
        (Platform.IOSXE, "`license smart transport smart` with its URL, or carry the report file by hand"),
    ),
    verification="`Last ACK received` shows a date.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.14",),
)
