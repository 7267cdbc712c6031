"""The portal on a socket: uvicorn, with a certificate chain that moves while it runs.

A TLS context is never changed once connections use it. Another chain is another context, complete before anyone sees
it, and the callback that OpenSSL calls at every ClientHello (with or without a server name) puts the newest one in
place. Connections under way keep the context they began with, so a move drops none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from anchorwatch.base.secret import Secret
from anchorwatch.disk.file import reason
from anchorwatch.portal.admission import Limits
from anchorwatch.portal.app import build
from anchorwatch.portal.error import ChainRefused, NotListening, PortalError
from anchorwatch.portal.gate import Crowd
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.portal import Portal

HEAD_SECONDS = 20
"""From the connection, or the first octet of a later request, to the end of its head; nobody is waited for longer."""
MOST_HEAD = 32 * 1024
"""Octets of a request's head."""
STOP_SECONDS = 10
FAREWELL_SECONDS = 0.5
_LOOK_SECONDS = 2.0
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: dates of client certificates are judged by the portal's clock, not the machine's."""
_log = logging.getLogger("anchorwatch.portal")


class Front:
    """What the portal shows in TLS. `change` and `look` may be called from any thread.

    The minimum is TLS 1.2: plain EST clients in the field speak nothing later. Client certificates by the portal's
    authority for identities are taken where a client offers one, and never asked for in vain.
    """

    def __init__(
        self, chain: Path, key: Path, *, password: Secret | None = None, authorities: tuple[bytes, ...] = ()
    ) -> None:
        self._chain, self._key, self._password, self._authorities = chain, key, password, authorities
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._current = self._made(chain, key)
        self.context = self._made(chain, key)
        """For the listener; the callback exchanges it in each handshake."""
        self.context.sni_callback = self._chosen

    def change(self, chain: Path, key: Path) -> None:
        """Show another chain from the next handshake on. Raises `ChainRefused`, and then nothing changes."""
        made = self._made(chain, key)
        with self._lock:
            self._chain, self._key, self._current = chain, key, made
            self._seen = self._stamp()

    def look(self) -> bool:
        """Take the files anew where they have changed; whether they had. Raises `ChainRefused`."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        self.change(self._chain, self._key)
        return True

    async def keep(self) -> None:
        """Look at the files again and again, for as long as the portal runs."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                if self.look():
                    _log.info("the certificate chain has moved")
            except ChainRefused as error:
                _log.error("the chain on disk is not taken, the one before stays: %s", error)

    def _chosen(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        found = []
        for path in (self._chain, self._key):
            with contextlib.suppress(OSError):
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(found)

    def _made(self, chain: Path, key: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        password = self._password.reveal() if self._password is not None else ""
        for path in (chain, key):
            try:
                path.open("rb").close()
            except OSError as error:
                raise ChainRefused(f"{path} cannot be read: {reason(error)}") from error
        try:
            # A function, so that OpenSSL never asks on the terminal.
            context.load_cert_chain(chain, key, password=lambda: password)
        except (OSError, ValueError) as error:
            why = f"{chain.name} holds no chain in PEM, or {key.name} no key that can be read without a passphrase"
            if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
                why = f"{key.name} is not the key of the first certificate in {chain.name}"
            raise ChainRefused(why) from error
        if self._authorities:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
            for authority in self._authorities:
                context.load_verify_locations(cadata=authority)
        return context


def authorities(portal: Portal) -> tuple[bytes, ...]:
    """The certificates (DER) that vouch for ID certificates."""
    held = portal.ring.all(KeyRole.ID)
    return tuple(each.certified.public_bytes(Encoding.DER) for each in held)


class Server:
    """A portal that listens. `run` serves until told to stop; as a context manager it serves beside the caller."""

    def __init__(
        self,
        portal: Portal,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        front: Front | None = None,
        signed_only: bool = False,
        inside: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
        drain: float = 0,
        limits: Limits | None = None,
        shared: bool = False,
    ) -> None:
        """`inside` wraps the application behind its gate, `around` with it. Told to stop, it says so on /readyz and goes on for `drain` seconds.

        `shared`: several processes listen on the same port, and the system deals connections out to them.
        """
        self.portal = portal
        self.front = front
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=512, reuse_port=shared)
        except OSError as error:
            # The number's own words; the library adds its arguments to them. Names that are not found have none.
            known = error.errno is not None and error.errno > 0
            why = os.strerror(error.errno or 0) if known else str(error.strerror or error)
            raise NotListening(f"nobody can listen on {host} port {port}: {why.lower()}") from error
        self.port: int = self._socket.getsockname()[1]
        limits = limits or Limits()
        crowd = Crowd(limits)
        keeping = (front.keep,) if front is not None else ()
        config = uvicorn.Config(
            around(
                build(portal, *keeping, inside=inside, limits=limits, crowd=crowd, signed_only=signed_only)
            ),
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        config.load()
        config.http_protocol_class = functools.partial(_Protocol, crowd, portal.clock.now)  # type: ignore[assignment]  # only ever called
        config.ssl = front.context if front is not None else None
        self._server = _Server(portal, config, drain)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until a signal or `stop`; what is under way is finished first."""
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Say that it is enough; returns at once."""
        self._server.should_exit = True

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.run, name="portal", daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            if not self._thread.is_alive():
                raise PortalError("the portal did not start; the log says why")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS + 5)


class _Server(uvicorn.Server):
    """Says that it is not ready any more before it stops listening."""

    def __init__(self, portal: Portal, config: uvicorn.Config, drain: float) -> None:
        super().__init__(config)
        self._portal = portal
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._portal.retired.set()
        # Who asks /readyz has to hear of it before new connections are refused. A second signal ends the wait; its
        # handler is uvicorn's own and sets a flag, so the flag is what is looked at.
        clock = asyncio.get_running_loop().time
        end = clock() + self._drain
        while not self.force_exit and clock() < end:  # noqa: ASYNC110 - said above
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that passes on what TLS proved, and neither waits for ever for a request's head nor reads all of it."""

    def __init__(self, crowd: Crowd, now: Callable[[], datetime], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._now = now
        self._head = 0
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base does
        super().connection_made(transport)
        if not self._crowd.come(self.client[0] if self.client else ""):
            transport.abort()
            return
        tls: Any = transport.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if tls is not None else None
        self.app_state = {**self.app_state, "client_certificate": der}
        self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            # TLS waits for the other side's farewell; an idle connection must not hold up the end.
            self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        self._crowd.go(self.client[0] if self.client else "")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._patience is not None and self.parser is not None:
            # In the middle of a head, or before it. The parser itself would take in any amount.
            self._head += len(data)
            if self._head > MOST_HEAD:
                self._give_up()

    def send_400_response(self, msg: str) -> None:
        # What is no HTTP reaches no application, which would have said what every answer says.
        date = format_datetime(self._now(), usegmt=True)
        head = (
            "HTTP/1.1 400 Bad Request",
            f"date: {date}",
            "sl-server: 1",
            "x-content-type-options: nosniff",
        )
        kind = ("content-type: text/plain; charset=utf-8", f"content-length: {len(msg)}", "connection: close")
        self.transport.write("\r\n".join((*head, *kind, "", msg)).encode("ascii"))
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._fields = 0
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def on_header(self, name: bytes, value: bytes) -> None:
        # A head that comes in one piece with its end is over before its octets are counted as they arrive.
        self._fields += len(name) + len(value)
        if self._fields > MOST_HEAD:
            raise ValueError("the head of the request is too long")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._heard()
        super().on_headers_complete()

    def _heard(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
