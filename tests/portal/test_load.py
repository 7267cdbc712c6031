"""A portal under load: who is let in, what the others hear, and that nobody holds it up."""

import http.client
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.licensing import message, problem, wire
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import server as portal_server
from anchorwatch.portal.admission import Admission, Buckets, Limits, Rate, place
from anchorwatch.portal.server import Server
from licensing.desk import PORTAL
from portal.hand import Hand, enrolled
from portal.office import Office

two_addresses = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on its loopback"
)
ONE = Wanted(tag="standard", count=1)


class Got:
    """An answer."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.fields = {name.lower(): value for name, value in answer.getheaders()}
        found = problem.read(answer.read())
        self.kind = found.kind if found is not None else None


@contextmanager
def line(server: Server, source: str = "127.0.0.1") -> Iterator[http.client.HTTPConnection]:
    """A connection from that address."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10, source_address=(source, 0))
    yield connection
    connection.close()


def ask(connection: http.client.HTTPConnection, fields: dict[str, str] | None = None) -> Got:
    """Discovery, or a renewal with these fields and a body that nobody signed."""
    if fields is None:
        connection.request("GET", message.DISCOVERY)
    else:
        connection.request("PUT", message.ENTITLEMENTS, body=b"{}", headers=fields)
    return Got(connection.getresponse())


# --- buckets --------------------------------------------------------------------------------------------------


@given(
    st.floats(0.1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_never_more_than_a_burst_and_the_rate(per_second: float, burst: int, pauses: list[float]) -> None:
    """Between any two moments no more is let in than a burst and what the rate allows for the time."""
    buckets, now = Buckets(Rate(per_second, burst)), 0.0
    taken = []
    for pause in pauses:
        now += pause
        if not buckets.take("x", now).refused:
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - taken[first]) * per_second + 1e-6


@given(st.floats(0.1, 100), st.integers(1, 50))
def test_who_waits_as_told_is_let_in(per_second: float, burst: int) -> None:
    """A burst is let in whole, the next is refused, and after the wait it is told one more is let in."""
    buckets = Buckets(Rate(per_second, burst))
    left = [buckets.take("x", 1.0).left for _ in range(burst)]
    assert left == list(range(burst - 1, -1, -1))
    refused = buckets.take("x", 1.0)
    assert refused.refused
    assert not buckets.take("x", 1.0 + refused.wait * 1.000001).refused


def test_buckets_are_bounded() -> None:
    """However many addresses come, the ones that were asked longest ago are forgotten."""
    buckets = Buckets(Rate(1, 1), most=100)
    for number in range(1000):
        buckets.take(str(number), 0.0)
    assert len(buckets) == 100
    assert buckets.take("999", 0.0).refused


def test_what_counts_as_one_place() -> None:
    """IPv6 by its /64, IPv4 written as IPv6 as IPv4, and what is no address as it is."""
    assert place("2001:db8:1:2:3:4:5:6") == place("2001:db8:1:2::1%eth0") == "2001:db8:1:2::/64"
    assert place("2001:db8:1:3::1") != place("2001:db8:1:2::1")
    assert place("::ffff:192.0.2.1") == place("192.0.2.1")
    assert place("::ffff:not") == "::ffff:not"


def test_workers_share_a_limit() -> None:
    """What several workers let in together is what one would."""
    shared = Limits(address=Rate(100, 1000)).shared_by(4)
    assert shared.address == Rate(25, 250)


# --- over a socket --------------------------------------------------------------------------------------------


@two_addresses
def test_too_often_from_one_address(office: Office) -> None:
    """Beyond its burst an address is refused before anything is checked, and told when to come; another is not."""
    limits = Limits(address=Rate(0.01, 5))
    hand = enrolled(office)
    forged = hand.signed("PUT", message.ENTITLEMENTS, hand.wants(ONE))
    with Server(office.portal, limits=limits) as server, line(server) as connection:
        first = ask(connection)
        assert first.status == 200
        assert first.fields["ratelimit-policy"] == '"address";q=5;w=500'
        assert first.fields["ratelimit"] == '"address";r=4;t=100'
        forgery = ask(connection, forged)
        assert forgery.kind is Type.DIGEST_MISMATCH
        assert forgery.fields["ratelimit-policy"] == '"address";q=5;w=500, "caller";q=120;w=60'
        assert [ask(connection).status for _ in range(3)] == [200] * 3
        late = [ask(connection, forged) for _ in range(8)]
        assert {(got.status, got.kind) for got in late} == {(429, Type.RATE_LIMITED)}
        waits = [int(got.fields["retry-after"]) for got in late]
        assert min(waits) >= 90
        assert len(set(waits)) > 1, "everybody would come back at once"
        assert late[0].fields["ratelimit"].startswith('"address";r=0;t=')
        with line(server, "127.0.0.2") as elsewhere:
            assert ask(elsewhere).status == 200
    assert office.devices()[0].grant_seq == 0


@two_addresses
def test_too_often_in_one_name(office: Office) -> None:
    """A device's bucket is its own: not its neighbour's, and not to be emptied from elsewhere by saying its name."""
    one, other = enrolled(office, sn="A"), enrolled(office, sn="B")
    limits = Limits(caller=Rate(0.01, 2))

    def renewed(server: Server, hand: Hand, source: str = "127.0.0.1") -> Got:
        body = hand.wants(ONE)
        with line(server, source) as connection:
            fields = hand.signed("PUT", message.ENTITLEMENTS, body)
            connection.request("PUT", message.ENTITLEMENTS, body=body, headers=fields)
            return Got(connection.getresponse())

    with Server(office.portal, limits=limits) as server:
        with line(server, "127.0.0.2") as elsewhere:
            named = {"signature-input": f'sl1=();keyid="{one.keyid}"'}
            assert [ask(elsewhere, named).status for _ in range(4)] == [401, 401, 429, 429]
        assert renewed(server, one).status == 200
        assert renewed(server, one).status != 429
        assert renewed(server, one).kind is Type.RATE_LIMITED
        assert renewed(server, other).status == 200


def test_a_token_has_a_bucket_too(office: Office) -> None:
    """Guesses of a password do not share a bucket, so they meet the address's; the same one again meets its own."""
    admission = Admission(Limits(address=Rate(0.01, 100), caller=Rate(0.01, 1)))
    assert admission.ask("192.0.2.1", "token-a", 0).wait == 0
    assert admission.ask("192.0.2.1", "token-b", 0).wait == 0
    assert admission.ask("192.0.2.1", "token-a", 0).wait > 0
    made = office.token()
    with Server(office.portal, limits=Limits(caller=Rate(0.01, 1))) as server:
        hand = Hand(office)
        reach = office.ask
        statuses = []

        def over_http(method: str, path: str, fields: dict[str, str], body: bytes | None) -> object:
            with line(server) as connection:
                connection.request(method, path, body=body, headers=fields)
                statuses.append(Got(connection.getresponse()).status)
            return reach(method, path, fields, body)

        office.ask = over_http  # type: ignore[method-assign, assignment]  # the same request by both ways
        hand.enrol(made)
        hand.enrol(made)
    assert statuses == [200, 429]


def test_too_much_under_way(office: Office) -> None:
    """With as many requests waiting as may, the next hears at once that the portal has too much to do, and no one waits for it."""
    hands = [enrolled(office, sn=f"N{number}") for number in range(4)]
    gate, held = threading.Event(), threading.Event()

    def busy(_: object) -> None:
        held.set()
        gate.wait(20)

    with Server(office.portal, limits=Limits(waiting=2)) as server, ExitStack() as lines:
        office.portal.database.submit(busy)
        assert held.wait(5)
        waiting = []
        for hand in hands[:2]:
            connection = lines.enter_context(line(server))
            body = hand.wants(ONE)
            fields = hand.signed("PUT", message.ENTITLEMENTS, body)
            connection.request("PUT", message.ENTITLEMENTS, body=body, headers=fields)
            waiting.append(connection)
        time.sleep(0.3)
        refused = []
        for hand in hands[2:] * 4:
            connection = lines.enter_context(line(server))
            body = hand.wants(ONE)
            fields = hand.signed("PUT", message.ENTITLEMENTS, body)
            connection.request("PUT", message.ENTITLEMENTS, body=body, headers=fields)
            refused.append(Got(connection.getresponse()))
        gate.set()
        assert [Got(each.getresponse()).status for each in waiting] == [200, 200]
        assert {(got.status, got.kind) for got in refused} == {(503, Type.OVERLOADED)}
        assert len({got.fields["retry-after"] for got in refused}) > 1
        with line(server) as connection:
            assert ask(connection).status == 200


@two_addresses
def test_too_many_connections(office: Office) -> None:
    """Beyond its number the portal sends requests away with their connections, and an address keeps to its own number."""
    limits = Limits(connections=4, connections_of_address=6)
    with Server(office.portal, limits=limits) as server, ExitStack() as lines:
        for _ in range(4):
            assert ask(lines.enter_context(line(server))).status == 200
        fifth = lines.enter_context(line(server))
        got = ask(fifth)
        assert (got.status, got.kind, got.fields["connection"]) == (503, Type.OVERLOADED, "close")
        assert "retry-after" in got.fields
    with Server(office.portal, limits=Limits(connections_of_address=2)) as server, ExitStack() as lines:
        for _ in range(2):
            assert ask(lines.enter_context(line(server))).status == 200
        with pytest.raises(OSError, match=r"closed|reset|[Rr]emote"):
            ask(lines.enter_context(line(server)))
        assert ask(lines.enter_context(line(server, "127.0.0.2"))).status == 200


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side ends the connection in that time."""
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["first", "later"])
def test_slow_heads(office: Office, monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    """A head that comes drop by drop is not waited for, on a new connection and on one that was answered before."""
    monkeypatch.setattr(portal_server, "HEAD_SECONDS", 0.5)
    with Server(office.portal) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            if before:
                connection.sendall(before)
                assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            ended = threading.Event()

            def drip() -> None:
                for octet in b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 200:
                    if ended.wait(0.05):
                        return
                    try:
                        connection.sendall(bytes([octet]))
                    except OSError:
                        return

            dripping = threading.Thread(target=drip)
            dripping.start()
            closed = closed_within(connection, 4)
            ended.set()
            dripping.join()
        assert closed


def test_heads_have_a_size(office: Office) -> None:
    """A head without end is cut off, in one field or in many, and long before it could fill the memory."""
    for piece in (b"a" * 1000, b"X-Filler: " + b"a" * 988 + b"\r\n"):
        with (
            Server(office.portal) as server,
            socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection,
        ):
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
            sent = 0
            with suppress(OSError):
                while sent < 10_000_000:
                    connection.sendall(piece)
                    sent += len(piece)
            assert sent < 5_000_000  # more than it reads: both ends of a connection hold some by themselves


def test_bodies_share_a_room(office: Office) -> None:
    """Bodies that are begun and not ended are held up to a number of octets all together."""
    with Server(office.portal, limits=Limits(reading=300_000)) as server, ExitStack() as lines:
        answers = []
        for _ in range(4):
            connection = lines.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
            head = (
                f"POST {message.TIME} HTTP/1.1\r\nHost: {PORTAL}\r\nContent-Length: {wire.MAX_BODY}\r\n\r\n"
            )
            connection.sendall(head.encode() + b"x" * 100_000)
            answers.append(connection)
        time.sleep(0.5)
        answers[-1].settimeout(2)
        assert answers[-1].recv(4096).startswith(b"HTTP/1.1 503")
        with line(server) as connection_:
            assert ask(connection_).status == 200


def test_a_refusal_leaves_the_connection(office: Office) -> None:
    """A small request that is refused costs nobody a new handshake; the order of answers is kept."""
    with Server(office.portal, limits=Limits(address=Rate(0.01, 1))) as server, line(server) as connection:
        connection.connect()
        kept = connection.sock
        found = [ask(connection, {}).status for _ in range(4)]
        assert found[1:] == [429] * 3
        assert connection.sock is kept
        assert all(later >= earlier for earlier, later in pairwise(found))
