"""Those who stand between a device and the servers it calls: real servers on loopback.

An inspecting proxy opens TLS with a CA of its own and passes on what is said. The same relay, with another chain, is
the portal on a bad day: its certificate expired, for another name, without its intermediate. A forward proxy opens
tunnels, or does not. A captive page answers everything with itself.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, cast
from urllib.parse import quote

import h11

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.net import http, tls
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint, StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.listener import Listener
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.route import connect_tcp
from anchorwatch.net.site import Reply, Request, Respond
from anchorwatch.net.stream import PlainStream, Stream
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.truststore import TrustStore

_LIMITS = Limits(whole=timedelta(seconds=10), silence=timedelta(seconds=5))
_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding", "expect", "date"})
_MOST_HEADERS = 16 * 1024

Find = Callable[[str, int], Endpoint | None]
Manner = Literal["open", "forbids", "wants credentials"]


def relay(upstream: Endpoint, host: str, *, clock: Clock, trust: Callable[[], TrustStore]) -> Respond:
    """Pass every request on to `host` at `upstream` over TLS, and its answer back.

    Like a careful proxy it believes the real server only by a store, at the town's time.
    """

    def respond(request: Request) -> Reply:
        dialled = tls.dial(
            upstream, clock=clock, trust=trust(), sni=host, peer=PeerName("dns", host), limits=_LIMITS
        )
        if dialled.stream is None:
            return Reply.text(f"{dialled.observation.sentence}\n", status=502)
        query = f"?{request.query}" if request.query else ""
        ask = http.Ask(
            url=f"https://{host}{quote(request.path, safe='/:@!$&()*+,;=~-._')}{query}",
            method=cast(http.Method, request.method),
            headers=tuple((name, value) for name, value in request.headers.items() if name not in _OWN),
            body=request.body,
        )
        try:
            answer = http.converse(dialled.stream, ask, Deadline(_LIMITS))
        except BadEndpoint as error:
            return Reply.text(f"{error}\n", status=400)
        finally:
            dialled.stream.close()
        if not isinstance(answer, http.Answer):
            return Reply.text(f"{answer.sentence}\n", status=502)
        kept = tuple((name, value) for name, value in answer.headers if name not in _OWN)
        return Reply(status=answer.status, headers=kept, body=answer.body)

    return respond


def out_of_order(_: Request) -> Reply:
    """The portal has trouble of its own."""
    return Reply.text("LS_LICENGINE_FAIL_TO_CONNECT\n", status=503)


def captive_page(_: Request) -> Reply:
    """Somebody wants to be paid, or agreed with, first."""
    page = b"<html><head><title>Welcome, guest</title></head><body>Accept the terms to go on.</body></html>\n"
    return Reply(headers=(("Content-Type", "text/html"),), body=page)


class ForwardProxy:
    """A proxy that opens tunnels by CONNECT to what `find` knows; also a context manager.

    `manner` says whether it does: it may forbid every tunnel (403), or want the credentials it was made with (407).
    """

    def __init__(
        self, find: Find, *, manner: Manner = "open", user: str = "", password: Secret | None = None
    ) -> None:
        self._find = find
        self._manner = manner
        pair = f"{user}:{password.reveal() if password is not None else ''}".encode()
        self._expected = Secret("Basic " + base64.b64encode(pair).decode("ascii"))
        self.listener = Listener(
            self._serve, limits=Limits(whole=timedelta(seconds=60), silence=timedelta(seconds=20))
        )

    def close(self) -> None:
        self.listener.close()

    def __enter__(self) -> ForwardProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, stream: Stream, deadline: Deadline) -> None:
        machine = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEADERS)
        try:
            request = _head(machine, stream, deadline)
        except h11.RemoteProtocolError:
            stream.send(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", deadline
            )
            return
        if request is None:
            return
        status, reason, extra = self._verdict(request)
        target = self._target(request) if status == 200 else None
        if status == 200 and target is None:
            status, reason = 502, "Bad Gateway"
        if target is None:
            head = f"HTTP/1.1 {status} {reason}\r\n{extra}Content-Length: 0\r\nConnection: close\r\n\r\n"
            stream.send(head.encode("ascii"), deadline)
            return
        try:
            stream.send(b"HTTP/1.1 200 Connection established\r\n\r\n", deadline)
            early = machine.trailing_data[0]
            if early:
                target.send(early, deadline)
            assert isinstance(stream, PlainStream), "a listener without TLS serves plain streams"
            _carry(stream, target, deadline)
        finally:
            target.close()

    def _verdict(self, request: h11.Request) -> tuple[int, str, str]:
        if request.method != b"CONNECT":
            return 405, "Method Not Allowed", "Allow: CONNECT\r\n"
        if self._manner == "forbids":
            return 403, "Forbidden", ""
        if self._manner == "wants credentials":
            given = dict(request.headers).get(b"proxy-authorization", b"")
            if not hmac.compare_digest(bytes(given), self._expected.reveal().encode("ascii")):
                return 407, "Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="corp"\r\n'
        return 200, "OK", ""

    def _target(self, request: h11.Request) -> PlainStream | None:
        try:
            asked = Endpoint.parse(bytes(request.target).decode("latin-1"))
        except BadEndpoint:
            return None
        where = self._find(asked.host, asked.port)
        if where is None:
            return None
        route = connect_tcp(where, Deadline(_LIMITS))
        return None if isinstance(route, Unreachable) else PlainStream(route[0])


def _head(machine: h11.Connection, stream: Stream, deadline: Deadline) -> h11.Request | None:
    """The head of a request; None where the client left."""
    while True:
        event = machine.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        octets = stream.receive(deadline)
        machine.receive_data(octets)
        if not octets:
            return None


def _carry(one: PlainStream, other: PlainStream, deadline: Deadline) -> None:
    """Carry octets both ways until one side has ended."""

    def pass_on(source: PlainStream, sink: PlainStream) -> None:
        with contextlib.suppress(StreamBroken, StreamTimedOut):
            while octets := source.receive(deadline):
                sink.send(octets, deadline)
        # The other direction waits for octets that will not come.
        sink.cut()

    back = threading.Thread(target=pass_on, args=(other, one), daemon=True)
    back.start()
    pass_on(one, other)
    back.join()
