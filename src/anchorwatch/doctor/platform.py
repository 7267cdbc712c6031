"""Which platform a case is about, and whose licensing commands its owner types.

Told by what the device printed: its version, its hardware, the product in its UDI, its prompt, the tags of its licences,
the facility of its log lines. Where nothing tells, the answer is None: the same agent prints the same screens on
firewalls, routers and telephone systems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anchorwatch.devices.fact import LogMessage, Platform, SoftwareVersion
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor.case import Case

_ASA_PRODUCT = re.compile(
    r"^(?:ASA[vc]?\d*\b|ASA-?|FPR-?(?:1\d{3}|2\d{3}|3\d{3}|42\d{2})|CSF\d)", re.IGNORECASE
)
_CHASSIS = re.compile(r"^(?:FPR-?(?:41\d{2}|9\d{3}|4K|9K|C9300))|FPR[49]K", re.IGNORECASE)
_IOSXE_PRODUCT = re.compile(
    r"^(?:CSR1000|C8\d{3}|C9\d{3}|C1\d{3}|ISR|ASR1|CAT|VG4|IE-|ESS|IR1|C8000)", re.IGNORECASE
)
_XR_PRODUCT = re.compile(r"^(?:NCS|ASR-?9|8\d{3}-|R-IOSXRV|XRV)", re.IGNORECASE)
_NXOS_PRODUCT = re.compile(r"^N[0-9]K", re.IGNORECASE)
_PRODUCTS: tuple[tuple[re.Pattern[str], Platform], ...] = (
    (_CHASSIS, Platform.FXOS),
    (_ASA_PRODUCT, Platform.ASA),
    (_IOSXE_PRODUCT, Platform.IOSXE),
    (_XR_PRODUCT, Platform.IOSXR),
    (_NXOS_PRODUCT, Platform.NXOS),
)
_ASA_TAG = re.compile(r"ASAv?-|ASA_|\.(?:ASA|FIREPOWER|Firepower)|FPR|com\.cisco\.(?:ASA|ASAv|FPR)")
_IOS_TAG = re.compile(r"^(?:ISR_|csr_|CSR_|C9|CAT|DNA_|network-|dna-|appx|ax_|ipbase|securityk9|hseck9)")
_SHORT_RULE = 8
_PID = re.compile(r"PID:\s*([^,\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A platform and the line that tells it; `product` is the PID where one was printed, empty otherwise."""

    platform: Platform
    span: Span
    product: str = ""


def of(case: Case) -> Platform | None:
    """The platform of a case, None where nothing tells it."""
    found = owner(case)
    return found.platform if found else None


def owner(case: Case) -> Owner | None:
    """The platform of a case with its evidence, None where nothing tells it; the strongest sign decides."""
    return _by_version(case) or _by_prompt(case) or _by_product(case) or _by_screen(case) or _by_log(case)


def product(case: Case) -> tuple[str, Span] | None:
    """The product identifier of the newest UDI, with its line."""
    for report in reversed(case.lasting(LicenseReport)):
        match = _PID.search(report.udi.value) if report.udi else None
        if match and report.udi:
            return match[1], report.udi.span
    return None


def is_firewall(case: Case) -> bool:
    """Whether something tells that the licence belongs to a firewall."""
    return of(case) in {Platform.ASA, Platform.FXOS, Platform.FTD}


def _by_version(case: Case) -> Owner | None:
    for version in case.lasting(SoftwareVersion):
        software = version.software.value if version.software else ""
        hardware = version.hardware.value if version.hardware else ""
        seen = version.software or version.hardware or version.license_mode or version.platform_license
        if seen is None:
            continue
        if software == "IOS":
            return Owner(platform=Platform.IOSXE, span=seen.span)
        if software == "FTD":
            return Owner(platform=Platform.FTD, span=seen.span)
        # The application on a 4100/9300 is an ASA whose licence belongs to the chassis.
        if version.hardware and _CHASSIS.match(hardware):
            return Owner(platform=Platform.FXOS, span=version.hardware.span, product=hardware)
        if software == "ASA" or hardware or version.license_mode or version.platform_license:
            return Owner(platform=Platform.ASA, span=seen.span, product=hardware)
    return None


def _by_prompt(case: Case) -> Owner | None:
    """A command that only one platform has, or the way it prints a title."""
    for item in case.items:
        fact = item.fact
        span = next(
            (seen.span for seen in (getattr(fact, "enabled", None), getattr(fact, "udi", None)) if seen), None
        )
        # Nobody else shows the path of a scope in the prompt (FPR4100 /license #).
        typed_there = item.command.startswith(("scope", "enter trustpoint", "commit-buffer"))
        if span and (item.scope.startswith("/") or typed_there):
            return Owner(platform=Platform.FXOS, span=span)
        # The FXOS draws a shorter rule below the title than anybody else.
        if isinstance(fact, LicenseReport) and fact.enabled and len(fact.rule) <= _SHORT_RULE:
            return Owner(platform=Platform.FXOS, span=fact.enabled.span)
    return None


def _by_product(case: Case) -> Owner | None:
    found = product(case)
    if found is None:
        return None
    name, span = found
    platform = next((platform for pattern, platform in _PRODUCTS if pattern.search(name)), None)
    return Owner(platform=platform, span=span, product=name) if platform else None


def _by_screen(case: Case) -> Owner | None:
    for report in case.lasting(LicenseReport):
        if report.using_policy:
            return Owner(platform=Platform.IOSXE, span=report.using_policy.span)
        for entry in report.entitlements:
            if _ASA_TAG.search(entry.tag.value):
                return Owner(platform=Platform.ASA, span=entry.tag.span)
            if _IOS_TAG.search(entry.tag.value):
                return Owner(platform=Platform.IOSXE, span=entry.tag.span)
    return None


def _by_log(case: Case) -> Owner | None:
    for message in case.facts(LogMessage):
        match message.facility:
            case "ASA":
                return Owner(platform=Platform.ASA, span=message.span)
            case "FTD":
                return Owner(platform=Platform.FTD, span=message.span)
            case "LICENSE":
                return Owner(platform=Platform.IOSXR, span=message.span)
            case "PKI" | "CALL_HOME" | "SYS":
                return Owner(platform=Platform.IOSXE, span=message.span)
            case _:
                pass
    return _by_named_product(case)


def _by_named_product(case: Case) -> Owner | None:
    """The agent's own lines end in the UDI it speaks for."""
    for message in case.facts(LogMessage):
        match = _PID.search(message.text)
        if match is None:
            continue
        for pattern, platform in _PRODUCTS:
            if pattern.search(match[1]):
                return Owner(platform=platform, span=message.span, product=match[1])
    return None
