"""The agent's machine and the real portal on a cable of which half the messages go wrong."""

from __future__ import annotations

import pytest

from anchorwatch.db import ledger
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.event import Deregister, RenewAuthorization, RenewIdentity, Want
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from licensing.test_cable import badly, until
from portal.office import STANDARD, Office, box


@pytest.mark.parametrize("seed", range(8))
def test_one_effect_at_the_portal_too(office: Office, seed: int) -> None:
    """Register, renew, renew the key, tell what went wrong, leave: each once in the database, and the ledger agrees."""
    device = box(office, seed=seed)
    device.cable.faults = badly(seed)
    device.feed(Want(STANDARD))
    device.register(office.token())
    until(device, lambda: device.authorization() is AuthorizationState.AUTHORIZED)
    device.feed(RenewAuthorization())
    until(device, lambda: device.state.seq >= 2)
    (row,) = office.devices()
    assert (row.grant_seq, office.in_use()) == (2, 1)

    device.feed(RenewIdentity())
    until(device, lambda: device.state.rekeying is None and device.state.successor is None)
    until(device, lambda: not any(each.repaired_by for each in device.state.incidents))
    assert office.in_use() == 1

    device.feed(Deregister())
    until(device, lambda: device.registration() is RegistrationState.NOT_REGISTERED)
    assert [each.state for each in office.devices()] == [DeviceState.REMOVED]
    assert office.in_use() == 0
    assert office.portal.database.read(ledger.audit) == ()
