"""Octets on an open connection, with a deadline: plain, or inside TLS.

A non-blocking socket is asked only when `select` says so. For TLS the machine is pyOpenSSL between two
memory buffers, and this loop carries octets between them and the socket; it knows nothing of TLS.
"""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar

from OpenSSL import SSL

from anchorwatch.net.errors import StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits

T = TypeVar("T")

_CHUNK = 16 * 1024
# A farewell is one record; a socket that does not take it at once is left.
_PARTING = Limits(whole=timedelta(milliseconds=50), silence=timedelta(milliseconds=50))


class Stream(Protocol):
    """What a protocol needs of a connection."""

    def send(self, octets: bytes, deadline: Deadline) -> None:
        """Send everything. Raises `StreamBroken` or `StreamTimedOut`."""
        ...

    def receive(self, deadline: Deadline) -> bytes:
        """Return what comes next, at most 16 KiB; empty at the end. Raises as `send` does."""
        ...

    def close(self) -> None:
        """Close; never raises, never waits."""
        ...


class PlainStream:
    """A TCP connection."""

    __slots__ = ("_socket", "received")

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        # Whole messages are sent at once; waiting to join small ones only adds delay.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self.received = 0

    def send(self, octets: bytes, deadline: Deadline) -> None:
        view = memoryview(octets)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except (BlockingIOError, InterruptedError):
                self._wait(deadline, writing=True)
            except OSError as problem:
                raise StreamBroken(problem.strerror or str(problem)) from problem

    def receive(self, deadline: Deadline) -> bytes:
        while True:
            if deadline.over:
                raise StreamTimedOut("the time was over")
            try:
                octets = self._socket.recv(_CHUNK)
            except (BlockingIOError, InterruptedError):
                self._wait(deadline, writing=False)
            except OSError as problem:
                raise StreamBroken(problem.strerror or str(problem)) from problem
            else:
                self.received += len(octets)
                return octets

    def cut(self) -> None:
        """End the connection both ways, so that a thread that waits on it wakes; it is still to be closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()

    def _wait(self, deadline: Deadline, *, writing: bool) -> None:
        try:
            ready = _ready(self._socket, deadline.patience, writing=writing)
        except (OSError, ValueError) as problem:
            raise StreamBroken("the connection was closed on this side") from problem
        if not ready:
            raise StreamTimedOut("the time was over" if deadline.over else "the other side fell silent")


def _ready(connection: socket.socket, seconds: float, *, writing: bool) -> bool:
    """Wait until a socket can be used. `poll` where there is one: `select` ends at descriptor 1,024."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection, select.POLLOUT if writing else select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    ours = [connection]
    return any(select.select([] if writing else ours, ours if writing else [], ours, seconds))


class TlsStream:
    """TLS on a stream."""

    __slots__ = ("_plain", "connection", "ended")

    def __init__(self, plain: Stream, connection: SSL.Connection) -> None:
        self._plain = plain
        self.connection = connection
        self.ended = False

    def handshake(self, deadline: Deadline) -> None:
        """Complete the handshake. Raises OpenSSL's own errors besides the stream's."""
        self._until_done(self.connection.do_handshake, deadline)

    def send(self, octets: bytes, deadline: Deadline) -> None:
        view = memoryview(octets)
        while view:
            view = view[self._translated(partial(self.connection.send, bytes(view[:_CHUNK])), deadline) :]

    def receive(self, deadline: Deadline) -> bytes:
        if self.ended:
            return b""
        try:
            return self._translated(partial(self.connection.recv, _CHUNK), deadline)
        except SSL.ZeroReturnError:
            self.ended = True
            return b""

    def close(self) -> None:
        """Say close_notify if the socket takes it at once, and close (RFC 8446 §6.1)."""
        try:
            self.connection.shutdown()
            self.flush(Deadline(_PARTING))
        except (SSL.Error, StreamBroken, StreamTimedOut):
            pass
        self._plain.close()

    def peek(self, deadline: Deadline, *, until: Callable[[], bool]) -> None:
        """Wait for something to receive, and leave it there, or for `until`. Raises as `handshake` does."""

        def step() -> None:
            try:
                self.connection.recv(1, socket.MSG_PEEK)
            except SSL.WantReadError:
                if not until():
                    raise

        self._until_done(step, deadline)

    def flush(self, deadline: Deadline) -> None:
        """Send what OpenSSL has ready: the alert of a failed handshake, for one."""
        while True:
            try:
                ready = self.connection.bio_read(_CHUNK)
            except SSL.Error:
                return
            self._plain.send(ready, deadline)

    def _translated(self, step: Callable[[], T], deadline: Deadline) -> T:
        try:
            return self._until_done(step, deadline)
        except SSL.ZeroReturnError:
            raise
        except SSL.Error as problem:
            raise StreamBroken(openssl_words(problem)) from problem

    def _until_done(self, step: Callable[[], T], deadline: Deadline) -> T:
        while True:
            try:
                result = step()
            except SSL.WantReadError:
                # Where sending fails, the other side may have said why before it hung up.
                with contextlib.suppress(StreamBroken):
                    self.flush(deadline)
                octets = self._plain.receive(deadline)
                if octets:
                    self.connection.bio_write(octets)
                else:
                    self.connection.bio_shutdown()
            except SSL.WantWriteError:
                self.flush(deadline)
            else:
                self.flush(deadline)
                return result


def openssl_words(problem: SSL.Error) -> str:
    """Return OpenSSL's own words for an error, without its codes."""
    if isinstance(problem, SSL.SysCallError):
        return str(problem.args[-1] or "the connection was cut").lower()
    entries = problem.args[0] if problem.args else ()
    if isinstance(entries, list | tuple):
        reasons = [str(entry[-1]) for entry in entries if isinstance(entry, tuple) and entry and entry[-1]]
        return "; ".join(dict.fromkeys(reasons)) or "no reason given"
    return str(entries)
