"""HTTP/1.1 as a client, on h11, over our own streams.

Small on purpose: one request, one connection, a bounded body, no redirects unless wanted. A redirect to a
private address is not followed unless allowed, since a bundle's address comes from configuration and the
answer from whoever stands there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urljoin, urlsplit

import h11

from anchorwatch.base.clock import Clock
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint, StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.proxy import Proxy, open_tunnel, speaks_http
from anchorwatch.net.route import connect_tcp, resolve
from anchorwatch.net.stream import PlainStream, Stream
from anchorwatch.net.tls import Observation, dial
from anchorwatch.pki.truststore import TrustStore

Method = Literal["GET", "HEAD", "POST", "PUT", "DELETE"]
Header = tuple[str, str]

_MOST_HEADERS = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_AGENT = "anchorwatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request. `url` is absolute, `http` or `https`; `headers` come besides Host and Content-Length."""

    url: str
    method: Method = "GET"
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole response, of any status. Header names are in lower case, in the order sent.

    `url` is where it came from after redirects. `seen` tells of the TLS connection, None for plain HTTP.
    """

    status: int
    headers: tuple[Header, ...]
    body: bytes = field(repr=False)
    url: str
    seen: Observation | None = None

    def header(self, name: str) -> str | None:
        """The first header of a name, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReached:
    """There was no connection to send the request on; nothing of it was sent."""

    url: str
    sentence: str
    seen: Observation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The request was sent, in part or whole, and no whole answer came. It may have been acted on."""

    url: str
    sentence: str
    timed_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLarge:
    """The answer's body is larger than the limit; what had come was thrown away."""

    url: str
    limit: int

    @property
    def sentence(self) -> str:
        return f"the answer of {self.url} is larger than {self.limit} octets"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectRefused:
    """The answer points elsewhere, and it was not followed, for a reason the sentence gives."""

    url: str
    location: str
    sentence: str


Exchange = Answer | NotReached | Broken | TooLarge | RedirectRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a client allows: its limits, the largest body, how many redirects, and to where.

    `private_redirects` allows a redirect to lead from a public host to a private, loopback or link-local
    address.
    """

    limits: Limits = field(default_factory=Limits)
    most_octets: int = 16 * 1024 * 1024
    redirects: int = 0
    private_redirects: bool = False


def fetch(
    ask: Ask,
    *,
    clock: Clock,
    trust: TrustStore | None,
    proxy: Proxy | None = None,
    rules: Rules | None = None,
) -> Exchange:
    """Send one request and return how it went; redirects are followed as the rules allow, for GET and HEAD.

    `https` needs `trust` and raises `ValueError` without it: nothing is sent to a server that nobody vouches
    for. Raises `BadEndpoint` for a URL that cannot be asked. Never raises for what a server does.
    """
    rules = rules or Rules()
    deadline = Deadline(rules.limits)
    left = rules.redirects
    while True:
        exchange = _fetch_once(ask, clock, trust, proxy, rules, deadline)
        if not isinstance(exchange, Answer) or exchange.status not in _REDIRECTS:
            return exchange
        location = exchange.header("location")
        if location is None or rules.redirects == 0:
            return exchange
        following = _following(ask, location, left, rules, deadline)
        if isinstance(following, RedirectRefused):
            return following
        ask, left = following, left - 1


def converse(
    stream: Stream, ask: Ask, deadline: Deadline, *, most_octets: int = 16 * 1024 * 1024
) -> Exchange:
    """Send one request over an open stream and read its answer; the stream is the caller's to close."""
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
    parts = urlsplit(ask.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = [("Host", parts.netloc.rpartition("@")[2]), ("Connection", "close"), *ask.headers]
    if not any(name.lower() == "user-agent" for name, _ in ask.headers):
        headers.append(("User-Agent", _AGENT))
    if ask.body or ask.method in {"POST", "PUT"}:
        headers.append(("Content-Length", str(len(ask.body))))
    try:
        octets = machine.send(h11.Request(method=ask.method, target=target, headers=headers)) or b""
        if ask.body:
            octets += machine.send(h11.Data(data=ask.body)) or b""
        octets += machine.send(h11.EndOfMessage()) or b""
    except h11.LocalProtocolError as problem:
        raise BadEndpoint(f"{ask.url[:80]!a} cannot be asked: {problem}") from problem
    try:
        sending: StreamBroken | None = None
        try:
            stream.send(octets, deadline)
        except StreamBroken as problem:
            sending = problem  # a server may answer early and hang up: what it said counts
        answer = _read(machine, stream, ask, deadline, most_octets)
        if isinstance(answer, Broken) and sending is not None:
            return Broken(
                url=ask.url, sentence=f"{ask.url} broke the connection while it was asked: {sending}"
            )
        return answer
    except StreamTimedOut as problem:
        return Broken(url=ask.url, sentence=f"{ask.url} gave no whole answer: {problem}", timed_out=True)
    except StreamBroken as problem:
        return Broken(url=ask.url, sentence=f"{ask.url} broke the connection: {problem}")
    except h11.RemoteProtocolError as problem:
        return Broken(url=ask.url, sentence=f"{ask.url} does not answer in HTTP: {problem}")


def _read(
    machine: h11.Connection, stream: Stream, ask: Ask, deadline: Deadline, most: int
) -> Answer | TooLarge | Broken:
    response: h11.Response | None = None
    body = bytearray()
    start = b""
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            octets = stream.receive(deadline)
            start += octets[: 5 - len(start)]
            if not speaks_http(start):
                return Broken(url=ask.url, sentence=f"{ask.url} does not answer in HTTP")
            if not octets and response is None:
                return Broken(url=ask.url, sentence=f"{ask.url} closed the connection without an answer")
            machine.receive_data(octets)
        elif isinstance(event, h11.Response):
            response = event
            length = dict(event.headers).get(b"content-length", b"0")
            if ask.method != "HEAD" and length.isdigit() and int(length) > most:
                return TooLarge(url=ask.url, limit=most)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                return TooLarge(url=ask.url, limit=most)
        elif isinstance(event, h11.EndOfMessage) and response is not None:
            headers = tuple(
                (bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1"))
                for name, value in response.headers
            )
            return Answer(status=response.status_code, headers=headers, body=bytes(body), url=ask.url)


def _fetch_once(
    ask: Ask, clock: Clock, trust: TrustStore | None, proxy: Proxy | None, rules: Rules, deadline: Deadline
) -> Exchange:
    scheme, endpoint = _addressee(ask.url)
    if deadline.over:
        return NotReached(url=ask.url, sentence=f"{ask.url} was not asked: the time was over")
    if scheme == "https":
        if trust is None:
            raise ValueError("https needs a trust store; looking without trust is what net.tls.connect does")
        dialled = dial(endpoint, clock=clock, trust=trust, proxy=proxy, limits=deadline.limits)
        seen = dialled.observation
        if dialled.stream is None:
            return NotReached(url=ask.url, sentence=seen.sentence, seen=seen)
        stream: Stream = dialled.stream
    else:
        opened = open_plain(endpoint, proxy, deadline)
        if isinstance(opened, Unreachable):
            return NotReached(url=ask.url, sentence=f"{endpoint}: {opened.sentence}")
        stream, seen = opened, None
    try:
        exchange = converse(stream, ask, deadline, most_octets=rules.most_octets)
    finally:
        stream.close()
    if isinstance(exchange, Answer) and seen is not None:
        return Answer(
            status=exchange.status, headers=exchange.headers, body=exchange.body, url=exchange.url, seen=seen
        )
    return exchange


def open_plain(endpoint: Endpoint, proxy: Proxy | None, deadline: Deadline) -> PlainStream | Unreachable:
    """Open a connection for plain HTTP; through a proxy it is a tunnel too, so that one code path is told of."""
    route = connect_tcp(endpoint if proxy is None else proxy.endpoint, deadline)
    if isinstance(route, Unreachable):
        return route
    stream = PlainStream(route[0])
    if proxy is not None:
        tunnel = open_tunnel(stream, proxy, endpoint, deadline)
        if isinstance(tunnel, Unreachable):
            stream.close()
            return tunnel
    return stream


def _addressee(url: str) -> tuple[str, Endpoint]:
    """Return the scheme and whom to ask; raises `BadEndpoint`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise BadEndpoint(f"{url[:80]!a} is not a URL: {problem}") from None
    scheme = parts.scheme.lower()
    if scheme not in {"http", "https"} or not host:
        raise BadEndpoint(f"{url[:80]!a} is not an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise BadEndpoint("a URL with a user name or a password in it is not asked")
    return scheme, Endpoint.parse(f"[{host}]" if ":" in host else host, port=port or _PORTS[scheme])


def _following(ask: Ask, location: str, left: int, rules: Rules, deadline: Deadline) -> Ask | RedirectRefused:
    url = urljoin(ask.url, location)

    def refused(why: str) -> RedirectRefused:
        return RedirectRefused(
            url=ask.url, location=location[:500], sentence=f"{ask.url} points to {location[:80]!a}: {why}"
        )

    if left == 0:
        return refused(f"more than {rules.redirects} redirects")
    if ask.method not in {"GET", "HEAD"}:
        return refused(f"a {ask.method} is not sent anywhere else")
    try:
        scheme, endpoint = _addressee(url)
    except BadEndpoint as problem:
        return refused(str(problem))
    before, asked = _addressee(ask.url)
    if before == "https" and scheme != "https":
        return refused("that would leave TLS")
    if not rules.private_redirects and _is_private(endpoint, deadline) and not _is_private(asked, deadline):
        return refused("that is a private address")
    kept = ask.headers if endpoint == asked else _without_credentials(ask.headers)
    return Ask(url=url, method=ask.method, headers=kept)


def _without_credentials(headers: Sequence[Header]) -> tuple[Header, ...]:
    return tuple(pair for pair in headers if pair[0].lower() not in {"authorization", "cookie"})


def _is_private(endpoint: Endpoint, deadline: Deadline) -> bool:
    """Say whether any address of a host is not a public one. A name that resolves to nothing is not."""
    addresses = resolve(endpoint, deadline)
    if isinstance(addresses, Unreachable):
        return False
    return any(not ipaddress.ip_address(address.host).is_global for address in addresses)
