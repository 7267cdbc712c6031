"""A harbour: the real portal behind real TLS on loopback, the ways to it, and one device's place with its real agent.

Nothing is pretended but the time. The portal keeps its state in a database, signs with keys of its own and serves by
uvicorn; the agent has a folder, a TLS client and a store. What stands between them is a `Way`.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from anchorwatch.agent.agent import Agent
from anchorwatch.agent.clocks import TurnedClocks
from anchorwatch.agent.folder import Folder
from anchorwatch.agent.reach import Reach
from anchorwatch.db import incident
from anchorwatch.db.incident import Incident
from anchorwatch.licensing.claim import Planned, Role
from anchorwatch.licensing.event import Tell, Want
from anchorwatch.licensing.message import ENTITLEMENTS, TRUST, TRUST_P7B
from anchorwatch.licensing.policy import SL1, AgentPolicy
from anchorwatch.licensing.state import AgentState, Product
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.listener import Terms
from anchorwatch.net.site import Reply, Request, Site
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.portal import publication
from anchorwatch.portal.server import Front, Server
from builders.certs import CA, Issued, bundle
from builders.servers import identity
from licensing.cable import PRODUCT
from licensing.desk import BUILD, PORTAL
from portal.office import STANDARD, Office

LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Way(StrEnum):
    """What stands between the device and the portal."""

    OPEN = "open"
    INSPECTED = "inspected"
    """A box that ends TLS, with a certificate of its own for the portal's name, and passes everything on."""
    CLOSED = "closed"
    """A network in which nobody can fetch the trust bundle; the portal itself is there."""
    CUT = "cut"
    """Nobody listens."""


def chain(root: CA, *, cross: CA | None = None, **dates: object) -> list[Issued]:
    """A leaf for the portal, its issuing authority, and the root as another root vouches for it, where one does."""
    title = root.certificate.subject.rfc4514_string().removeprefix("CN=")
    middle = root.issue_ca(f"{title} Issuing")
    leaf = middle.issue_leaf(PORTAL, san=[PORTAL, "127.0.0.1"], **dates)  # type: ignore[arg-type]  # dates alone
    return [leaf, middle] if cross is None else [leaf, middle, cross]


@dataclass
class Harbour:
    """Everything around one device's folder."""

    office: Office
    folder: Path
    front: Front
    tls: Server
    plain: Site
    box: Site
    closed: Site
    cut: Endpoint
    box_root: CA
    old: CA
    new: CA
    shown: list[Issued] = field(default_factory=list)
    way: Way = Way.OPEN
    store: TrustStore = field(default_factory=lambda: TrustStore((), "operator"))
    told: list[Tell] = field(default_factory=list)
    passed: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of what went through the inspecting box."""
    met: list[Observation] = field(default_factory=list)
    forges: Callable[[bytes], bytes] = lambda body: body
    """What the box makes of a grant."""
    product: Product = PRODUCT
    meanwhile: Callable[[], None] = lambda: None
    """Done between the handshake and the request of every connection."""

    # --- the portal's side

    def show(self, presented: Sequence[Issued]) -> None:
        """Present another chain from the next handshake on."""
        self.shown = list(presented)
        files = self.folder.parent / "front.chain.pem", self.folder.parent / "front.key.pem"
        files[0].write_text(bundle(presented))
        files[1].write_text(presented[0].key_pem)
        self.front.change(*files)
        self.closed.listener.change(Terms(identity=identity(self.shown)))

    def publish(self, root: CA) -> None:
        """Name a root in the signed bundle."""
        claim = publication.anchor(root.der, Role.TLS, (PORTAL, "127.0.0.1"))
        publication.publish(self.office.portal, lambda now: publication.with_anchor(now, claim))

    def withdraw(self, root: CA) -> None:
        """Take a root out of the signed bundle."""
        digest = bytes.fromhex(root.sha256)
        publication.publish(self.office.portal, lambda now: publication.without_anchor(now, digest))

    def plan(self, root: CA, after: timedelta) -> None:
        """Announce a root by its key."""
        spki = bytes.fromhex(Certificate.from_der(root.der).spki_sha256)
        when = self.office.clock.now().replace(microsecond=0) + after
        planned = Planned(role=Role.TLS, spki_sha256=spki, switch_after=when)
        publication.publish(self.office.portal, lambda now: publication.with_planned(now, planned))

    def bundle(self) -> str:
        """The signed bundle in force, as a file would hold it."""
        return publication.ensured(self.office.portal).jws

    def incidents(self) -> tuple[Incident, ...]:
        """What devices told of failures that were over."""
        office = self.office
        return office.portal.database.read(lambda tx: incident.of_account(tx, office.account.id))

    # --- the device's side

    def saw(self, seen: Observation) -> None:
        """Every connection of the agent passes here."""
        self.met.append(seen)
        self.meanwhile()

    def own(self, *roots: CA) -> None:
        """What the operator trusts from now on."""
        self.store = TrustStore.of([Certificate.from_der(each.der) for each in roots], "operator")

    def find(self) -> Endpoint:
        """Where the present way leads."""
        return {
            Way.OPEN: Endpoint("127.0.0.1", self.tls.port),
            Way.INSPECTED: self.box.listener.endpoint,
            Way.CLOSED: self.closed.listener.endpoint,
            Way.CUT: self.cut,
        }[self.way]

    def signed_plainly(self, request: Request) -> Reply:
        """Port 80, where it is open at all."""
        if self.way in (Way.CLOSED, Way.CUT) or request.path not in (TRUST, TRUST_P7B, "/sl/v1/time"):
            return Reply.text("there is no way here", status=404)
        return self.pass_on(request)

    def inspect(self, request: Request) -> Reply:
        """The box passes on whatever it was given."""
        self.passed.append((request.method, request.path))
        got = self.pass_on(request)
        return replace(got, body=self.forges(got.body)) if request.path == ENTITLEMENTS else got

    def without_bundle(self, request: Request) -> Reply:
        """Everything but the bundle."""
        if request.path in (TRUST, TRUST_P7B):
            return Reply.text("not from here", status=404)
        return self.pass_on(request)

    def pass_on(self, request: Request) -> Reply:
        """As the portal answers."""
        got = self.office.ask(request.method, request.path, dict(request.headers), request.body or None)
        return Reply(status=got.status, headers=(("SL-Server", "1"), *got.headers), body=got.body)

    @contextmanager
    def agent(
        self,
        policy: AgentPolicy = SL1,
        *,
        off: timedelta = timedelta(0),
        folder: Path | None = None,
    ) -> Iterator[Agent]:
        """An agent at work, started; its wall clock is `off`."""
        with Folder(folder or self.folder) as held:
            reach = Reach(
                endpoint=self.find(),
                plain=self.plain.listener.endpoint,
                store=lambda: self.store,
                limits=LIMITS,
                find=self.find,
                watch=self.saw,
            )
            clocks = TurnedClocks(self.office.clock)
            clocks.off = off
            made = Agent(
                held,
                self.product,
                reach=reach,
                clocks=clocks,
                policy=policy,
                hear=self.told.append,
                build=BUILD,
            )
            made.start()
            yield made

    @contextmanager
    def registering(self, policy: AgentPolicy = SL1, *, off: timedelta = timedelta(0)) -> Iterator[Agent]:
        """An agent that was given a token and wants a seat."""
        with self.agent(policy, off=off) as agent:
            agent.take(Want(STANDARD))
            agent.register(self.office.token())
            yield agent

    def copy(self, name: str) -> Path:
        """The device's folder as it is on disk now: a backup, or a clone."""
        target = self.folder.parent / name
        shutil.copytree(self.folder, target, ignore=shutil.ignore_patterns("lock"))
        target.chmod(0o700)
        return target

    def turn(self, agent: Agent, span: timedelta) -> None:
        """Let a span pass, waking the agent whenever it wants."""
        clock = self.office.clock
        end = clock.now() + span
        agent.run(until=lambda _: clock.now() + agent.next_wakeup() > end)
        clock.turn_to(max(clock.now(), end))

    def doze(self, agent: Agent, span: timedelta) -> None:
        """Let a span pass in which the device is asleep but for its last day."""
        self.office.clock.advance(max(span - DAY, timedelta(0)))
        self.turn(agent, min(span, DAY))


def clocks_of(agent: Agent) -> TurnedClocks:
    """The agent's clocks, to be set wrong."""
    assert isinstance(agent._clocks, TurnedClocks)
    return agent._clocks


def problem_of(state: AgentState) -> str | None:
    """The problem that the portal last answered with."""
    return None if state.failure is None else state.failure.evidence.problem


@contextmanager
def a_harbour(office: Office, folder: Path) -> Iterator[Harbour]:
    """A harbour whose portal's chain comes from the old root, which the bundle names."""
    old, new, box_root = CA.root("Old"), CA.root("New"), CA.root("Inspecting Box")
    presented = chain(old)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "front.chain.pem", folder / "front.key.pem"
    files[0].write_text(bundle(presented))
    files[1].write_text(presented[0].key_pem)
    front = Front(*files)
    made: list[Harbour] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        cut = Endpoint("127.0.0.1", taken.getsockname()[1])
    boxed, bare = Terms(identity=identity(chain(box_root))), Terms(identity=identity(presented))
    with (
        Server(office.portal, front=front) as tls,
        Site(lambda request: made[0].signed_plainly(request)) as plain,  # noqa: PLW0108 - it is made below
        Site(lambda request: made[0].inspect(request), terms=boxed) as box,  # noqa: PLW0108 - the same
        Site(lambda request: made[0].without_bundle(request), terms=bare) as closed,  # noqa: PLW0108 - the same
    ):
        harbour = Harbour(
            office=office,
            folder=folder / "agent",
            front=front,
            tls=tls,
            plain=plain,
            box=box,
            closed=closed,
            cut=cut,
            box_root=box_root,
            old=old,
            new=new,
            shown=presented,
        )
        made.append(harbour)
        harbour.publish(old)
        yield harbour
