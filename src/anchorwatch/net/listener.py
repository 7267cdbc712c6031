"""A threaded server on loopback, plain or TLS, whose chain can be changed while it runs.

For the lab and for tests, so it refuses to listen where others could reach it. A change of terms holds from
the next connection on; connections under way end as they began.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from OpenSSL import SSL

from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import NetError, NotLoopback, StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.stream import PlainStream, Stream, TlsStream, openssl_words
from anchorwatch.net.tls import TlsVersion

# More than a lab has devices, fewer than a machine has threads to spare.
_MOST_CONNECTIONS = 128
_COMPLAINTS_KEPT = 200

ServerKey = (
    ec.EllipticCurvePrivateKey
    | rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

Serve = Callable[[Stream, Deadline], None]
"""Serve one connection until it is over; the stream is closed for you."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a TLS server shows: DER certificates in the order sent, leaf first, and the leaf's key.

    The chain is sent as it is: in a wrong order, with repetitions, or without its intermediates.
    """

    chain: tuple[bytes, ...]
    key: ServerKey = field(repr=False)

    def __post_init__(self) -> None:
        if not self.chain:
            raise ValueError("a TLS server needs at least its own certificate")


class ClientCertificate(Enum):
    """What a server wants of its clients' certificates; it takes any, this listener judges none."""

    NOT_ASKED = "not asked"
    ASKED = "asked"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a listener speaks TLS. `by_name` holds the identities for other names in the SNI extension.

    `client_authorities` are DER certificates whose names go into the request for a client certificate.
    """

    identity: Identity
    by_name: Mapping[str, Identity] = field(default_factory=dict)
    minimum: TlsVersion = TlsVersion.TLS_1_2
    maximum: TlsVersion = TlsVersion.TLS_1_3
    client_certificate: ClientCertificate = ClientCertificate.NOT_ASKED
    client_authorities: tuple[bytes, ...] = ()


class Listener:
    """A server under way from its making until `close`; also a context manager.

    `complaints` holds the last failed handshakes in OpenSSL's words: what the portal's log would show.
    """

    def __init__(
        self,
        serve: Serve,
        *,
        terms: Terms | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise NotLoopback(f"this server listens on loopback only, not on {host}")
        self.complaints: deque[str] = deque(maxlen=_COMPLAINTS_KEPT)
        self._serve = serve
        self._limits = limits or Limits()
        self._terms = terms
        self._context = None if terms is None else _context(terms)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=128)
        self.endpoint = Endpoint(host, self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name=f"listener {self.endpoint}", daemon=True)
        self._thread.start()

    @property
    def terms(self) -> Terms | None:
        """The terms for the next connection; None for plain octets."""
        return self._terms

    def change(self, terms: Terms) -> None:
        """Show another chain, or speak TLS on other terms, from the next connection on."""
        context = _context(terms)
        with self._lock:
            self._terms, self._context = terms, context

    def close(self) -> None:
        """Stop listening and cut what is open; returns when the accepting thread has ended."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            still_open = list(self._open)
        # Closing a socket wakes no thread that waits on it; a connection does, on every system.
        with contextlib.suppress(OSError):
            socket.create_connection((self.endpoint.host, self.endpoint.port), timeout=1).close()
        self._thread.join(timeout=5)
        self._socket.close()
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._lock:
                if self._closed or len(self._open) >= _MOST_CONNECTIONS:
                    connection.close()
                    if self._closed:
                        return
                    continue
                self._open.add(connection)
                context = self._context
            threading.Thread(target=self._one, args=(connection, context), daemon=True).start()

    def _one(self, connection: socket.socket, context: SSL.Context | None) -> None:
        plain = PlainStream(connection)
        deadline = Deadline(self._limits)
        stream: Stream = plain
        try:
            if context is not None:
                machine = SSL.Connection(context, None)
                machine.set_accept_state()
                stream = tls = TlsStream(plain, machine)
                try:
                    tls.handshake(deadline)
                except SSL.Error as problem:
                    self.complaints.append(openssl_words(problem))
                    tls.flush(deadline)
                    return
            self._serve(stream, deadline)
        except (StreamBroken, StreamTimedOut) as problem:
            self.complaints.append(str(problem))
        finally:
            stream.close()
            with self._lock:
                self._open.discard(connection)


def _context(terms: Terms) -> SSL.Context:
    """Make a context; raises `NetError` for an identity that OpenSSL does not take."""
    try:
        context = _context_of(terms, terms.identity)
        named = {name.lower(): _context_of(terms, identity) for name, identity in terms.by_name.items()}
    except SSL.Error as problem:
        raise NetError(f"OpenSSL does not take this identity: {openssl_words(problem)}") from problem
    except ValueError as problem:
        raise NetError(f"this identity cannot be read: {problem}") from problem
    if named:

        def chosen(connection: SSL.Connection) -> None:
            asked = (connection.get_servername() or b"").decode("ascii", "replace").lower()
            if asked in named:
                connection.set_context(named[asked])

        context.set_tlsext_servername_callback(chosen)
    return context


def _context_of(terms: Terms, identity: Identity) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(terms.minimum)
    context.set_max_proto_version(terms.maximum)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # At its ordinary level OpenSSL refuses to show SHA-1 or a short key, which is what an old server shows.
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
    leaf, *rest = (x509.load_der_x509_certificate(der) for der in identity.chain)
    context.use_certificate(leaf)
    for certificate in rest:
        context.add_extra_chain_cert(certificate)
    context.use_privatekey(identity.key)
    if terms.client_certificate is not ClientCertificate.NOT_ASKED:
        mode = SSL.VERIFY_PEER
        if terms.client_certificate is ClientCertificate.REQUIRED:
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        context.set_verify(mode, lambda *_: True)
        context.set_session_id(b"anchorwatch")
        for authority in terms.client_authorities:
            context.add_client_ca(x509.load_der_x509_certificate(authority))
    return context
