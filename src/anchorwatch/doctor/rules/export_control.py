"""The registered product may not use strong encryption, because its token did not allow it."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, SoftwareVersion
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import platform, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung
from anchorwatch.licensing.status import RegistrationState

CODE = "export-control"


def find(case: Case) -> tuple[Finding, ...]:
    """Find `Not Allowed` on a registered product; while unregistered it is normal."""
    evidence = _printed(case)
    confidence = Confidence.CONFIRMED
    if not evidence:
        evidence = _logged(case)
        confidence = Confidence.LIKELY
    if not evidence:
        return ()
    severity, effect = Severity.TROUBLE, "VPN, ASDM and SSH with strong ciphers do not work."
    if not platform.is_firewall(case):
        # Elsewhere it matters only to those who use such functions; where nothing tells, that is not known.
        known = platform.of(case) is not None or platform.product(case) is not None
        severity = Severity.WARNING if known else Severity.TROUBLE
        confidence = confidence if known else Confidence.CANDIDATE
        effect = "It matters on a firewall, and elsewhere where such functions are used."
    if severity is Severity.TROUBLE and standing.of(case).works is False:
        # A new token registers anew, and nothing can be registered before the portal is reached again.
        severity = Severity.WARNING
    return (
        Finding(
            code=CODE,
            severity=severity,
            confidence=confidence,
            sentence=f"The product is registered without export-controlled functions (strong encryption). {effect}",
            evidence=tuple(dict.fromkeys([*evidence, *_only_weak(case)])),
        ),
    )


def _printed(case: Case) -> list[Span]:
    for report in reversed(case.facts(LicenseReport)):
        registration = report.registration
        if registration is None or registration.status is None:
            continue
        allowed = registration.export_controlled
        if registration.state is not RegistrationState.REGISTERED or allowed is None:
            return []
        # "Not" alone is what a folded line leaves of it; the other value is "Allowed".
        refused = allowed.value.strip().upper().startswith("NOT")
        return [allowed.span, registration.status.span] if refused else []
    return []


def _logged(case: Case) -> list[Span]:
    """The agent's line after a registration that succeeded; at boot, before any, it says nothing."""
    events = case.events("AGENT_REG_SUCCESS", "EXPORT_CONTROLLED", "AGENT_DEREG_SUCCESS")
    if any(report.registration for report in case.facts(LicenseReport)):
        return []
    registered: Span | None = None
    found: list[Span] = []
    for event in events:
        if "AGENT_REG_SUCCESS" in event.span.text:
            registered, found = event.span, []
        elif "AGENT_DEREG_SUCCESS" in event.span.text:
            registered, found = None, []
        elif registered is not None:
            found = [registered, event.span] if "not allowed" in event.text.lower() else []
    return found


def _only_weak(case: Case) -> list[Span]:
    """The version's line where its features show that only DES is on."""
    for version in case.facts(SoftwareVersion):
        strong = [value for name, value in version.features if "3DES" in name.upper()]
        if strong and strong[0].lower().startswith("disabled") and version.license_mode:
            return [version.license_mode.span]
    return []


HOLDS = Example(
    title="Registered and authorized, and VPN will not come up.",
    text="""vpn-gw# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Remote Access
  Export-Controlled Functionality: Not Allowed
  Initial Registration: SUCCEEDED on Apr 02 14:05:10 2019 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Sep 29 14:05:09 2019 UTC
  Registration Expires: Apr 01 14:00:05 2020 UTC

License Authorization: 
  Status: AUTHORIZED on Apr 02 14:05:18 2019 UTC
  Last Communication Attempt: SUCCESS on Apr 02 14:05:18 2019 UTC
  Next Communication Attempt: May 02 14:05:17 2019 UTC
  Communication Deadline: Jul 01 14:00:14 2019 UTC

License Usage
==============

ASAv10 Standard - 1G (ASAv-STD-1G):
  Description: ASAv10 Standard - 1G
  Count: 1
  Version: 1.0
  Status: AUTHORIZED

Product Information
===================
UDI: PID:ASAv,SN:9AEXAMPLE02

Agent Version
=============
Smart Agent for Licensing: 1.6.14_rel/129
""",
)
SILENT = Example(
    title="Not allowed because not registered yet, with the agent's line at boot.",
    text="""rtr#show logging
*Mar  1 00:01:12.001: %SMART_LIC-6-AGENT_ENABLED: Smart Agent for Licensing is enabled
*Mar  1 00:01:14.317: %SMART_LIC-6-EXPORT_CONTROLLED: Usage of export controlled features is not allowed
rtr#show license status
Smart Licensing is ENABLED

Utility:
  Status: DISABLED

Transport:
  Type: Callhome

Registration:
  Status: UNREGISTERED
  Export-Controlled Functionality: NOT ALLOWED

License Authorization: 
  Status: No Licenses in Use

Export Authorization Key:
  Features Authorized:
    <none>
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.ENTITLEMENT,
    sentence="The product is registered, but its token did not allow export-controlled functions (strong encryption).",
    evidence=(
        "`Export-Controlled Functionality: Not Allowed` while REGISTERED",
        "or the agent's EXPORT_CONTROLLED line saying so after AGENT_REG_SUCCESS",
    ),
    look_alikes=(
        LookAlike(cause="unregistered", difference="while unregistered it is not allowed anywhere: normal"),
        LookAlike(
            cause="out-of-compliance", difference="there a licence is short; here what the token allowed"
        ),
        LookAlike(cause="tls-mismatch", difference="that is about one connection; this is about the product"),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "Take a token with “Allow export-controlled functionality”, then `license smart register idtoken … force`; "
                "or, where the account has that licence, `feature strong-encryption` under `license smart`."
            ),
        ),
        (
            Platform.FXOS,
            "Register the chassis with such a token; on the application `feature strong-encryption`.",
        ),
        (Platform.IOSXE, "Register with such a token, or request the export authorization for the feature."),
    ),
    verification="`Export-Controlled Functionality: Allowed`, and `Encryption-3DES-AES: Enabled` in `show version`.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 4, row 27", "domain 4.1, rule 6"),
)
