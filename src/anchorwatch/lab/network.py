"""What a virtual device sees of the world.

Every connection is a real one over a real socket. Only *where a name leads* is the town's: the ports of the servers a
device calls and the addresses it prints belong to others, so a table takes their place. A table, not a name service:
what breaks it is what a device notices, a name that is not answered, a net without a route, a port that is closed.

Addresses are of RFC 5737, for they are printed.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from anchorwatch.base.clock import Clock
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.outcome import Unreachable

EVERYWHERE = "*"
"""In place of an address: whatever address is called."""
WRONG_TIME = timedelta(days=730)
"""How far ahead the wrong time server is: beyond the dates of every leaf, and of every ID certificate."""


class Fault(StrEnum):
    """What can be broken around a device, each with what it means."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Fault:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    DNS = "dns", "No name server answers."
    ROUTE = "route", "Every route beyond the device's own nets is withdrawn."
    PORT80 = "port80", "Connections to port 80 are dropped without a word, and time out."
    PORT80_REFUSED = "port80-refused", "Connections to port 80 are refused."
    PORT443 = "port443", "Connections to port 443 are dropped without a word, and time out."
    PORT443_REFUSED = "port443-refused", "Connections to port 443 are refused."
    NTP = "ntp", "No time server answers."
    NTP_WRONG = "ntp-wrong", "The time server is two years ahead."
    PROXY = "proxy", "The HTTP proxy refuses connections."
    PROXY_REFUSES = "proxy-refuses", "The HTTP proxy forbids every tunnel (403)."
    PROXY_CREDENTIALS = "proxy-credentials", "The HTTP proxy wants credentials (407)."
    TLS_INSPECTION = "tls-inspection", "Somebody between opens TLS and presents a CA of his own."
    CAPTIVE_PAGE = "captive-page", "Somebody between answers with a page, whatever is asked."
    PORTAL_OUTAGE = "portal-outage", "The portal answers that it is out of order (503)."
    LEAF_EXPIRED = "leaf-expired", "The portal presents a certificate that has expired."
    WRONG_NAME = "wrong-name", "The portal presents a certificate for another name."
    NO_INTERMEDIATE = "no-intermediate", "The portal presents its own certificate and no intermediate."
    OLD_TLS = "old-tls", "The portal speaks nothing later than TLS 1.1."
    BUNDLE_GONE = "bundle-gone", "The bundle is not where it was (404)."
    BUNDLE_ALTERED = "bundle-altered", "Somebody between changes one bit of the bundle."
    BUNDLE_UNSIGNED = "bundle-unsigned", "The file that is served holds the same CAs, and no signature."
    BUNDLE_FOREIGN = "bundle-foreign", "The bundle is signed, by somebody who is not pinned."
    BUNDLE_OUTDATED = "bundle-outdated", "A cache gives out the oldest bundle there is."


FAULTS: Mapping[str, Fault] = MappingProxyType({fault.value: fault for fault in Fault})
"""Faults by the words people type."""


class Obstacle(StrEnum):
    """The rung on which the way to a server ends."""

    DNS = "dns"
    ROUTE = "route"
    REFUSED = "refused"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where to connect for real, or the obstacle. `address` is what a device prints, None where no name answered.

    A port that drops what comes leads to a place that never answers, so whoever waits for it waits in earnest; only
    while the clock is turned it is an obstacle at once.
    """

    address: str | None = None
    endpoint: Endpoint | None = None
    obstacle: Obstacle | None = None

    def __post_init__(self) -> None:
        if (self.endpoint is None) == (self.obstacle is None):
            raise ValueError("a way leads somewhere or ends at an obstacle")

    def unreachable(self, host: str, port: int) -> Unreachable:
        """The obstacle as the outcome of a connection. Raises `ValueError` where there is none."""
        match self.obstacle:
            case Obstacle.DNS:
                return Unreachable(stage="resolve", words=f"the name {host} has no address")
            case Obstacle.ROUTE:
                return Unreachable(stage="route", words=f"there is no route to {self.address or host}")
            case Obstacle.REFUSED:
                words = f"{self.address or host}:{port} refused the connection"
                return Unreachable(stage="tcp", words=words)
            case Obstacle.TIMEOUT:
                words = f"{self.address or host}:{port} did not answer to a TCP connection in time"
                return Unreachable(stage="tcp", words=words, timed_out=True)
            case None:
                raise ValueError("there is a way, and no obstacle")


Places = Mapping[tuple[str, int], Endpoint | Obstacle]


class Directory:
    """The tables of a town: which names there are, where their ports lead, and where they lead when broken.

    It may be added to while devices use it. `silence` is where connections to a dropping port go, None where the
    system has no such place. While `hurried`, nobody waits for what will not answer.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        name_servers: tuple[str, ...] = ("192.0.2.53",),
        time_servers: tuple[str, ...] = ("192.0.2.123",),
        silence: Endpoint | None = None,
    ) -> None:
        self.clock = clock
        self.name_servers = name_servers
        self.time_servers = time_servers
        self.silence = silence
        self.hurried = False
        self._guard = threading.Lock()
        self._names: Mapping[str, str] = MappingProxyType({})
        self._places: Places = MappingProxyType({})
        self._detours: Mapping[Fault, Places] = MappingProxyType({})

    def name(self, name: str, address: str) -> None:
        """Give a name an address."""
        ipaddress.ip_address(address)
        with self._guard:
            self._names = MappingProxyType({**self._names, _plain(name): address})

    def lead(self, host: str, port: int, where: Endpoint | Obstacle, *, when: Fault | None = None) -> None:
        """Let a port of a host lead there, always or only while that fault is on the way. Raises `KeyError`."""
        key = (self._address_of(host), port)
        with self._guard:
            if when is None:
                self._places = MappingProxyType({**self._places, key: where})
            else:
                places = MappingProxyType({**self._detours.get(when, {}), key: where})
                self._detours = MappingProxyType({**self._detours, when: places})

    def address(self, name: str) -> str | None:
        """The address of a name, None for one that is not known."""
        return self._names.get(_plain(name))

    def place(self, address: str, port: int, faults: frozenset[Fault]) -> Endpoint | Obstacle | None:
        """Where a port leads under these faults; the one that stands first in `Fault` counts."""
        for fault, places in sorted(self._detours.items(), key=lambda pair: _ORDER[pair[0]]):
            if fault in faults:
                found = places.get((address, port)) or places.get((EVERYWHERE, port))
                if found is not None:
                    return found
        return self._places.get((address, port))

    def inhabited(self, address: str) -> bool:
        """Whether somebody of the town has that address."""
        return (
            address in self._names.values()
            or address in (*self.name_servers, *self.time_servers)
            or any(address == held for held, _ in self._places)
        )

    def _address_of(self, host: str) -> str:
        if host == EVERYWHERE or is_address(host):
            return host
        return self._names[_plain(host)]


class Network:
    """The world as one device sees it; `faults` are what is broken around this one."""

    def __init__(self, town: Directory, *, faults: Iterable[Fault] = ()) -> None:
        self.town = town
        self.faults = frozenset(faults)
        self.local: Callable[[str], bool] = lambda _: False
        """Whether an address lies in a net of the device's own, where no route is needed; the device says so."""

    def break_(self, fault: Fault) -> None:
        """From the next look on, this is broken."""
        self.faults |= {fault}

    def mend(self, fault: Fault) -> None:
        """From the next look on, this is whole again."""
        self.faults -= {fault}

    @property
    def name_servers(self) -> tuple[str, ...]:
        """The addresses at which names are answered, if they are."""
        return self.town.name_servers

    @property
    def time_servers(self) -> tuple[str, ...]:
        """The addresses at which the time is told, if it is."""
        return self.town.time_servers

    def look_up(self, name: str) -> str | None:
        """The address of a name as the device prints it; an address is its own. None where nothing is answered.

        Whether a name server can be reached is for the device to know: it is the one that is configured with some.
        """
        if is_address(name):
            return name
        if Fault.DNS in self.faults:
            return None
        return self.town.address(name)

    def routed(self, address: str) -> bool:
        """Whether a route leads to an address."""
        return Fault.ROUTE not in self.faults or self.local(address)

    def way(self, host: str, port: int) -> Way:
        """Where to connect to for a host's port, by name or address."""
        address = self.look_up(host)
        if address is None:
            return Way(obstacle=Obstacle.DNS)
        if not self.routed(address):
            return Way(address=address, obstacle=Obstacle.ROUTE)
        if _REFUSING.get(port) in self.faults:
            return Way(address=address, obstacle=Obstacle.REFUSED)
        if _DROPPING.get(port) in self.faults:
            return self._dropped(address)
        place = self.town.place(address, port, self.faults)
        if isinstance(place, Endpoint):
            return Way(address=address, endpoint=place)
        if place is not None:
            return (
                self._dropped(address) if place is Obstacle.TIMEOUT else Way(address=address, obstacle=place)
            )
        if self.town.inhabited(address):
            return Way(address=address, obstacle=Obstacle.REFUSED)
        return self._dropped(address)

    def find(self, host: str, port: int) -> Endpoint | Unreachable:
        """The same as an endpoint, or as the outcome of a connection that did not come about."""
        way = self.way(host, port)
        return way.endpoint if way.endpoint is not None else way.unreachable(host, port)

    def echo(self, host: str) -> Obstacle | None:
        """Whether a host answers to a ping: None, or why not."""
        address = self.look_up(host)
        if address is None:
            return Obstacle.DNS
        if not self.routed(address):
            return Obstacle.ROUTE
        return None if self.town.inhabited(address) else Obstacle.TIMEOUT

    def time(self) -> datetime | None:
        """What a time server says that is reached, None where none answers."""
        if Fault.NTP in self.faults:
            return None
        now = self.town.clock.now()
        return now + WRONG_TIME if Fault.NTP_WRONG in self.faults else now

    def _dropped(self, address: str) -> Way:
        if self.town.silence is None or self.town.hurried:
            return Way(address=address, obstacle=Obstacle.TIMEOUT)
        return Way(address=address, endpoint=self.town.silence)


_ORDER = {fault: number for number, fault in enumerate(Fault)}
_DROPPING = {80: Fault.PORT80, 443: Fault.PORT443}
_REFUSING = {80: Fault.PORT80_REFUSED, 443: Fault.PORT443_REFUSED}


def is_address(text: str) -> bool:
    """Whether a host is given by its address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return name.removesuffix(".").lower()
