"""The whole system of the document, ours on both sides: the real agent and the real portal, over real TLS.

What happens when one side is not the only one of its kind, or not the latest of itself: clones and restored backups.
The event itself, the whole life and the clocks are in `tests/agent`.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from agent.harbour import DAY, HOUR, Harbour, a_harbour, problem_of
from anchorwatch.agent.agent import Agent
from anchorwatch.db import device, dump, ledger, migration
from anchorwatch.db.database import Database
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.portal import life
from anchorwatch.portal.management import TokenTerms
from portal.office import Office

MINUTE = timedelta(minutes=1)


@pytest.fixture
def harbour(office: Office, tmp_path: Path) -> Iterator[Harbour]:
    with a_harbour(office, tmp_path / "device") as made:
        yield made


def registration(agent: Agent) -> RegistrationState:
    return agent.state.registration


def authorization(agent: Agent) -> AuthorizationState:
    return agent.state.authorization


def the_device(harbour: Harbour) -> device.Device:
    (row,) = harbour.office.devices()
    return row


def renewed(harbour: Harbour, agent: Agent, times: int = 1) -> None:
    for _ in range(times):
        agent.take(RenewAuthorization())
        harbour.turn(agent, MINUTE)


def test_renewing_and_leaving(harbour: Harbour) -> None:
    """The identity is renewed with a new key, and a device that leaves gives its seat back."""
    with harbour.registering() as agent:
        first = agent.state.identity
        agent.take(RenewIdentity())
        harbour.turn(agent, timedelta(minutes=5))
        assert agent.state.identity != first
        agent.take(RenewAuthorization())
        assert agent.state.seq == 2
        agent.take(Deregister())
        assert registration(agent) is RegistrationState.NOT_REGISTERED
    assert the_device(harbour).state is DeviceState.REMOVED
    assert harbour.office.in_use() == 0


# --- a device from a backup


@pytest.mark.parametrize("behind", [1, 2, 5])
def test_a_restored_device_adopts_what_it_does_not_know(harbour: Harbour, behind: int) -> None:
    """b.4, client n behind: it takes up the current grant, goes on from there, and the portal counts the adoption."""
    with harbour.registering() as agent:
        backup = harbour.copy("backup")
        renewed(harbour, agent, behind)
        newest = agent.state.granted()
    with harbour.agent(folder=backup) as agent:
        harbour.turn(agent, HOUR)
        assert agent.state.granted() == newest
        assert (agent.state.seq, agent.state.adoptions) == (1 + behind, 1)
        renewed(harbour, agent)
        assert agent.state.seq == 2 + behind
        assert agent.state.failure is None
    row = the_device(harbour)
    assert (row.state, row.adoptions, row.grant_seq) == (DeviceState.ACTIVE, 1, 2 + behind)
    assert harbour.office.in_use() == 1


def test_a_device_from_before_its_new_key_is_told_and_may_register_anew(harbour: Harbour) -> None:
    """A backup from before the ID certificate was renewed cannot speak any more; its rights last to their day."""
    with harbour.registering() as agent:
        backup = harbour.copy("backup")
        agent.take(RenewIdentity())
        harbour.turn(agent, HOUR)
    with harbour.agent(folder=backup) as agent:
        renewed(harbour, agent)
        assert problem_of(agent.state) == "identity-superseded"
        assert registration(agent) is RegistrationState.REGISTERED
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        agent.register(harbour.office.token())
        assert problem_of(agent.state) == "udi-conflict"
        agent.register(harbour.office.token(TokenTerms(force=True)))
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        assert agent.state.failure is None
    assert [each.state for each in harbour.office.devices()] == [DeviceState.REMOVED, DeviceState.ACTIVE]
    assert harbour.office.in_use() == 1


def test_a_backup_from_between_request_and_answer_gets_the_same_grant(harbour: Harbour) -> None:
    """b.4, same number and same body: the answer was lost, and the stored grant comes again."""
    with harbour.registering() as agent:
        kept = agent._folder.write
        backups: list[Path] = []

        def write(state: object) -> None:
            kept(state)  # type: ignore[arg-type]  # what the agent gives
            if agent.state.in_flight is not None and not backups:
                backups.append(harbour.copy("backup"))

        agent._folder.write = write  # type: ignore[method-assign]  # to look in between
        renewed(harbour, agent)
        newest = agent.state.granted()
    with harbour.agent(folder=backups[0]) as agent:
        harbour.turn(agent, HOUR)
        assert agent.state.granted() == newest
        assert agent.state.adoptions == 0
    assert the_device(harbour).state is DeviceState.ACTIVE


# --- two devices with one identity


def test_clones_at_work_end_in_conflict_and_lose_no_seat(harbour: Harbour) -> None:
    """b.4, two agents share a key: both are told, nobody loses a seat, and once it is resolved one goes on."""
    with harbour.registering() as agent:
        copied = harbour.copy("clone")
        with harbour.agent(folder=copied) as clone:
            harbour.turn(clone, MINUTE)
            renewed(harbour, clone)
            assert clone.state.seq == 2
            renewed(harbour, agent)
            assert the_device(harbour).state is DeviceState.CONFLICT
            assert problem_of(agent.state) == "sequence-fork"
            renewed(harbour, clone)
            assert problem_of(clone.state) == "sequence-fork"
            for each in (agent, clone):
                assert authorization(each) is AuthorizationState.AUTHORIZED
                assert registration(each) is RegistrationState.REGISTERED
            assert harbour.office.in_use() == 1

        def resolve(tx: object) -> None:
            row = device.lock(tx, the_device(harbour).id)  # type: ignore[arg-type]  # a transaction
            life.happened(tx, row, DeviceEvent.RESOLVED, harbour.office.clock.now(), "operator")  # type: ignore[arg-type]  # a transaction

        harbour.office.portal.database.write(resolve)
        harbour.turn(agent, DAY)
        assert agent.state.failure is None
        assert agent.state.seq >= 3
    assert the_device(harbour).state is DeviceState.ACTIVE
    assert harbour.office.in_use() == 1


def test_clones_that_start_in_turns_are_counted(harbour: Harbour) -> None:
    """Two copies that never meet adopt each other's grants, and the portal sees how often that happens."""
    with harbour.registering():
        copied = harbour.copy("clone")
    for _ in range(4):
        for folder in (copied, harbour.folder):
            with harbour.agent(folder=folder) as agent:
                harbour.turn(agent, MINUTE)
                renewed(harbour, agent)
                assert agent.state.failure is None
    assert the_device(harbour).adoptions >= 3
    assert harbour.office.in_use() == 1


# --- a portal from a backup


@contextmanager
def restored(harbour: Harbour, saved: io.BytesIO, folder: Path) -> Iterator[None]:
    """The portal on its database as it was."""
    portal = harbour.office.portal
    with Database.open(f"sqlite:///{folder / 'restored.db'}") as database:
        migration.upgrade(database)
        dump.restore(database, io.BytesIO(saved.getvalue()))
        before, portal.database = portal.database, database
        try:
            yield
            assert database.read(ledger.audit) == ()
        finally:
            portal.database = before


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_a_portal_that_lost_history_believes_its_own_signature(
    harbour: Harbour, tmp_path: Path, lost: int
) -> None:
    """b.4, portal n behind: the client shows its grant, the number goes on, and the seat is consumed again."""
    saved = io.BytesIO()
    with harbour.registering() as agent:
        dump.save(harbour.office.portal.database, saved)
        renewed(harbour, agent, lost)
        with restored(harbour, saved, tmp_path):
            agent.take(RenewAuthorization())
            harbour.turn(agent, 12 * HOUR)
            assert agent.state.seq == 2 + lost
            assert agent.state.failure is None
            row = the_device(harbour)
            assert (row.state, row.grant_seq) == (DeviceState.ACTIVE, 2 + lost)
            assert harbour.office.in_use() == 1


def test_a_portal_from_before_the_device_takes_nothing_away(harbour: Harbour, tmp_path: Path) -> None:
    """A device that the restored portal never saw keeps its rights until their day, and registers anew with a token."""
    saved = io.BytesIO()
    dump.save(harbour.office.portal.database, saved)
    with harbour.registering() as agent, restored(harbour, saved, tmp_path):
        agent.take(RenewAuthorization())
        harbour.turn(agent, 12 * HOUR)
        assert problem_of(agent.state) == "identity-unknown"
        assert registration(agent) is RegistrationState.REGISTERED
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        agent.register(harbour.office.token())
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        assert agent.state.failure is None
        assert harbour.office.in_use() == 1
