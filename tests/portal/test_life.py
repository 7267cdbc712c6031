"""The real agent's machine against the real portal, on one turned clock: the thread from a token to a receipt."""

import io
from datetime import timedelta
from pathlib import Path

import pytest

from anchorwatch.db import dump, ledger, migration
from anchorwatch.db.database import Database
from anchorwatch.licensing import deadline
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.event import Deregister, RenewAuthorization, Want
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.portal import life
from anchorwatch.portal.server import Front, Server
from licensing.cable import PRODUCT, Box
from portal.office import STANDARD, START, Office, box, over_tls, shown


def registered(office: Office, device: Box) -> Box:
    device.feed(Want(STANDARD))
    device.register(office.token())
    assert device.registration() is RegistrationState.REGISTERED
    assert device.authorization() is AuthorizationState.AUTHORIZED
    return device


def test_a_device_registers_renews_and_leaves(either_office: Office) -> None:
    """A token becomes a certificate, a grant, renewals on their dates, and at the end seats that are back."""
    office = either_office
    device = registered(office, box(office))
    (row,) = office.devices()
    assert (row.pid, row.sn, row.state) == (PRODUCT.udi.pid, PRODUCT.udi.sn, DeviceState.ACTIVE)
    identity, grant = device.state.identity, device.state.granted()
    assert identity is not None
    assert grant is not None
    dates = deadline.identity_dates(START)
    assert (identity.not_before, identity.not_after) == (dates.not_before, dates.not_after)
    assert device.state.renew_identity_at == dates.renew
    granted = deadline.grant_dates(START)
    assert (grant.ref, grant.exp, grant.grace) == (granted.refresh, granted.deadline, granted.grace_end)
    assert office.in_use() == 1

    device.run(timedelta(days=200))
    renewed = device.state.identity
    assert renewed is not None
    assert renewed != identity
    assert device.authorization() is AuthorizationState.AUTHORIZED

    device.feed(Deregister())
    assert device.registration() is RegistrationState.NOT_REGISTERED
    (row,) = office.devices()
    assert row.state is DeviceState.REMOVED
    assert office.in_use() == 0


def test_a_year_without_contact(office: Office) -> None:
    """Unreachable, a device loses its authorization after 90 days and its identity after a year, on both sides."""
    device = registered(office, box(office))
    device.cable.up = False

    device.run(timedelta(days=40))
    office.clock.turn_to(device.cable.world.now)
    life.sweep(office.portal)
    assert office.devices()[0].state is DeviceState.OVERDUE
    assert office.in_use() == 1

    device.run(timedelta(days=50))
    office.clock.turn_to(device.cable.world.now)
    life.sweep(office.portal)
    assert office.devices()[0].state is DeviceState.AUTH_EXPIRED
    assert device.authorization() is AuthorizationState.EXPIRED
    assert office.in_use() == 0

    device.run(timedelta(days=276))
    office.clock.turn_to(device.cable.world.now)
    life.sweep(office.portal)
    assert office.devices()[0].state is DeviceState.ID_EXPIRED
    assert device.registration() is RegistrationState.EXPIRED

    device.cable.up = True
    registered(office, device)
    assert [each.state for each in office.devices()] == [DeviceState.REMOVED, DeviceState.ACTIVE]
    assert office.in_use() == 1


def test_the_whole_thread_over_tls(office: Office, tmp_path: Path) -> None:
    """The same over a real socket; the chain moves to another root meanwhile, and a connection goes on."""
    old, new = shown(tmp_path, "Old"), shown(tmp_path, "New")
    front = Front(old.chain, old.key)
    with Server(office.portal, front=front) as server:
        device = registered(office, box(office, over_tls(server.port, old.root)))
        front.change(new.chain, new.key)
        with pytest.raises(OSError, match="certificate verify failed"):
            over_tls(server.port, old.root)("GET", "/healthz", {}, None)
        assert over_tls(server.port, new.root)("GET", "/readyz", {}, None).status == 200
        assert device.state.identity is not None
    assert office.in_use() == 1


def test_a_portal_that_lost_history(office: Office, tmp_path: Path) -> None:
    """Restored from a backup, the portal believes its own newer grant that the device shows; seats are consumed again."""
    saved = io.BytesIO()
    device = registered(office, box(office))
    dump.save(office.portal.database, saved)
    for _ in range(3):
        device.feed(RenewAuthorization())
    assert device.state.seq == 4
    before = office.portal.database
    with Database.open(f"sqlite:///{tmp_path / 'restored.db'}") as restored:
        migration.upgrade(restored)
        dump.restore(restored, io.BytesIO(saved.getvalue()))
        office.portal.database = restored
        assert office.devices()[0].grant_seq == 1
        device.feed(RenewAuthorization())
        device.run(timedelta(hours=12))
        assert device.state.seq == 5
        assert device.authorization() is AuthorizationState.AUTHORIZED
        assert (office.devices()[0].grant_seq, office.in_use()) == (5, 1)
        assert restored.read(ledger.audit) == ()
        office.portal.database = before


def test_two_agents_with_one_identity(office: Office) -> None:
    """A copied device that goes on beside the original becomes a conflict that no seat is lost by."""
    device = registered(office, box(office))
    twin = device.clone()
    device.feed(RenewAuthorization())
    device.run(timedelta(days=31))
    twin.feed(RenewAuthorization())
    twin.run(timedelta(days=31))
    device.feed(RenewAuthorization())
    row = office.devices()[0]
    assert row.state is DeviceState.CONFLICT or row.adoptions > 0
    assert office.in_use() == 1


@pytest.mark.parametrize("fault", ["lose-answer", "twice"])
def test_a_lost_or_repeated_answer_has_one_effect(office: Office, fault: str) -> None:
    """Whatever is lost or comes twice on the way, there is one device, one certificate used and one seat."""
    device = box(office)
    faults = iter([""] * 2 + [fault, ""] * 20)
    device.cable.faults = lambda: next(faults, "")
    device.feed(Want(STANDARD))
    device.register(office.token())
    device.run(timedelta(hours=12), until=lambda: device.authorization() is AuthorizationState.AUTHORIZED)
    assert device.authorization() is AuthorizationState.AUTHORIZED
    assert [each.state for each in office.devices()] == [DeviceState.ACTIVE]
    assert office.in_use() == 1
