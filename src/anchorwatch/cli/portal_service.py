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
from anchorwatch.portal.admission import Limits
from anchorwatch.portal.error import PortalError
from anchorwatch.portal.journal import Journal
from anchorwatch.portal.passage import Sink, Watched
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.server import Front, Server, authorities
from anchorwatch.portal.workers import Workers, possible, until_the_end

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
    limits: Limits
    workers: int
    beside: bool
    """Whether this is a worker beside another process, on that one's port."""


def _commands(portal: Portal, wish: Wish, port: int) -> list[list[str]]:
    """What starts each further worker. It finds the database and the passphrase where this process did."""
    common = [
        sys.executable,
        "-m",
        "anchorwatch",
        "portal",
        "serve",
        "--beside",
        "--folder",
        str(portal.folder.parent),
    ]
    common += ["--host", wish.host, "--port", str(port), "--workers", str(wish.workers)]
    common += ["--drain", str(wish.drain), "--log-level", wish.log_level]
    common += ["--waiting", str(wish.limits.waiting)]
    for option, rate in (("--rate-address", wish.limits.address), ("--rate-caller", wish.limits.caller)):
        common += [option, f"{rate.per_second}/{rate.burst}"]
    if wish.chain is not None and wish.key is not None:
        common += ["--chain", str(wish.chain), "--key", str(wish.key)]
    else:
        common.append("--plain")
    if wish.api:
        common.append("--api")
    commands = [list(common) for _ in range(1, wish.workers)]
    for number, command in enumerate(commands, 1):
        if wish.metrics is not None:
            # Each worker tells its own figures, on a port of its own.
            host, first = wish.metrics
            shown = f"[{host}]" if ":" in host else host
            command += ["--metrics-listen", f"{shown}:{first + number if first else 0}"]
    return commands


def serve(portal: Portal, wish: Wish) -> None:
    """Serve until SIGINT or SIGTERM. Raises `NotListening`, `ChainRefused`, `PortalError`."""
    if wish.workers > 1 and portal.database.kind == "sqlite":
        raise PortalError("SQLite has one writer, so one process serves it; several want PostgreSQL")
    if wish.workers > 1 and not possible():
        raise PortalError("this system does not deal the connections of a port out to several processes")
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
            return watching(Watched(app, portal, *sinks))

        server = Server(
            portal,
            host=wish.host,
            port=wish.port,
            front=front,
            inside=inner,
            around=around,
            drain=wish.drain,
            limits=wish.limits.shared_by(wish.workers),
            shared=wish.workers > 1,
        )
        scheme = "https" if front is not None else "http"
        sentence = f"serving {portal.name} on {_shown(scheme, wish.host, server.port)}"
        if wish.http_port is None:
            journal.say(sentence)
        else:
            signed = Server(
                portal,
                host=wish.host,
                port=wish.http_port,
                signed_only=True,
                around=lambda app: watching(Watched(app, portal, *sinks)),
            )
            beside.enter_context(signed)
            journal.say(sentence)
            journal.say(f"serving what is signed on {_shown('http', wish.host, signed.port)}")
        # The server raises the signal again when it has ended; here it ends the program, and what is beside it, well.
        signal.signal(signal.SIGTERM, _ended)
        if wish.beside:
            until_the_end(server.stop)
        elif wish.workers > 1:
            beside.enter_context(Workers(_commands(portal, wish, server.port)))
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        journal.say("stopped")


def _as_it_is(app: T) -> T:
    return app


def _ended(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _shown(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
