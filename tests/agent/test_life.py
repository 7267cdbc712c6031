"""An agent and a portal on one machine, over real TLS: from token to farewell."""

from datetime import timedelta

from agent.town import Town, turn
from anchorwatch.licensing.event import Deregister
from anchorwatch.licensing.status import AuthorizationState, RegistrationState


def test_register_renew_restart_deregister(town: Town) -> None:
    """A token becomes a registration, renewals fall on their dates, a restart goes on, and the seat comes back."""
    with town.registered() as agent:
        assert agent.state.registration is RegistrationState.REGISTERED
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        assert agent.state.failure is None
        first = agent.state.identity
        town.clock.advance(timedelta(days=29))
        turn(agent, town, timedelta(days=2))
        assert agent.state.seq == 2
        before = agent.state
    with town.agent() as agent:
        assert agent.state.identity == before.identity
        # The device sleeps half a year, and its clocks with it count on.
        town.clock.advance(timedelta(days=152))
        turn(agent, town, timedelta(hours=1))
        assert agent.state.identity != first
        assert agent.state.successor is None
        assert town.desk.pool.in_use == 1
        agent.take(Deregister())
        assert agent.state.registration is RegistrationState.NOT_REGISTERED
    assert town.desk.pool.in_use == 0
    assert town.desk.effects.count("enrolled device-1") == 1
    assert sorted(path.name for path in town.folder.iterdir()) == ["lock", "state.json"]
