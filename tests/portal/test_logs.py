"""The log of a portal: lines for programs and for people, who did what, and never a secret; and how a portal ends."""

from __future__ import annotations

import base64
import http.client
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.cli.terminal import printable
from anchorwatch.db.word import OperatorRole
from anchorwatch.licensing import enrolment, message
from anchorwatch.licensing.message import Wanted
from anchorwatch.portal import operator
from anchorwatch.portal.api import application
from anchorwatch.portal.journal import Journal
from anchorwatch.portal.passage import Watched
from anchorwatch.portal.reply import Reply
from anchorwatch.portal.server import Front, Server
from builders.service import addresses
from portal.counter import Counter
from portal.hand import ENROL, Hand, enrolled, request_for
from portal.office import Office, over_tls, shown


@contextmanager
def logged(office: Office, folder: Path, **how: Any) -> Iterator[tuple[io.StringIO, Counter]]:
    """A portal with its API that serves, its log, and a place to ask it."""
    stream = io.StringIO()
    journal = Journal(stream, office.clock, **how)
    made = shown(folder, "Logged")
    mounted = application.mounted(office.portal)
    logger = logging.getLogger("anchorwatch")
    logger.addHandler(journal.handler)
    try:
        with Server(
            office.portal,
            front=Front(made.chain, made.key),
            around=lambda app: Watched(mounted(app), office.portal, journal.write),
        ) as server:
            yield stream, Counter(server.port, made.root, None)
    finally:
        logger.removeHandler(journal.handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Each line as the JSON object it is."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_each_request(office: Office, tmp_path: Path) -> None:
    """It says when, which endpoint, what came of it, with which problem, how long, and under which id the answer went out."""
    with logged(office, tmp_path) as (stream, strange):
        office.ask = over_tls(strange.port, strange.root)  # type: ignore[assignment, method-assign]  # it names no parameters
        hand = enrolled(office)
        hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="no-such")))
        got = hand.ask("PUT", message.ENTITLEMENTS, hand.wants(Wanted(tag="standard")))
        assert got.status == 200
        forged = replace(hand, key=Hand(office).key)
        assert forged.ask("GET", message.ENTITLEMENTS).status == 401
        made, text = operator.make_key(office.portal, "x", OperatorRole.ADMIN, office.account)
        counter = replace(strange, key=text)
        (tag,) = counter.get("/tags").json["items"]
        assert counter.get(f"/tags/{tag['id']}").status == 200
        assert strange.get("/tags").status == 401
    said = lines(stream)
    (device,) = office.devices()
    assert [(each["endpoint"], each["outcome"], each.get("problem")) for each in said] == [
        ("E3", "done", None),
        ("L1", "refused", "tag-unknown"),
        ("L1", "done", None),
        ("L2", "refused", "signature-invalid"),
        ("GET /api/v1/tags", "done", None),
        ("GET /api/v1/tags/{tag_id}", "done", None),
        ("api", "refused", "api-key-refused"),
    ]
    assert [each.get("device") for each in said] == [None, str(device.id), str(device.id), *[None] * 4]
    assert [each.get("operator") for each in said][4:] == [made.prefix, made.prefix, None]
    assert dict(got.headers)["x-request-id"] == said[2]["request_id"]
    assert {each["time"] for each in said} == {"2026-03-01T12:00:00.000Z"}
    assert len({each["request_id"] for each in said}) == len(said)
    assert all(0 <= each["ms"] < 10_000 for each in said)


def test_no_secret_in_the_log_of_a_life(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole life, with mistakes on both sides: no token, key, signature, body or proof is anywhere in the log."""
    secrets: list[str] = []
    with logged(office, tmp_path, level="debug") as (stream, strange):
        reach = over_tls(strange.port, strange.root)

        def ask(method: str, path: str, fields: dict[str, str], body: bytes | None) -> Any:
            for name in (
                "authorization",
                "signature",
                "signature-input",
                "content-digest",
                "idempotency-key",
            ):
                if name in fields:
                    secrets.append(fields[name])
            if body:
                secrets.append(body.decode("latin-1"))
            got = reach(method, path, fields, body)
            if got.body:
                secrets.append(got.body.decode("latin-1").strip())
            return got

        office.ask = ask  # type: ignore[method-assign]
        token = office.token()
        basic = office.basic()
        secrets += [token.text().reveal(), *token.text().reveal().split("-")[2:4], basic.reveal()]
        hand = Hand(office)
        assert hand.enrol(token).status == 200
        assert hand.enrol(token, portal="elsewhere.example").status >= 400
        body = hand.wants(Wanted(tag="standard"))
        assert hand.ask("PUT", message.ENTITLEMENTS, body).status == 200
        csr = enrolment.encode(request_for(Hand(office).key, sn="77"))
        for password in (basic.reveal(), f"{basic.reveal()}x", token.text().reveal()):
            value = "Basic " + base64.b64encode(f"token:{password}".encode()).decode()
            fields = {"authorization": value, "content-type": message.PKCS10, "idempotency-key": "0123456789"}
            ask("POST", ENROL, fields, csr)
        _, text = operator.make_key(office.portal, "x", OperatorRole.ADMIN, office.account)
        secrets += [text.reveal(), text.reveal().rpartition("-")[2]]
        counter = replace(strange, key=text)
        shown_once = counter.post("/tokens", {"virtual_account_id": str(office.place.id)}).json["token"]
        secrets += [shown_once, shown_once.split("-")[2]]
        replace(strange, key=Secret(text.reveal()[:-1] + "!")).get("/tags")

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError(f"could not use {shown_once} with {text.reveal()} and Bearer abcdefgh12345")

        from anchorwatch.portal import management

        monkeypatch.setattr(management, "add_virtual", broken)
        assert counter.post("/virtual-accounts", {"name": "x"}).status == 500
        assert hand.ask("DELETE", message.SELF).status == 200
    log = stream.getvalue()
    assert "RuntimeError" in log
    assert [each for each in secrets if len(each) > 6 and each in log] == []
    for each in lines(stream):
        assert set(each) <= {
            *("time", "level", "event", "request_id", "endpoint", "status", "outcome", "ms"),
            *("problem", "device", "operator", "peer", "logger", "exception"),
        }


def test_the_log_says_that_a_disk_is_full(office: Office, tmp_path: Path) -> None:
    """Whoever asks hears that it is too much just now, and nothing is kept of it; whoever runs the portal hears why."""
    with logged(office, tmp_path) as (stream, strange):
        office.ask = over_tls(strange.port, strange.root)  # type: ignore[assignment, method-assign]  # it names no parameters
        hand = enrolled(office)
        body = hand.wants(Wanted(tag="standard"))

        def asked() -> Reply:
            return hand.ask("PUT", message.ENTITLEMENTS, body)

        office.portal.database.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count = 1"))
        refused = next(reply for reply in (asked() for _ in range(200)) if reply.status != 200)
        assert refused.status == 503
        assert dict(refused.headers)["retry-after"]
        assert b"disk" not in refused.body
        office.portal.database.write(lambda tx: tx.exec_driver_sql("PRAGMA max_page_count = 100000"))
        assert asked().status == 200
    said = [each["event"] for each in lines(stream) if each["level"] == "error"]
    assert said == ["a request failed: the database does not answer: database or disk is full", "request"]


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_what_looks_like_a_secret_is_struck_out(before: str, after: str) -> None:
    """Wherever in a text a token, an API key, a signed object or a password in an address stands, dots stand in the log."""
    needles = [
        "SL1-abcdefgh2345abcd-" + "s" * 52 + "-x-1",
        "AWK1-abcdefgh2345abcd-" + "k" * 43,
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "-----{} PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----".format("BEGIN"),
    ]
    for needle in needles:
        stream = io.StringIO()
        Journal(stream, SystemClock()).say(f"{before} {needle} {after}", member=f"{before} {needle}")
        inner = needle.split("-----")[2] if "BEGIN" in needle else needle
        assert inner.strip() not in json.loads(stream.getvalue())["event"]
        assert inner.strip() not in json.loads(stream.getvalue())["member"]
    stream = io.StringIO()
    Journal(stream, SystemClock()).say("cannot reach postgresql://portal:pass-word@db.example/portal")
    assert "pass-word" not in stream.getvalue()
    assert "db.example" in stream.getvalue()


def test_lines_for_people(office: Office) -> None:
    """On a terminal a line is short, says what is refused, and obeys nothing a stranger wrote."""
    stream = io.StringIO()
    journal = Journal(stream, office.clock, for_people=True, clean=printable)
    log = logging.getLogger("anchorwatch.test")
    log.addHandler(journal.handler)
    try:
        log.warning("a name %s", "\x1b[2J\u202e\nx")
        try:
            raise ValueError("\x1b]0;title\x07")
        except ValueError:
            log.exception("it broke")
    finally:
        log.removeHandler(journal.handler)
    journal.say("serving portal.example on https://127.0.0.1:1")
    text = stream.getvalue()
    assert "12:00:00 serving portal.example on https://127.0.0.1:1\n" in text
    assert "12:00:00 WARNING a name \\x1b[2J\\u202e\\nx logger=anchorwatch.test\n" in text
    assert "\x1b" not in text
    assert "    ValueError: \\x1b]0;title\\x07" in text


def test_levels(office: Office, tmp_path: Path) -> None:
    """With the level warning only what is refused or fails has a line."""
    with logged(office, tmp_path, level="warning") as (stream, strange):
        ask = over_tls(strange.port, strange.root)
        assert ask("GET", "/healthz", {}, None).status == 200
        assert ask("GET", "/nothing", {}, None).status == 404
    assert [each["endpoint"] for each in lines(stream)] == ["other"]


# --- how it ends ----------------------------------------------------------------------------------------------------

SERVE = (sys.executable, "-c", "from anchorwatch.cli.app import main; main()", "portal", "serve", "--plain")


def _asked(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: SIGTERM")
@pytest.mark.parametrize("drain", ["0", "1.5"])
def test_it_ends_well(office: Office, drain: str) -> None:
    """Told to end, it finishes the request that is under way, says first that it is not ready, and ends with status 0."""
    folder = office.portal.folder.parent
    typed = [*SERVE, "--port", "0", "--folder", str(folder), "--drain", drain]
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr is not None
            port = int(addresses(run.stderr)[0].rpartition(":")[2])
            assert _asked(port, "/readyz") == 200
            body = b'{"nonce":"' + b"A" * 22 + b'"}'
            with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
                head = f"POST {message.TIME} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                slow.sendall(head.encode() + body[:5])
                time.sleep(0.3)
                run.send_signal(signal.SIGTERM)
                if drain != "0":
                    statuses = set()
                    end = time.monotonic() + 1
                    while time.monotonic() < end and 503 not in statuses:
                        statuses.add(_asked(port, "/readyz"))
                    assert 503 in statuses
                    assert _asked(port, "/healthz") == 200
                else:
                    time.sleep(0.5)
                assert run.poll() is None
                slow.sendall(body[5:])
                assert slow.recv(65_536).startswith(b"HTTP/1.1 200")
            run.wait(15)
            with pytest.raises(OSError):
                _asked(port, "/healthz")
        finally:
            run.kill()
    assert run.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: SIGTERM")
def test_it_serves_its_api_and_metrics_as_a_process(office: Office, tmp_path: Path) -> None:
    """From the command line: API and metrics where they are switched on, each on its listener, the log one JSON object a line."""
    folder, made = office.portal.folder.parent, shown(tmp_path / "tls", "Process")
    office.clock.turn_to(SystemClock().now())
    _, key = operator.make_key(office.portal, "x", OperatorRole.VIEWER, office.account)
    typed = [
        *SERVE[:-1],
        *("--port", "0", "--folder", str(folder), "--chain", str(made.chain), "--key", str(made.key)),
        *("--api", "--metrics-listen", "0"),
    ]
    said: list[str] = []
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr is not None
            for line in run.stderr:
                said.append(line)
                if '"serving' in line:
                    break
            rest = threading.Thread(target=lambda: said.extend(run.stderr or ()))
            rest.start()
            events = [json.loads(line)["event"] for line in said]
            metrics = events[0].rpartition(" ")[2]
            assert metrics.startswith("http://127.0.0.1:")
            port = int(events[-1].rpartition(":")[2])
            counter = Counter(port, made.root, key)
            assert counter.get("/health").json["ready"] is True
            assert _asked(int(metrics.split(":")[2].partition("/")[0]), "/metrics") == 200
        finally:
            run.terminate()
            run.wait(15)
            rest.join(5)
    assert run.returncode == 0
    assert [json.loads(line)["event"] for line in said][-1] == "stopped"
    assert key.reveal() not in "".join(said)


def test_the_api_is_off_by_default(office: Office, tmp_path: Path) -> None:
    """Without its switch there is nothing under its paths, even with a good key."""
    made = shown(tmp_path / "tls", "Plain")
    _, key = operator.make_key(office.portal, "x", OperatorRole.ADMIN, office.account)
    with Server(office.portal, front=Front(made.chain, made.key)) as server:
        assert Counter(server.port, made.root, key).get("/tags").status == 404
