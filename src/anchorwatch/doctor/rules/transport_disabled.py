"""Nothing leaves the device: call-home or its profile is switched off."""

from __future__ import annotations

from anchorwatch.devices.fact import CallHomeConfig, Platform
from anchorwatch.devices.span import Span
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "transport-disabled"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the agent's own words, or a profile that is off while exchanges fail."""
    if standing.of(case).works:
        return ()
    said = [span for each in spoken.about(case, Topic.TRANSPORT_OFF) for span in each.spans]
    off = _off(case)
    unready = [span for each in spoken.about(case, Topic.NOT_READY) for span in each.spans]
    if said:
        confidence = Confidence.CONFIRMED
    elif off and standing.of(case).works is False:
        confidence = Confidence.LIKELY
    elif unready:
        confidence = Confidence.CANDIDATE  # said while starting as well
    else:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=confidence,
            sentence="The transport of licence messages is switched off on the device, so nothing is sent.",
            evidence=tuple(dict.fromkeys([*said, *off, *unready])),
        ),
    )


def _off(case: Case) -> list[Span]:
    """Lines that switch call-home, or the profile of licensing, off."""
    found = []
    for config in case.facts(CallHomeConfig):
        if config.service is not None and not config.service.value:
            found.append(config.service.span)
        # The profile for the support centre is off by default; licensing has its own.
        found += [
            profile.active.span
            for profile in config.profiles
            if profile.active is not None
            and not profile.active.value
            and profile.name.value.lower() == "license"
        ]
    return found


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.HTTP,
    sentence="Call-home, or its profile for licensing, is switched off.",
    evidence=(
        "`The action failed because smart license transport is disabled in call-home`",
        "`Profile status: INACTIVE`, `no active` in the profile License, or `no service call-home`",
        "no packets leave the device at all",
    ),
    look_alikes=(
        LookAlike(cause="no-route", difference="packets leave and are not answered"),
        LookAlike(cause="cslu-default", difference="the transport is on and waits for a utility on site"),
    ),
    remedy=(
        (Platform.ASA, "service call-home; call-home, profile License, active."),
        (
            Platform.IOSXE,
            "service call-home; call-home, profile <name>, active, reporting smart-licensing-data.",
        ),
    ),
    verification="`show call-home` shows the profile as ACTIVE, and `call-home test profile License` succeeds.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="A router whose profile does not report licensing data.",
        text="""Aug 09 2021 07:00:11.003: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : The action failed because smart license transport is disabled in call-home. Please enable it
""",
    ),
    silent=Example(
        title="The profile of the support centre is off, as delivered, and licensing fails for another reason.",
        text="""asa-edge# show running-config call-home
no call-home reporting anonymous
call-home
 profile License
  destination address http https://tools.cisco.com/its/service/oddce/services/DDCEService
  destination transport-method http
 profile CiscoTAC-1
  no active
  destination address http https://tools.cisco.com/its/service/oddce/services/DDCEService
  destination transport-method http
asa-edge# show logging
Apr 03 2019 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send error
""",
    ),
    sources=("domain 4, row 20",),
)
