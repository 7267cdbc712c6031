"""The whole system of the document, ours on both sides: the real agent and the real portal, over real TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from anchorwatch.agent.agent import Agent
from anchorwatch.agent.clocks import TurnedClocks
from anchorwatch.agent.folder import Folder
from anchorwatch.agent.reach import Reach
from anchorwatch.db import incident
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.claim import Planned, Role
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity, Want
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.policy import SL1, AgentPolicy, Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.portal import publication
from anchorwatch.portal.server import Front, Server
from licensing.cable import PRODUCT
from licensing.desk import BUILD, PORTAL
from portal.office import STANDARD, Office, Shown, shown


def root_of(tls: Shown) -> bytes:
    return x509.load_pem_x509_certificate(tls.root.read_bytes()).public_bytes(Encoding.DER)


def registration(agent: Agent) -> RegistrationState:
    return agent.state.registration


@dataclass
class Harbour:
    """A portal that serves, over TLS and plain, and one agent's place."""

    office: Office
    folder: Path
    front: Front
    tls: Server
    plain: Server
    store: TrustStore

    def publish(self, tls: Shown) -> None:
        claim = publication.anchor(root_of(tls), Role.TLS, (PORTAL, "127.0.0.1"))
        publication.publish(self.office.portal, lambda bundle: publication.with_anchor(bundle, claim))

    def own(self, tls: Shown) -> None:
        self.store = TrustStore.of([Certificate.from_der(root_of(tls))], "operator")

    @contextmanager
    def agent(self, policy: AgentPolicy = SL1) -> Iterator[Agent]:
        with Folder(self.folder) as folder:
            reach = Reach(
                endpoint=Endpoint("127.0.0.1", self.tls.port),
                plain=Endpoint("127.0.0.1", self.plain.port),
                store=lambda: self.store,
            )
            clocks = TurnedClocks(self.office.clock)
            made = Agent(folder, PRODUCT, reach=reach, clocks=clocks, policy=policy, build=BUILD)
            made.start()
            made.take(Want(STANDARD))
            made.register(self.office.token())
            yield made

    def turn(self, agent: Agent, span: timedelta) -> None:
        end = self.office.clock.now() + span
        agent.run(until=lambda _: self.office.clock.now() + agent.next_wakeup() > end)
        self.office.clock.turn_to(max(self.office.clock.now(), end))


@pytest.fixture
def old(tmp_path: Path) -> Shown:
    return shown(tmp_path / "tls", "Old")


@pytest.fixture
def new(tmp_path: Path) -> Shown:
    return shown(tmp_path / "tls", "New")


@pytest.fixture
def harbour(office: Office, tmp_path: Path, old: Shown) -> Iterator[Harbour]:
    front = Front(old.chain, old.key)
    with Server(office.portal, front=front) as tls, Server(office.portal) as plain:
        made = Harbour(office, tmp_path / "agent", front, tls, plain, TrustStore((), "operator"))
        made.publish(old)
        yield made


def test_a_planned_move_needs_no_hands(harbour: Harbour, new: Shown) -> None:
    """A root announced before it is used is with the agent when the chain moves: nothing fails, nobody does anything."""
    with harbour.agent() as agent:
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        spki = bytes.fromhex(Certificate.from_der(root_of(new)).spki_sha256)
        when = harbour.office.clock.now().replace(microsecond=0) + timedelta(days=20)
        planned = Planned(role=Role.TLS, spki_sha256=spki, switch_after=when)
        harbour.publish(new)
        publication.publish(harbour.office.portal, lambda bundle: publication.with_planned(bundle, planned))
        harbour.turn(agent, timedelta(days=20))
        harbour.front.change(new.chain, new.key)
        harbour.turn(agent, timedelta(days=20))
        assert agent.state.seq == 2
        assert agent.state.failure is None
        assert agent.state.incidents == ()
    assert harbour.office.devices()[0].trust_seq >= 4


def test_a_surprise_heals_through_the_bundle(harbour: Harbour, new: Shown) -> None:
    """A root that moved unannounced is classified; once it is in the signed bundle the agent heals and reports it."""
    with harbour.agent() as agent:
        harbour.front.change(new.chain, new.key)
        agent.take(RenewAuthorization())
        failure = agent.state.failure
        assert failure is not None
        assert (failure.kind, failure.evidence.missing) == (FailureClass.UNKNOWN_ROOT, ("CN=New",))
        harbour.publish(new)
        harbour.turn(agent, timedelta(hours=12))
        assert agent.state.failure is None
        assert agent.state.seq == 2
    office = harbour.office
    told = office.portal.database.read(lambda tx: incident.of_account(tx, office.account.id))
    assert "unknown_root" in [each.failure for each in told]


def test_a_device_of_the_document_waits_for_a_person(harbour: Harbour, old: Shown, new: Shown) -> None:
    """Under the policy `cisco` it keeps retrying with the document's words until somebody repairs its pool."""
    harbour.own(old)
    harbour.front.change(new.chain, new.key)
    harbour.publish(new)
    with harbour.agent(cisco(Generation.ASA)) as agent:
        harbour.turn(agent, timedelta(hours=24))
        assert registration(agent) is RegistrationState.RETRYING
        assert agent.describe() == "Communication message send response error"
        assert harbour.office.devices() == ()
        harbour.own(new)
        harbour.turn(agent, timedelta(hours=7))
        assert registration(agent) is RegistrationState.REGISTERED


def test_renewing_and_leaving(harbour: Harbour) -> None:
    """The identity is renewed with a new key, and a device that leaves gives its seat back."""
    with harbour.agent() as agent:
        first = agent.state.identity
        agent.take(RenewIdentity())
        harbour.turn(agent, timedelta(minutes=5))
        assert agent.state.identity != first
        agent.take(RenewAuthorization())
        assert agent.state.seq == 2
        agent.take(Deregister())
        assert agent.state.registration is RegistrationState.NOT_REGISTERED
    (row,) = harbour.office.devices()
    assert row.state is DeviceState.REMOVED
    assert harbour.office.in_use() == 0
