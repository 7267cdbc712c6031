"""A tunnel through an HTTP proxy with CONNECT (RFC 9110 §9.3.6), and every way it fails, told.

A proxy fails in more ways than a server: it wants credentials, it cannot reach the host, it answers with a
page, it is no proxy at all. Each of these reads as "TLS error" in the logs of a device; here each is an
`Unreachable` of stage `proxy` with its own sentence.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import h11

from anchorwatch.base.secret import Secret
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint, StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline
from anchorwatch.net.outcome import Unreachable
from anchorwatch.net.stream import Stream

_PORT = 8080
_MOST_HEADERS = 32 * 1024
_MOST_PAGE = 4 * 1024
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]{1,200})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy and what it wants to know. The password is looked up by the caller, late."""

    endpoint: Endpoint
    user: str | None = None
    password: Secret | None = None

    @classmethod
    def parse(cls, text: str, *, password: Secret | None = None) -> Proxy:
        """Read `[http://][USER@]HOST[:PORT]`; the port is 8080 where none is written.

        Raises `BadEndpoint`; also for a password in the text, which others could read from the process list.
        """
        rest = text.strip()
        scheme, separator, after = rest.partition("://")
        if separator:
            if scheme.lower() != "http":
                raise BadEndpoint(f"a proxy is spoken to in plain HTTP, not in {scheme[:20]!a}")
            rest = after.removesuffix("/")
        user, at, host = rest.rpartition("@")
        if ":" in user:
            raise BadEndpoint(
                "a password does not belong into the text of a proxy; give it by file or environment"
            )
        return cls(endpoint=Endpoint.parse(host, port=_PORT), user=user if at else None, password=password)

    @property
    def authorization(self) -> Secret | None:
        """The value of Proxy-Authorization (RFC 7617), or None where no user is named."""
        if self.user is None:
            return None
        password = self.password.reveal() if self.password is not None else ""
        pair = f"{self.user}:{password}".encode()
        return Secret("Basic " + base64.b64encode(pair).decode("ascii"))

    def __str__(self) -> str:
        return str(self.endpoint)


def open_tunnel(stream: Stream, proxy: Proxy, target: Endpoint, deadline: Deadline) -> bytes | Unreachable:
    """Ask a proxy for a tunnel; returns the octets of the tunnel that came with the answer, mostly none."""
    machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADERS)
    headers = [("Host", str(target))]
    authorization = proxy.authorization
    if authorization is not None:
        headers.append(("Proxy-Authorization", authorization.reveal()))
    try:
        stream.send(
            machine.send(h11.Request(method="CONNECT", target=str(target), headers=headers))
            + machine.send(h11.EndOfMessage()),
            deadline,
        )
        return _answer(machine, stream, proxy, deadline)
    except StreamTimedOut as problem:
        return _refused(proxy, f"did not answer to CONNECT: {problem}", timed_out=True)
    except StreamBroken as problem:
        return _refused(proxy, f"broke the connection instead of answering: {problem}")
    except h11.RemoteProtocolError as problem:
        return _refused(proxy, f"does not answer in HTTP ({problem})")


def _answer(machine: h11.Connection, stream: Stream, proxy: Proxy, deadline: Deadline) -> bytes | Unreachable:
    start = b""
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            octets = stream.receive(deadline)
            start += octets[: 5 - len(start)]
            if not speaks_http(start):
                return _refused(proxy, "does not answer in HTTP")
            if not octets:
                return _refused(proxy, "closed the connection instead of answering")
            machine.receive_data(octets)
        elif isinstance(event, h11.Response):
            if 200 <= event.status_code < 300:
                return machine.trailing_data[0]
            return _told(event, _page(machine, stream, deadline), proxy)


def speaks_http(start: bytes) -> bool:
    """Say whether an answer that begins so may be HTTP; h11 alone would wait for the end of its headers."""
    return start[:5] == b"HTTP/"[: len(start)]


def _page(machine: h11.Connection, stream: Stream, deadline: Deadline) -> bytes:
    """Read the beginning of an error page, as far as it comes without trouble."""
    page = b""
    try:
        while len(page) < _MOST_PAGE:
            event = machine.next_event()
            if event is h11.NEED_DATA:
                machine.receive_data(stream.receive(deadline))
            elif isinstance(event, h11.Data):
                page += bytes(event.data)
            else:
                break
    except (StreamBroken, StreamTimedOut, h11.RemoteProtocolError):
        pass
    return page[:_MOST_PAGE]


def _told(answer: h11.Response, page: bytes, proxy: Proxy) -> Unreachable:
    headers = {bytes(name).lower(): bytes(value) for name, value in answer.headers}
    code = answer.status_code
    status = f"{code} {_text(bytes(answer.reason))}".rstrip()
    if code == 407:
        challenge = _text(headers.get(b"proxy-authenticate", b"a kind it does not name"))
        given = "refuses these credentials" if proxy.user is not None else "wants credentials"
        return _refused(proxy, f"{given} (407, {challenge})", credentials=True)
    if 300 <= code < 400:
        where = _text(headers.get(b"location", b"nowhere"))
        return _refused(proxy, f"sends to {where} instead of opening a tunnel ({status}): a captive portal?")
    told = {
        403: "forbids the tunnel",
        405: "does not allow CONNECT",
        501: "does not know CONNECT",
        502: "cannot reach the host",
        503: "cannot reach the host",
        504: "got no answer from the host",
    }.get(code, "refuses the tunnel")
    title = _TITLE.search(page)
    if title:
        said = f', with the page "{_text(title.group(1))}"'
    elif b"text/plain" in headers.get(b"content-type", b"") and page.strip():
        said = f', "{_text(page.strip().splitlines()[0])}"'
    else:
        said = ""
    return _refused(proxy, f"{told} ({status}{said})")


def _refused(proxy: Proxy, words: str, *, timed_out: bool = False, credentials: bool = False) -> Unreachable:
    return Unreachable(
        stage="proxy", words=f"the proxy {proxy} {words}", timed_out=timed_out, credentials=credentials
    )


def _text(octets: bytes) -> str:
    """Show a header or a title, shortened, with nothing in it that a terminal would obey."""
    return "".join(chr(octet) if 32 <= octet < 127 else "?" for octet in octets[:120]).strip()
