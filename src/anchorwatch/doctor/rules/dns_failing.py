"""The portal's name has no address on this device."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import reach, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "dns-failing"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a name that was not resolved, with no success since."""
    if standing.of(case).works:
        return ()
    spans = reach.unresolved(case)
    unset = [message.span for message in case.logged("120011")]
    if not spans and not (unset and standing.of(case).works is False):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if spans else Confidence.LIKELY,
            sentence=(
                "The device cannot resolve the portal's name, so no connection is tried."
                if spans
                else "No name server is configured, and the exchange with the portal fails."
            ),
            evidence=tuple(dict.fromkeys([*spans, *unset])),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.DNS,
    sentence="The device cannot resolve the name of the portal.",
    evidence=(
        "717026 for a host the licence needs, or 120011 (no name server configured)",
        "`Unable to resolve server hostname/domain name`",
        "`ping tools.cisco.com` answers `ERROR: % Invalid Hostname`",
    ),
    look_alikes=(
        LookAlike(cause="no-route", difference="the name resolves, and no TCP connection comes about"),
        LookAlike(
            cause="cslu-default",
            difference="only the utility on site (`cslu-local`) is not found, which IOS-XE looks for by default",
        ),
        LookAlike(
            cause="proxy-wrong", difference="behind a proxy the device need not resolve the portal itself"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "dns domain-lookup <interface>, dns server-group DefaultDNS, name-server <DNS server>.",
        ),
        (Platform.FXOS, "scope system, scope services, create dns <DNS server>, commit-buffer."),
        (Platform.IOSXE, "ip name-server <DNS server>, ip domain lookup; in a VRF both with its name."),
    ),
    verification="`ping tcp tools.cisco.com 443` resolves the name and answers; the next attempt succeeds.",
    find=find,
    explains=(*FAILED_EXCHANGE, "auto-import-failing", "evaluation-used-up"),
    holds=Example(
        title="The log names the host it cannot find, and so does a ping.",
        text="""asa-edge# show logging
Apr 03 2019 10:00:01: %ASA-4-717026: Name lookup failed for hostname tools.cisco.com during PKI operation.
Apr 03 2019 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Unable to resolve server hostname/domain name
asa-edge# ping tools.cisco.com
                ^
ERROR: % Invalid Hostname
""",
    ),
    silent=Example(
        title="The name was not found while the device started, and everything works since.",
        text="""asa-edge# show logging
Apr 03 2019 10:00:01: %ASA-4-717026: Name lookup failed for hostname tools.cisco.com during PKI operation.
Apr 03 2019 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Unable to resolve server hostname/domain name
Apr 03 2019 10:01:40: %ASA-5-444305: %SMART_LIC-5-COMM_RESTORED: Communications with Cisco licensing cloud restored
""",
    ),
    sources=("domain 4, row 16",),
)
