"""What the agent says of each way not to reach the portal, and what it sends to whom."""

import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.town import START, Town, turn
from anchorwatch.agent import failing
from anchorwatch.agent.errand import Errand
from anchorwatch.agent.folder import fresh
from anchorwatch.licensing import state as document
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.event import Answered, Broke, RenewAuthorization, Send
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.listener import Terms
from anchorwatch.net.outcome import (
    ClientCertificateWanted,
    HandshakeFailed,
    NotTls,
    Outcome,
    TrustRefused,
    Unreachable,
)
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.site import Reply, Site
from anchorwatch.net.tls import Observation
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA
from builders.servers import identity, says, scripted, tunnelling
from licensing.cable import PRODUCT


def a_closed_port() -> Endpoint:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return Endpoint("127.0.0.1", taken.getsockname()[1])


def test_signed_objects_alone_go_over_plain_http(town: Town) -> None:
    """Where TLS cannot be had, the bundle and the time come over plain HTTP, and nothing else is sent there."""
    with town.agent(endpoint=a_closed_port()) as agent:
        agent.register(town.desk.issue_token())
        assert agent.state.bundle is not None
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.TCP_REFUSED
        assert agent.state.registration is not RegistrationState.REGISTERED
    assert set(town.asked) == {("http", "GET", "/sl/v1/trust"), ("http", "POST", "/sl/v1/time")}


def test_somebody_elses_page_over_tls_does_not_hide_the_bundle(town: Town) -> None:
    """Where a middlebox terminates TLS and answers with its own page, the signed bundle comes over plain HTTP."""
    box = CA.root("Middlebox").issue_leaf("portal.example")
    terms = Terms(identity=identity([box]))
    with (
        Site(lambda _: Reply.text("blocked", status=403), terms=terms) as page,
        town.agent(endpoint=page.listener.endpoint) as agent,
    ):
        agent.register(town.desk.issue_token())
        assert agent.state.bundle is not None
        turn(agent, town, timedelta(minutes=5))
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.TLS_INTERCEPTED
        assert agent.state.registration is not RegistrationState.REGISTERED


def test_a_page_in_place_of_tls_is_a_page(town: Town) -> None:
    """A captive portal that answers with HTTP is no TLS failure."""
    page = says(b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n")
    with scripted(page, connections=8) as captive, town.agent(endpoint=captive) as agent:
        agent.register(town.desk.issue_token())
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.HTTP_ERROR


def test_a_proxy_carries_the_agent(town: Town) -> None:
    """Everything goes through the tunnel of a CONNECT proxy where one is set."""
    asked: list[bytes] = []
    script = tunnelling(town.tls.listener.endpoint, asked=asked)
    with scripted(script, connections=20) as proxy, town.agent(proxy=Proxy(endpoint=proxy)) as agent:
        agent.register(town.desk.issue_token())
        assert agent.state.registration is RegistrationState.REGISTERED
    assert len(asked) >= 5


def test_a_proxy_that_wants_credentials_is_named(town: Town) -> None:
    """407 is a class of its own."""
    script = tunnelling(town.tls.listener.endpoint, password=b"Basic never")
    with scripted(script, connections=20) as proxy, town.agent(proxy=Proxy(endpoint=proxy)) as agent:
        agent.register(town.desk.issue_token())
        assert agent.state.failure is not None
        assert agent.state.failure.kind is FailureClass.PROXY_AUTH


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Unreachable(stage="resolve", words="no such name"), FailureClass.DNS),
        (Unreachable(stage="tcp", words="refused"), FailureClass.TCP_REFUSED),
        (Unreachable(stage="tcp", words="silence", timed_out=True), FailureClass.TCP_TIMEOUT),
        (Unreachable(stage="route", words="no route"), FailureClass.TCP_REFUSED),
        (Unreachable(stage="proxy", words="no"), FailureClass.PROXY_REFUSED),
        (HandshakeFailed(fault="alert", alert="protocol_version"), FailureClass.TLS_VERSION),
        (HandshakeFailed(fault="alert", alert="handshake_failure"), FailureClass.TLS_ALERT),
        (HandshakeFailed(fault="silence"), FailureClass.TCP_TIMEOUT),
        (HandshakeFailed(fault="reset"), FailureClass.TLS_ALERT),
        (ClientCertificateWanted(words="no"), FailureClass.TLS_ALERT),
        (NotTls(speech="ssh", first=b"SSH-", words="it speaks SSH"), FailureClass.TLS_ALERT),
        (NotTls(speech="html", first=b"<", words="a page"), FailureClass.HTTP_ERROR),
        (TrustRefused(fault="name", words="another name"), FailureClass.NAME_MISMATCH),
        (TrustRefused(fault="chain", words="no issuer"), FailureClass.UNKNOWN_ROOT),
    ],
)
def test_every_end_of_a_connection_has_its_class(outcome: Outcome, kind: FailureClass) -> None:
    """Each way in which a connection can end is one class of the closed list, which the state can keep."""
    endpoint = Endpoint("portal.example")
    seen = Observation(endpoint=endpoint, outcome=outcome, at=START, took=timedelta(0))
    found = failing.of_observation(seen, TrustStore((), "none"), fresh(PRODUCT), peer=endpoint.peer, at=START)
    assert found.kind is kind
    assert found.evidence.peer is not None
    kept = replace(fresh(PRODUCT), failure=found)
    assert document.read(document.write(kept)) == kept


def test_an_alert_is_kept_by_its_number() -> None:
    """The evidence holds the alert's number, as the RFCs count."""
    endpoint = Endpoint("portal.example")
    ended = HandshakeFailed(fault="alert", alert="handshake_failure", words="sslv3 alert \x1b[2J")
    seen = Observation(endpoint=endpoint, outcome=ended, at=START, took=timedelta(0))
    found = failing.of_observation(seen, TrustStore((), "none"), fresh(PRODUCT), peer=endpoint.peer, at=START)
    assert found.evidence.alert == 40
    assert "\x1b" not in (found.evidence.words or "")


def test_a_clock_that_is_years_wrong_reaches_the_portal_all_the_same(town: Town) -> None:
    """Dates of the portal's chain are judged by signed time where the bundle pins its root and the clock is wrong."""
    from anchorwatch.agent.clocks import TurnedClocks

    with town.agent() as agent:
        assert isinstance(agent._clocks, TurnedClocks)
        agent._clocks.off = timedelta(days=-365 * 40)
        agent.register(town.desk.issue_token())
        assert agent.state.registration is RegistrationState.REGISTERED
        agent.take(RenewAuthorization())
        assert agent.state.failure is None


@pytest.mark.parametrize(
    ("fields", "wait"),
    [
        ((("Retry-After", "600"),), 600),
        ((("Retry-After", "Sun, 01 Mar 2026 12:10:00 GMT"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), 600),
        ((("Retry-After", "Sun, 01 Mar 2026 11:00:00 GMT"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), 0),
        ((("Retry-After", "9" * 30),), 400 * 86_400),
        ((("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), 400 * 86_400),
        ((("Retry-After", "Sun, 01 Mar 2026 12:10:00 GMT"),), None),
        ((("Retry-After", "soon"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), None),
        ((("Retry-After", "Sun, 99 Mar 2026 12:10:00 GMT"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), None),
        ((("Retry-After", "Sun, 01 Mar 2026 25:10:00 GMT"), ("Date", "Sun, 01 Mar 2026 12:00:00 GMT")), None),
        ((("Retry-After", "-5"),), None),
        ((), None),
    ],
)  # fmt: skip
def test_when_to_come_again(town: Town, fields: tuple[tuple[str, str], ...], wait: int | None) -> None:
    """Retry-After in seconds or as a date; a date counts from the answer's own, whatever our clock says."""
    said = Reply(status=503, headers=(("SL-Server", "1"), *fields), body=b"")
    terms = Terms(identity=identity(town.chain))
    with Site(lambda _: said, terms=terms) as site, town.agent(endpoint=site.listener.endpoint) as agent:
        seen: list[timedelta | None] = []
        carry = agent._courier.carry

        def watched(send: Send, errand: Errand, state: document.AgentState, now: Reading) -> Answered | Broke:
            carried = carry(send, errand, state, now)
            if isinstance(carried, Answered):
                seen.append(carried.retry_after)
            return carried

        agent._courier.carry = watched  # type: ignore[method-assign]  # looked at on its way
        agent.register(town.desk.issue_token())
    assert seen[:1] == [None if wait is None else timedelta(seconds=wait)]
