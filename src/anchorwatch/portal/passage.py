"""A request on its way through the portal, as whoever watches it wants to know it: which, how long, and what came of it.

Nothing here is the request's own words. An endpoint is one of a closed list, a problem one of ours, and a device is
named only where its signature held. So a stranger can make no line of the log longer and no metric more.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchorwatch.licensing import message
from anchorwatch.licensing.problem import BASE, MEDIA_TYPE, Type
from anchorwatch.portal.portal import Portal

REQUEST_ID = "x-request-id"
_KEYID = re.compile(rb'keyid="([A-Za-z0-9_-]{43})"')
_PROBLEM = re.compile(re.escape(BASE.encode()) + rb'([a-z-]{1,60})"')
_API = "/api/v1"
_UNPROVEN = frozenset(
    {
        Type.SIGNATURE_INVALID,
        Type.DIGEST_MISMATCH,
        Type.CREATED_OUT_OF_WINDOW,
        Type.IDENTITY_UNKNOWN,
        Type.MESSAGE_MALFORMED,
        Type.RATE_LIMITED,
        Type.OVERLOADED,
    }
)
"""After these a device is named by whoever wrote the request, and by nobody else."""
_ENDPOINTS: dict[str, str | dict[str, str]] = {
    message.DISCOVERY: "T0",
    message.TRUST: "T1",
    message.TRUST_P7B: "T1",
    message.TIME: "T2",
    message.SELF: {"PUT": "D1", "DELETE": "L5"},
    message.ENTITLEMENTS: {"PUT": "L1", "GET": "L2"},
    message.RENEWAL_INFO: "L3",
    message.INCIDENTS: "L6",
    "/its/service/oddce/services/DDCEService": "call-home",
    "/healthz": "healthz",
    "/readyz": "readyz",
}
_EST = {"cacerts": "E1", "csrattrs": "E2", "simpleenroll": "E3", "simplereenroll": "E4"}
ENDPOINTS = frozenset(
    [
        *(each for each in _ENDPOINTS.values() if isinstance(each, str)),
        *(each for found in _ENDPOINTS.values() if isinstance(found, dict) for each in found.values()),
        *_EST.values(),
        "api",
        "other",
    ]
)
"""All there are beside the operations of the management API."""


class Outcome(StrEnum):
    """What came of a request: it was answered as it wished, refused, we could not, or nobody waited for it."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    BROKEN_OFF = "broken-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One request that is over. `problem` is empty without one; `device`, `operator` where somebody proved to be one."""

    request_id: str
    endpoint: str
    status: int
    outcome: Outcome
    problem: str
    device: str
    operator: str
    peer: str
    seconds: float


Sink = Callable[[Passage], None]


class Watched:
    """An application with somebody watching. `here` is how many requests are under way."""

    def __init__(self, app: ASGIApp, portal: Portal, *sinks: Sink) -> None:
        self.here = 0
        self._app = app
        self._portal = portal
        self._sinks = sinks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = secrets.token_hex(8)
        status, problem, is_problem = 0, "", False
        moment = asyncio.get_running_loop().time
        begun = moment()

        async def answered(told: Message) -> None:
            nonlocal status, problem, is_problem
            if told["type"] == "http.response.start":
                status = told["status"]
                is_problem = (b"content-type", MEDIA_TYPE.encode()) in told["headers"]
                told["headers"] = [*told["headers"], (REQUEST_ID.encode(), request_id.encode())]
            elif is_problem and not problem:
                found = _PROBLEM.search(told.get("body", b""))
                problem = found[1].decode() if found is not None else "unknown"
            await send(told)

        self.here += 1
        try:
            await self._app(scope, receive, answered)
        except Exception:
            status = status or 500
            raise
        finally:
            self.here -= 1
            passage = Passage(
                request_id=request_id,
                endpoint=state.get("endpoint") or endpoint(scope["method"], scope["path"]),
                status=status,
                outcome=_outcome(status),
                problem=problem,
                device=_device(self._portal, scope, status, problem),
                operator=_operator(state),
                peer=scope["client"][0] if scope.get("client") else "",
                seconds=moment() - begun,
            )
            for sink in self._sinks:
                sink(passage)


def endpoint(method: str, path: str) -> str:
    """Which of `ENDPOINTS` a request is for."""
    found = _ENDPOINTS.get(path)
    if isinstance(found, str):
        return found
    if found is not None:
        return found.get(method, "other")
    if path.startswith(f"{message.EST}/"):
        return _EST.get(path.rpartition("/")[2], "other")
    return "api" if path == _API or path.startswith(f"{_API}/") else "other"


def _outcome(status: int) -> Outcome:
    if status == 0:
        return Outcome.BROKEN_OFF
    if status < 400:
        return Outcome.DONE
    return Outcome.REFUSED if status < 500 else Outcome.FAILED


def _device(portal: Portal, scope: Scope, status: int, problem: str) -> str:
    if status == 0 or problem in _UNPROVEN or (status >= 400 and not problem):
        return ""
    for name, value in scope["headers"]:
        if name == b"signature-input":
            named = _KEYID.search(value)
            known = portal.callers.get(named[1].decode()) if named is not None else None
            return str(known[0].device_id) if known is not None else ""
    return ""


def _operator(state: dict[str, object]) -> str:
    found = state.get("operator")
    return str(getattr(found, "prefix", ""))
