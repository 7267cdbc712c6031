"""The management API as an ASGI application: a guard before it, and FastAPI behind the guard.

The guard lets nothing through that did not come over TLS with a good API key and a whole body of bounded size, so no
route can forget to ask. It also has the last word on every answer: what stands in its head, and that an error of ours
tells nothing but that it was one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchorwatch.base.secret import Secret
from anchorwatch.db.error import DatabaseError
from anchorwatch.portal import operator
from anchorwatch.portal.api import account, device, problem, stock, token, trust
from anchorwatch.portal.api.problem import Kind, Problem, Refusal
from anchorwatch.portal.api.visit import BASE, role_of
from anchorwatch.portal.error import PortalError
from anchorwatch.portal.portal import Portal

MAX_BODY = 256 * 1024
BODY_SECONDS = 15
AT_ONCE = 8
"""Requests of operators that are worked on together: devices share the threads and the database with them."""
WAITING = 64
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "sl-server": "1",
}
_ROUTES = (account.routes, stock.routes, token.routes, device.routes, trust.routes)
_log = logging.getLogger("anchorwatch.portal.api")


def build(portal: Portal) -> ASGIApp:
    """The whole of it, guard and all, for paths that begin with `BASE`."""
    return _Guard(portal, described(portal))


def described(portal: Portal | None) -> FastAPI:
    """The routes and their OpenAPI document; without a portal nothing can be asked of them."""
    app = FastAPI(
        title="Licensing portal",
        summary="What an operator of a portal does, as the command line does it.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        exception_handlers={
            Refusal: _refused,
            PortalError: _refused,
            DatabaseError: _refused,
            RequestValidationError: _invalid,
            StarletteHTTPException: _http,
            HTTPException: _http,
            RecursionError: _too_deep,
            Exception: _mistaken,
        },
    )
    app.state.portal = portal
    for routes in _ROUTES:
        app.include_router(routes)

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _documented(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's own manual does
    app.add_route(f"{BASE}/openapi.json", lambda _: JSONResponse(document()), methods=["GET"])
    return app


def _documented(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(title=app.title, summary=app.summary, version=app.version, routes=app.routes)
    parts = found.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema()
    retry = schemas["Problem"].pop("$defs")
    schemas["Problem"]["properties"]["retry"] = retry["Retry"]
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}}
    found["security"] = [{"key": []}]
    for routes in _ROUTES:
        for route in routes.routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    found["paths"][route.path_format][method.lower()]["x-role"] = role_of(route.endpoint)
    return found


# --- the guard ------------------------------------------------------------------------------------------------------


class _Guard:
    """Before and behind every request."""

    def __init__(self, portal: Portal, inner: ASGIApp) -> None:
        self._portal = portal
        self._inner = inner
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._here = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        state = scope.setdefault("state", {})
        request_id: str = state.setdefault("request_id", secrets.token_hex(8))
        begun = False

        async def answered(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                kept = [pair for pair in message["headers"] if pair[0].decode("latin-1") not in _HEADERS]
                kept.append((b"date", format_datetime(self._portal.clock.now(), usegmt=True).encode()))
                message["headers"] = [
                    *kept,
                    *((name.encode(), each.encode()) for name, each in _HEADERS.items()),
                ]
            await send(message)

        refused: Refusal | None = None
        try:
            if self._here >= WAITING:
                raise Refusal(Kind.OVERLOADED)
            self._here += 1
            try:
                async with self._turns:
                    await self._let_in(scope, receive, answered)
            finally:
                self._here -= 1
        except Refusal as error:
            refused = error
        except DatabaseError as error:
            refused = problem.of(error)
        except Exception:  # noqa: BLE001 - whatever it was, who asked is told that it was ours
            _log.exception("a request of the management API failed")
            refused = Refusal(Kind.MISTAKE)
        if refused is not None and not begun:
            await problem.response(refused, request_id)(scope, receive, answered)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("scheme") != "https":
            raise Refusal(Kind.TLS_REQUIRED)
        key = _bearer(scope)
        found = await run_in_threadpool(operator.recognised, self._portal, key) if key is not None else None
        if found is None:
            raise Refusal(Kind.API_KEY_REFUSED)
        scope["state"]["operator"] = found
        body = await _whole_body(receive)

        async def given() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._inner(scope, given, send)


def _bearer(scope: Scope) -> Secret | None:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return None
    scheme, _, text = given[0].decode("latin-1").partition(" ")
    return Secret(text.strip()) if scheme.lower() == "bearer" else None


async def _whole_body(receive: Receive) -> bytes:
    """The body within limits of size and time. Raises `Refusal`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(Kind.MESSAGE_MALFORMED, "the request broke off")
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise Refusal(Kind.TOO_LARGE, f"a request has at most {MAX_BODY} octets")
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise Refusal(
            Kind.MESSAGE_MALFORMED, f"the request did not come within {BODY_SECONDS} seconds"
        ) from None


# --- what went wrong behind it --------------------------------------------------------------------------------------


def _told(request: Request, refusal: Refusal) -> Response:
    return problem.response(refusal, request.scope["state"]["request_id"])


async def _refused(request: Request, error: Exception) -> Response:
    match error:
        case Refusal():
            return _told(request, error)
        case PortalError() | DatabaseError():
            return _told(request, problem.of(error))
        case _:
            raise error


async def _too_deep(request: Request, _: Exception) -> Response:
    return _told(request, Refusal(Kind.MESSAGE_MALFORMED, "the body is nested too deeply"))


async def _mistaken(request: Request, _: Exception) -> Response:
    """It is raised again behind this answer, for the guard to log."""
    return _told(request, Refusal(Kind.MISTAKE))


async def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong with the request, place by place; never the words that were sent."""
    assert isinstance(error, RequestValidationError)
    found = [(tuple(map(str, each["loc"])), str(each["type"]), str(each["msg"])) for each in error.errors()]
    if any(place == ("header", "idempotency-key") for place, _, _ in found):
        sentence = "an idempotency key has 8 to 64 letters, digits and dashes"
        return _told(request, Refusal(Kind.KEY_MISSING, sentence))
    if any(kind == "json_invalid" for _, kind, _ in found):
        return _told(request, Refusal(Kind.MESSAGE_MALFORMED, "the body is not JSON"))
    places = "; ".join(f"{'.'.join(place)[:80]}: {words[:200]}" for place, _, words in found[:8])
    return _told(request, Refusal(Kind.INVALID, places))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    kinds = {404: Kind.NOT_THERE, 405: Kind.METHOD_NOT_ALLOWED, 415: Kind.MEDIA_TYPE}
    refusal = Refusal(kinds.get(error.status_code, Kind.MESSAGE_MALFORMED))
    with contextlib.suppress(KeyError, TypeError):
        refusal.headers["allow"] = dict(error.headers or {})["Allow"]
    return _told(request, refusal)


def mounted(portal: Portal) -> Callable[[ASGIApp], ASGIApp]:
    """What puts the API before another application: its own paths go to it, all others on."""
    api = build(portal)

    def around(app: ASGIApp) -> ASGIApp:
        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            ours = scope["type"] == "http" and (path == BASE or path.startswith(f"{BASE}/"))
            await (api if ours else app)(scope, receive, send)

        return either

    return around
