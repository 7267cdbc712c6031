"""The device asks for nothing: no feature tier and no throughput level is configured."""

from __future__ import annotations

from anchorwatch.devices.fact import LicenseConfig, Platform, SoftwareVersion
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import platform
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung
from anchorwatch.licensing.status import RegistrationState

CODE = "entitlement-not-configured"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the device's own sentence, or a registered ASAv that uses nothing."""
    if any(config.tier and config.throughput for config in case.facts(LicenseConfig)):
        return ()
    for version in reversed(case.facts(SoftwareVersion)):
        if version.no_entitlement is not None:
            seen = (version.no_entitlement, version.platform_license, version.license_mode)
            return (
                _finding(
                    Confidence.CONFIRMED,
                    Severity.TROUBLE,
                    tuple(each.span for each in seen if each is not None),
                ),
            )
        if version.entitlement is not None:
            return ()
    spans = _nothing_in_use(case)
    return (_finding(Confidence.LIKELY, Severity.WARNING, spans),) if spans else ()


def _finding(confidence: Confidence, severity: Severity, spans: tuple[Span, ...]) -> Finding:
    return Finding(
        code=CODE,
        severity=severity,
        confidence=confidence,
        sentence=(
            "No entitlement is configured: the device asks for no feature tier and no throughput level, so it stays "
            "unlicensed whatever the portal would grant. That is no fault of trust or connection."
        ),
        evidence=spans,
    )


def _nothing_in_use(case: Case) -> tuple[Span, ...]:
    """The lines of a registered ASAv whose screen shows its usage, and none."""
    found = platform.product(case)
    if found is None or found[0].upper() != "ASAV":
        return ()
    report = next((each for each in reversed(case.facts(LicenseReport)) if each.registration), None)
    if report is None or report.registration is None or report.registration.status is None:
        return ()
    registered = report.registration.state is RegistrationState.REGISTERED
    if not registered or not report.usage_shown or report.entitlements:
        return ()
    status = report.authorization.status if report.authorization else None
    return (report.registration.status.span, *((status.outcome.span,) if status else ()), found[1])


HOLDS = Example(
    title="An ASAv's version screen without an entitlement.",
    text="""lab-asav# show version

Cisco Adaptive Security Appliance Software Version 9.8(2)
Firepower Extensible Operating System Version 2.2(2.52)
Device Manager Version 7.8(2)

Compiled on Sun 27-Aug-17 13:06 PDT by builders
System image file is "boot:/asa982-smp-k8.bin"
Config file at boot was "startup-config"

lab-asav up 3 days 2 hours

Hardware:   ASAv, 2048 MB RAM, CPU Xeon E5 series 2000 MHz,
Model Id:   ASAv10
Internal ATA Compact Flash, 8192MB

 0: Ext: Management0/0       : address is 5000.0001.0000, irq 11
 1: Ext: GigabitEthernet0/0  : address is 5000.0001.0001, irq 11

License mode: Smart Licensing
ASAv Platform License State: Unlicensed
No active entitlement: no feature tier and no throughput level configured
Firewall throughput limited to 100 Kbps

Licensed features for this platform:
Maximum VLANs                     : 50
Failover                          : Active/Standby
Encryption-DES                    : Enabled
Encryption-3DES-AES               : Enabled
AnyConnect Premium Peers          : 2
Cluster                           : Disabled

Serial Number: 9AEXAMPLE04

Configuration last modified by enable_15 at 10:11:12.130 UTC Mon Feb 5 2018
""",
)
SILENT = Example(
    title="Unlicensed, although an entitlement is asked for: something else is in the way.",
    text="""lab-asav# show license features
License mode: Smart Licensing
ASAv Platform License State: Unlicensed
Active entitlement: ASAv-STD-1G, enforce mode: Eval period

Licensed features for this platform:
Maximum VLANs                     : 50
Failover                          : Active/Standby
Encryption-DES                    : Enabled
Encryption-3DES-AES               : Disabled
AnyConnect Premium Peers          : 2
Cluster                           : Disabled
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.ENTITLEMENT,
    sentence="No feature tier and no throughput level is configured, so the device asks for no licence.",
    evidence=(
        "`No active entitlement: no feature tier and no throughput level configured`",
        "or a registered ASAv whose licence usage is empty",
    ),
    look_alikes=(
        LookAlike(
            cause="anchor-missing",
            difference="nothing was asked of the portal, so nothing about trust is shown",
        ),
        LookAlike(cause="unregistered", difference="registration is another matter: both may hold"),
        LookAlike(
            cause="out-of-compliance", difference="there something is asked for, and the account lacks it"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "`license smart`, `feature tier standard`, `throughput level …` as bought; it asks the portal by itself.",
        ),
    ),
    verification="`show license features` names the active entitlement with `enforce mode: Authorized`.",
    find=find,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.4", "domain 2.11"),
)
