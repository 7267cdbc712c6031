"""The agent dies at every moment of its life, and starts again on what is on its disk."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from agent.town import STANDARD, Town, a_town, turn
from anchorwatch.agent.agent import Agent
from anchorwatch.licensing.event import Action, Deregister, Event, RenewIdentity, Want
from anchorwatch.licensing.status import AuthorizationState, RegistrationState


class Died(BaseException):
    """The power failed."""


class Mortal(Agent):
    """An agent that dies after it has done so many things; none of it is known to whoever comes after."""

    lives = 10**6

    def _do(self, action: Action) -> Event | None:
        if Mortal.lives == 0:
            raise Died
        Mortal.lives -= 1
        return super()._do(action)


def a_life(town: Town, step: int) -> int:
    """Go one step of a life, from wherever the folder stands; the number of the next step."""
    with town.agent(kind=Mortal) as agent:
        if step == 0:
            agent.take(Want(STANDARD))
            if agent.state.registration is RegistrationState.NOT_REGISTERED:
                agent.register(town.desk.issue_token())
            turn(agent, town, timedelta(minutes=2))
            assert agent.state.registration is RegistrationState.REGISTERED
            return 1
        if step == 1:
            if agent.state.rekeying is None and agent.state.successor is None:
                agent.take(RenewIdentity())
            turn(agent, town, timedelta(minutes=30))
            assert agent.state.successor is None
            assert agent.state.authorization is AuthorizationState.AUTHORIZED
            return 2
        if agent.state.registration is RegistrationState.REGISTERED:
            agent.take(Deregister())
        turn(agent, town, timedelta(hours=1))
        assert agent.state.registration is RegistrationState.NOT_REGISTERED
        return 3


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 45, 3))
def test_death_at_any_moment_loses_and_doubles_nothing(tmp_path: Path, first: int) -> None:
    """Whatever the agent had just done when it died: one device, one use of the token, one seat, given back once."""
    for lives in range(first, first + 3):
        with a_town(tmp_path / str(lives)) as town:
            Mortal.lives = lives
            step = 0
            while step < 3:
                try:
                    step = a_life(town, step)
                except Died:
                    Mortal.lives = 10**6
            Mortal.lives = 10**6
            assert [each for each in town.desk.effects if not each.startswith("granted")] == [
                "enrolled device-1",
                "removed device-1",
            ]
            assert set(town.desk.uses.values()) == {1}
            assert town.desk.pool.in_use == 0
            assert sorted(path.name for path in town.folder.iterdir()) == ["lock", "state.json"]


def test_a_request_that_was_sent_and_not_answered_is_sent_again_as_it_was(town: Town) -> None:
    """Between sending and the answer's coming the agent dies; the portal's effect happens once."""

    class Unheard(Agent):
        def _send(self, send: object) -> Event:
            answer = super()._send(send)  # type: ignore[arg-type]  # what the machine gave
            if "E3" in str(getattr(send, "step", "")):
                raise Died
            return answer

    with contextlib.suppress(Died), town.agent(kind=Unheard) as agent:
        agent.register(town.desk.issue_token())
    assert town.desk.effects == ["enrolled device-1"]
    with town.agent() as agent:
        turn(agent, town, timedelta(minutes=2))
        assert agent.state.registration is RegistrationState.REGISTERED
    assert town.desk.effects.count("enrolled device-1") == 1
    assert len(town.desk.devices) == 1
