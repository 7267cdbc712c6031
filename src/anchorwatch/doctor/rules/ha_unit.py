"""One unit of a pair has another licence state than its mate."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "ha-unit"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the agent's line about a standby that is out of step, and none after it."""
    events = case.events("HOT_STANDBY_OUT_OF_SYNC", "HA_ROLE_CHANGED", "HA_CHASSIS_ROLE_CHANGED")
    spans = [event.span for event in events if "HOT_STANDBY_OUT_OF_SYNC" in event.span.text]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The standby unit is out of step with the active one: look at each unit by itself before the next "
                "failover."
            ),
            evidence=tuple(spans[-2:]),
        ),
    )


HOLDS = Example(
    title="The standby supervisor has old licensing data.",
    text="""core-a#show logging | include SMART
May 19 2021 13:00:00: %SMART_LIC-3-HOT_STANDBY_OUT_OF_SYNC: Smart Licensing agent on hot standby is out of sync with active Smart Licensing agent
""",
)
SILENT = Example(
    title="The roles changed, as they do.",
    text="""core-a#show logging | include SMART
May 19 2021 13:00:00: %SMART_LIC-6-HA_ROLE_CHANGED: Smart Agent HA role changed to Active.
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="A unit of a pair has another licence state than its mate.",
    evidence=("the agent's HOT_STANDBY_OUT_OF_SYNC",),
    look_alikes=(
        LookAlike(
            cause="communication-failing", difference="that is about the unit that talks to the portal"
        ),
        LookAlike(cause="unregistered", difference="each unit of an ASA pair registers by itself"),
    ),
    remedy=(
        (Platform.ASA, "`show license all` on each unit; register the one that lacks it, per unit."),
        (Platform.FXOS, "`show license all` on each chassis; register the one that lacks it, per chassis."),
        (
            Platform.IOSXE,
            "Only the active unit talks; reload the standby in a window if it stays out of step.",
        ),
    ),
    verification="Both units show the state they should.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 3.4", "domain 4, row 37", "domain 4.1, rule 8"),
)
