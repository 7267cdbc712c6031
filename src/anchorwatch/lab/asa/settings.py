"""The configuration of a virtual ASA: what `write memory` saves, and what a reload goes back to.

It is one record of plain values, so that the saved one is a copy, a snapshot is JSON, and a difference is told by `==`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.devices.version_number import Version

BUNDLE_URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
PORTAL_URL = "https://tools.cisco.com/its/service/oddce/services/DDCEService"
CALL_HOME_TRUSTPOINT = "_SmartCallHome_ServerCA"


@dataclass(slots=True, kw_only=True)
class Trustpoint:
    """A trustpoint. `pem` is its CA certificate, "" before it was authenticated; `usage` None is the default."""

    pem: str = ""
    enrollment: str = ""
    revocation: str = "none"
    usage: list[str] | None = None
    crl: bool = True


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


@dataclass(slots=True, kw_only=True)
class Profile:
    """A call-home profile."""

    active: bool = True
    urls: list[str] = field(default_factory=list)
    email: list[str] = field(default_factory=list)


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
class AsaSettings:
    """The whole configuration. `zone_minutes` is how far the wall clock is ahead of UTC; `weak_crypto` permits it."""

    hostname: str
    domain: str = ""
    zone_label: str = "UTC"
    zone_minutes: int = 0
    ntp_servers: list[str] = field(default_factory=list)
    dns_lookups: list[str] = field(default_factory=list)
    name_servers: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)
    trustpoints: dict[str, Trustpoint] = field(default_factory=dict)
    pool: PoolPolicy = field(default_factory=PoolPolicy)
    call_home: CallHome = field(default_factory=CallHome)
    licence: LicenceConfig = field(default_factory=LicenceConfig)
    logging: Logging = field(default_factory=Logging)
    reporting: str = ""
    """The answer to the question about anonymous reporting: "", ``asked-later``, ``yes`` or ``no``."""
    weak_crypto: bool = False
    banner: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    """Lines of the configuration that change nothing here; they are kept and shown."""

    def copy(self) -> AsaSettings:
        """The same, on its own."""
        return copy.deepcopy(self)


def read(kept: Any) -> AsaSettings:
    """Settings out of what JSON held; `ValueError` where they are none."""
    # Here, because it is slow to import and only a snapshot needs it.
    from pydantic import TypeAdapter

    return TypeAdapter(AsaSettings).validate_python(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a version of the software can do (domain: version differences that change behaviour)."""

    auto_import: bool
    """The trust pool can renew itself, and does by default (9.5(2))."""
    screens: str
    """The generation of the licence screens: ``a`` before 9.8, ``b`` before 9.14, then ``c``."""
    agent: str
    refuses_weak_crypto: bool


def traits(software: Version) -> Traits:
    """What a version can do."""
    if software.at_least(9, 14):
        screens, agent = "c", "4.3.6_rel/38"
    elif software.at_least(9, 8):
        screens, agent = "b", "1.6.14_rel/129"
    else:
        screens, agent = "a", "1.2.4_rel/56"
    return Traits(
        auto_import=software.at_least(9, 5, 2),
        screens=screens,
        agent=agent,
        refuses_weak_crypto=software.at_least(9, 16),
    )


def factory(hostname: str, software: Version, *, trustpoints: dict[str, str]) -> AsaSettings:
    """The configuration a device of that version comes with; `trustpoints` are PEM by name."""
    can = traits(software)
    return AsaSettings(
        hostname=hostname,
        dns_lookups=["outside"],
        name_servers=["198.51.100.53"],
        ntp_servers=["198.51.100.123"],
        trustpoints={name: Trustpoint(pem=pem, usage=[]) for name, pem in trustpoints.items()},
        pool=PoolPolicy(shown=True, auto_import=can.auto_import),
        call_home=CallHome(
            profiles={
                "License": Profile(urls=[PORTAL_URL]),
                "CiscoTAC-1": Profile(active=False, urls=[PORTAL_URL], email=["callhome@cisco.com"]),
            }
        ),
        licence=LicenceConfig(shown=True, tier="standard", throughput="1G"),
    )
