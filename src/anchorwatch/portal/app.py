"""The desk as an ASGI application: behind its gate, with the loops that keep it going beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from anchorwatch.licensing import message
from anchorwatch.portal import asgi, desk, life, publication
from anchorwatch.portal.admission import Limits
from anchorwatch.portal.gate import Crowd, Gate, overloaded
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Reply, Request

SWEEP_SECONDS = 60
_log = logging.getLogger("anchorwatch.portal")

Keep = Callable[[], Awaitable[None]]


SIGNED = frozenset({message.DISCOVERY, message.TRUST, message.TRUST_P7B, message.TIME})
"""What may be had without TLS: its answers are signed, or hints that nobody believes (licensing.md b.2)."""


def build(
    portal: Portal,
    *keeping: Keep,
    limits: Limits,
    crowd: Crowd,
    inside: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    signed_only: bool = False,
) -> ASGIApp:
    """The application. `keeping` are loops that run beside it and are cancelled at its end.

    `signed_only` is for a listener without TLS that strangers reach: it answers `SIGNED` and how it is, and keeps
    nothing going, for another listener of the same portal does. `crowd` counts the connections of its listener;
    `inside` puts more behind the gate.
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

    routes = [Route("/{path:path}", _Door(portal, answered, limits))]
    return Gate(portal, inside(Starlette(routes=routes, lifespan=lifespan)), limits, crowd)


class _Door:
    """Where requests come in: an application of ASGI, for a library's requests and answers would cost as much as ours."""

    def __init__(self, portal: Portal, paths: frozenset[str] | None, limits: Limits) -> None:
        """`paths` are those that are answered here; None: all there are."""
        self._portal = portal
        self._paths = paths
        self._reading = asgi.Reading(limits.reading)
        self._room = limits.waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        await asgi.deliver(reply, self._portal.clock.now(), send)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if self._paths is not None and scope["path"] not in self._paths:
            return Reply(
                status=404,
                media_type="text/plain; charset=utf-8",
                body=b"this is answered over TLS only\n",
            )
        fields = asgi.fields(scope)
        body = await asgi.read(fields, receive, self._reading)
        if isinstance(body, Reply):
            return body
        if self._room <= 0:
            return overloaded()
        # Whoever waits longer than a client does is work for nothing; whoever is told so at once comes again later.
        self._room -= 1
        try:
            return await _answer(self._portal, asgi.request(scope, fields, body))
        finally:
            self._room += 1


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
