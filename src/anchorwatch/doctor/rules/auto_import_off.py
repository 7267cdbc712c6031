"""The pool does not renew itself: the next move of the portal will not be followed.

Boxes upgraded from before 9.5(2) keep a configuration without the line; `firewall transparent` clears it. On a device
that has no smart licence (a 5500-X with its key) the same configuration is harmless.
"""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, SoftwareVersion, TrustpoolConfig, TrustpoolPolicy
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.span import Span
from anchorwatch.doctor import platform, refusal
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "auto-import-off"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a policy without automatic import, on a device that licenses by the portal."""
    off = _off(case)
    if not off or not _smart(case):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CONFIRMED,
            sentence=(
                "The automatic import of the trust pool is off: when the portal's CA changes again, this device does not "
                "follow."
            ),
            evidence=off,
        ),
    )


def _off(case: Case) -> tuple[Span, ...]:
    """The newest word on automatic import, where it is no."""
    told: list[tuple[int, bool, Span]] = []
    for order, item in enumerate(case.items):
        match item.fact:
            case TrustpoolPolicy(automatic=automatic) if automatic is not None:
                told.append((order, automatic.value, automatic.span))
            case TrustpoolConfig(auto_import=auto) if auto is not None and item.command.startswith(
                "show run"
            ):
                told.append((order, auto.value, auto.span))
            case _:
                pass
    return (told[-1][2],) if told and not told[-1][1] else ()


def _smart(case: Case) -> bool:
    """Whether the device licenses by the portal: it says so, or prints the agent's screens."""
    for version in case.lasting(SoftwareVersion):
        if version.license_mode is not None:
            return version.license_mode.value.lower().startswith("smart")
    smart = bool(
        case.lasting(LicenseReport) or case.lasting(RegistrationProgress) or refusal.portal_hosts(case)
    )
    return smart and platform.of(case) not in (Platform.IOSXE, Platform.IOSXR, Platform.NXOS)


RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="The trust pool does not import the vendor's bundle by itself.",
    evidence=(
        "`show crypto ca trustpool policy`: `Automatic import of trustpool certificates is disabled`",
        "`show running-config crypto ca trustpool` without the line `auto-import`",
        "a smart licence: `License mode: Smart Licensing` or the agent's screens",
    ),
    look_alikes=(
        LookAlike(
            cause="auto-import-failing",
            difference="the import is on and fails: 717057 and `Last import result: FAILED`",
        ),
        LookAlike(
            cause="anchor-missing", difference="a CA is refused now; a missing import is why it was not there"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "From 9.5(2) on: crypto ca trustpool policy, auto-import, and one import now; before it, import by hand "
                "after each move of the portal."
            ),
        ),
    ),
    verification=(
        "`show crypto ca trustpool policy` says that automatic import is enabled and when the next one runs."
    ),
    find=find,
    holds=Example(
        title="A virtual firewall with a smart licence, upgraded from before 9.5(2).",
        text="""asa-edge# show version
Cisco Adaptive Security Appliance Software Version 9.8(2)
Device Manager Version 7.8(2)

asa-edge up 12 days 4 hours

Hardware:   ASAv, 2048 MB RAM, CPU Pentium II 2000 MHz,
Model Id:   ASAv10

License mode: Smart Licensing
ASAv Platform License State: Licensed
asa-edge# show crypto ca trustpool policy
14 trustpool certificates installed
Trustpool Policy
  Trustpool revocation checking is disabled
  CRL cache time: 60 seconds
  CRL next update field: required and enforced
  Automatic import of trustpool certificates is disabled
  Policy Overrides:
    None configured
""",
    ),
    silent=Example(
        title="A 5500-X with a key: it has no agent, and the bare line of its configuration is harmless.",
        text="""asa5516# show version
Cisco Adaptive Security Appliance Software Version 9.8(2)
Device Manager Version 7.8(2)

asa5516 up 200 days 3 hours

Hardware:   ASA5516, 8192 MB RAM, CPU Atom C2000 series 2416 MHz, 1 CPU (8 cores)

Licensed features for this platform:
Maximum VLANs                     : 150            perpetual
Failover                          : Active/Active  perpetual

Serial Number: JAD00000001
asa5516# show running-config crypto ca trustpool
crypto ca trustpool policy
""",
    ),
    sources=("domain 2.7 and 2.15", "the warning of `no auto-import`"),
)
