"""Devices that renew as fast as they can, or at a pace: a real HTTP client that signs every request.

One thread keeps many connections going by itself, because what is measured runs beside it on the same processors, and
a client library would take more of them than a portal does. It writes HTTP/1.1 with `Content-Length` and reads an
answer of the same kind; nothing else is ever sent to it.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import selectors
import socket
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anchorwatch.licensing import jws, message, signature, wire
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.message import ClockReport, EntitlementRequest, Wanted

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(slots=True)
class Unit:
    """A device with its certificate's name and its key, and what it knows of its last grant."""

    sn: str
    keyid: str
    key: SigningKey
    portal: str
    seq: int = 0
    jti: str | None = None
    counts: tuple[int, ...] = (1,)
    """How many seats it asks for, in turns."""
    tag: str = "standard"
    seats: int = 0
    """What its last grant gave it."""
    pending: tuple[bytes, str] | None = None
    """A request whose answer has not come, with its key: it is sent again as it was, until one comes."""

    def next(self) -> bytes:
        """The octets of its next L1, or of the one before again where no answer came."""
        if self.pending is None:
            self.pending = (self.body(), str(uuid.uuid4()))
        return self.request(*self.pending)

    def body(self) -> bytes:
        """A new L1."""
        now = datetime.now(UTC)
        return wire.dump(
            EntitlementRequest(
                seq=self.seq + 1,
                entitlements=(Wanted(tag=self.tag, count=self.counts[self.seq % len(self.counts)]),),
                clock=ClockReport(now=now, source="device", mono_ms=1, boot_id="b"),
                trust_seq=1,
                last_jti=self.jti,
            )
        )

    def request(self, body: bytes | None, key: str | None) -> bytes:
        """The octets of a signed PUT, of this moment; without a body of a GET: its last grant."""
        method, fields = "GET" if body is None else "PUT", ""
        if body is not None:
            fields = (
                f"Content-Type: {message.JSON}\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n"
            )
        asked = signature.Request(
            method=method,
            target_uri=f"https://{self.portal}{message.ENTITLEMENTS}",
            body=body,
            content_type=None if body is None else message.JSON,
            idempotency_key=key,
        )
        once = wire.base64url(secrets.token_bytes(16))
        signed = signature.sign(asked, self.key, keyid=self.keyid, created=datetime.now(UTC), nonce=once)
        fields += "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        head = f"{method} {message.ENTITLEMENTS} HTTP/1.1\r\nHost: {self.portal}\r\n{fields}\r\n"
        return head.encode("ascii") + (body or b"")

    def adopt(self, text: bytes) -> None:
        """Take a grant."""
        claims = json.loads(jws.unverified_payload(text.decode("ascii")))
        self.seq, self.jti = claims["seq"], claims["jti"]
        self.seats = sum(each["n"] for each in claims["ent"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how many seconds after it was due to be sent."""

    unit: Unit
    status: int
    head: bytes
    body: bytes
    seconds: float


@dataclass(slots=True)
class _Line:
    """A connection, and what is under way on it."""

    connection: socket.socket
    unit: Unit | None = None
    due: float = 0.0
    received: bytearray = field(default_factory=bytearray)


class Load:
    """Devices on connections to a port of the loopback. Each device has one request under way at most."""

    def __init__(self, port: int, units: Iterable[Unit], *, connections: int) -> None:
        self._units = deque(units)
        self._lines = []
        self._selector = selectors.DefaultSelector()
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = _Line(connection)
            self._lines.append(line)
            self._selector.register(connection, selectors.EVENT_READ, line)

    def close(self) -> None:
        """Let go of the connections."""
        for line in self._lines:
            line.connection.close()
        self._selector.close()

    def flat_out(self, seconds: float, told: Callable[[Answer], None] = lambda _: None) -> list[Answer]:
        """Every connection busy for so long; the answers."""
        end = time.perf_counter() + seconds
        return self._run(lambda now: 0.0 if now < end else None, told)

    def at_pace(self, rate: float, seconds: float) -> list[Answer]:
        """So many requests a second at chance moments, whoever may be slow; seconds count from the moment."""
        chance = random.Random(0)
        end = time.perf_counter() + seconds
        due = time.perf_counter()

        def next_due(_now: float) -> float | None:
            nonlocal due
            due += chance.expovariate(rate)
            return due if due < end else None

        return self._run(next_due, lambda _: None)

    def _run(self, next_due: Callable[[float], float | None], told: Callable[[Answer], None]) -> list[Answer]:
        answers: list[Answer] = []
        idle = deque(self._lines)
        due = next_due(time.perf_counter())
        while due is not None or len(idle) < len(self._lines):
            now = time.perf_counter()
            while due is not None and due <= now and idle and self._units:
                self._send(idle.popleft(), due or now)
                now = time.perf_counter()
                due = next_due(now)
            wait = None
            if due is not None and idle and self._units:
                wait = max(due - now, 0)
            for key, _ in self._selector.select(wait):
                line: _Line = key.data
                answer = self._received(line)
                if answer is not None:
                    answers.append(answer)
                    told(answer)
                    self._units.append(answer.unit)
                    idle.append(line)
        return answers

    def _send(self, line: _Line, due: float) -> None:
        unit = self._units.popleft()
        line.unit, line.due = unit, due
        line.connection.sendall(unit.next())

    def _received(self, line: _Line) -> Answer | None:
        octets = line.connection.recv(65_536)
        if not octets:
            raise ConnectionError("the portal closed a connection")
        line.received += octets
        whole = answered(bytes(line.received))
        if whole is None:
            return None
        line.received.clear()
        unit = line.unit
        assert unit is not None
        status, head, body = whole
        if status == 200:
            unit.adopt(body)
        if status not in (429, 503):
            unit.pending = None
        return Answer(unit, status, head, body, time.perf_counter() - line.due)


def answered(octets: bytes) -> tuple[int, bytes, bytes] | None:
    """Status, head and body of an answer, None while it is not whole."""
    head, found, body = octets.partition(b"\r\n\r\n")
    if not found:
        return None
    length = _LENGTH.search(head)
    if length is not None and len(body) < int(length[1]):
        return None
    return int(head[9:12]), head, body
