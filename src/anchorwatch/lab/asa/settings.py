"""The configuration of a virtual ASA: what `write memory` saves, and what a reload goes back to.

It is one record of plain values, so that the saved one is a copy, a snapshot is JSON, and a difference is told by `==`.
"""

from __future__ import annotations

import copy
import ipaddress
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.devices.version_number import Version

BUNDLE_URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
PORTAL_URL = "https://tools.cisco.com/its/service/oddce/services/DDCEService"
_SPARE = {True: (1, 2), False: (2, 3)}
"""Interfaces besides the outside one, by number; virtual ones count from 0."""
CALL_HOME_TRUSTPOINT = "_SmartCallHome_ServerCA"
"""The trustpoint that comes with the device; a later release has another one, with a digit behind its name."""


@dataclass(slots=True, kw_only=True)
class Trustpoint:
    """A trustpoint. `pem` is its CA certificate, "" before it was authenticated; `usage` None is the default."""

    pem: str = ""
    enrollment: str = ""
    revocation: str = "none"
    usage: list[str] | None = None
    crl: bool = True
    crl_lines: list[str] = field(default_factory=list)
    """What stands below ``crl configure``; it is kept and shown."""

    def serves(self, name: str) -> bool:
        """Whether call-home is judged by it: the factory's own are, others where their usage says so."""
        return name.startswith(CALL_HOME_TRUSTPOINT) or "ssl-server" in (self.usage or ())


@dataclass(slots=True, kw_only=True)
class PoolPolicy:
    """How the trust pool renews itself."""

    shown: bool = False
    """Whether the policy stands in the configuration at all."""
    auto_import: bool = False
    url: str = BUNDLE_URL
    time: str = "22:00:00"
    revocation: str = "none"
    crl_cache: int = 60
    enforce_next_update: bool = True
    overrides: list[str] = field(default_factory=list)
    """Lines of ``match certificate``, as written."""


@dataclass(slots=True, kw_only=True)
class Profile:
    """A call-home profile; `alerts` are the groups it subscribes to, as written."""

    active: bool = True
    urls: list[str] = field(default_factory=list)
    email: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class CallHome:
    """Call-home. `service` is what `no service call-home` switches off."""

    service: bool = True
    proxy: str = ""
    source_interface: str = ""
    contact: str = ""
    profiles: dict[str, Profile] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class LicenceConfig:
    """What `license smart` asks for."""

    shown: bool = False
    tier: str = ""
    throughput: str = ""
    features: list[str] = field(default_factory=list)
    privacy: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Logging:
    """Where messages go. A level is a severity, None for not at all; `levels` are changed per message."""

    enabled: bool = True
    timestamp: bool = True
    buffered: int | None = 6
    monitor: int | None = None
    trap: int | None = 6
    hosts: list[str] = field(default_factory=list)
    levels: dict[str, int] = field(default_factory=dict)
    silenced: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Interface:
    """An interface; without a name it carries nothing."""

    nameif: str = ""
    security: int = 0
    address: str = ""
    mask: str = ""
    shutdown: bool = False
    lines: list[str] = field(default_factory=list)
    """Lines that change nothing here; they are kept and shown."""

    def reaches(self, address: str) -> bool:
        """Whether an address lies in its own net."""
        if self.shutdown or not (self.nameif and self.address and self.mask):
            return False
        return ipaddress.ip_address(address) in ipaddress.ip_network(
            f"{self.address}/{self.mask}", strict=False
        )


@dataclass(slots=True, kw_only=True)
class AsaSettings:
    """The whole configuration. `zone_minutes` is how far the wall clock is ahead of UTC; `weak_crypto` permits it."""

    hostname: str
    domain: str = ""
    zone_label: str = "UTC"
    zone_minutes: int = 0
    ntp_servers: list[str] = field(default_factory=list)
    dns_lookups: list[str] = field(default_factory=list)
    name_servers: list[str] = field(default_factory=list)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    routes: list[str] = field(default_factory=list)
    """Static routes as written behind the word: ``outside 0.0.0.0 0.0.0.0 203.0.113.1 1``."""
    trustpoints: dict[str, Trustpoint] = field(default_factory=dict)
    pool: PoolPolicy = field(default_factory=PoolPolicy)
    call_home: CallHome = field(default_factory=CallHome)
    licence: LicenceConfig = field(default_factory=LicenceConfig)
    logging: Logging = field(default_factory=Logging)
    client_version: str = ""
    """What ``ssl client-version`` says, "" for the default."""
    pager: int = 24
    reporting: str = ""
    """The answer to the question about anonymous reporting: "", ``asked-later``, ``yes`` or ``no``."""
    weak_crypto: bool = False
    banner: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    """Lines of the configuration that change nothing here; they are kept and shown."""

    def copy(self) -> AsaSettings:
        """The same, on its own."""
        return copy.deepcopy(self)

    def connected(self, address: str) -> str | None:
        """The name of the interface in whose own net an address lies, None where it lies in none."""
        return next((each.nameif for each in self.interfaces.values() if each.reaches(address)), None)

    def way_out(self, address: str) -> str | None:
        """The name of the interface that leads to an address, None where no route does."""
        connected = self.connected(address)
        if connected is not None:
            return connected
        target = ipaddress.ip_address(address)
        up = {each.nameif for each in self.interfaces.values() if each.address and not each.shutdown}
        found: tuple[int, str] | None = None
        for route in self.routes:
            name, network, mask, *_ = route.split()
            net = ipaddress.ip_network(f"{network}/{mask}", strict=False)
            if name in up and target in net and (found is None or net.prefixlen > found[0]):
                found = (net.prefixlen, name)
        return found[1] if found else None

    def own_address(self, nameif: str) -> str:
        """The address of an interface by its name."""
        return next((each.address for each in self.interfaces.values() if each.nameif == nameif), "0.0.0.0")  # noqa: S104 - printed only


def read(kept: Any) -> AsaSettings:
    """Settings out of what JSON held; `ValueError` where they are none."""
    # Here, because it is slow to import and only a snapshot needs it.
    from pydantic import TypeAdapter

    return TypeAdapter(AsaSettings).validate_python(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a version of the software can do (domain: version differences that change behaviour)."""

    auto_import: bool
    """The trust pool can renew itself, and does by default: from 9.5(2) on (2.15; the capture of 2016, 0.7)."""
    screens: str
    """The generation of the licence screens (2.3): ``a`` before 9.8, ``b`` before 9.14, then ``c``."""
    agent: str
    """The agent's own version, as printed: of published outputs for ``b`` and ``c`` (2.3)."""
    refuses_weak_crypto: bool
    """CA keys and hashes that are too weak are refused unless permitted: from 9.16 on (2.15)."""
    operating_system: str
    """The line of ``show version`` about the system below: of another name from 9.16 on (2.11), "" for none."""
    old_library: bool
    """The TLS library names its functions as OpenSSL 1.0 did (3.6): before 9.14."""


def traits(software: Version) -> Traits:
    """What a version can do."""
    if software.at_least(9, 14):
        screens, agent = "c", "4.3.6_rel/38"
    elif software.at_least(9, 8):
        screens, agent = "b", "1.6.14_rel/129"
    else:
        screens, agent = "a", "1.2.4_rel/56"
    system = ""
    if software.at_least(9, 16):
        system = "SSP Operating System Version 2.10"
    elif software.at_least(9, 8):
        system = "Firepower Extensible Operating System Version 2.2"
    return Traits(
        auto_import=software.at_least(9, 5, 2),
        screens=screens,
        agent=agent,
        refuses_weak_crypto=software.at_least(9, 16),
        operating_system=system,
        old_library=not software.at_least(9, 14),
    )


def factory(
    hostname: str,
    software: Version,
    *,
    trustpoints: dict[str, str],
    name_servers: tuple[str, ...] = ("192.0.2.53",),
    time_servers: tuple[str, ...] = ("192.0.2.123",),
    address: str = "203.0.113.10",
    virtual: bool = True,
) -> AsaSettings:
    """The configuration a device of that version comes with, and what somebody set up so that it reaches the world.

    `trustpoints` are PEM by name; `virtual` is False on a Firepower, whose throughput is that of its hardware.
    """
    can = traits(software)
    net = ipaddress.ip_network(f"{address}/24", strict=False)
    monthly = ["inventory periodic monthly", "configuration periodic monthly", "telemetry periodic daily"]
    outside = "GigabitEthernet0/0" if virtual else "Ethernet1/1"
    return AsaSettings(
        hostname=hostname,
        dns_lookups=["outside"],
        name_servers=list(name_servers),
        ntp_servers=list(time_servers),
        interfaces={
            outside: Interface(nameif="outside", address=address, mask=str(net.netmask)),
            **{f"{outside[:-1]}{number}": Interface(shutdown=True) for number in _SPARE[virtual]},
            "Management0/0" if virtual else "Management1/1": Interface(shutdown=True),
        },
        routes=[f"outside 0.0.0.0 0.0.0.0 {net.network_address + 1} 1"],
        trustpoints={name: Trustpoint(pem=pem, usage=[]) for name, pem in trustpoints.items()},
        pool=PoolPolicy(shown=True, auto_import=can.auto_import),
        call_home=CallHome(
            profiles={
                "License": Profile(urls=[PORTAL_URL]),
                "CiscoTAC-1": Profile(
                    active=False,
                    urls=[PORTAL_URL],
                    email=["callhome@cisco.com"],
                    alerts=["diagnostic", "environment", *monthly],
                ),
            }
        ),
        licence=LicenceConfig(shown=True, tier="standard", throughput="1G" if virtual else ""),
    )
