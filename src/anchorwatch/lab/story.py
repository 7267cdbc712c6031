"""A story is data: who certified whom, what the portal showed when, and which devices lived through it.

Stories lie beside this module as TOML; a file of one's own is read the same way. A *world* holds what several stories
share: authorities, bundles, what devices came with. It holds names, serial numbers and dates; keys are made by the town
each time one is built.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from anchorwatch.devices import version_number
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.version_number import Version
from anchorwatch.lab.network import Fault


class StoryError(ValueError):
    """A story cannot be told; `mistakes` holds one sentence for each thing that is wrong with it."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class UnknownStoryError(StoryError, LookupError):
    """There is no story of that name; the message names those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate to be made: `name` in DER order; `issuer` is the code of an authority, empty for itself.

    `same_as` is an authority whose name and key this one shares (a cross certificate). `serial` is hex, empty for
    any. `valid` is the first and the last moment, aware UTC. `purpose` is an extended key usage for leaves that
    serve no TLS. `ocsp` and `crl` are addresses that are printed, and never asked.
    """

    code: str
    valid: tuple[datetime, datetime]
    name: tuple[tuple[str, str], ...] = ()
    issuer: str = ""
    same_as: str = ""
    serial: str = ""
    key: str = "ec256"
    hosts: tuple[str, ...] = ()
    purpose: str = ""
    ocsp: str = ""
    crl: str = ""
    is_ca: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSource:
    """The signed bundle: where it is served, who signs it, and whom devices pin."""

    url: str
    address: str
    name: str
    signer: str
    pin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePlan:
    """One issue of the bundle: its version, when it was signed, and what it holds."""

    version: str
    signed: datetime
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happens at a moment: the portal shows another chain, another bundle is served, something breaks or is mended.

    `devices` are those around which it breaks or is mended, none for all.
    """

    at: datetime
    said: str
    chain: str = ""
    bundle: str = ""
    breaks: Fault | None = None
    mends: Fault | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """A device: what it is, what it trusts when it is switched on, and what is wrong around it.

    `since` is when it is switched on. `factory` names what it came with, `pool` and `built_in` name bundles (empty for
    none); `trustpoints` are certificates by trustpoint, in place of the factory's. `auto_import` is None for what the
    version does. `off` is how far its clock is ahead. `nags` lets an ASAv interrupt while it is not licensed. `saved`
    and `unsaved` are lines of configuration. `application` is the version of the ASA on a chassis.
    """

    name: str
    hostname: str
    platform: Platform
    model: str
    version: Version
    since: datetime
    registered: bool = False
    factory: str = ""
    trustpoints: Mapping[str, str] = field(default_factory=dict)
    pool: str = ""
    built_in: str = ""
    auto_import: bool | None = None
    off: timedelta = timedelta(0)
    zone: str = "UTC"
    zone_minutes: int = 0
    synchronized: bool = True
    fresh: bool = False
    nags: bool = False
    saved: tuple[str, ...] = ()
    unsaved: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    application: Version | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One event in the life of a portal. `starts` is when a visitor comes in; devices may have lived before.

    `shows` is the chain and `serves` the bundle of the first day. `account` is the smart account's domain and name.
    """

    code: str
    title: str
    starts: datetime
    host: str
    address: str
    path: str
    shows: str
    serves: str
    account: tuple[str, str]
    chains: Mapping[str, tuple[str, ...]]
    source: BundleSource
    bundles: Mapping[str, BundlePlan]
    factories: Mapping[str, Mapping[str, str]]
    events: tuple[Event, ...]
    devices: tuple[DevicePlan, ...]
    certificates: Mapping[str, Certified] = field(repr=False)

    @property
    def url(self) -> str:
        """Where devices send their messages."""
        return f"https://{self.host}{self.path}"

    @property
    def begins(self) -> datetime:
        """The first moment of the town: when the first device is switched on, or something happens before."""
        return min([self.starts, *(each.since for each in self.devices), *(each.at for each in self.events)])

    def held_by(self, plan: DevicePlan) -> Mapping[str, str]:
        """The certificates, by code, in the trustpoints of a device when it is switched on."""
        return plan.trustpoints or self.factories.get(plan.factory, {})

    @property
    def needed(self) -> frozenset[str]:
        """The codes of every certificate that this story uses, and of those above them."""
        bundles = {self.serves, *(each.bundle for each in self.events)}
        bundles |= {code for plan in self.devices for code in (plan.pool, plan.built_in)}
        # A cache gives out an old bundle, and an older one than any is the oldest there is.
        bundles.add(self.oldest_bundle)
        waiting = [
            *(code for chain in self.chains.values() for code in chain),
            *(code for each in bundles if each for code in self.bundles[each].holds),
            *(code for plan in self.devices for code in self.held_by(plan).values()),
            self.source.signer,
            self.source.pin,
        ]
        found: set[str] = set()
        while waiting:
            code = waiting.pop()
            if code not in found:
                found.add(code)
                plan = self.certificates[code]
                waiting += [each for each in (plan.issuer, plan.same_as) if each]
        return frozenset(found)

    @property
    def oldest_bundle(self) -> str:
        """The bundle that was signed first."""
        return min(self.bundles, key=lambda code: self.bundles[code].signed)


# --- what a device of a version comes with (domain facts; a story may say otherwise) --------------------------------


def generation(platform: Platform, version: Version) -> str:
    """Which factory trustpoints a version comes with, by the name that worlds give them.

    A chassis holds VeriSign's root, QuoVadis Root CA 2 or IdenTrust's, by its build (FN70319, FN72103).
    """
    if platform is Platform.FXOS:
        steps: tuple[tuple[tuple[int, ...], str], ...] = (
            ((2, 12), "chassis-4"),
            ((2, 3, 1, 100), "chassis-3"),
            ((2, 3), "chassis-2"),
            ((2, 2, 2, 72), "chassis-3"),
        )
        first = "chassis-2"
    else:
        steps, first = (((9, 18), "4"), ((9, 10), "3"), ((9, 6), "2")), "1"
    return next((name for least, name in steps if version.at_least(*least)), first)


MODELS: Mapping[str, tuple[Platform, str]] = MappingProxyType(
    {
        "ASAv": (Platform.ASA, "9AA"),
        "FPR-1010": (Platform.ASA, "JMX"),
        "FPR-2110": (Platform.ASA, "JAD"),
        "FPR-2120": (Platform.ASA, "JAD"),
        "FPR-2130": (Platform.ASA, "JAD"),
        "FPR-2140": (Platform.ASA, "JAD"),
        "FPR4110": (Platform.FXOS, "FLM"),
        "FPR4120": (Platform.FXOS, "FLM"),
        "FPR4140": (Platform.FXOS, "FLM"),
        "FPR4150": (Platform.FXOS, "FLM"),
        "FPR9300": (Platform.FXOS, "FLM"),
    }
)
"""The models there are, the platform of each, and how serial numbers of it begin."""


def is_version(text: str) -> bool:
    """Whether a text can be a software version."""
    return len(version_number.parse(text).numbers) >= 2


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
