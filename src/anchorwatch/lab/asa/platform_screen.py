"""``show version`` and ``show license features``: what the device is, and what it may do now."""

from __future__ import annotations

from datetime import timedelta

from anchorwatch.devices.fact import SoftwareVersion
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa import entitlement
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.licensing.status import AuthorizationState

_LIMITS = {
    "100M": "100 Mbps",
    "1G": "1 Gbps",
    "2G": "2 Gbps",
    "5G": "5 Gbps",
    "10G": "10 Gbps",
    "20G": "20 Gbps",
}
_UNLICENSED = "100 Kbps"
"""What an ASAv carries without a licence (domain 1.4)."""
_ENFORCED = {
    AuthorizationState.AUTHORIZED: "Authorized",
    AuthorizationState.OUT_OF_COMPLIANCE: "Out of compliance",
    AuthorizationState.EVALUATION: "Eval",
}


def version(machine: Asa) -> SoftwareVersion:
    """All that ``show version`` tells."""
    may = features(machine)
    digest = machine.time(Style.CLOCK, at=machine.modified)
    return SoftwareVersion(
        version=Seen(machine.software),
        operating_system=Seen(machine.traits.operating_system.rpartition(" ")[2])
        if machine.traits.operating_system
        else None,
        image=Seen(_image(machine)),
        hostname=Seen(machine.running.hostname),
        uptime=Seen(_uptime(machine.clock.true.now() - machine.clock.started)),
        hardware=Seen(machine.hardware.model),
        license_mode=may.license_mode,
        platform_license=may.platform_license,
        entitlement=may.entitlement,
        enforce_mode=may.enforce_mode,
        no_entitlement=may.no_entitlement,
        throughput=may.throughput,
        features=may.features,
        serial=Seen(machine.hardware.serial),
        modified=Seen(digest),
    )


def features(machine: Asa) -> SoftwareVersion:
    """What it may do."""
    config, model = machine.running.licence, machine.hardware.model
    virtual = model.startswith("ASAv")
    asked = entitlement.asked(config, model)
    state = machine.licence.state
    unlicensed = machine.unlicensed
    grant = state.granted()
    strong = virtual or (state.identity is not None and grant is not None and grant.export.allowed)
    contexts = next((each.split()[1] for each in config.features if each.startswith("context")), "")
    return SoftwareVersion(
        license_mode=Seen("Smart Licensing"),
        platform_license=Seen("Unlicensed" if unlicensed else "Licensed") if virtual else None,
        entitlement=Seen(asked[0].tag) if asked else None,
        enforce_mode=Seen(_ENFORCED.get(state.authorization, "Eval")) if asked else None,
        no_entitlement=None
        if asked or not virtual
        else Seen(f"no {' and no '.join(_unset(config.tier, config.throughput))} configured"),
        throughput=Seen(_UNLICENSED if unlicensed else _LIMITS.get(config.throughput, config.throughput))
        if virtual and (unlicensed or config.throughput)
        else None,
        features=(
            ("Maximum Physical Interfaces", "10" if virtual else "Unlimited"),
            ("Maximum VLANs", "50" if virtual else "1024"),
            ("Inside Hosts", "Unlimited"),
            ("Failover", "Active/Standby" if virtual else "Active/Active"),
            ("Encryption-DES", "Enabled"),
            ("Encryption-3DES-AES", "Enabled" if strong else "Disabled"),
            ("Security Contexts", contexts or ("0" if virtual else "2")),
            ("Carrier", "Enabled" if "carrier" in config.features else "Disabled"),
            ("AnyConnect Premium Peers", "2" if unlicensed else "250"),
            ("Other VPN Peers", "250"),
            ("Total VPN Peers", "250"),
            ("Cluster", "Disabled"),
        ),
    )


def _unset(tier: str, throughput: str) -> list[str]:
    return [words for words, held in (("feature tier", tier), ("throughput level", throughput)) if not held]


def _image(machine: Asa) -> str:
    number = "".join(each for each in str(machine.software) if each.isdigit())
    return (
        f"boot:/asa{number}-smp-k8.bin"
        if machine.hardware.model.startswith("ASAv")
        else f"disk0:/asa{number}.bin"
    )


def _uptime(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [(days, "day"), (hours, "hour"), (minutes % 60, "min")]
    return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count) or "1 min"
