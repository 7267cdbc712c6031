"""A virtual device: what every platform has.

It has a clock that may be wrong, a store that may be old, a network that may be broken, an agent that does not heal
itself, and a log. A platform adds its configuration and its words; what is printed is rendered from this state, and
this state changes only by what really happened.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from anchorwatch.base.secret import Secret
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.version_number import Version
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.licence import Licence, Surroundings
from anchorwatch.lab.log import Log
from anchorwatch.licensing.event import Tell
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation
from anchorwatch.pki.truststore import TrustStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What the device is, as it would be printed: ``ASAv``, its PID and its serial number."""

    model: str
    pid: str
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who may come in. `enable` opens the privileged mode; `keys` are public keys in OpenSSH form."""

    user: str
    password: Secret
    enable: Secret
    keys: tuple[str, ...] = field(default=())


class Network(Protocol):
    """What a device sees of the world. `local` is told by the device: whether an address needs no route."""

    local: Callable[[str], bool]

    def routed(self, address: str) -> bool:
        """Whether a route leads to an address."""
        ...

    def find(self, host: str, port: int) -> Endpoint | Unreachable:
        """Where to connect to for a name or an address, or the rung that does not hold."""
        ...

    def look_up(self, name: str) -> str | None:
        """The address a name has, None where no name server answers or none is known."""
        ...

    def time(self) -> datetime | None:
        """What the time server says, None where it does not answer."""
        ...

    def echo(self, host: str) -> str | None:
        """None where a host answers to a ping, else the rung that does not hold: dns, route, timeout."""
        ...


def place_through(
    host: str,
    port: int,
    proxy: Endpoint | Unreachable | None,
    find: Callable[[str, int], Endpoint | Unreachable],
) -> Endpoint | Unreachable:
    """Where a device connects to for a host: `find` tells where there is no proxy; a proxy looks the name up itself."""
    if proxy is None:
        return find(host, port)
    if isinstance(proxy, Unreachable):
        return Unreachable(stage="proxy", words=proxy.words, timed_out=proxy.timed_out)
    try:
        return Endpoint.parse(host, port=port)
    except BadEndpoint as bad:
        return Unreachable(stage="resolve", words=str(bad))


class Machine(ABC):
    """One virtual device. `folder` is its own and survives everything; `name` is what the town calls it."""

    platform: Platform

    def __init__(
        self,
        *,
        name: str,
        hardware: Hardware,
        software: Version,
        built: datetime,
        login: Login,
        folder: Path,
        clock: DeviceClock,
        network: Network,
        pins: frozenset[str],
    ) -> None:
        self.name = name
        self.hardware = hardware
        self.software = software
        self.built = built
        self.login = login
        self.folder = folder
        self.clock = clock
        self.network = network
        self.pins = pins
        """SHA-256 of the CAs whose bundle signers it believes."""
        self.log = Log()
        self.seen: Observation | None = None
        """The last look at the portal, for those who tell the story."""
        self.changes = 0
        """How often its configuration or its store changed since it was made, for whoever keeps it."""
        self.guard = threading.RLock()
        """Held by work that waits for a network, so that two sessions do not import at once."""

    # -------------------------------------------------------------------------- what a platform has to say

    @abstractmethod
    def trust(self) -> TrustStore:
        """Every anchor that vouches for the portal now."""

    @abstractmethod
    def hear(self, told: Tell) -> None:
        """The agent said something that belongs into the log."""

    def moved(self, before: AgentState, after: AgentState) -> None:  # noqa: ARG002 - for those who log
        """The agent's state moved; the log tells."""
        return

    @abstractmethod
    def looked(self, seen: Observation) -> None:
        """A connection to the portal went this way; the log tells."""

    @abstractmethod
    def next_wakeup(self) -> datetime | None:
        """When something is due, by the town's clock; None for never."""

    @abstractmethod
    def wake(self) -> None:
        """Do what is due now. May take the time of a connection; from any thread."""

    @abstractmethod
    def snapshot(self) -> Mapping[str, Any]:
        """All that is not on its disk, as JSON can hold it: a virtual machine's snapshot."""

    @abstractmethod
    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from a snapshot."""

    @abstractmethod
    def reload(self) -> None:
        """Start anew: what was not saved is lost."""

    def close(self) -> None:
        """Let everything go, at the end of the town."""
        return

    # ----------------------------------------------------------------------------------- for the platforms

    def portal_place(self, portal: str) -> Endpoint | Unreachable:
        """Where the agent connects to, as this device is configured."""
        return self.network.find(portal, 443)

    def portal_proxy(self) -> Proxy | None:
        """The proxy that the agent's connections go through, None for a direct way."""
        return None

    def licence_agent(self, product: Product, policy: AgentPolicy) -> Licence:
        """The agent, on a folder of its own below this device's."""
        around = Surroundings(
            find=lambda: self.portal_place(product.portal),
            trust=self.trust,
            watch=self._watch,
            hear=self.hear,
            moved=self.moved,
            via=self.portal_proxy,
        )
        return Licence(
            self.folder / "agent", product, policy=policy, clock=self.clock, around=around, build=self.built
        )

    def _watch(self, seen: Observation) -> None:
        self.seen = seen
        self.looked(seen)
