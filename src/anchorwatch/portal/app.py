"""The desk as an ASGI application: bodies within limits of size and time, a thread for the work, the common headers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import format_datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from anchorwatch.licensing import message
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.wire import MAX_BODY
from anchorwatch.portal import desk, life, publication
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Reply, Request, refusal

BODY_SECONDS = 15
"""For the whole body; a device on the slowest line sends 256 kB in that, or less than that."""
SWEEP_SECONDS = 60
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
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

    async def endpoint(request: HttpRequest) -> Response:
        if answered is not None and request.url.path not in answered:
            return Response("this is answered over TLS only\n", status_code=404, media_type="text/plain")
        return await _respond(portal, request)

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

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)], lifespan=lifespan)


async def _respond(portal: Portal, request: HttpRequest) -> Response:
    body = await _body(request)
    reply = body if isinstance(body, Reply) else await run_in_threadpool(_answer, portal, request, body)
    response = Response(reply.body, status_code=reply.status, media_type=reply.media_type or None)
    for name, value in reply.headers:
        response.headers[name] = value
    response.headers["date"] = format_datetime(portal.clock.now(), usegmt=True)
    response.headers["sl-server"] = "1"
    response.headers["x-content-type-options"] = "nosniff"
    return response


def _answer(portal: Portal, request: HttpRequest, body: bytes) -> Reply:
    scope = request.scope
    fields: dict[str, str] = {}
    for name, value in request.headers.items():
        # Repeated fields become one, as RFC 9110 section 5.3 says; a signature twice is then no signature.
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return desk.answer(
        portal,
        Request(
            method="GET" if request.method == "HEAD" else request.method,
            path=bytes(scope.get("raw_path") or request.url.path.encode()).decode("latin-1"),
            query=bytes(scope.get("query_string") or b"").decode("latin-1"),
            fields=fields,
            body=body,
            peer=request.client.host if request.client is not None else None,
            client_certificate=scope.get("state", {}).get("client_certificate"),
        ),
    )


async def _body(request: HttpRequest) -> bytes | Reply:
    """The whole body, or the refusal of one that is too long, too slow, or broken off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > MAX_BODY:
                    return refusal(Type.MESSAGE_MALFORMED, f"a message has at most {MAX_BODY} octets")
    except TimeoutError:
        return refusal(Type.MESSAGE_MALFORMED, f"the message did not come within {BODY_SECONDS} seconds")
    except ClientDisconnect:
        return refusal(Type.MESSAGE_MALFORMED, "the message broke off")
    return bytes(body)


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
