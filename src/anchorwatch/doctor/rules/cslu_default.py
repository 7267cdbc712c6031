"""IOS-XE of the policy era looks for a licensing utility on site that nobody has set up."""

from __future__ import annotations

from anchorwatch.devices.fact import AgentEvent, LogMessage, Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import portal_words, spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule

CODE = "cslu-default"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the default transport without an address, or the agent's line about the utility it cannot find."""
    screen = _default(case)
    logged = [
        message.span
        for message in case.facts(LogMessage)
        if isinstance(message.detail, AgentEvent)
        and message.detail.mnemonic == "COMM_FAILED"
        and portal_words.names_local_utility(message.detail.text)
        and _is_unresolved(message.detail.text)
    ]
    standing = {span for each in spoken.standing_reasons(case) for span in each.spans}
    logged = [span for span in logged if span in standing]
    if not logged and not screen:
        return ()
    if not logged:
        severity, confidence = Severity.NOTE, Confidence.LIKELY
    else:
        severity = Severity.WARNING
        confidence = Confidence.CONFIRMED if screen else Confidence.LIKELY
    return (
        Finding(
            code=CODE,
            severity=severity,
            confidence=confidence,
            sentence=(
                "The device looks for a licensing utility (CSLU), the default since IOS-XE 17.3.2, and none is set up. "
                "That is harmless unless usage has to be reported."
            ),
            evidence=tuple(dict.fromkeys([*screen, *logged])),
        ),
    )


def _is_unresolved(text: str) -> bool:
    words = portal_words.understand(text)
    return words is not None and words.topic is Topic.UNRESOLVED


def _default(case: Case) -> list[Span]:
    for report in reversed(case.facts(LicenseReport)):
        transport = report.transport
        if transport is None or transport.kind is None:
            continue
        address = transport.cslu_address
        empty = address is not None and address.value.strip().lower() in {"<empty>", "cslu-local", ""}
        if transport.kind.value.strip().lower() == "cslu" and address is not None and empty:
            return [transport.kind.span, address.span]
        return []
    return []


HOLDS = Example(
    title="A new router with its defaults, and the line it logs every few hours.",
    text="""edge-8k#show license status
Utility:
  Status: DISABLED

Smart Licensing Using Policy:
  Status: ENABLED

Account Information:
  Smart Account: <none>
  Virtual Account: <none>

Data Privacy:
  Sending Hostname: yes
    Callhome hostname privacy: DISABLED
    Smart Licensing hostname privacy: DISABLED
  Version privacy: DISABLED

Transport:
  Type: cslu
  Cslu address: <empty>
  Proxy:
    Not Configured
  VRF: <empty>

Miscellaneous:
  Custom Id: <empty>

Usage Reporting:
  Last ACK received: <none>
  Next ACK deadline: <none>
  Reporting push interval: 0 (no reporting)
  Next ACK push check: <none>
  Next report push: <none>
  Last report push: <none>
  Last report file write: <none>

Trust Code Installed: <none>

edge-8k#show logging | include SMART
Apr 12 05:40:11.902: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart License Utility (CSLU) : Unable to resolve server hostname/domain name
""",
)
SILENT = Example(
    title="The portal's own name is not resolved: that is DNS.",
    text="""edge-8k#show logging | include SMART
Apr 12 05:40:11.902: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : Unable to resolve server hostname/domain name
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="The device looks for the default licensing utility on site, and there is none.",
    evidence=(
        "`Transport: Type: cslu` with an empty address",
        "COMM_FAILED with the Cisco Smart License Utility: unable to resolve the name",
    ),
    look_alikes=(
        LookAlike(cause="dns-failing", difference="only the utility's default name is not resolved"),
        LookAlike(cause="anchor-missing", difference="no connection was ever made"),
    ),
    remedy=(
        (Platform.IOSXE, "`license smart transport smart` with its URL, or `license smart transport off`"),
        (Platform.IOSXR, "`license smart transport smart` with its URL, or `off`"),
    ),
    verification="The line is no longer logged; where usage is reported, `Last ACK received` shows a date.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, row 21"),
)
