"""The portal on its socket: limits, common headers, and connections that outlive a move."""

import http.client
import json
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from anchorwatch.licensing import jws, message, trust_bundle, wire
from anchorwatch.licensing.claim import TimeClaim
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import asgi, desk, management
from anchorwatch.portal.server import Front, Server
from licensing.desk import PORTAL
from portal.hand import Hand, kind_of
from portal.office import Office, over_tls, shown


def test_a_move_drops_no_connection(office: Office, tmp_path: Path) -> None:
    """A connection made before the chain moved goes on being served after it."""
    old, new = shown(tmp_path, "Old"), shown(tmp_path, "New")
    front = Front(old.chain, old.key)
    with Server(office.portal, front=front) as server:
        context = ssl.create_default_context(cafile=str(old.root))
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
        connection.request("GET", "/readyz")
        assert connection.getresponse().read() == b"ready\n"
        kept = connection.sock
        for _ in range(20):
            front.change(new.chain, new.key)
            front.change(old.chain, old.key)
        front.change(new.chain, new.key)
        connection.request("GET", "/readyz")
        assert connection.getresponse().read() == b"ready\n"
        assert connection.sock is kept
        connection.close()
        assert over_tls(server.port, new.root)("GET", "/healthz", {}, None).status == 200


def test_what_everybody_may_ask(office: Office) -> None:
    """Discovery, trust and time over plain HTTP: dated by the portal's clock, the bundle with its tag."""
    with Server(office.portal) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

        def ask(method: str, path: str, body: bytes | None = None, **fields: str) -> http.client.HTTPResponse:
            connection.request(method, path, body=body, headers=fields)
            return connection.getresponse()

        found = ask("GET", message.DISCOVERY)
        assert json.loads(found.read())["portal"] == PORTAL
        assert parsedate_to_datetime(found.headers["date"]) == office.clock.now()
        assert found.headers["sl-server"] == "1"
        bundle = ask("GET", message.TRUST)
        believed = trust_bundle.read(bundle.read().decode())
        assert (bundle.headers["etag"], bundle.headers["cache-control"]) == ('"1"', "max-age=604800")
        again = ask("GET", message.TRUST, None, **{"If-None-Match": '"1"'})
        assert (again.status, again.read()) == (304, b"")
        signed = ask("POST", message.TIME, wire.dump(message.TimeRequest(nonce="A" * 22))).read().decode()
        payload = jws.verify(
            signed, (Kind.TIME,), lambda header: trust_bundle.grant_key(believed, header.kid)
        ).payload
        assert wire.parse(TimeClaim, payload).now == office.clock.now()
        assert ask("HEAD", message.TRUST).read() == b""
        called = ask("POST", desk.CALL_HOME, b"<soap:Envelope/>", **{"Content-Type": "text/xml"})
        assert (called.status, b"received" in called.read()) == (200, True)
        missing = ask("GET", "/nothing")
        assert (missing.status, missing.read()) == (404, b"there is nothing here\n")
        wrong = ask("DELETE", message.TRUST)
        assert (wrong.status, wrong.headers["allow"], wrong.read()) == (405, "GET", b"")
        connection.close()


def test_bodies_within_limits(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body too long, announced or in pieces, or too slow, ends in a refusal and not in memory or time spent."""
    monkeypatch.setattr(asgi, "BODY_SECONDS", 0.3)
    with Server(office.portal) as server:
        for sent in (b"x" * (wire.MAX_BODY + 1), iter([b"x" * 65_536] * 5)):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("POST", message.TIME, body=sent)
            assert connection.getresponse().status == 400
            connection.close()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            slow.sendall(b"POST /sl/v1/time HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{")
            begun = time.monotonic()
            assert slow.recv(4096).startswith(b"HTTP/1.1 400")
            assert time.monotonic() - begun < 5


def test_what_proxies_say_is_not_believed(office: Office) -> None:
    """Fields in which a proxy would name the client change nothing: the network of a token is the connection's."""
    made = office.token(management.TokenTerms(network="192.0.2.0/24"))
    hand = Hand(office)
    reach = office.ask
    extra = {"x-forwarded-for": "192.0.2.9", "forwarded": "for=192.0.2.9", "client-cert": ":AAAA:"}
    office.ask = lambda method, path, fields, body: reach(method, path, fields | extra, body)  # type: ignore[method-assign]
    assert kind_of(hand.enrol(made)) is Type.TOKEN_CONSTRAINT


def test_ready_only_while_it_serves(office: Office) -> None:
    """While it stops, the portal says so to whoever asks whether to send requests here."""
    assert office.ask("GET", desk.READY, {}, None).status == 200
    office.portal.retired.set()
    assert office.ask("GET", desk.READY, {}, None).status == 503
    assert office.ask("GET", desk.HEALTH, {}, None).status == 200
