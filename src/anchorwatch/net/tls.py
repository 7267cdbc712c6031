"""The one TLS client of the house: look at a server, or talk to it.

`connect` looks: it brings back what was presented, byte for byte, however the handshake ended. `dial` also
hands over the open stream, and with a trust store not before chain and host name have passed.

Python's `ssl` always verifies at the machine's time; this client verifies at the time of the clock it is
given. The chain is judged inside the handshake, so a server that is refused receives the alert that it would
receive from a device; what it presented is on the wiretap by then.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from OpenSSL import SSL, crypto
from OpenSSL._util import ffi, lib

from anchorwatch.base.clock import Clock
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import StreamBroken, StreamTimedOut
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import (
    ClientCertificateWanted,
    Connected,
    HandshakeFailed,
    Outcome,
    TrustRefused,
    Unreachable,
    not_tls,
)
from anchorwatch.net.proxy import Proxy, open_tunnel
from anchorwatch.net.route import connect_tcp
from anchorwatch.net.stream import PlainStream, TlsStream, openssl_words
from anchorwatch.net.wiretap import TLS13, Message, Wiretap
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.name import PeerName, identify
from anchorwatch.pki.truststore import TrustStore


class TlsVersion(IntEnum):
    """Versions of TLS by their number on the wire."""

    TLS_1_0 = 0x0301
    TLS_1_1 = 0x0302
    TLS_1_2 = 0x0303
    TLS_1_3 = 0x0304

    def __str__(self) -> str:
        return f"TLS 1.{(self & 0xFF) - 1}"

    @classmethod
    def parse(cls, text: str) -> TlsVersion:
        """Read "1.0", "TLSv1.2" or "TLS 1.3"; raises `ValueError`."""
        bare = text.strip().lower().removeprefix("tls").strip().removeprefix("v")
        for version in cls:
            if bare == f"1.{(version & 0xFF) - 1}":
                return version
        raise ValueError(f"{text[:20]!a} is no version of TLS; known are 1.0, 1.1, 1.2 and 1.3")


# Below TLS 1.2 OpenSSL shakes no hands at its ordinary level (the signatures there are over MD5 and SHA-1),
# and servers of that age know nothing of RFC 5746.
_LOWERED_CIPHERS = b"DEFAULT:@SECLEVEL=0"
_LEGACY_SERVER_CONNECT = 0x4
# How long to wait, after a TLS 1.3 handshake in which a certificate was asked for, for the server's "no".
_GRACE = timedelta(seconds=2)
# A page or a greeting in place of TLS is read up to its first line, and no longer than this.
_GREETING = timedelta(milliseconds=500)
_MOST_GREETING = 256
_WANTING = frozenset(
    {
        "handshake_failure",
        "no_certificate",
        "bad_certificate",
        "certificate_unknown",
        "certificate_required",
        "access_denied",
        "unknown_ca",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one look at a server brought back.

    `presented` is DER exactly as sent: order and repetitions kept, empty where no Certificate message came.
    `at` is the time certificates were judged at, aware UTC; `took` is on the machine's steady clock. `sni` is
    what was sent, None for nothing. `address` is the server's, or the proxy's where `proxy` is set. `proven`
    says that the server showed it holds the leaf's key. `client_authorities` are the DER names in its
    request for a client certificate. `lowered` says that the security level was lowered to see old servers.
    """

    endpoint: Endpoint
    outcome: Outcome
    at: datetime
    took: timedelta
    presented: tuple[bytes, ...] = ()
    sni: str | None = None
    proxy: str | None = None
    address: str | None = None
    version: str | None = None
    cipher: str | None = None
    proven: bool = False
    client_certificate_requested: bool = False
    client_authorities: tuple[bytes, ...] = ()
    lowered: bool = False

    @property
    def sentence(self) -> str:
        """How it ended, in one sentence without a full stop."""
        return f"{self.endpoint}: {self.outcome.sentence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialled:
    """An observation, and the open stream where the outcome is `Connected`."""

    observation: Observation
    stream: TlsStream | None

    def __post_init__(self) -> None:
        if (self.stream is not None) != isinstance(self.observation.outcome, Connected):
            raise ValueError("there is a stream where the outcome is Connected, and nowhere else")


def connect(
    endpoint: Endpoint,
    *,
    clock: Clock,
    trust: TrustStore | None = None,
    sni: str | None = None,
    peer: PeerName | None = None,
    proxy: Proxy | None = None,
    limits: Limits | None = None,
    minimum: TlsVersion = TlsVersion.TLS_1_2,
    maximum: TlsVersion = TlsVersion.TLS_1_3,
) -> Observation:
    """Look at a TLS server and hang up.

    Without `trust` every certificate is let through: that is for looking. With it, chain and host name are
    enforced at the clock's time (RFC 5280, RFC 9525). `sni` is the server's name to ask for, the endpoint's
    host where None, and none is sent where it is empty or an address. `peer` is the name its certificate
    must have, the endpoint's host where None. `minimum` below 1.2 lowers the security level, and the
    observation says so. Never raises for what a server does.
    """
    dialled = dial(
        endpoint,
        clock=clock,
        trust=trust,
        sni=sni,
        peer=peer,
        proxy=proxy,
        limits=limits,
        minimum=minimum,
        maximum=maximum,
    )
    if dialled.stream is not None:
        dialled.stream.close()
    return dialled.observation


def dial(
    endpoint: Endpoint,
    *,
    clock: Clock,
    trust: TrustStore | None,
    sni: str | None = None,
    peer: PeerName | None = None,
    proxy: Proxy | None = None,
    limits: Limits | None = None,
    minimum: TlsVersion = TlsVersion.TLS_1_2,
    maximum: TlsVersion = TlsVersion.TLS_1_3,
) -> Dialled:
    """Open a TLS connection to talk over. As `connect`, and the stream is the caller's to close."""
    if minimum > maximum:
        raise ValueError(f"the lowest version wanted ({minimum}) is above the highest ({maximum})")
    call = _Call(
        endpoint=endpoint,
        at=clock.now().astimezone(UTC),
        trust=trust,
        sni=_server_name(endpoint, sni),
        peer=peer or endpoint.peer,
        proxy=proxy,
        limits=limits or Limits(),
        minimum=minimum,
        maximum=maximum,
    )
    return call.run()


def _server_name(endpoint: Endpoint, sni: str | None) -> str | None:
    """Return the name for the SNI extension: a DNS name only (RFC 6066 §3)."""
    if sni == "":
        return None
    named = endpoint if sni is None else Endpoint.parse(sni)
    return None if named.is_address else named.host


class _OtherSpeech(Exception):
    """The first octets are not TLS."""

    def __init__(self, first: bytes) -> None:
        super().__init__(first)
        self.first = first


class _TooMuch(Exception):
    """The handshake weighs more than its limit."""


class _Opening:
    """A plain stream while the handshake lasts: its first octets are looked at, all are counted."""

    def __init__(self, plain: PlainStream, most: int, early: bytes) -> None:
        self._plain = plain
        self._most = most
        self._early = early
        self._head = b""
        self._weight = 0

    def send(self, octets: bytes, deadline: Deadline) -> None:
        self._plain.send(octets, deadline)

    def receive(self, deadline: Deadline) -> bytes:
        octets, self._early = self._early, b""
        octets = octets or self._plain.receive(deadline)
        self._weight += len(octets)
        if self._weight > self._most:
            raise _TooMuch
        if len(self._head) < 3:
            self._head += octets
            if not _begins_a_record(self._head):
                raise _OtherSpeech(self._greeting(deadline))
        return octets

    def close(self) -> None:
        self._plain.close()

    def _greeting(self, deadline: Deadline) -> bytes:
        soon = deadline.within(_GREETING)
        with contextlib.suppress(StreamBroken, StreamTimedOut):
            while b"\n" not in self._head and len(self._head) < _MOST_GREETING:
                octets = self._plain.receive(soon)
                if not octets:
                    break
                self._head += octets
        return self._head[:_MOST_GREETING]


def _begins_a_record(head: bytes) -> bool:
    """Say whether octets can begin a server's first record: a handshake message or an alert, version 3.x."""
    kind, major, minor = head[:1], head[1:2], head[2:3]
    return kind in (b"", b"\x15", b"\x16") and major in (b"", b"\x03") and minor <= b"\x04"


class _Call:
    """One connection, from the name to the answer. Used once."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        at: datetime,
        trust: TrustStore | None,
        sni: str | None,
        peer: PeerName,
        proxy: Proxy | None,
        limits: Limits,
        minimum: TlsVersion,
        maximum: TlsVersion,
    ) -> None:
        self._endpoint = endpoint
        self._trust = trust
        self._peer = peer
        self._proxy = proxy
        self._limits = limits
        self._top: Certificate | None = None
        self._refusal: TrustRefused | None = None
        self._lowered = minimum < TlsVersion.TLS_1_2
        self._began = time.monotonic()
        self._deadline = Deadline(limits)
        self._seen = Observation(
            endpoint=endpoint,
            outcome=Connected(judged=trust is not None),
            at=at,
            took=timedelta(),
            sni=sni,
            proxy=None if proxy is None else str(proxy),
            lowered=self._lowered,
        )
        self._context = self._made_context(minimum, maximum)
        self._tap = Wiretap.on(self._context, limit=limits.octets)

    def run(self) -> Dialled:
        route = connect_tcp(self._endpoint if self._proxy is None else self._proxy.endpoint, self._deadline)
        if isinstance(route, Unreachable):
            return self._ended(self._blamed_on_proxy(route))
        connection, address = route
        self._seen = replace(self._seen, address=str(address))
        plain = PlainStream(connection)
        dialled: Dialled | None = None
        try:
            dialled = self._over(plain)
        finally:
            if dialled is None or dialled.stream is None:
                plain.close()
        return dialled

    def _over(self, plain: PlainStream) -> Dialled:
        early = b""
        if self._proxy is not None:
            tunnel = open_tunnel(plain, self._proxy, self._endpoint, self._deadline)
            if isinstance(tunnel, Unreachable):
                return self._ended(tunnel)
            early = tunnel
        connection = SSL.Connection(self._context, None)
        # OpenSSL calls the tap as long as there is a connection, and whoever holds the stream holds only that.
        connection.set_app_data(self._tap)
        connection.set_connect_state()
        if self._seen.sni is not None:
            connection.set_tlsext_host_name(self._seen.sni.encode("ascii"))
        opening = TlsStream(_Opening(plain, self._limits.octets, early), connection)
        outcome = self._handshake(opening)
        self._seen = self._with_facts(self._seen, connection, complete=isinstance(outcome, Connected))
        if isinstance(outcome, Connected):
            return self._ended(outcome, TlsStream(plain, connection))
        return self._ended(outcome)

    def _ended(self, outcome: Outcome, stream: TlsStream | None = None) -> Dialled:
        took = timedelta(seconds=time.monotonic() - self._began)
        return Dialled(observation=replace(self._seen, outcome=outcome, took=took), stream=stream)

    def _blamed_on_proxy(self, route: Unreachable) -> Unreachable:
        if self._proxy is None:
            return route
        return replace(route, stage="proxy", words=f"the proxy {self._proxy} is not reached: {route.words}")

    # -- what is asked of OpenSSL

    def _made_context(self, minimum: TlsVersion, maximum: TlsVersion) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(minimum)
        context.set_max_proto_version(maximum)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        if self._lowered:
            context.set_cipher_list(_LOWERED_CIPHERS)
            context.set_options(_LEGACY_SERVER_CONNECT)
        if self._trust is None:
            context.set_verify(SSL.VERIFY_NONE, None)
            return context
        store = context.get_cert_store()
        assert store is not None, "a context has a store from birth"
        for anchor in self._trust.anchors:
            # One entry that OpenSSL cannot read must not spoil the store: it vouches for nothing.
            with contextlib.suppress(crypto.Error):
                store.add_cert(crypto.load_certificate(crypto.FILETYPE_ASN1, anchor.certificate.der))
        store.set_time(self._seen.at)
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
        context.set_verify(SSL.VERIFY_PEER, self._verified)
        return context

    def _verified(self, _: SSL.Connection, found: crypto.X509, number: int, depth: int, ok: int) -> bool:
        """Keep OpenSSL's first objection; when it has none, raise ours at the leaf, where it asks last."""
        octets = crypto.dump_certificate(crypto.FILETYPE_ASN1, found)
        try:
            certificate = Certificate.from_der(octets)
        except MalformedCertificateError as problem:
            self._refuse(TrustRefused(fault="chain", words=str(problem), depth=depth))
            return False
        if not ok:
            words = ffi.string(lib.X509_verify_cert_error_string(number)).decode("ascii")
            self._refuse(
                TrustRefused(
                    fault="chain", words=words, number=number, depth=depth, certificate=certificate.sha256
                )
            )
            return False
        if self._top is None:
            self._top = certificate
        return depth > 0 or self._accepted(certificate, self._top)

    def _accepted(self, leaf: Certificate, top: Certificate) -> bool:
        assert self._trust is not None, "nothing is verified without a store"
        anchor = self._trust.anchor(top)
        if (
            anchor is not None
            and anchor.distrust_after is not None
            and leaf.not_before > anchor.distrust_after
        ):
            words = f"{top.title} vouches only for certificates issued until {anchor.distrust_after:%Y-%m-%d}"
            self._refuse(TrustRefused(fault="distrusted-after", words=words, certificate=leaf.sha256))
            return False
        found = identify(self._peer, leaf.san)
        if not found.matched:
            self._refuse(TrustRefused(fault="name", words=found.sentence, depth=0, certificate=leaf.sha256))
        return found.matched

    def _refuse(self, refusal: TrustRefused) -> None:
        if self._refusal is None:
            self._refusal = refusal

    # -- how it went

    def _handshake(self, stream: TlsStream) -> Outcome:
        try:
            stream.handshake(self._deadline)
            if self._certificate_requested and self._tap.version == TLS13:
                return self._last_word(stream) or self._seen.outcome
            return self._seen.outcome
        except _OtherSpeech as other:
            return not_tls(other.first, through_proxy=self._proxy is not None)
        except _TooMuch:
            return HandshakeFailed(fault="limit", after=self._tap.last_message)
        except StreamTimedOut:
            return HandshakeFailed(fault="silence", after=self._tap.last_message)
        except StreamBroken as problem:
            return HandshakeFailed(fault="reset", words=str(problem), after=self._tap.last_message)
        except SSL.Error as problem:
            with contextlib.suppress(StreamBroken, StreamTimedOut):
                stream.flush(self._deadline)
            return self._failure(problem)

    def _last_word(self, stream: TlsStream) -> Outcome | None:
        """Hear a TLS 1.3 server's "no": it comes after our Finished (RFC 8446 §4.4.2.4).

        A session ticket is a "yes" (RFC 8446 §4.6.1: sent after our Finished was received). Without either,
        silence is taken for a "yes" after a moment.
        """
        try:
            stream.peek(
                self._deadline.within(_GRACE), until=lambda: bool(self._tap.heard(Message.NEW_SESSION_TICKET))
            )
        except StreamTimedOut:
            return None
        except StreamBroken as problem:
            return ClientCertificateWanted(words=str(problem))
        except SSL.ZeroReturnError:
            return ClientCertificateWanted(words="the server closed the connection")
        except SSL.Error as problem:
            return self._failure(problem)
        return None

    def _failure(self, problem: SSL.Error) -> Outcome:
        words = openssl_words(problem)
        alert = self._tap.fatal_alert
        after = self._tap.last_message
        if self._refusal is not None:
            return self._refusal
        if alert is not None:
            if self._certificate_requested and alert.name in _WANTING:
                return ClientCertificateWanted(words=words, alert=alert.name)
            return HandshakeFailed(fault="alert", words=words, alert=alert.name, after=after)
        if isinstance(problem, SSL.SysCallError):
            if self._certificate_requested and self._flight_was_whole:
                return ClientCertificateWanted(words=words)
            return HandshakeFailed(fault="closed", words=words, after=after)
        if "excessive message size" in words:
            return HandshakeFailed(fault="limit", words=words, after=after)
        return HandshakeFailed(fault="protocol", words=words, after=after)

    @property
    def _certificate_requested(self) -> bool:
        return self._tap.heard(Message.CERTIFICATE_REQUEST) is not None

    @property
    def _flight_was_whole(self) -> bool:
        """Whether the server had said everything it says before our certificate."""
        return any(
            self._tap.heard(last) is not None for last in (Message.SERVER_HELLO_DONE, Message.FINISHED)
        )

    def _with_facts(self, seen: Observation, connection: SSL.Connection, *, complete: bool) -> Observation:
        presented = self._tap.presented
        if not presented:
            # A build without the message callback, or a compressed list: what the library kept.
            kept = connection.get_peer_cert_chain() or []
            presented = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, found) for found in kept)
        answered = complete or bool(self._tap.messages)
        return replace(
            seen,
            presented=presented,
            version=_version(connection) if answered else None,
            cipher=connection.get_cipher_name() if answered else None,
            proven=connection.get_finished() is not None and connection.get_peer_finished() is not None,
            client_certificate_requested=self._certificate_requested,
            client_authorities=self._tap.certificate_authorities,
        )


def _version(connection: SSL.Connection) -> str:
    number = connection.get_protocol_version()
    return str(TlsVersion(number)) if number in set(TlsVersion) else connection.get_protocol_version_name()
