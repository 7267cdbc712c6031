"""How many renewals and enrolments a second the whole portal takes in, over HTTP, the client on the same processors.

    make bench
    .venv/bin/python benchmarks/portal.py --seconds 10

A renewal is L1 with unchanged seats, fully secured: the client signs each request (RFC 9421); the portal checks that,
remembers nonce and idempotency key, keeps the sequence, signs a grant, and answers when it is on the disk. An enrolment
is E3 with a token that proves itself, on a TLS connection of its own. The portal runs as `anchorwatch portal serve` does
for everybody, its log on and its gate in place with a wider limit, for all devices have one address here: one process on
SQLite, and two on PostgreSQL, which is started for the purpose with fsync.

The reference is the least that any such portal does, by the same HTTP server and as many processes: it reads a request,
checks one signature, makes one, and answers a constant when one row is committed. The goals are for two processors with
nothing else to do: 500 renewals a second on SQLite, 600 on PostgreSQL, 99 of 100 within 100 ms at 70 % of what was found,
and 250 enrolments. On a busy machine the ratios and the processor time say more.
"""

from __future__ import annotations

import asyncio
import os
import queue
import secrets
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from cryptography.hazmat.primitives.asymmetric import ec

from anchorwatch.base.clock import SystemClock
from anchorwatch.licensing import enrolment, message, token
from anchorwatch.licensing.key import SigningKey
from anchorwatch.portal.management import TokenTerms
from builders import postgres
from builders.load import Load, Unit, answered
from builders.postgres import Postgres
from builders.running import Running, children
from licensing.desk import PORTAL
from portal.hand import ENROL, Hand, request_for
from portal.office import Office, Shown, shown
from side_by_side import Figure, Sheet, options

DEVICES = 128
CONNECTIONS = 32
ENROLLING = 8
WIDE = ("--rate-address", "1000000", "--rate-caller", "100000")
GOALS = {"SQLite": 500.0, "PostgreSQL": 600.0, "enrolments": 250.0}


# --- the reference --------------------------------------------------------------------------------------------


def reference(address: str, port: int, tls: list[str]) -> None:
    """What `Reference` runs: prints its port, and serves until it is ended."""
    import uvicorn

    key = SigningKey.of(ec.generate_private_key(ec.SECP256R1()))
    signed = key.sign(b"x" * 400)
    submit = _sqlite_rows(Path(address)) if "://" not in address else _postgresql_rows(address)
    constant = b"c" * 900

    async def app(_: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        while (await receive()).get("more_body"):
            pass
        assert key.public.verify(signed, b"x" * 400)
        key.sign(b"y" * 900)
        await asyncio.wrap_future(submit(str(uuid.uuid4())))
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-length", b"900")]})
        await send({"type": "http.response.body", "body": constant})

    listening = socket.create_server(("127.0.0.1", port), backlog=512, reuse_port=True)
    print(listening.getsockname()[1], flush=True)
    given: dict[str, Any] = {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]} if tls else {}
    config = uvicorn.Config(
        app, http="httptools", lifespan="off", log_level="error", timeout_keep_alive=90, **given
    )
    uvicorn.Server(config).run(sockets=[listening])


def _sqlite_rows(file: Path) -> Callable[[str], Any]:
    """One thread that commits one row at a time, as durable as the portal's."""
    thread = ThreadPoolExecutor(1)

    def begin() -> sqlite3.Connection:
        made = sqlite3.connect(file, isolation_level=None)
        made.execute("PRAGMA journal_mode = WAL").fetchall()
        made.execute("PRAGMA synchronous = FULL")
        made.execute("CREATE TABLE IF NOT EXISTS answered (id TEXT PRIMARY KEY, body BLOB)")
        return made

    connection = thread.submit(begin).result()

    def add(name: str) -> None:
        connection.execute("INSERT INTO answered VALUES (?, ?)", (name, b"c" * 900))

    return lambda name: thread.submit(add, name)


def _postgresql_rows(url: str) -> Callable[[str], Any]:
    """As many threads as the portal has, each with a connection that commits one row at a time."""
    import psycopg

    mine = threading.local()

    def begin() -> None:
        mine.connection = psycopg.connect(url, autocommit=True)

    threads = ThreadPoolExecutor(8, initializer=begin)

    def add(name: str) -> None:
        mine.connection.execute("INSERT INTO answered VALUES (%s, %s)", (name, b"c" * 900))

    return lambda name: threads.submit(add, name)


class Reference:
    """Processes of the reference on one port."""

    def __init__(self, address: str, processes: int, tls: Shown | None = None) -> None:
        files = [str(tls.chain), str(tls.key)] if tls is not None else []
        self.port = 0
        self.processes: list[subprocess.Popen[str]] = []
        for _ in range(processes):
            words = [sys.executable, __file__, "--reference", address, str(self.port), *files]
            process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            assert process.stdout is not None
            self.port = int(process.stdout.readline())
        time.sleep(0.5)

    def stop(self) -> None:
        """End them."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


# --- what is measured -----------------------------------------------------------------------------------------


def processor_seconds(pids: list[int]) -> float | None:
    """What these processes have taken until now; None where the system does not tell."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


@dataclass(slots=True)
class Run:
    """How one side did: answers a second, processor milliseconds of an answer by who took them, and how many processors
    were busy with something else meanwhile.
    """

    rate: float
    spent: dict[str, float | None]
    others: float


def busy_seconds() -> float | None:
    """What all processors together have been busy until now, for whomever; None where the system does not tell."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *rest = (int(each) for each in fields)
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def measured(work: Callable[[], int], watched: dict[str, list[int]]) -> Run:
    """Do it, and see what it took."""
    before = {name: processor_seconds(pids) for name, pids in watched.items()}
    busy, own, start = busy_seconds(), time.process_time(), time.perf_counter()
    count = work()
    seconds = time.perf_counter() - start
    busy_now = busy_seconds()
    spent: dict[str, float | None] = {"client": 1e3 * (time.process_time() - own) / count}
    for name, pids in watched.items():
        now, then = processor_seconds(pids), before[name]
        spent[name] = None if now is None or then is None else 1e3 * (now - then) / count
    others = 0.0
    if busy is not None and busy_now is not None:
        ours = sum(each for each in spent.values() if each is not None) * count / 1e3
        others = (busy_now - busy - ours) / seconds
    return Run(count / seconds, spent, others)


def in_turns(
    sheet: Sheet, name: str, ours: Callable[[], Run], other: Callable[[], Run], goal: float
) -> float:
    """Both sides in turns; the rate found, which is the best of ours."""
    pairs = [(ours(), other()) for _ in range(3)]
    best = max(pairs, key=lambda pair: pair[0].rate)
    alone = best[0].others < 0.2
    sheet.add(
        Figure(
            name=name,
            unit="/s",
            ours=best[0].rate,
            reference=best[1].rate,
            ratio=sorted(one.rate / two.rate for one, two in pairs)[1],
            goal=f"at least {goal:.0f}/s" if alone else "",
            met=best[0].rate >= goal if alone else None,
        )
    )
    if not alone:
        sheet.leave_out(
            f"  its goal, {goal:.0f}/s", f"{best[0].others:.1f} processors were busy with other things"
        )
    for who, spent in best[0].spent.items():
        if spent is not None:
            beside = best[1].spent.get(who)
            ratio = spent / beside if beside else None
            sheet.add(
                Figure(
                    name=f"  processor time of one, {who}",
                    unit="ms",
                    ours=spent,
                    reference=beside,
                    ratio=ratio,
                )
            )
    return best[0].rate


def renewals(sheet: Sheet, name: str, folder: Path, seconds: float, server: Postgres | None) -> None:
    """L1 on one kind of database."""
    url = server.url(server.create()) if server is not None else None
    office = Office(folder / "portal", seats=10_000, database=url)
    office.clock.turn_to(SystemClock().now())
    units = []
    made = office.token(TokenTerms(uses=DEVICES))
    for number in range(DEVICES):
        hand = Hand(office, sn=f"N{number}")
        assert hand.enrol(made).status == 200
        units.append(Unit(sn=hand.sn, keyid=hand.keyid, key=SigningKey.of(hand.key), portal=PORTAL))
    office.close()
    processes = 1 if server is None else 2
    others = [Unit(sn=each.sn, keyid=each.keyid, key=each.key, portal=PORTAL) for each in units]
    portal = Running(folder / "portal", "--plain", *WIDE, "--workers", str(processes), database=url)
    bare = Reference(_place_for_rows(folder, server), processes)
    try:
        with _loaded(portal.port, units) as ours, _loaded(bare.port, others) as theirs:

            def side(load: Load, pids: list[int]) -> Run:
                watched = {"portal": pids}
                if server is not None:
                    watched["database"] = [server.pid, *children(server.pid)]
                return measured(lambda: _all_well(load, seconds), watched)

            _all_well(ours, 1)
            _all_well(theirs, 1)
            rate = in_turns(
                sheet,
                f"renewals, {name}",
                lambda: side(ours, [portal.process.pid, *children(portal.process.pid)]),
                lambda: side(theirs, [each.pid for each in bare.processes]),
                GOALS[name],
            )
            paced = sorted(each.seconds * 1e3 for each in ours.at_pace(0.7 * rate, 2 * seconds))
            beside = sorted(each.seconds * 1e3 for each in theirs.at_pace(0.7 * rate, 2 * seconds))
        for part, at in (("half", 0.5), ("99 of 100", 0.99)):
            found, other = (each[int(len(each) * at)] for each in (paced, beside))
            sheet.add(
                Figure(
                    name=f"  {part} answered within, at {0.7 * rate:.0f}/s",
                    unit="ms",
                    ours=found,
                    reference=other,
                    ratio=found / other,
                )
            )
    finally:
        bare.stop()
        portal.stop()


def _place_for_rows(folder: Path, server: Postgres | None) -> str:
    if server is None:
        return str(folder / "reference.db")
    import psycopg

    url = server.url(server.create())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE answered (id TEXT PRIMARY KEY, body BYTEA)")
    return url


@contextmanager
def _loaded(port: int, units: list[Unit]) -> Iterator[Load]:
    load = Load(port, units, connections=CONNECTIONS)
    yield load
    load.close()


def _all_well(load: Load, seconds: float) -> int:
    answers = load.flat_out(seconds)
    assert {each.status for each in answers} <= {200, 201}, {each.status for each in answers}
    return len(answers)


def enrolments(sheet: Sheet, folder: Path, seconds: float) -> None:
    """E3 over TLS, a connection for each, on SQLite."""
    office = Office(folder / "portal", seats=10_000)
    office.clock.turn_to(SystemClock().now())
    made = office.token(TokenTerms(uses=1_000_000))
    office.close()
    tls = shown(folder, "Harbour")
    portal = Running(folder / "portal", "--chain", str(tls.chain), "--key", str(tls.key), *WIDE)
    bare = Reference(str(folder / "reference.db"), 1, tls)
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for number in range(int(400 * seconds * 4)):
        key = ec.generate_private_key(ec.SECP256R1())
        requests.put(request_for(key, sn=f"N{number}", uri=f"urn:sl:udi:ASAv:N{number}"))
    try:

        def side(port: int, pids: list[int]) -> Run:
            return measured(
                lambda: _enrolled(port, tls, made, requests, seconds, consume=pids[0] == portal.process.pid),
                {"portal": pids},
            )

        in_turns(
            sheet,
            "enrolments, TLS, SQLite",
            lambda: side(portal.port, [portal.process.pid]),
            lambda: side(bare.port, [bare.processes[0].pid]),
            GOALS["enrolments"],
        )
    finally:
        bare.stop()
        portal.stop()


def _enrolled(
    port: int,
    tls: Shown,
    made: token.IdToken,
    requests: queue.SimpleQueue[bytes],
    seconds: float,
    *,
    consume: bool,
) -> int:
    """How many devices enrolled in that time, by a few threads."""
    context = ssl.create_default_context(cafile=str(tls.root))
    end = time.perf_counter() + seconds
    same = requests.get()
    requests.put(same)

    def client(_: int) -> int:
        count = 0
        while time.perf_counter() < end:
            csr = requests.get(timeout=1) if consume else same
            proof = token.prove(
                made, csr, portal=PORTAL, now=SystemClock().now(), nonce=secrets.token_bytes(16)
            )
            body = enrolment.encode(csr)
            head = (
                f"POST {ENROL} HTTP/1.1\r\nHost: {PORTAL}\r\nContent-Type: {message.PKCS10}\r\n"
                f"Authorization: {proof}\r\nIdempotency-Key: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n"
            )
            with (
                socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
                context.wrap_socket(plain, server_hostname=PORTAL) as connection,
            ):
                connection.sendall(head.encode("ascii") + body)
                received = b""
                while (whole := answered(received)) is None:
                    piece = connection.recv(65_536)
                    if not piece:
                        raise ConnectionError("the portal closed a connection")
                    received += piece
            assert whole[0] in (200, 201), whole[2]
            count += 1
        return count

    with ThreadPoolExecutor(ENROLLING) as threads:
        return sum(threads.map(client, range(ENROLLING)))


def main() -> int:
    """Exit status 1 if a goal is missed and the machine had nothing else to do."""
    if sys.argv[1:2] == ["--reference"]:
        reference(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
        return 0
    parser = options(__doc__ or "")
    parser.add_argument("--seconds", type=float, default=2.5, help="of each run (default 2.5)")
    asked = parser.parse_args()
    sheet = Sheet("portal", asked.as_json)
    with tempfile.TemporaryDirectory() as folder:
        renewals(sheet, "SQLite", _made(folder, "sqlite"), asked.seconds, None)
        enrolments(sheet, _made(folder, "est"), asked.seconds)
        programs = postgres.programs()
        if programs is None:
            sheet.leave_out("renewals, PostgreSQL", postgres.ABSENT)
            return sheet.finish()
        server = Postgres(programs, durable=True)
        try:
            renewals(sheet, "PostgreSQL", _made(folder, "postgresql"), asked.seconds, server)
        finally:
            server.stop()
    return sheet.finish()


def _made(folder: str, name: str) -> Path:
    made = Path(folder) / name
    made.mkdir()
    return made


if __name__ == "__main__":
    sys.exit(main())
