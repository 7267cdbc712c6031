"""The desk as an ASGI application: bodies within limits of size and time, a thread for the work, the common headers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from anchorwatch.licensing import message
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.wire import MAX_BODY
from anchorwatch.portal import desk, life, publication
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Reply, Request, refusal

BODY_SECONDS = 15
"""For the whole body; a device on the slowest line sends 256 kB in that, or less than that."""
SWEEP_SECONDS = 60
_BODILESS = frozenset({204, 304})
_log = logging.getLogger("anchorwatch.portal")

Keep = Callable[[], Awaitable[None]]


SIGNED = frozenset({message.DISCOVERY, message.TRUST, message.TRUST_P7B, message.TIME})
"""What may be had without TLS: its answers are signed, or hints that nobody believes (licensing.md b.2)."""


def build(portal: Portal, *keeping: Keep, signed_only: bool = False) -> Starlette:
    """The application. `keeping` are loops that run beside it and are cancelled at its end.

    `signed_only` is for a listener without TLS that strangers reach: it answers `SIGNED` and how it is, and keeps
    nothing going, for another listener of the same portal does.
    """
    answered = SIGNED | {desk.HEALTH, desk.READY} if signed_only else None

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(publication.ensured, portal)
        loops = keeping if signed_only else (lambda: _sweeping(portal), *keeping)
        tasks = [asyncio.ensure_future(keep()) for keep in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return Starlette(routes=[Route("/{path:path}", _Door(portal, answered))], lifespan=lifespan)


class _Door:
    """Where requests come in: an application of ASGI, for a library's requests and answers would cost as much as ours."""

    def __init__(self, portal: Portal, paths: frozenset[str] | None) -> None:
        """`paths` are those that are answered here; None: all there are."""
        self._portal = portal
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        headers = [
            (b"date", format_datetime(self._portal.clock.now(), usegmt=True).encode("ascii")),
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

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if self._paths is not None and scope["path"] not in self._paths:
            return Reply(
                status=404,
                media_type="text/plain; charset=utf-8",
                body=b"this is answered over TLS only\n",
            )
        fields = _fields(scope)
        body = await _body(fields, receive)
        if isinstance(body, Reply):
            return body
        return await _answer(self._portal, _request(scope, fields, body))


async def _answer(portal: Portal, request: Request) -> Reply:
    """What the desk answers. The signature of a known device is checked here, for a thread would cost as much."""
    if desk.waits(portal, request):
        begun = await run_in_threadpool(desk.begin, portal, request)
    else:
        begun = desk.begin(portal, request)
    if isinstance(begun, Reply):
        return begun
    try:
        return await asyncio.wrap_future(portal.database.submit(begun))
    except Exception as error:
        reply = desk.failed(error)
        if reply is None:
            raise
        return reply


def _fields(scope: Scope) -> dict[str, str]:
    """Repeated fields become one, as RFC 9110 section 5.3 says; a signature twice is then no signature."""
    fields: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        fields[name] = f"{fields[name]}, {text}" if name in fields else text
    return fields


def _request(scope: Scope, fields: dict[str, str], body: bytes) -> Request:
    method, client = scope["method"], scope.get("client")
    return Request(
        method="GET" if method == "HEAD" else method,
        path=bytes(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=bytes(scope.get("query_string") or b"").decode("latin-1"),
        fields=fields,
        body=body,
        peer=client[0] if client else None,
        client_certificate=scope.get("state", {}).get("client_certificate"),
    )


async def _body(fields: dict[str, str], receive: Receive) -> bytes | Reply:
    """The whole body, or the refusal of one that is too long, too slow, or broken off."""
    announced = fields.get("content-length", "")
    if announced.isdigit() and (len(announced) > 9 or int(announced) > MAX_BODY):
        return _cut(f"a message has at most {MAX_BODY} octets")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                piece = await receive()
                if piece["type"] != "http.request":
                    return _cut("the message broke off")
                body += piece.get("body", b"")
                if len(body) > MAX_BODY:
                    return _cut(f"a message has at most {MAX_BODY} octets")
                if not piece.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return _cut(f"the message did not come within {BODY_SECONDS} seconds")


def _cut(detail: str) -> Reply:
    """The refusal of a message whose rest nobody will read: the connection ends with it."""
    reply = refusal(Type.MESSAGE_MALFORMED, detail)
    return replace(reply, headers=(*reply.headers, ("connection", "close")))


async def _sweeping(portal: Portal) -> None:
    while True:
        try:
            await run_in_threadpool(portal.reread_keys)
            await run_in_threadpool(life.sweep, portal)
            await run_in_threadpool(publication.ensured, portal)
        except Exception:  # noqa: BLE001 - reason below
            # A database that is away for a while must not end the sweeping for good.
            _log.exception("the sweep failed and will be tried again")
        await asyncio.sleep(SWEEP_SECONDS)
