"""Tunnels through a proxy, and every way a proxy stands between."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.outcome import Connected, NotTls, TrustRefused, Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation, connect
from builders.certs import CA
from builders.servers import CLOCK, Script, ders, listening, says, scripted, silent, store, tunnelling

ROOT = CA.root("Harbour Root")
LEAF = ROOT.issue_leaf("portal.example")
PORTAL = Endpoint("portal.example", 8443)
SHORT = Limits(whole=timedelta(seconds=1.5), silence=timedelta(seconds=0.4))


def through(script: Script, *, user: str | None = None, password: Secret | None = None) -> Observation:
    """Look at the portal, which has no address here, through a proxy that follows a script."""
    with scripted(script) as endpoint:
        proxy = Proxy(endpoint=endpoint, user=user, password=password)
        seen = connect(PORTAL, clock=CLOCK, trust=store(ROOT), proxy=proxy, limits=SHORT)
    assert seen.sentence.isprintable()
    assert seen.proxy == str(endpoint)
    return seen


def test_a_tunnel_shows_the_server_behind_it() -> None:
    """Through a tunnel the server's own chain is seen; the name is resolved by the proxy, not here."""
    asked: list[bytes] = []
    with listening((LEAF,)) as server:
        seen = through(tunnelling(server.endpoint, asked=asked))
    assert seen.outcome == Connected(judged=True)
    assert seen.presented == ders([LEAF])
    assert seen.sni == "portal.example"
    assert asked[0].startswith(b"CONNECT portal.example:8443 HTTP/1.1\r\nHost: portal.example:8443\r\n")
    assert b"Authorization" not in asked[0]


def test_an_inspecting_proxy_is_seen_by_its_chain() -> None:
    """A proxy that inspects TLS presents its own authority's certificate, which the store does not hold."""
    inspector = CA.root("Inspection Authority")
    forged = inspector.issue_leaf("portal.example")
    with listening((forged, inspector)) as server:
        seen = through(tunnelling(server.endpoint))
    assert isinstance(seen.outcome, TrustRefused)
    assert seen.presented == ders([forged, inspector])


def test_credentials_are_sent_and_never_shown() -> None:
    """User and password reach the proxy (RFC 7617); nothing that is printed holds them."""
    token = b"Basic " + base64.b64encode(b"anna:l\xc3\xb6tig")
    password = Secret("lötig")
    with listening((LEAF,)) as server:
        script = tunnelling(server.endpoint, password=token)
        assert through(script, user="anna", password=password).outcome == Connected(judged=True)
        wrong = through(script, user="anna", password=Secret("falsch"))
        none = through(script)
    assert isinstance(wrong.outcome, Unreachable)
    assert isinstance(none.outcome, Unreachable)
    assert 'refuses these credentials (407, Basic realm="harbour")' in wrong.sentence
    assert 'wants credentials (407, Basic realm="harbour")' in none.sentence
    assert "falsch" not in repr(wrong)
    assert "lötig" not in repr(Proxy(endpoint=PORTAL, user="anna", password=password))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<title>Host not found</title>",
            'cannot reach the host (502 Bad Gateway, with the page "Host not found")',
        ),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "cannot reach the host (503 Service Unavailable)"),
        (b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n", "got no answer from the host"),
        (
            b"HTTP/1.0 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nby policy\x1b[31m 7\r\n",
            '"by policy?[31m 7"',
        ),
        (b"HTTP/1.1 405 Method Not Allowed\r\n\r\n", "does not allow CONNECT"),
        (b"HTTP/1.1 418 \x1b[2J\r\n\r\n", "refuses the tunnel (418 ?[2J)"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n",
            "sends to http://login.example/ instead of opening a tunnel (302 Found): a captive portal?",
        ),
        (b"SSH-2.0-x\r\n", "does not answer in HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "does not answer in HTTP"),
        (b"", "closed the connection instead of answering"),
        (b"HTTP/1.1 200", "closed the connection instead of answering"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000, "does not answer in HTTP"),
    ],
)
def test_every_refusal_of_a_proxy_is_told(answer: bytes, words: str) -> None:
    """What a proxy does instead of opening a tunnel is told in one sentence, and blamed on the proxy."""
    seen = through(says(answer))
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.stage == "proxy"
    assert words in seen.sentence


def test_a_portal_that_says_yes_and_sends_a_page_is_no_tunnel() -> None:
    """A captive portal that answers 200 with its login page is recognised by the page."""
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><title>Welcome to the Inn</title>"
    seen = through(says(page))
    assert isinstance(seen.outcome, NotTls)
    assert "the proxy said yes and then sent a page of its own" in seen.sentence


def test_octets_that_come_with_the_yes_belong_to_the_tunnel() -> None:
    """A server behind the proxy that speaks first is heard, though its words come with the proxy's."""
    seen = through(says(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-OpenSSH_9\r\n"))
    assert isinstance(seen.outcome, NotTls)
    assert seen.outcome.speech == "ssh"


def test_a_silent_and_an_absent_proxy() -> None:
    """A proxy that does not answer, and one that is not there, are both blamed on the proxy's stage."""
    seen = through(silent)
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.timed_out
    assert "did not answer to CONNECT" in seen.sentence
    absent = Proxy(endpoint=Endpoint("proxy.invalid", 3128))
    seen = connect(PORTAL, clock=CLOCK, proxy=absent, limits=SHORT)
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.stage == "proxy"
    assert "proxy.invalid" in seen.sentence


def test_a_proxy_is_read_as_people_write_it() -> None:
    """A proxy's text holds a host, maybe a user, never a password."""
    assert Proxy.parse("http://proxy.example:3128/") == Proxy(endpoint=Endpoint("proxy.example", 3128))
    assert Proxy.parse("anna@proxy.example") == Proxy(endpoint=Endpoint("proxy.example", 8080), user="anna")
    with pytest.raises(BadEndpoint, match="file or environment") as refused:
        Proxy.parse("anna:word@proxy.example")
    assert "word@" not in str(refused.value)
    with pytest.raises(BadEndpoint, match="plain HTTP"):
        Proxy.parse("socks5://proxy.example")
