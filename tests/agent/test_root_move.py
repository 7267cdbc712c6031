"""The document's event, with a real chain before a real client: the portal's certificate comes from another root."""

from datetime import timedelta

from agent.town import STANDARD, Town, is_registered, turn
from anchorwatch.licensing.event import RenewAuthorization, Want
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.policy import Generation, cisco
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from builders.certs import CA

HOUR = timedelta(hours=1)


def test_sl1_heals_through_the_signed_bundle(town: Town) -> None:
    """A root that moved by surprise is classified with who is missing, and the signed bundle brings the new one."""
    with town.registered() as agent:
        new = CA.root("New Root")
        town.move(new)
        agent.take(RenewAuthorization())
        failure = agent.state.failure
        assert failure is not None
        assert failure.kind is FailureClass.UNKNOWN_ROOT
        assert failure.evidence.missing == ("CN=Issuing of New Root", "CN=New Root")
        assert failure.evidence.presented == tuple(each.sha256 for each in town.chain)
        assert agent.state.seq == 1
        town.publish(2, new)
        turn(agent, town, 8 * HOUR)
        assert agent.state.seq == 2
        assert agent.state.failure is None
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
    assert town.desk.incidents[0] == "unknown_root"


def test_cisco_stays_in_retry_until_its_pool_is_repaired(town: Town) -> None:
    """The policy of the document's devices waits for a person, says its own words, and then registers."""
    town.own(CA.root("Old Public Root"))
    with town.registered(cisco(Generation.ASA)) as agent:
        assert agent.state.registration is RegistrationState.RETRYING
        assert agent.describe() == "Communication message send response error"
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.UNKNOWN_ROOT
        assert agent.state.failure.evidence.missing == ("CN=Old Issuing", "CN=Old Root")
        turn(agent, town, 24 * HOUR)
        assert not is_registered(agent)
        town.own(town.root)
        turn(agent, town, 7 * HOUR)
        assert is_registered(agent)
    assert all(scheme == "https" for scheme, _, _ in town.asked)


def test_a_registered_cisco_fails_to_renew_and_recovers(town: Town) -> None:
    """After the move a registered device keeps its seat and fails to renew, until the new root is in its pool."""
    town.own(town.root)
    with town.registered(cisco(Generation.FXOS)) as agent:
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        new = CA.root("New Root")
        town.move(new)
        town.publish(2, new)
        agent.take(RenewAuthorization())
        turn(agent, town, 12 * HOUR)
        assert agent.state.seq == 1
        assert agent.describe() == "Failed to authenticate server"
        assert agent.state.authorization is AuthorizationState.AUTHORIZED
        town.own(new)
        turn(agent, town, 7 * HOUR)
        assert agent.state.seq == 2


def test_interception_is_named_and_never_believed(town: Town) -> None:
    """A chain that even the newest bundle does not know is interception; no signed request goes to it."""
    with town.registered() as agent:
        town.move(CA.root("Inspecting Proxy"))
        before = len(town.asked)
        agent.take(RenewAuthorization())
        turn(agent, town, 12 * HOUR)
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.TLS_INTERCEPTED
        assert agent.state.seq == 1
        assert {path for _, _, path in town.asked[before:]} <= {"/sl/v1/trust", "/sl/v1/time"}


def test_a_bundle_root_speaks_for_the_portal_alone(town: Town) -> None:
    """An anchor of the bundle confined to other names does not make the portal believed."""
    town.publish_for(("elsewhere.example",), 1, town.root)
    with town.registered() as agent:
        assert agent.state.identity is None
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.UNKNOWN_ROOT


def test_a_planned_move_needs_no_hands(town: Town) -> None:
    """Where the bundle named the new root before the move, nothing fails."""
    new = CA.root("New Root")
    town.publish(1, town.root, new)
    with town.registered() as agent:
        town.move(new)
        agent.take(RenewAuthorization())
        assert agent.state.failure is None
        assert agent.state.seq == 2
    assert town.desk.incidents == []


def test_another_name_is_told_from_another_root(town: Town) -> None:
    """The right root with a leaf for another host is a matter of names."""
    with town.agent() as agent:
        town.own(town.root)
        town.move(town.root, name="other.example")
        agent.take(Want(STANDARD))
        agent.register(town.desk.issue_token())
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.NAME_MISMATCH
