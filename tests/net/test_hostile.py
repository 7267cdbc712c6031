"""Servers that are none, that cut, that stall: each ends within its time, with one sentence."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from OpenSSL import SSL

from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Limits
from anchorwatch.net.outcome import Connected, HandshakeFailed, NotTls, Unreachable
from anchorwatch.net.tls import Observation, TlsVersion, connect
from builders.certs import CA
from builders.servers import CLOCK, Script, ders, says, scripted, silent

ROOT = CA.root("Harbour Root")
LEAF = ROOT.issue_leaf("portal.example", san=["127.0.0.1"])
SHORT = Limits(whole=timedelta(seconds=1.2), silence=timedelta(seconds=0.4))


def look(script: Script, limits: Limits = SHORT) -> Observation:
    """Look at a server that follows a script; the look must end within its limits."""
    with scripted(script) as endpoint:
        began = time.monotonic()
        seen = connect(endpoint, clock=CLOCK, limits=limits)
        assert time.monotonic() - began < limits.whole.total_seconds() + 0.5
    assert seen.sentence.isprintable()
    assert "\n" not in seen.sentence
    return seen


@pytest.mark.parametrize(
    ("greeting", "speech"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>", "http"),
        (b"<!doctype html><title>no</title>", "html"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
        (b"220 mail.example ESMTP\r\n", "smtp"),
        (b"220 ftp.example FTP server ready\r\n", "ftp"),
        (b"* OK IMAP4rev1 ready\r\n", "imap"),
        (b"+OK POP3 ready\r\n", "pop3"),
        (b"\x00\x01\x02\x1b[2J junk", "unknown"),
        (b"\x16\x02\x00", "unknown"),
        (b"\x80\x2e\x04\x00", "unknown"),
        (b"\x15", None),
        (b"\x16\x03", None),
    ],
)
@pytest.mark.parametrize("speaks_first", [True, False])
def test_what_is_not_tls_is_named(greeting: bytes, speech: str | None, speaks_first: bool) -> None:
    """A server that speaks something else is told by what it said; too little to tell is a closed connection."""
    seen = look(says(greeting, after_hello=not speaks_first))
    if speech is None:
        assert isinstance(seen.outcome, HandshakeFailed)
        assert seen.outcome.fault == "closed"
    else:
        assert isinstance(seen.outcome, NotTls)
        assert seen.outcome.speech == speech
        assert greeting.startswith(seen.outcome.first)
        assert seen.presented == ()


def test_a_greeting_in_pieces_is_read_to_its_line() -> None:
    """A greeting that comes in pieces is shown as far as its first line."""

    def script(connection: socket.socket) -> None:
        for piece in (b"SS", b"H-2.0-", b"dropbear\r\n"):
            connection.sendall(piece)
            time.sleep(0.05)
        silent(connection)

    seen = look(script)
    assert isinstance(seen.outcome, NotTls)
    assert "SSH-2.0-dropbear" in seen.sentence


def test_silence_ends_with_the_patience() -> None:
    """A server that accepts and says nothing ends when the patience for one silence is over."""
    seen = look(silent)
    assert seen.outcome == HandshakeFailed(fault="silence")
    assert seen.took < timedelta(seconds=1)


def test_a_slow_drip_ends_with_the_whole_time() -> None:
    """A server that keeps itself alive octet by octet ends when the whole time is over."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        for octet in b"\x16\x03\x03\x40\x00" + bytes(1000):
            connection.sendall(bytes([octet]))
            time.sleep(0.05)

    seen = look(script)
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.fault == "silence"
    assert seen.took > timedelta(seconds=1)


def test_an_immediate_close_and_a_reset() -> None:
    """A closed and a reset connection are told apart."""

    def reset(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    seen = look(says(b""))
    assert seen.outcome == HandshakeFailed(fault="closed", words="unexpected eof")
    seen = look(reset)
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.fault == "reset"


def test_a_flood_is_cut_at_its_limit() -> None:
    """A server that floods the handshake is cut off at the limit, or by OpenSSL before it."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        record = b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(0x4000 - 4)
        while True:
            connection.sendall(record)

    seen = look(script)
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.fault in {"limit", "protocol"}


def test_junk_after_a_good_beginning_is_a_failed_handshake() -> None:
    """Octets that begin as TLS and go on as junk fail in OpenSSL's own words."""
    seen = look(says(b"\x16\x03\x03\x00\x10" + b"\xff" * 16))
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.fault == "protocol"
    assert seen.outcome.words


@pytest.mark.parametrize(
    ("number", "name"), [(40, "handshake_failure"), (112, "unrecognized_name"), (99, "alert 99")]
)
def test_a_fatal_alert_is_named(number: int, name: str) -> None:
    """A fatal alert in answer to the hello is told by its name in the RFCs."""
    seen = look(says(b"\x15\x03\x03\x00\x02\x02" + bytes([number])))
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.alert == name


def cut_after(octets: int, version: TlsVersion) -> Script:
    """A real TLS server whose connection is cut after so many octets of what it sends."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
    context.use_certificate(LEAF.certificate)
    context.add_extra_chain_cert(ROOT.certificate)
    context.use_privatekey(LEAF.key)

    def script(connection: socket.socket) -> None:
        machine = SSL.Connection(context, None)
        machine.set_accept_state()
        left = octets
        while True:
            machine.bio_write(connection.recv(65536))
            with contextlib.suppress(SSL.Error):
                machine.do_handshake()
            with contextlib.suppress(SSL.WantReadError):
                ready = machine.bio_read(65536)
                connection.sendall(ready[:left])
                left -= len(ready)
            if left <= 0 or machine.get_peer_finished() is not None:
                return

    return script


@pytest.mark.parametrize("version", [TlsVersion.TLS_1_2, TlsVersion.TLS_1_3], ids=str)
def test_a_handshake_cut_at_any_octet_keeps_the_chain_whole_or_leaves_it(version: TlsVersion) -> None:
    """However early the connection is cut, the chain is whole or absent, and the end is told in one sentence."""
    outcomes = set()
    for octets in [*range(8), *range(8, 2600, 37)]:
        seen = look(cut_after(octets, version))
        assert isinstance(seen.outcome, HandshakeFailed | Connected)
        assert seen.presented in ((), ders([LEAF, ROOT]))
        outcomes.add((getattr(seen.outcome, "after", None), bool(seen.presented)))
    assert (None, False) in outcomes
    assert ("ServerHello", False) in outcomes or version is TlsVersion.TLS_1_3
    assert ("Certificate", True) in outcomes


def test_a_refused_port_is_unreachable_at_tcp() -> None:
    """A port nobody listens on is unreachable, with the address and the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    seen = connect(Endpoint("127.0.0.1", port), clock=CLOCK, limits=SHORT)
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.stage == "tcp"
    assert "refused" in seen.sentence
    assert f"127.0.0.1:{port}" in seen.sentence


def test_a_name_without_address_is_unreachable_at_resolve() -> None:
    """A name that nobody knows (RFC 6761 reserves .invalid) is unreachable before any connection."""
    seen = connect(Endpoint("nobody.invalid"), clock=CLOCK, limits=SHORT)
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.stage == "resolve"
    assert "nobody.invalid" in seen.sentence


def slow_resolver(*_: object, **__: object) -> list[object]:
    """A resolver that does not answer."""
    time.sleep(2)
    return []


def test_a_silent_resolver_ends_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs costs one patience, though the system's call knows no limit."""
    monkeypatch.setattr(socket, "getaddrinfo", slow_resolver)
    seen = connect(Endpoint("portal.example"), clock=CLOCK, limits=SHORT)
    assert isinstance(seen.outcome, Unreachable)
    assert seen.outcome.timed_out
    assert seen.took < timedelta(seconds=1)


def addresses(*hosts: str) -> Callable[..., list[tuple[int, int, int, str, tuple[object, ...]]]]:
    """A resolver that gives these addresses for every name."""

    def ask(_: str, port: int, **__: object) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (host, port, 0, 0))
            if ":" in host
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in hosts
        ]

    return ask


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose first address refuses is reached at its second."""
    with scripted(says(b"SSH-2.0-x\r\n")) as endpoint:
        monkeypatch.setattr(socket, "getaddrinfo", addresses("::1", "127.0.0.1"))
        seen = connect(Endpoint("portal.example", endpoint.port), clock=CLOCK, limits=SHORT)
    assert isinstance(seen.outcome, NotTls)
    assert seen.address == str(endpoint)


def test_every_refusing_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no address connects, each is named with its reason."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", addresses("::1", "127.0.0.1", "127.0.0.2"))
    seen = connect(Endpoint("portal.example", port), clock=CLOCK, limits=SHORT)
    assert all(host in seen.sentence for host in ("[::1]", "127.0.0.1", "127.0.0.2"))
