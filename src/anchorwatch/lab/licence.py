"""The licensing agent of a virtual device: the real agent, on a folder of its own, under the policy of the document.

It speaks to the real portal over TLS that the device's own store has to vouch for; nothing is blocked or staged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from anchorwatch.agent.agent import Agent
from anchorwatch.agent.folder import Folder, fresh
from anchorwatch.agent.reach import Find, Reach, Watch
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity, Tell, Tick, Want
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.licensing.token import IdToken
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.proxy import Proxy
from anchorwatch.pki.truststore import TrustStore

LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
"""A device of the lab waits no longer for a server, in real time."""

_MOVED = timedelta(seconds=1)
"""A clock that is off by that much more or less than before was set by somebody: the agent must look at it."""


def _unmoved(_before: AgentState, _after: AgentState) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the agent is given by the device around it; `moved` hears of every state that follows another."""

    find: Find
    trust: Callable[[], TrustStore]
    watch: Watch
    hear: Callable[[Tell], None]
    moved: Callable[[AgentState, AgentState], None] = _unmoved
    via: Callable[[], Proxy | None] = lambda: None


class _Watched(Folder):
    """A folder that tells how the state moves: whatever the agent does, it writes down first."""

    def __init__(self, path: Path, moved: Callable[[AgentState, AgentState], None]) -> None:
        super().__init__(path)
        self._moved = moved
        self._last: AgentState | None = None

    def read(self) -> AgentState | None:
        self._last = super().read()
        return self._last

    def write(self, state: AgentState) -> None:
        before = self._last or fresh(state.product)
        super().write(state)
        self._last = state
        self._moved(before, state)


class Licence:
    """The agent of one device. Every call may take the time of a connection; one at a time, from any thread."""

    def __init__(
        self,
        folder: Path,
        product: Product,
        *,
        policy: AgentPolicy,
        clock: DeviceClock,
        around: Surroundings,
        build: datetime,
    ) -> None:
        self.policy = policy
        self._clock = clock
        self._off = clock.off
        self._guard = threading.RLock()
        self._folder = _Watched(folder, around.moved)
        reach = Reach(
            endpoint=Endpoint.parse(product.portal),
            find=around.find,
            store=around.trust,
            via=around.via,
            watch=around.watch,
            limits=LIMITS,
        )
        self._agent = Agent(
            self._folder, product, reach=reach, clocks=clock, policy=policy, hear=around.hear, build=build
        )
        with self._guard:
            self._agent.start()

    def close(self) -> None:
        """Let the folder go."""
        self._folder.close()

    @property
    def state(self) -> AgentState:
        """All the agent knows now."""
        return self._agent.state

    @property
    def reason(self) -> str:
        """The last failure in the words of the device, empty where there is none."""
        return self._agent.describe()

    def register(self, token: IdToken) -> None:
        """Begin a registration. Raises `EventRefusedError` where there can be none now."""
        with self._guard:
            self._agent.register(token)

    def want(self, wanted: tuple[Wanted, ...]) -> None:
        """Say what the device is entitled to use."""
        with self._guard:
            self._agent.take(Want(wanted))

    def renew_authorization(self) -> None:
        """Ask for a new grant now. Raises `EventRefusedError` where the device is not registered."""
        with self._guard:
            self._agent.take(RenewAuthorization())

    def renew_identity(self) -> None:
        """Ask for a new ID certificate now. Raises `EventRefusedError` where the device is not registered."""
        with self._guard:
            self._agent.take(RenewIdentity())

    def deregister(self) -> None:
        """Give everything back. Raises `EventRefusedError` where there is nothing to give."""
        with self._guard:
            self._agent.take(Deregister())

    def tick(self) -> None:
        """Do what is due. Where nothing is and nobody moved the clock, nothing is written either."""
        with self._guard:
            moved = abs(self._clock.off - self._off) >= _MOVED
            if moved or self._agent.next_wakeup() <= timedelta(0):
                self._off = self._clock.off
                self._agent.take(Tick())

    def next_wakeup(self) -> datetime:
        """When something is due, by the town's clock."""
        return self._clock.true.now() + self._agent.next_wakeup()
