"""A portal as a service: its listeners, its log and its metrics, from the first moment to a graceful stop."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from starlette.types import ASGIApp

from anchorwatch.cli.terminal import printable
from anchorwatch.portal.journal import Journal
from anchorwatch.portal.passage import Sink, Watched
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.server import Front, Server, authorities

T = TypeVar("T")
Around = Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line. Without a chain it speaks HTTP, on loopback."""

    host: str
    port: int
    chain: Path | None
    key: Path | None
    http_port: int | None
    api: bool
    metrics: tuple[str, int] | None
    drain: float
    log_level: str


def serve(portal: Portal, wish: Wish) -> None:
    """Serve until SIGINT or SIGTERM. Raises `PortalError` where it cannot listen, or the chain cannot be shown."""
    journal = Journal(
        sys.stderr,
        portal.clock,
        level=wish.log_level,
        for_people=sys.stderr.isatty(),
        clean=printable,
    )
    logging.basicConfig(handlers=[journal.handler], level=logging.WARNING, force=True)
    logging.getLogger("anchorwatch").setLevel(logging.INFO)
    front = None
    if wish.chain is not None and wish.key is not None:
        front = Front(wish.chain, wish.key, authorities=authorities(portal))
    with contextlib.ExitStack() as beside:
        sinks: list[Sink] = [journal.write]
        watching: Callable[[Watched], Watched] = _as_it_is
        if wish.metrics is not None:
            from anchorwatch.portal.meter import Meter

            meter = Meter(portal, chain=wish.chain)
            sinks.append(meter.count)
            watching = meter.watch
            told = Server(
                portal, host=wish.metrics[0], port=wish.metrics[1], signed_only=True, around=meter.application
            )
            beside.enter_context(told)
            journal.say(f"metrics on {_shown('http', wish.metrics[0], told.port)}/metrics")
        inner: Around = _as_it_is
        if wish.api:
            from anchorwatch.portal.api.application import mounted

            inner = mounted(portal)

        def around(app: ASGIApp) -> ASGIApp:
            return watching(Watched(inner(app), portal, *sinks))

        server = Server(portal, host=wish.host, port=wish.port, front=front, around=around, drain=wish.drain)
        scheme = "https" if front is not None else "http"
        journal.say(f"serving {portal.name} on {_shown(scheme, wish.host, server.port)}")
        if wish.http_port is not None:
            signed = Server(
                portal,
                host=wish.host,
                port=wish.http_port,
                signed_only=True,
                around=lambda app: watching(Watched(app, portal, *sinks)),
            )
            beside.enter_context(signed)
            journal.say(f"serving what is signed on {_shown('http', wish.host, signed.port)}")
        # The server raises the signal again when it has ended; here it ends the program, and what is beside it, well.
        signal.signal(signal.SIGTERM, _ended)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        journal.say("stopped")


def _as_it_is(app: T) -> T:
    return app


def _ended(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
