"""Small HTTP, both ends, over plain sockets and over TLS."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from anchorwatch.net import http
from anchorwatch.net.errors import BadEndpoint, NetError, NotLoopback
from anchorwatch.net.http import Answer, Ask, Broken, NotReached, RedirectRefused, Rules, TooLarge, fetch
from anchorwatch.net.limits import Limits
from anchorwatch.net.listener import Identity, Listener, Terms
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.site import Reply, Request, Site, files
from builders.certs import CA
from builders.servers import CLOCK, echo, identity, says, scripted, silent, store, tunnelling

ROOT = CA.root("Harbour Root")
LEAF = ROOT.issue_leaf("portal.example", san=["localhost", "127.0.0.1"])
SHORT = Rules(limits=Limits(whole=timedelta(seconds=1.5), silence=timedelta(seconds=0.4)))


def mirror(request: Request) -> Reply:
    """Answer with what was asked."""
    words = f"{request.method} {request.path} {request.query} {request.headers.get('x-one')}\n"
    return Reply(headers=(("X-Kept", "yes"),), body=words.encode() + request.body)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_request_and_its_answer(tls: bool) -> None:
    """A request reaches the site whole, and its answer the client, with a body larger than any buffer."""
    body = bytes(range(256)) * 2000
    with Site(mirror, terms=Terms(identity=identity((LEAF, ROOT))) if tls else None) as site:
        ask = Ask(url=site.url("/a%20b?c=d"), method="POST", headers=(("X-One", "1"),), body=body)
        answer = fetch(ask, clock=CLOCK, trust=store(ROOT))
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert answer.body == b"POST /a b c=d 1\n" + body
    assert answer.header("X-Kept") == "yes"
    assert (answer.seen is not None) == tls


def test_nothing_is_asked_of_a_server_that_is_not_trusted() -> None:
    """Where the chain is refused the request is not sent, and the answer says what was seen."""
    asked: list[Request] = []

    def note(request: Request) -> Reply:
        asked.append(request)
        return Reply()

    with Site(note, terms=Terms(identity=identity((LEAF, ROOT)))) as site:
        answer = fetch(Ask(url=site.url()), clock=CLOCK, trust=store())
        with pytest.raises(ValueError, match="trust store"):
            fetch(Ask(url=site.url()), clock=CLOCK, trust=None)
    assert isinstance(answer, NotReached)
    assert answer.seen is not None
    assert "not trusted" in answer.sentence
    assert asked == []


def test_files_are_served_and_nothing_beside_them(tmp_path: Path) -> None:
    """A folder's files are served; paths that lead out of it, by dots or links, are not found."""
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "ios.p7b").write_bytes(b"bundle")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    with Site(files(folder)) as site:

        def get(path: str, method: str = "GET") -> Answer:
            answer = fetch(Ask(url=site.url(path), method=method), clock=CLOCK, trust=None)  # type: ignore[arg-type]
            assert isinstance(answer, Answer)
            return answer

        assert get("/ios.p7b").body == b"bundle"
        assert get("/ios.p7b").header("content-type") == "application/x-pkcs7-certificates"
        head = get("/ios.p7b", "HEAD")
        assert (head.body, head.header("content-length")) == (b"", "6")
        assert get("/ios.p7b", "POST").status == 405
        for path in ("/", "/../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/link", "/a%00b"):
            assert get(path).status == 404


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-x\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n" + b"X: y\r\n" * 20000, "does not answer in HTTP"),
    ],
)
def test_a_broken_answer_is_told(octets: bytes, words: str) -> None:
    """An answer that ends early or is none is broken, in one sentence."""
    with scripted(says(octets)) as endpoint:
        answer = fetch(Ask(url=f"http://{endpoint}/"), clock=CLOCK, trust=None, rules=SHORT)
    assert isinstance(answer, Broken)
    assert words in answer.sentence
    assert not answer.timed_out


def test_a_silent_and_an_absent_server() -> None:
    """Silence after the request is a broken exchange that timed out; no connection at all is not reached."""
    with scripted(silent) as endpoint:
        began = time.monotonic()
        answer = fetch(Ask(url=f"http://{endpoint}/"), clock=CLOCK, trust=None, rules=SHORT)
        assert time.monotonic() - began < 1
    assert isinstance(answer, Broken)
    assert answer.timed_out
    answer = fetch(Ask(url="http://nobody.invalid/"), clock=CLOCK, trust=None, rules=SHORT)
    assert isinstance(answer, NotReached)


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 1001\r\n\r\n", b"\r\n"], ids=["announced", "unannounced"]
)
def test_a_body_beyond_the_limit_is_dropped(headers: bytes) -> None:
    """A body larger than the limit ends the exchange, announced or not."""
    octets = b"HTTP/1.1 200 OK\r\n" + headers + bytes(1001)
    with scripted(says(octets), connections=2) as endpoint:
        ask = Ask(url=f"http://{endpoint}/")
        limited = Rules(limits=SHORT.limits, most_octets=1000)
        assert fetch(ask, clock=CLOCK, trust=None, rules=limited) == TooLarge(url=ask.url, limit=1000)
        enough = fetch(ask, clock=CLOCK, trust=None, rules=Rules(limits=SHORT.limits, most_octets=1001))
    assert isinstance(enough, Answer)


def moved(location: str) -> bytes:
    """An answer that points elsewhere."""
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_redirects_are_followed_only_as_allowed() -> None:
    """Redirects are off by default, followed when allowed, counted, and not sent after a POST."""
    rules = Rules(redirects=2)
    with (
        Site(lambda request: Reply(body=request.headers.get("authorization", "none").encode())) as site,
        scripted(says(moved(site.url("/there"))), connections=4) as endpoint,
    ):
        url = f"http://{endpoint}/here"
        off = fetch(Ask(url=url), clock=CLOCK, trust=None)
        assert isinstance(off, Answer)
        assert off.status == 302
        ask = Ask(url=url, headers=(("Authorization", "token"),))
        followed = fetch(ask, clock=CLOCK, trust=None, rules=rules)
        assert isinstance(followed, Answer)
        assert followed.url == site.url("/there")
        assert followed.body == b"none", "credentials are not carried to another endpoint"
        posted = fetch(Ask(url=url, method="POST"), clock=CLOCK, trust=None, rules=rules)
        assert isinstance(posted, RedirectRefused)
    with scripted(says(moved("/round")), connections=3) as endpoint:
        round_ = fetch(Ask(url=f"http://{endpoint}/"), clock=CLOCK, trust=None, rules=rules)
        assert isinstance(round_, RedirectRefused)
        assert "more than 2 redirects" in round_.sentence
    with scripted(says(moved("file:///etc/passwd"))) as endpoint:
        away = fetch(Ask(url=f"http://{endpoint}/"), clock=CLOCK, trust=None, rules=rules)
        assert isinstance(away, RedirectRefused)


def test_a_redirect_from_public_to_private_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public host that points to a private address is not followed, unless that is allowed."""
    private = Ask(url="http://127.0.0.1:9/")
    monkeypatch.setattr(http, "_is_private", lambda endpoint, _: endpoint.host != "public.example")
    monkeypatch.setattr(
        http,
        "_fetch_once",
        lambda ask, *_: Answer(
            status=302 if "public" in ask.url else 200,
            headers=(("location", private.url),),
            body=b"",
            url=ask.url,
        ),
    )
    ask = Ask(url="http://public.example/")
    refused = fetch(ask, clock=CLOCK, trust=None, rules=Rules(redirects=1))
    assert isinstance(refused, RedirectRefused)
    assert "private address" in refused.sentence
    allowed = fetch(ask, clock=CLOCK, trust=None, rules=Rules(redirects=1, private_redirects=True))
    assert isinstance(allowed, Answer)
    assert allowed.url == private.url


def test_plain_http_goes_through_a_proxy_too() -> None:
    """A request goes through a tunnel when a proxy is given, and the proxy's refusal is told."""
    with Site(mirror) as site, scripted(tunnelling(site.listener.endpoint)) as endpoint:
        proxy = Proxy(endpoint=endpoint)
        answer = fetch(Ask(url="http://bundles.example/x"), clock=CLOCK, trust=None, proxy=proxy)
    assert isinstance(answer, Answer)
    with scripted(says(b"HTTP/1.1 502 Bad\r\n\r\n")) as endpoint:
        proxy = Proxy(endpoint=endpoint)
        refused = fetch(Ask(url="http://bundles.example/x"), clock=CLOCK, trust=None, proxy=proxy)
    assert isinstance(refused, NotReached)
    assert "proxy" in refused.sentence


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http://", "http://u:p@a.example/", "http://a b/", "x", "http://[/"]
)
def test_a_url_that_cannot_be_asked(url: str) -> None:
    """A URL that names no http server is the caller's mistake."""
    with pytest.raises(BadEndpoint):
        fetch(Ask(url=url), clock=CLOCK, trust=None)


def test_header_injection_is_the_callers_mistake() -> None:
    """A header with a line break in it is never sent."""
    with Site(mirror) as site, pytest.raises(BadEndpoint, match="cannot be asked"):
        fetch(Ask(url=site.url(), headers=(("X", "a\r\nY: b"),)), clock=CLOCK, trust=None)


def test_a_site_refuses_what_is_no_request() -> None:
    """A site answers junk with 400, an endless body with 413, and goes on serving."""
    with Site(mirror) as site:
        answer = fetch(
            Ask(url=site.url(), method="POST", body=bytes(5 * 1024 * 1024)), clock=CLOCK, trust=None
        )
        assert isinstance(answer, Answer | Broken)
        if isinstance(answer, Answer):
            assert answer.status == 413
        with socket.create_connection((site.listener.endpoint.host, site.listener.endpoint.port)) as raw:
            raw.sendall(b"\x16\x03\x01 junk\r\n\r\n")
            assert raw.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert isinstance(fetch(Ask(url=site.url()), clock=CLOCK, trust=None), Answer)


def test_a_fault_of_the_site_is_a_500() -> None:
    """What fails while answering becomes a 500 and a complaint, and the site goes on."""
    with Site(lambda request: Reply(status=int(request.query))) as site:
        for query, status in (("x", 500), ("204", 204)):
            answer = fetch(Ask(url=site.url(f"/?{query}")), clock=CLOCK, trust=None)
            assert isinstance(answer, Answer)
            assert answer.status == status
    assert "ValueError" in site.listener.complaints[0]


def test_a_server_stays_on_loopback() -> None:
    """A lab server does not listen where others could reach it."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(NotLoopback, match="loopback only"):
            Listener(echo, host=host)


def test_an_identity_that_does_not_fit_is_refused() -> None:
    """A key that is not the leaf's, or octets that are no certificate, make no server."""
    with pytest.raises(NetError, match="does not take this identity"):
        Listener(echo, terms=Terms(identity=Identity(chain=(LEAF.der,), key=ROOT.key)))
    with pytest.raises(NetError, match="cannot be read"):
        Listener(echo, terms=Terms(identity=Identity(chain=(b"junk",), key=ROOT.key)))
    with pytest.raises(ValueError, match="at least its own"):
        Identity(chain=(), key=ROOT.key)


def test_closing_a_server_frees_its_port() -> None:
    """After close nothing answers on the port, and closing again is no harm."""
    site = Site(mirror)
    url = site.url()
    site.close()
    site.close()
    assert isinstance(fetch(Ask(url=url), clock=CLOCK, trust=None, rules=SHORT), NotReached)
