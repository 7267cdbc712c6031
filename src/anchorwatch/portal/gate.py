"""The gate before everything a portal answers: how often somebody may ask, and how much may be under way at once.

It stands before the body is read and before any signature is checked, and every answer that goes out through it says
how its caller stands. A refusal takes nothing from a device: it is unsigned, and says when to come again, with some
chance in it, so that those refused together do not come back together.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anchorwatch.licensing import token
from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import asgi, caller
from anchorwatch.portal.admission import Admission, Limits, place
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Reply, refusal

_OVERLOADED_SECONDS = 4.0
_chance = secrets.SystemRandom()


class Crowd:
    """The connections of a listener, in all and by where they come from. For one thread."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_place: Counter[str] = Counter()
        self._all = 0

    @property
    def full(self) -> bool:
        """Whether there are so many that a request is sent away, with its connection."""
        return self._all > self._limits.connections

    def come(self, address: str) -> bool:
        """Count a connection; whether it may stay. Beyond the full number there is room to be told so, as often again."""
        self._all += 1
        where = place(address)
        self._by_place[where] += 1
        few = self._by_place[where] <= self._limits.connections_of_address
        return few and self._all <= 2 * self._limits.connections

    def go(self, address: str) -> None:
        """A connection that was counted has ended."""
        self._all -= 1
        where = place(address)
        self._by_place[where] -= 1
        if self._by_place[where] <= 0:
            del self._by_place[where]


class Gate:
    """An application of ASGI around another."""

    def __init__(self, portal: Portal, inner: ASGIApp, limits: Limits, crowd: Crowd) -> None:
        self._portal = portal
        self._inner = inner
        self._admission = Admission(limits)
        self._crowd = crowd
        self._reading = asgi.Reading(limits.reading)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        now = asyncio.get_running_loop().time()
        given = asgi.fields(scope)
        client = scope.get("client")
        verdict = self._admission.ask(client[0] if client else "", named(given), now)
        told = [(name.encode("ascii"), value.encode("ascii")) for name, value in verdict.fields]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *told]
            await send(message)

        if self._crowd.full:
            await asgi.deliver(asgi.cut(overloaded()), self._portal.clock.now(), sending)
        elif verdict.wait > 0:
            reply = refusal(Type.RATE_LIMITED, retry_after=_later(verdict.wait))
            # Its body is read away within the usual limits; else the connection would have to end.
            unread = await asgi.read(given, receive, self._reading)
            reply = asgi.cut(reply) if isinstance(unread, Reply) else reply
            await asgi.deliver(reply, self._portal.clock.now(), sending)
        else:
            await self._inner(scope, receive, sending)


def overloaded() -> Reply:
    """The answer of a portal that has too much to do."""
    return refusal(Type.OVERLOADED, retry_after=_later(_OVERLOADED_SECONDS))


def named(fields: Mapping[str, str]) -> str | None:
    """In whose name a request says it comes: a certificate's or a token's. Nothing is proven by it, no secret is in it."""
    keyid = caller.claimed(fields)
    if keyid is not None:
        return keyid
    said = fields.get("authorization")
    if said is None:
        return None
    try:
        return token.token_id(said)
    except SignatureRefusedError:
        # A password, or a key of the management API: who sends the same is the same.
        return hashlib.blake2b(said.encode("latin-1", "replace"), digest_size=16).hexdigest()


def _later(seconds: float) -> timedelta:
    """Not before that, and up to twice as late and five seconds more."""
    return timedelta(seconds=math.ceil(seconds + _chance.uniform(0, seconds + 5)))
