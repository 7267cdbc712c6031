"""Between ASGI and the desk: a request out of its pieces, within limits of size and time, and an answer in pieces."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from starlette.types import Receive, Scope, Send

from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.wire import MAX_BODY
from anchorwatch.portal.reply import Reply, Request, refusal

BODY_SECONDS = 15
"""For the whole body; a device on the slowest line sends 256 kB in that, or less than that."""
_BODILESS = frozenset({204, 304})
_NO_MATTER = 16 * 1024
"""Octets of one body that count for nothing: nearly every message is shorter."""


@dataclass(slots=True)
class Reading:
    """How many octets of bodies are held just now, and how many may be."""

    most: int
    held: int = 0


def fields(scope: Scope) -> dict[str, str]:
    """Repeated fields become one, as RFC 9110 section 5.3 says; a signature twice is then no signature."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def request(scope: Scope, given: dict[str, str], body: bytes) -> Request:
    """The request as the desk takes it."""
    method, client = scope["method"], scope.get("client")
    return Request(
        method="GET" if method == "HEAD" else method,
        path=bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=bytes(scope.get("query_string") or b"").decode("latin-1"),
        fields=given,
        body=body,
        peer=client[0] if client else None,
        client_certificate=scope.get("state", {}).get("client_certificate"),
    )


async def read(given: dict[str, str], receive: Receive, reading: Reading) -> bytes | Reply:
    """The whole body, or the refusal of one that is too long, too slow, or broken off, or too much beside the others."""
    announced = given.get("content-length", "")
    if announced.isdigit() and (len(announced) > 9 or int(announced) > MAX_BODY):
        return cut(refusal(Type.MESSAGE_MALFORMED, f"a message has at most {MAX_BODY} octets"))
    body = bytearray()
    counted = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                piece = await receive()
                if piece["type"] != "http.request":
                    return cut(refusal(Type.MESSAGE_MALFORMED, "the message broke off"))
                body += piece.get("body", b"")
                if len(body) > MAX_BODY:
                    return cut(refusal(Type.MESSAGE_MALFORMED, f"a message has at most {MAX_BODY} octets"))
                if not piece.get("more_body", False):
                    return bytes(body)
                if len(body) > _NO_MATTER:
                    reading.held += len(body) - counted
                    counted = len(body)
                    if reading.held > reading.most:
                        return cut(refusal(Type.OVERLOADED))
    except TimeoutError:
        detail = f"the message did not come within {BODY_SECONDS} seconds"
        return cut(refusal(Type.MESSAGE_MALFORMED, detail))
    finally:
        reading.held -= counted


def cut(reply: Reply) -> Reply:
    """The same answer to a message whose rest nobody will read: the connection ends with it."""
    return replace(reply, headers=(*reply.headers, ("connection", "close")))


async def deliver(reply: Reply, now: datetime, send: Send) -> None:
    """Send an answer, with the fields that every answer has."""
    headers = [
        (b"date", format_datetime(now, usegmt=True).encode("ascii")),
        (b"sl-server", b"1"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if reply.media_type:
        headers.append((b"content-type", reply.media_type.encode("latin-1")))
    if reply.status not in _BODILESS:
        headers.append((b"content-length", str(len(reply.body)).encode("ascii")))
    headers += [(name.encode("ascii"), value.encode("latin-1")) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
