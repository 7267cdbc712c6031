"""A town for an agent: a portal behind real TLS on loopback, whose chain can move, and a clock that is turned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anchorwatch.agent.agent import Agent
from anchorwatch.agent.clocks import TurnedClocks
from anchorwatch.agent.folder import Folder
from anchorwatch.agent.reach import Reach
from anchorwatch.base.clock import TurnableClock
from anchorwatch.licensing.claim import AnchorClaim, Role
from anchorwatch.licensing.event import Entropy, Tell, Want
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.policy import SL1, AgentPolicy
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.listener import Terms
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.site import Reply, Request, Site
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA, Issued
from builders.servers import identity
from licensing.cable import PRODUCT
from licensing.desk import BUILD, PORTAL, Desk

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STANDARD = (Wanted(tag="standard", count=1),)
LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))


def anchor(ca: CA, names: tuple[str, ...] = (PORTAL,)) -> AnchorClaim:
    """A root for TLS as a bundle names it, for these names only."""
    return AnchorClaim(
        role=Role.TLS,
        sha256=bytes.fromhex(ca.sha256),
        not_after=datetime(2049, 1, 1, tzinfo=UTC),
        x5c=ca.der,
        names=names,
    )


@dataclass
class Town:
    """Everything around one agent's folder."""

    folder: Path
    clock: TurnableClock
    desk: Desk
    tls: Site
    plain: Site
    root: CA
    chain: list[Issued]
    store: TrustStore
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[Tell] = field(default_factory=list)

    def answer(self, scheme: str, request: Request) -> Reply:
        """What the portal says, over TLS or not."""
        self.asked.append((scheme, request.method, request.path))
        reply = self.desk.handle(
            request.method, request.path, dict(request.headers), request.body or None, self.clock.now()
        )
        headers: tuple[tuple[str, str], ...] = ()
        if reply.retry_after is not None:
            headers = (("Retry-After", str(int(reply.retry_after.total_seconds()))),)
        return Reply(status=reply.status, headers=headers, body=reply.body)

    def move(self, root: CA, *, name: str = PORTAL) -> None:
        """Present a chain from another root from now on."""
        middle = root.issue_ca("Issuing of " + root.certificate.subject.rfc4514_string()[3:])
        self.root, self.chain = root, [middle.issue_leaf(name), middle]
        self.tls.listener.change(Terms(identity=identity(self.chain)))

    def publish(self, seq: int, *roots: CA) -> None:
        """A new trust bundle."""
        self.publish_for((PORTAL,), seq, *roots)

    def publish_for(self, names: tuple[str, ...], seq: int, *roots: CA) -> None:
        """A new trust bundle whose roots speak for these names."""
        anchors = tuple(anchor(each, names) for each in roots)
        self.desk.bundle = self.desk.make_bundle(self.clock.now(), seq=seq, anchors=anchors)

    def own(self, *roots: CA) -> None:
        """What the operator trusts from now on."""
        self.store = TrustStore.of([Certificate.from_der(each.der) for each in roots], "operator")

    @contextmanager
    def agent(
        self,
        policy: AgentPolicy = SL1,
        *,
        endpoint: Endpoint | None = None,
        proxy: Proxy | None = None,
        kind: type[Agent] = Agent,
        entropy: Entropy | None = None,
    ) -> Iterator[Agent]:
        """An agent at work on the folder, started; `endpoint` is where it looks for the portal's TLS."""
        with Folder(self.folder) as folder:
            reach = Reach(
                endpoint=endpoint or self.tls.listener.endpoint,
                plain=self.plain.listener.endpoint,
                proxy=proxy,
                store=lambda: self.store,
                limits=LIMITS,
            )
            made = kind(
                folder,
                PRODUCT,
                reach=reach,
                clocks=TurnedClocks(self.clock),
                policy=policy,
                entropy=entropy,
                hear=self.told.append,
                build=BUILD,
            )
            made.start()
            yield made

    @contextmanager
    def registered(self, policy: AgentPolicy = SL1) -> Iterator[Agent]:
        """An agent that is registered and has its seat."""
        with self.agent(policy) as agent:
            agent.take(Want(STANDARD))
            agent.register(self.desk.issue_token())
            yield agent


def is_registered(agent: Agent) -> bool:
    """Whether the agent is registered now."""
    return agent.state.registration is RegistrationState.REGISTERED


def turn(agent: Agent, town: Town, span: timedelta) -> None:
    """Let a span pass, waking the agent whenever it wants."""
    end = town.clock.now() + span
    agent.run(until=lambda _: town.clock.now() + agent.next_wakeup() > end)
    town.clock.turn_to(max(town.clock.now(), end))


@contextmanager
def a_town(folder: Path, start: datetime = START) -> Iterator[Town]:
    """A town whose portal's chain comes from a root that the bundle names."""
    clock = TurnableClock(start)
    root = CA.root("Old Root")
    middle = root.issue_ca("Old Issuing")
    chain = [middle.issue_leaf(PORTAL), middle]
    made: list[Town] = []
    with (
        Site(lambda request: made[0].answer("https", request), terms=Terms(identity=identity(chain))) as tls,
        Site(lambda request: made[0].answer("http", request)) as plain,
    ):
        town = Town(
            folder=folder,
            clock=clock,
            desk=Desk(start),
            tls=tls,
            plain=plain,
            root=root,
            chain=chain,
            store=TrustStore((), "operator"),
        )
        made.append(town)
        town.publish(1, root)
        yield town
