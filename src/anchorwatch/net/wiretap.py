"""The messages of a TLS handshake, byte for byte as they arrived.

A library shows the peer's chain after it has parsed and stored it: certificates encoded anew, none where one
of them does not parse, and in older versions none after a failure. OpenSSL's message callback hands over
each handshake message and each alert, decrypted, *before* it is acted on, in every version of TLS. That is
the only place where "exactly as sent" is true for TLS 1.3 too.

pyOpenSSL has no public name for it, so this module is the one place that reaches below pyOpenSSL's surface.
Where a build lacks the callback, `Wiretap.on` returns a tap that hears nothing, and `net.tls` asks the
library instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

TLS13 = 0x0304

_ALERT = 21
_HANDSHAKE = 22


class Message(IntEnum):
    """Handshake messages that a server sends (RFC 8446 §4, RFC 5246 §7.4, RFC 8879)."""

    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    COMPRESSED_CERTIFICATE = 25

    @property
    def title(self) -> str:
        """The name as the RFCs write it."""
        return "".join(word.capitalize() for word in self.name.split("_"))


# RFC 8446 §6, and RFC 5246 §7.2 for the ones that only older versions send.
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
_CLOSING_WARNINGS = frozenset({0, 90, 100, 112})


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert record: `fatal` as its level says, except in TLS 1.3, where only the number counts."""

    number: int
    fatal: bool

    @property
    def name(self) -> str:
        """The alert's name in the RFCs, or its number where it has none."""
        return ALERTS.get(self.number, f"alert {self.number}")


class Wiretap:
    """What one side of a handshake received, in order.

    Attach it to a context before the connection is made, and keep it as long as the context.
    """

    __slots__ = ("_handle", "_limit", "_weight", "alerts", "deaf", "messages", "version")

    def __init__(self, limit: int) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.alerts: list[Alert] = []
        self.version = 0
        self.deaf = True
        self._limit = limit
        self._weight = 0
        self._handle: Any = None  # a cffi callback, which has no type

    @classmethod
    def on(cls, context: SSL.Context, *, limit: int) -> Wiretap:
        """Listen on every connection made from a context, keeping at most `limit` octets."""
        tap = cls(limit)
        inner: Any = getattr(context, "_context", None)
        if inner is None or not hasattr(lib, "SSL_CTX_set_msg_callback"):
            return tap

        def heard(
            written: int, version: int, kind: int, start: Any, length: int, _ssl: Any, _arg: Any
        ) -> None:
            if not written and kind in (_ALERT, _HANDSHAKE):
                tap._hear(version, kind, bytes(ffi.buffer(start, length)))

        tap._handle = ffi.callback("void(int, int, int, const void *, size_t, SSL *, void *)", heard)
        lib.SSL_CTX_set_msg_callback(inner, tap._handle)
        tap.deaf = False
        return tap

    def _hear(self, version: int, kind: int, octets: bytes) -> None:
        self._weight += len(octets)
        if self._weight > self._limit:
            return
        if kind == _ALERT:
            if len(octets) == 2:
                fatal = octets[0] == 2 or (version == TLS13 and octets[1] not in _CLOSING_WARNINGS)
                self.alerts.append(Alert(octets[1], fatal))
        elif len(octets) >= 4:
            self.version = version
            self.messages.append((octets[0], octets[4:]))

    def heard(self, message: Message) -> bytes | None:
        """Return the body of the first message of a kind, or None."""
        return next((body for number, body in self.messages if number == message), None)

    @property
    def fatal_alert(self) -> Alert | None:
        """The first alert that ended the connection."""
        return next((alert for alert in self.alerts if alert.fatal), None)

    @property
    def last_message(self) -> str | None:
        """The name of the last handshake message that arrived."""
        if not self.messages:
            return None
        number = self.messages[-1][0]
        return Message(number).title if number in set(Message) else f"handshake message {number}"

    @property
    def presented(self) -> tuple[bytes, ...]:
        """The certificates as sent, in order, repetitions kept; empty where there was no such message.

        A message that is cut or does not add up yields the certificates before the fault.
        """
        body = self.heard(Message.CERTIFICATE)
        return () if body is None else tuple(certificate_list(body, tls13=self.version == TLS13))

    @property
    def certificate_authorities(self) -> tuple[bytes, ...]:
        """The names in the server's CertificateRequest, each the DER of a distinguished name."""
        body = self.heard(Message.CERTIFICATE_REQUEST)
        return () if body is None else tuple(authority_list(body, version=self.version))


def certificate_list(body: bytes, *, tls13: bool) -> Iterator[bytes]:
    """Yield the entries of a Certificate message (RFC 5246 §7.4.2, RFC 8446 §4.4.2)."""
    if tls13:
        body = body[1 + body[0] :] if body else b""
    yield from _entries(body[3:], extensions=tls13)


def authority_list(body: bytes, *, version: int) -> Iterator[bytes]:
    """Yield the names of a CertificateRequest (RFC 5246 §7.4.4, RFC 8446 §4.2.4)."""
    if version == TLS13:
        names = _extension(body[1 + body[0] :] if body else b"", 47)
    else:
        rest = body[1 + body[0] :] if body else b""
        if version == TLS13 - 1:
            rest = _after_vector(rest)
        names = rest
    names = names[2 : 2 + int.from_bytes(names[:2])]
    while len(names) >= 2:
        length = int.from_bytes(names[:2])
        if length > len(names) - 2:
            return
        yield names[2 : 2 + length]
        names = names[2 + length :]


def _entries(octets: bytes, *, extensions: bool) -> Iterator[bytes]:
    while len(octets) >= 3:
        length = int.from_bytes(octets[:3])
        if length == 0 or length > len(octets) - 3:
            return
        yield octets[3 : 3 + length]
        octets = octets[3 + length :]
        if extensions:
            octets = _after_vector(octets)


def _after_vector(octets: bytes) -> bytes:
    """Return what follows a vector whose length stands in two octets."""
    return octets[2 + int.from_bytes(octets[:2]) :]


def _extension(octets: bytes, wanted: int) -> bytes:
    """Return one extension's data out of a list of extensions, empty where it is not there."""
    octets = octets[2:]
    while len(octets) >= 4:
        kind, length = int.from_bytes(octets[:2]), int.from_bytes(octets[2:4])
        if kind == wanted:
            return octets[4 : 4 + length]
        octets = octets[4 + length :]
    return b""
