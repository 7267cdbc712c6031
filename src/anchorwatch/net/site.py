"""A small HTTP/1.1 site for the lab: answers from a function, or files from a folder.

One request a connection. The listener below it keeps it on loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import h11

from anchorwatch.net.errors import StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.listener import Listener, Terms
from anchorwatch.net.stream import Stream

_MOST_HEADERS = 64 * 1024
_MOST_BODY = 4 * 1024 * 1024
_TYPES = {
    ".json": "application/json",
    ".p7b": "application/x-pkcs7-certificates",
    ".pem": "application/x-pem-file",
    ".txt": "text/plain; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked: `path` decoded and without the query, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the site answers; Content-Length is added."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    @classmethod
    def text(cls, words: str, *, status: int = 200) -> Reply:
        """A plain text."""
        kind = (("Content-Type", "text/plain; charset=utf-8"),)
        return cls(status=status, headers=kind, body=words.encode())


Respond = Callable[[Request], Reply]


class Site:
    """An HTTP server on loopback from its making until `close`; also a context manager."""

    def __init__(
        self,
        respond: Respond,
        *,
        terms: Terms | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        self._respond = respond
        self.listener = Listener(self._serve, terms=terms, host=host, port=port, limits=limits)
        self._scheme = "http" if terms is None else "https"

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """The URL of a path here, under another name of this machine if one is given."""
        endpoint = self.listener.endpoint
        where = str(endpoint) if host is None else f"{host}:{endpoint.port}"
        return f"{self._scheme}://{where}{path}"

    def close(self) -> None:
        self.listener.close()

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, stream: Stream, deadline: Deadline) -> None:
        machine = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEADERS)
        request: Request | Reply | None = None
        try:
            request = _request(machine, stream, deadline)
            if request is None:
                return
            reply = self._reply(request) if isinstance(request, Request) else request
        except h11.RemoteProtocolError as problem:
            reply = Reply.text(f"{problem}\n", status=problem.error_status_hint)
        headers = [*reply.headers, ("Content-Length", str(len(reply.body))), ("Connection", "close")]
        if machine.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        octets = machine.send(h11.Response(status_code=reply.status, headers=headers)) or b""
        if not isinstance(request, Request) or request.method != "HEAD":
            octets += machine.send(h11.Data(data=reply.body)) or b""
        octets += machine.send(h11.EndOfMessage()) or b""
        stream.send(octets, deadline)

    def _reply(self, request: Request) -> Reply:
        try:
            return self._respond(request)
        except Exception as problem:  # noqa: BLE001 - a site outlives a fault of what answers for it
            self.listener.complaints.append(f"{request.method} {request.path}: {problem!r}")
            return Reply.text("the site failed\n", status=500)


def files(folder: Path) -> Respond:
    """Answer GET and HEAD with the files of a folder, and nothing outside of it."""
    root = folder.resolve()

    def respond(request: Request) -> Reply:
        if request.method not in {"GET", "HEAD"}:
            return Reply.text("only GET and HEAD\n", status=405)
        with suppress(OSError, ValueError):
            found = (root / request.path.lstrip("/")).resolve()
            if found.is_relative_to(root) and found.is_file():
                kind = _TYPES.get(found.suffix.lower(), "application/octet-stream")
                return Reply(headers=(("Content-Type", kind),), body=found.read_bytes())
        return Reply.text("not found\n", status=404)

    return respond


def _request(machine: h11.Connection, stream: Stream, deadline: Deadline) -> Request | Reply | None:
    """Read one request; None where the client left, a reply where it is to be refused."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            try:
                machine.receive_data(stream.receive(deadline))
            except (StreamBroken, StreamTimedOut):
                return None
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MOST_BODY:
                return Reply.text("the body is too large\n", status=413)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _read(head, bytes(body))
        else:
            return None


def _read(head: h11.Request, body: bytes) -> Request:
    parts = urlsplit(bytes(head.target).decode("latin-1"))
    headers = {
        bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1") for name, value in head.headers
    }
    return Request(
        method=bytes(head.method).decode("ascii"),
        path=unquote(parts.path),
        query=parts.query,
        headers=headers,
        body=body,
    )
