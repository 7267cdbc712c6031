"""The version is not shown, but an automatic import is: the ASA is 9.5(2) or newer."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, SoftwareVersion, TrustpoolConfig, TrustpoolPolicy
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "version-inferred"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the line that only 9.5(2) or newer prints, where no version was shown."""
    if case.lasting(SoftwareVersion):
        return ()
    spans = [
        config.auto_import.span
        for config in case.facts(TrustpoolConfig)
        if config.auto_import is not None and config.auto_import.value
    ]
    spans += [policy.automatic.span for policy in case.facts(TrustpoolPolicy) if policy.automatic is not None]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.LIKELY,
            sentence="The version is not shown; an automatic import of the trust pool means 9.5(2) or newer.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The software is 9.5(2) or newer, by what it prints.",
    evidence=("`auto-import` in the configuration of the trust pool, or its line in the policy",),
    look_alikes=(
        LookAlike(cause="auto-import-off", difference="the bare policy without the line tells no version"),
    ),
    remedy=((Platform.ASA, "show version tells it."),),
    verification="`show version` prints it.",
    find=find,
    cap=Confidence.LIKELY,
    holds=Example(
        title="A configuration with the line.",
        text="""asa-edge# show running-config crypto ca trustpool
crypto ca trustpool policy
 auto-import
""",
    ),
    silent=Example(
        title="The version is shown.",
        text="""asa-edge# show version
Cisco Adaptive Security Appliance Software Version 9.8(2)
asa-edge# show running-config crypto ca trustpool
crypto ca trustpool policy
 auto-import
""",
    ),
    sources=("domain 2.15", "Cisco TAC document 213932"),
)
