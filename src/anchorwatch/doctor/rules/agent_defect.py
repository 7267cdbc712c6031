"""The licensing agent itself fails, before anything leaves the device."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule

CODE = "agent-defect"


def find(case: Case) -> tuple[Finding, ...]:
    """Find reasons and lines that only a defect of the agent brings about."""
    spans = [span for each in spoken.about(case, Topic.AGENT_DEFECT) for span in each.spans]
    if not standing.of(case).works:
        spans += [message.span for message in case.events("BAD_MODE", "BAD_NOTIF", "INVALID_ROLE_STATE")]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The licensing agent fails by itself, before a request leaves the device: a defect of its software. "
                "Neither network nor trust is involved."
            ),
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


HOLDS = Example(
    title="A request that cannot even be built.",
    text="""agg-sw-1#show license tech support
Smart Licensing Tech Support info

Communication Statistics:
=======================
Communication Level Allowed: DIRECT
Overall State: <empty>
Usage Reporting:
  Attempts: Total=9, Success=0, Fail=9  Ongoing Failure: Overall=9 Communication=9
  Last Response: BUILD REQUEST ERROR on Aug 11 03:20:18 2022 UTC
    Failure Reason: Null pointer Error
  Last Success Time: <none>
  Last Failure Time: Aug 11 03:20:18 2022 UTC
""",
)
SILENT = Example(
    title="Noise at boot of a virtual machine.",
    text="""cml-rtr#show logging | include SMART
*Aug 11 03:20:18.001: %SMART_LIC-2-PLATFORM_ERROR: Smart Licensing has encountered an internal software error. Contact TAC: UDI list has invalid values
*Aug 11 03:20:19.114: %SMART_LIC-6-AGENT_READY: Smart Agent for Licensing is initialized
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=None,
    sentence="The licensing agent fails by itself, before anything leaves the device.",
    evidence=(
        "`Last Response: BUILD REQUEST ERROR`, `Null pointer Error`",
        "or the agent's BAD_MODE, BAD_NOTIF, INVALID_ROLE_STATE",
    ),
    look_alikes=(
        LookAlike(
            cause="communication-failing", difference="nothing was sent there either, but by the transport"
        ),
        LookAlike(cause="instance-removed", difference="there the portal answered"),
    ),
    remedy=(
        (Platform.ASA, "Look for the defect of this release; upgrade, or the vendor's support."),
        (Platform.IOSXE, "Look for the defect of this release; upgrade, or the vendor's support."),
    ),
    verification="A new attempt ends in an answer of the portal.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 3.7"),
)
