"""Servers that do what a script says, for everything that no decent server does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from anchorwatch.base.clock import SystemClock
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline
from anchorwatch.net.listener import Identity, Listener, Terms
from anchorwatch.net.stream import Stream
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import TrustStore
from builders.certs import Issued

Script = Callable[[socket.socket], None]

CLOCK = SystemClock()


@contextlib.contextmanager
def scripted(script: Script, *, host: str = "127.0.0.1", connections: int = 1) -> Iterator[Endpoint]:
    """A TCP server that runs a script on each of its connections, one after the other."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:

        def run() -> None:
            for _ in range(connections):
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    script(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield Endpoint(host, listening.getsockname()[1])
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def says(octets: bytes, *, after_hello: bool = True) -> Script:
    """Read what the client says first, answer with these octets, and close in order."""

    def script(connection: socket.socket) -> None:
        if after_hello:
            connection.recv(65536)
        connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    return script


def silent(connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    while connection.recv(65536):
        pass


def identity(chain: Sequence[Issued]) -> Identity:
    """Present these certificates with the key of the first."""
    return Identity(chain=tuple(issued.der for issued in chain), key=chain[0].key)


def listening(chain: Sequence[Issued], *, host: str = "127.0.0.1", **terms: Any) -> Listener:
    """A TLS server that presents a chain, and echoes what it is sent."""
    return Listener(echo, terms=Terms(identity=identity(chain), **terms), host=host)


def echo(stream: Stream, deadline: Deadline) -> None:
    """Send back what comes, until the client closes."""
    while octets := stream.receive(deadline):
        stream.send(octets, deadline)


def ders(chain: Sequence[Issued]) -> tuple[bytes, ...]:
    """The certificates as octets, in order."""
    return tuple(issued.der for issued in chain)


def store(*anchors: Issued) -> TrustStore:
    """A store that holds these certificates."""
    return TrustStore.of([Certificate.from_der(issued.der) for issued in anchors], "test store")


def tunnelling(
    onward: Endpoint, *, asked: list[bytes] | None = None, password: bytes | None = None
) -> Script:
    """A proxy that answers CONNECT with a tunnel to `onward`, whoever was asked for.

    `asked` collects the requests; with `password` it wants that value in Proxy-Authorization.
    """

    def script(client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            octets = client.recv(65536)
            if not octets:
                return
            request += octets
        if asked is not None:
            asked.append(request)
        if password is not None and b"Proxy-Authorization: " + password not in request:
            client.sendall(
                b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="harbour"\r\n'
                b"Content-Length: 0\r\n\r\n"
            )
            return
        with socket.create_connection((onward.host, onward.port)) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
            back = threading.Thread(target=_pour, args=(server, client), daemon=True)
            back.start()
            _pour(client, server)
            back.join(timeout=5)

    return script


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
        target.shutdown(socket.SHUT_WR)
