"""What an agent says of itself."""

from datetime import timedelta

import pytest

from agent.town import Town
from anchorwatch.agent import screen
from anchorwatch.base import schema
from anchorwatch.devices import license as device_screen
from anchorwatch.devices.capture import clean
from anchorwatch.licensing.event import RenewAuthorization, Tick
from anchorwatch.licensing.policy import SL1, Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from builders.certs import CA


def test_a_registered_agent_prints_the_screen_of_a_device(town: Town) -> None:
    """The doctor's own reader reads from the screen what the state holds."""
    with town.registered() as agent:
        text = screen.render(SL1, agent.state)
        (found,) = device_screen.parse(clean(text))
        assert found.fact.registration is not None
        assert found.fact.registration.state is RegistrationState.REGISTERED
        assert found.fact.authorization is not None
        assert found.fact.authorization.state is AuthorizationState.AUTHORIZED
        assert [str(each.tag) for each in found.fact.entitlements] == ["standard"]
        assert "  Registration Expires: Mar 01 11:55:00 2027 UTC" in text
        assert "  Communication Deadline: May 30 11:55:00 2026 UTC" in text
        assert "UDI: PID:ASAv,SN:9ABCDEFGHIJ" in text
        assert screen.well(agent.state)


def test_a_failure_is_on_the_screen_in_the_devices_words(town: Town) -> None:
    """The screen of the policy cisco says what such a device says, and no more."""
    town.own(CA.root("Old Public Root"))
    policy = cisco(Generation.ASA)
    with town.registered(policy) as agent:
        text = screen.render(policy, agent.state)
        assert "FAILED on Mar 01 12:00:00 2026 UTC" in text
        assert "Failure reason: Communication message send response error" in text
        assert not screen.well(agent.state)


def test_an_ended_authorization_is_on_the_screen(town: Town) -> None:
    """After ninety days of silence the deadline is exceeded."""
    with town.registered() as agent:
        town.tls.close()
        town.plain.close()
        town.clock.advance(timedelta(days=95))
        agent.take(Tick())
        text = screen.render(SL1, agent.state)
        assert "Status: AUTHORIZATION EXPIRED" in text
        assert "Communication Deadline: DEADLINE EXCEEDED" in text


@pytest.mark.parametrize("broken", [False, True])
def test_the_document_says_the_same(town: Town, broken: bool) -> None:
    """For programs: states, dates, and the failure with who is missing."""
    with town.registered() as agent:
        if broken:
            town.move(CA.root("New Root"))
            agent.take(RenewAuthorization())
        _, found = schema.read(schema.write(screen.SCHEMA, screen.document(agent.state)), screen.SCHEMA)
        assert found["registration"] == "registered"
        assert found["grant"]["entitlements"] == [{"tag": "standard", "count": 1, "status": "authorized"}]
        assert (found["failure"] is not None) is broken
        if broken:
            assert found["failure"]["class"] in {"unknown_root", "tls_intercepted"}
            assert "CN=New Root" in found["failure"]["missing"]
