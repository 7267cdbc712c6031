"""The whole life of a device, the real agent at the real portal over real TLS, on a turned clock."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.harbour import DAY, Way, a_harbour
from anchorwatch.agent.agent import Agent
from anchorwatch.db import account
from anchorwatch.licensing import deadline
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.portal import life
from portal.office import Office

SECOND = timedelta(seconds=1)


def authorization(agent: Agent) -> AuthorizationState:
    return agent.state.authorization


def registration(agent: Agent) -> RegistrationState:
    return agent.state.registration


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "portal")


def test_every_date_is_the_deadlines(office: Office, tmp_path: Path) -> None:
    """Token, renewals each 30 and 180 days, 90 days of silence, a year of it, and registration again."""
    with a_harbour(office, tmp_path) as harbour, harbour.registering() as agent:
        began = office.clock.now().replace(microsecond=0)
        dates = deadline.identity_dates(began)
        identity = agent.state.identity
        assert identity is not None
        assert (identity.not_before, identity.not_after) == (dates.not_before, dates.not_after)
        assert agent.state.renew_identity_at is not None
        assert abs(agent.state.renew_identity_at - dates.renew) < SECOND

        # Half a year in which the portal is there: a grant each 30 days, each counted from the one before.
        issued = began
        for number in range(1, 7):
            grant = agent.state.granted()
            assert grant is not None
            assert grant.seq == number
            expected = deadline.grant_dates(grant.iat)
            assert (grant.nbf, grant.ref, grant.exp, grant.grace) == (
                expected.not_before,
                expected.refresh,
                expected.deadline,
                expected.grace_end,
            )
            assert timedelta(0) <= grant.iat - issued <= SECOND * 60
            issued = grant.ref
            harbour.doze(agent, grant.ref - office.clock.now() + SECOND * 5)
        assert agent.state.failure is None
        renewed = agent.state.identity
        assert renewed is not None
        assert renewed != identity
        assert (
            renewed.not_after == deadline.identity_dates(renewed.not_before + deadline.BACKDATING).not_after
        )
        assert abs(renewed.not_before + deadline.BACKDATING - dates.renew) < SECOND * 60

        # The portal is not reached any more.
        harbour.way = Way.CUT
        last = agent.state.granted()
        assert last is not None
        assert last.exp == deadline.grant_dates(last.iat).deadline
        harbour.doze(agent, last.exp - office.clock.now() - SECOND * 2)
        life.sweep(office.portal)
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        assert office.in_use() == 1
        harbour.turn(agent, SECOND * 4)
        life.sweep(office.portal)
        assert authorization(agent) is AuthorizationState.EXPIRED
        assert office.devices()[0].state is DeviceState.AUTH_EXPIRED
        assert office.in_use() == 0

        harbour.doze(agent, last.grace - office.clock.now() + SECOND * 2)
        assert authorization(agent) is AuthorizationState.GRACE_EXPIRED
        harbour.doze(agent, renewed.not_after - office.clock.now() - SECOND * 2)
        assert registration(agent) is RegistrationState.REGISTERED
        harbour.turn(agent, SECOND * 4)
        life.sweep(office.portal)
        assert registration(agent) is RegistrationState.EXPIRED
        assert office.devices()[0].state is DeviceState.ID_EXPIRED
        assert sorted(path.name for path in harbour.folder.iterdir()) == ["lock", "state.json"]

        # And again from the beginning.
        harbour.way = Way.OPEN
        agent.register(office.token())
        assert registration(agent) is RegistrationState.REGISTERED
        assert authorization(agent) is AuthorizationState.AUTHORIZED
        again = agent.state.identity
        assert again is not None
        assert again.not_after == deadline.identity_dates(office.clock.now().replace(microsecond=0)).not_after
        assert [each.state for each in office.devices()] == [DeviceState.REMOVED, DeviceState.ACTIVE]
        assert office.in_use() == 1
    office.close()


def test_a_portal_that_spreads_its_herd_is_followed(office: Office, tmp_path: Path) -> None:
    """By the account's policy renewals fall in the last third before they are due; the agent keeps to it, by L3 too."""
    with a_harbour(office, tmp_path) as harbour, harbour.registering() as agent:
        first = agent.state.granted()
        assert first is not None
        assert agent.state.renew_authorization_at == first.ref
        # The portal changes its mind a day later, and says so when it is asked the next time.
        policy = {"spread": True}
        office.portal.database.write(lambda tx: account.update_policy(tx, office.account.id, policy))
        harbour.turn(agent, DAY * 2)
        window = deadline.spread(first.iat, first.ref)
        planned = agent.state.renew_authorization_at
        assert planned is not None
        assert window.start <= planned < window.end
        identity = agent.state.renew_identity_at
        assert identity is not None
        assert deadline.ID_RENEWAL * 2 / 3 <= identity - first.iat <= deadline.ID_RENEWAL
        harbour.turn(agent, planned - office.clock.now() + SECOND * 60)
        second = agent.state.granted()
        assert second is not None
        assert -SECOND <= second.iat - planned <= SECOND * 60
        assert second.next_call is not None
        assert agent.state.renew_authorization_at is not None
        assert second.next_call.start <= agent.state.renew_authorization_at <= second.next_call.end
        assert agent.state.incidents == ()
    office.close()
