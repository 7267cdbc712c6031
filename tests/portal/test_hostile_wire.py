"""Octets on the portal's socket that no honest client sends."""

from __future__ import annotations

import base64
import contextlib
import gzip
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.licensing import enrolment, message
from anchorwatch.licensing.message import Wanted
from anchorwatch.portal.server import MOST_HEAD, Front, Server, authorities
from builders.certs import CA, new_key
from licensing.desk import PORTAL
from portal.hand import ENROL, REENROL, enrolled, request_for
from portal.law import harmless
from portal.office import Office, shown

HEAD = b"Host: portal.example\r\n"
ASK = b'{"nonce":"AAAAAAAAAAAAAAAAAAAAAA"}'
LENGTH = b"Content-Length: %d\r\n" % len(ASK)
BOMB = gzip.compress(bytes(2**26))


@pytest.fixture(scope="module")
def quay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Office, int]]:
    """A portal that listens without TLS, for all who change nothing."""
    office = Office(tmp_path_factory.mktemp("quay") / "portal")
    with Server(office.portal) as server:
        yield office, server.port
    office.close()


def said(port: int, octets: bytes, patience: float = 5.0) -> bytes:
    """All that is answered until the other side ends, or has no more to say; `patience` is for the first octet."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as line:
        # A portal that refuses early closes before all was sent; what it said is still read.
        with contextlib.suppress(OSError):
            line.sendall(octets)
        answer = b""
        with contextlib.suppress(OSError):
            while piece := line.recv(65_536):
                answer += piece
                line.settimeout(0.2)
        return answer


def statuses(answer: bytes) -> list[int]:
    """Of every answer, in their order."""
    found = [part.split(b" ", 2)[1] for part in answer.split(b"HTTP/1.1 ")[1:] for part in (b" " + part,)]
    return [int(each) for each in found]


def get(path: bytes, *fields: bytes, method: bytes = b"GET") -> bytes:
    return b"%b %b HTTP/1.1\r\n%b%b\r\n" % (method, path, HEAD, b"".join(b"%b\r\n" % each for each in fields))


def time_of(*fields: bytes, body: bytes = ASK) -> bytes:
    lines = b"".join(b"%b\r\n" % each for each in fields)
    return b"POST /sl/v1/time HTTP/1.1\r\n%b%b\r\n%b" % (HEAD, lines, body)


SMUGGLED = b"DELETE /sl/v1/devices/self HTTP/1.1\r\nHost: portal.example\r\n\r\n"
NOWHERE = (
    b"/sl/v1/trust/", b"//sl/v1/trust", b"/sl/v1//trust", b"/SL/V1/TRUST", b"/sl/v1/trust%00", b"/sl/v1/trust%0d%0a",
    b"/sl/v1/%74rust", b"/sl/v1/./trust", b"/sl/v1/x/../trust", b"/sl/v1/..%2f..%2fetc/passwd", b"/../../etc/passwd",
    b"/.well-known/est/../est/sl1/cacerts", b"/.well-known/est/%2e%2e/sl1/cacerts", b"/.well-known/est/sl2/cacerts",
    b"/.well-known/est/sl1%2fcacerts", b"/.well-known/est/sl1/../sl1/simpleenroll", b"/.well-known/est/sl1;x/cacerts",
    b"/.well-known/est/" + b"a" * 8000 + b"/cacerts", b"/%c0%ae%c0%ae/keys/root-1.key.pem", b"/keys/root-1.key.pem",
    b"/portal.db", b"/" + "\u017fl/v1/trust".encode(), b"/sl/v1/trust\\..\\x",
)  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: repr(path[:40])[2:-1])
def test_paths_that_lead_nowhere(quay: tuple[Office, int], path: bytes) -> None:
    """Another spelling of a path is another path: it is not there, or no request at all."""
    office, port = quay
    with harmless(office):
        answer = said(port, get(path, b"Connection: close"))
    assert statuses(answer) in ([404], [400], []), answer
    assert b"root:" not in answer
    assert b"PRIVATE KEY" not in answer


OTHERS = {
    "both lengths": (time_of(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), [400]),
    "a length twice": (time_of(b"Content-Length: 5", b"Content-Length: 40"), [400]),
    "a list of lengths": (time_of(b"Content-Length: 34, 34"), [400]),
    "a length with a sign": (time_of(b"Content-Length: +34"), [400]),
    "a length below nothing": (time_of(b"Content-Length: -1"), [400]),
    "a length in hexadecimal": (time_of(b"Content-Length: 0x22"), [400]),
    "a length of twenty digits": (time_of(b"Content-Length: 99999999999999999999"), [400]),
    "a length beyond what is read": (time_of(b"Content-Length: 999999999"), [400]),
    "an encoding there is not": (time_of(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED), [400]),
    "chunks that are not last": (time_of(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), [400]),
    "a chunk of all memory": (time_of(b"Transfer-Encoding: chunked", body=b"FFFFFFFFFFFFFFFF\r\nx"), []),
    "a chunk of no size": (time_of(b"Transfer-Encoding: chunked", body=b"x\r\nx\r\n0\r\n\r\n"), [400]),
    "a body that stops": (time_of(b"Content-Length: 400"), []),
    "zeros that were gzipped": (
        time_of(b"Content-Encoding: gzip", b"Content-Length: %d" % len(BOMB), body=BOMB),
        [400],
    ),
    "a folded field": (get(b"/sl/v1/trust", b"X-A: a\r\n b"), [400]),
    "a null in a field": (get(b"/sl/v1/trust", b"X-A: a\0b"), [400]),
    "a bare carriage return": (get(b"/sl/v1/trust", b"X-A: a\rX-B: b"), [400]),
    "a blank in a name": (get(b"/sl/v1/trust", b"X A: a"), [400]),
    "a blank before the colon": (get(b"/sl/v1/trust", b"Content-Length : 5"), [400]),
    "a name of nothing": (get(b"/sl/v1/trust", b": a"), [400]),
    "a head of 1 MB": (get(b"/sl/v1/trust", b"X-A: " + b"a" * 2**20), []),
    "10,000 fields": (get(b"/sl/v1/trust", *[b"X-%d: a" % n for n in range(10_000)]), [400]),
    "a path of 1 MB": (get(b"/" + b"a" * 2**20), []),
    "no version": (b"GET /healthz\r\n\r\n", [200]),
    "another version": (b"GET /sl/v1/trust HTTP/3.0\r\n\r\n", [400]),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "TLS": (bytes.fromhex("16030100a5010000a10303") + bytes(160), [400]),
    "noise": (bytes(range(256)) * 8, [400]),
    "nothing": (b"\r\n" * 4, []),
    "a method there is not": (get(b"/sl/v1/trust", method=b"BREW"), [400]),
    "the end of a device, unsigned": (get(b"/sl/v1/devices/self", method=b"DELETE"), [401]),
    "trace": (get(b"/sl/v1/trust", b"X-Secret: harbour", b"Connection: close", method=b"TRACE"), [405]),
    "options": (get(b"/sl/v1/trust", b"Connection: close", method=b"OPTIONS"), [405]),
    "options of all": (get(b"*", b"Connection: close", method=b"OPTIONS"), [404]),
    "a tunnel": (b"CONNECT bank.example:443 HTTP/1.1\r\nHost: bank.example:443\r\n\r\n", [400]),
    "a proxy's request for others": (get(b"http://bank.example/", b"Connection: close"), [404]),
    "a list of patches": (get(message.ENTITLEMENTS.encode(), method=b"PATCH"), [405]),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_requests_that_are_none(quay: tuple[Office, int], name: str) -> None:
    """What is no request of HTTP/1.1, or hides a second one, is refused or dropped, and repeats nothing of what it said."""
    office, port = quay
    octets, expected = OTHERS[name]
    with harmless(office):
        answer = said(port, octets, 5.0 if expected else 0.4)
    # Who is refused while still sending may miss why: what was not read resets the connection.
    assert statuses(answer) == expected or (len(octets) > MOST_HEAD and not answer), answer
    assert len(answer) < 2000
    assert b"harbour" not in answer
    assert b"Traceback" not in answer
    assert statuses(said(port, get(b"/healthz", b"Connection: close"))) == [200]


def test_a_request_in_absolute_form(quay: tuple[Office, int]) -> None:
    """RFC 9112 section 3.2.2: a request as proxies get it is answered as the same request without its host."""
    office, port = quay
    with harmless(office):
        answer = said(port, get(b"http://portal.example/sl/v1/trust", b"Connection: close"))
    assert statuses(answer) == [200]


def test_a_head_is_a_get_without_its_body(quay: tuple[Office, int]) -> None:
    """HEAD gives the fields of GET, its length too, and nothing behind them."""
    office, port = quay
    with harmless(office):
        whole = said(port, get(b"/sl/v1/trust", b"Connection: close"))
        head = said(port, get(b"/sl/v1/trust", b"Connection: close", method=b"HEAD"))
    said_of_whole, said_of_head = (
        [line for line in each.partition(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"ratelimit:")]
        for each in (whole, head)
    )
    assert said_of_head == said_of_whole
    assert (len(whole.partition(b"\r\n\r\n")[2]) > 100, head.partition(b"\r\n\r\n")[2]) == (True, b"")


@pytest.mark.parametrize("field", ["idempotency-key", "signature", "signature-input", "content-digest"])
def test_a_field_twice(quay: tuple[Office, int], field: str) -> None:
    """A field that may be there once is refused where it is there twice, however alike the two are."""
    office, port = quay
    hand = enrolled(office, sn=f"twice-{field}")
    body = hand.wants(Wanted(tag="standard"))
    fields = hand.signed("PUT", message.ENTITLEMENTS, body)
    lines = [*(f"{name}: {value}" for name, value in fields.items()), f"{field}: {fields[field]}"]
    with harmless(office):
        answer = said(port, _put(lines, body))
    assert statuses(answer) in ([400], [401]), answer


def test_a_password_twice(quay: tuple[Office, int]) -> None:
    """A good password is none where it is sent twice; once it would have been taken."""
    office, port = quay
    csr = enrolment.encode(request_for(new_key("ec256"), uri="urn:sl:udi:ASAv:twice"))
    sent = base64.b64encode(f"token:{office.basic().reveal()}".encode()).decode()
    line = f"Authorization: Basic {sent}"
    with harmless(office):
        answer = said(port, _post([line, line], csr))
    assert statuses(answer) == [401]
    assert statuses(said(port, _post([line], csr))) == [200]


def _put(lines: list[str], body: bytes) -> bytes:
    return _whole(f"PUT {message.ENTITLEMENTS}", lines, body)


def _post(lines: list[str], body: bytes) -> bytes:
    return _whole(f"POST {ENROL}", lines, body)


def _whole(what: str, lines: list[str], body: bytes) -> bytes:
    fields = "".join(f"{line}\r\n" for line in [*lines, f"Content-Length: {len(body)}"])
    return f"{what} HTTP/1.1\r\n".encode() + HEAD + f"{fields}\r\n".encode() + body


def test_a_query_is_part_of_what_is_signed(quay: tuple[Office, int]) -> None:
    """A request that was signed without a query is none with one."""
    office, port = quay
    hand = enrolled(office, sn="query")
    body = hand.wants(Wanted(tag="standard"))
    fields = hand.signed("PUT", message.ENTITLEMENTS, body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    end = f"Host: portal.example\r\nContent-Length: {len(body)}\r\n\r\n"
    with harmless(office):
        answer = said(port, f"PUT {message.ENTITLEMENTS}?a=1 HTTP/1.1\r\n{lines}{end}".encode() + body)
    assert statuses(answer) == [401]


def test_a_certificate_of_another_authority(office: Office, tmp_path: Path) -> None:
    """A client certificate by anybody else, even of the same name, ends the handshake and renews nothing."""
    tls = shown(tmp_path / "tls", "Web")
    stranger = CA.root(f"{PORTAL} identities 1").issue_leaf("01a20d57-b620-75d1-92ae-1f7edc3f89e6")
    file = tmp_path / "stranger.pem"
    file.write_text(stranger.pem + stranger.key_pem)
    enrolled(office)
    front = Front(tls.chain, tls.key, authorities=authorities(office.portal))
    with Server(office.portal, front=front) as server:
        context = ssl.create_default_context(cafile=str(tls.root))
        context.load_cert_chain(file)
        with (
            harmless(office),
            contextlib.suppress(ssl.SSLError, ConnectionError),
            socket.create_connection(("127.0.0.1", server.port), timeout=5) as line,
        ):
            secure = context.wrap_socket(line, server_hostname=PORTAL)
            secure.sendall(get(REENROL.encode(), b"Content-Length: 0", method=b"POST"))
            # TLS 1.3 tells what became of a client's certificate when something is read.
            assert secure.recv(1000) == b""
