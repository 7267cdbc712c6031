"""How many renewals a second the database takes in, beside the bare drivers doing the same statements.

    make bench

A renewal is what an L1 request with unchanged seats writes, in one transaction that is on the disk when it returns:
nonce, idempotency key, the locked device, its last grant, the next grant, the device's dates, the answer. The
reference sends the same statements by `sqlite3` or `psycopg` alone, prepared, from as many threads. PostgreSQL runs
with fsync, started for the purpose; it is left out where there is none.
"""

import hashlib
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from anchorwatch.db import device, grant, idempotency, migration, nonce
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.grant import Grant
from anchorwatch.db.idempotency import Answer, Claimed
from anchorwatch.db.identifier import new_id
from builders import postgres
from builders.postgres import Postgres
from builders.stock import DAY, NOW, Stock
from side_by_side import Figure, Sheet, options

DEVICES = 64
CLIENTS = 8
TURNS = 40
JWS = "e30.e30." + "A" * 1600
BODY = b"b" * 1700
SHA256 = hashlib.sha256(BODY).hexdigest()


def renew(tx: Transaction, device_id: UUID) -> None:
    """One renewal by the functions of `anchorwatch.db`."""
    request = str(new_id(NOW))
    assert nonce.remember(tx, str(device_id), request, expires_at=NOW)
    assert idempotency.claim(tx, str(device_id), request, SHA256, now=NOW) == Claimed()
    known = device.lock(tx, device_id)
    last = grant.last(tx, device_id)
    made = Grant(
        device_id=device_id,
        seq=known.grant_seq + 1,
        account_id=known.account_id,
        previous_seq=known.grant_seq,
        jti=request,
        previous_jti=last.jti if last else None,
        body_sha256=SHA256,
        issued_at=NOW,
        refresh_at=NOW + 30 * DAY,
        deadline=NOW + 90 * DAY,
        grace_end=NOW + 180 * DAY,
        jws=JWS,
    )
    assert grant.add(tx, made)
    device.save(tx, known, replace(known, last_seen=NOW + made.seq * DAY, deadline=made.deadline))
    answer = Answer(200, (("content-type", "application/jwt"),), BODY)
    idempotency.finish(tx, str(device_id), request, answer)


STATEMENTS = """
INSERT INTO nonce VALUES (:key, :request, :now) ON CONFLICT DO NOTHING;
INSERT INTO idempotency_record VALUES (:key, :request, :sha, 'in-flight', :now, NULL, NULL, NULL)
    ON CONFLICT DO NOTHING;
SELECT * FROM device WHERE id = :device{lock};
SELECT * FROM license_grant WHERE device_id = :device ORDER BY seq DESC LIMIT 1;
UPDATE device SET grant_seq = :seq WHERE id = :device AND grant_seq = :seq - 1;
INSERT INTO license_grant
    VALUES (:device, :seq, :account, :seq - 1, :request, NULL, :sha, :now, :now, :now, :now, :jws, NULL);
UPDATE device SET last_seen = :now, deadline = :now WHERE id = :device;
UPDATE idempotency_record SET state = 'done', status = 200, headers = '[]', body = :body
    WHERE principal = :key AND key = :request AND state = 'in-flight'
"""


def ours(database: Database, devices: list[UUID]) -> Callable[[], float]:
    """Seconds for all renewals of all clients."""

    def client(number: int) -> None:
        for turn in range(TURNS):
            database.write(partial(renew, device_id=devices[(number + turn * CLIENTS) % DEVICES]))

    return partial(timed, client)


def timed(client: Callable[[int], None]) -> float:
    """Seconds for every client's work."""
    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(int, range(CLIENTS)))
        start = time.perf_counter()
        list(threads.map(client, range(CLIENTS)))
        return time.perf_counter() - start


def bare_sqlite(file: Path, account: UUID, devices: list[UUID]) -> Callable[[], float]:
    """The same statements by sqlite3 from as many threads, taking turns, each with a commit of its own."""
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=30)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    turn_of = threading.Lock()

    def client(number: int) -> None:
        for turn in range(TURNS):
            who = devices[(number + turn * CLIENTS) % DEVICES]
            with turn_of:
                values = _values(who.hex, account.hex, connection.execute, 1_772_366_400_000_000)
                connection.execute("BEGIN IMMEDIATE")
                for statement in STATEMENTS.split(";"):
                    connection.execute(statement.format(lock=""), values).fetchall()
                connection.execute("COMMIT")

    return partial(timed, client)


def bare_psycopg(url: str, account: UUID, devices: list[UUID]) -> Callable[[], float]:
    """The same statements by psycopg, a connection for each thread."""
    import re

    import psycopg

    statements = [
        re.sub(r":(\w+)", r"%(\1)s", each.format(lock=" FOR NO KEY UPDATE")).encode()
        for each in STATEMENTS.split(";")
    ]
    connections = [psycopg.connect(url) for _ in range(CLIENTS)]

    def client(number: int) -> None:
        connection = connections[number]
        for turn in range(TURNS):
            who = devices[(number + turn * CLIENTS) % DEVICES]
            with connection.transaction():
                first = connection.execute(
                    "SELECT grant_seq FROM device WHERE id = %s FOR NO KEY UPDATE", [who]
                )
                row = first.fetchone()
                assert row is not None
                request = str(new_id(NOW))
                values = {
                    "key": str(who), "request": request, "now": NOW, "sha": SHA256, "device": who,
                    "account": account, "seq": row[0] + 1, "jws": JWS, "body": BODY,
                }  # fmt: skip
                for statement in statements:
                    cursor = connection.execute(statement, values)
                    if cursor.description:
                        cursor.fetchall()

    return partial(timed, client)


def _values(device_id: str, account: str, execute: Callable[..., Any], now: int) -> dict[str, Any]:
    (seq,) = execute("SELECT grant_seq FROM device WHERE id = ?", [device_id]).fetchone()
    return {
        "key": device_id, "request": str(new_id(NOW)), "now": now, "sha": SHA256, "device": device_id,
        "account": account, "seq": seq + 1, "jws": JWS, "body": BODY,
    }  # fmt: skip


def per_second(sheet: Sheet, name: str, figure: Figure, work: Callable[[], float]) -> None:
    """The same figure as a rate, and how much of it is our own computing: that does not depend on who else runs."""
    before = time.process_time()
    work()
    spent = (time.process_time() - before) / (CLIENTS * TURNS)
    reference = 1e3 / figure.reference if figure.reference else None
    sheet.add(Figure(name=f"renewals, {name}", unit="/s", ours=1e3 / figure.ours, reference=reference))
    sheet.add(Figure(name=f"processor time of one renewal, {name}", unit="ms", ours=spent * 1e3))


def main() -> int:
    """Exit status 1 if ours takes more than 2.5 times as long as the bare driver."""
    sheet = Sheet("renewal", options(__doc__ or "").parse_args().as_json)
    scale = 1e3 / (CLIENTS * TURNS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shelf.db"
        with Database.open(f"sqlite:///{file}") as database:
            migration.upgrade(database)
            stock = Stock.of(database)
            devices = [stock.device(str(each)).id for each in range(DEVICES)]
            work = ours(database, devices)
            figure = sheet.compare(
                "one renewal, SQLite, FULL",
                work,
                bare_sqlite(file, stock.account.id, devices),
                scale=scale,
                at_most=2.5,
                timed=True,
            )
            per_second(sheet, "SQLite, FULL", figure, work)
    programs = postgres.programs()
    if programs is None:
        sheet.leave_out("one renewal, PostgreSQL, fsync", postgres.ABSENT)
        return sheet.finish()
    server = Postgres(programs, durable=True)
    try:
        url = server.url(server.create())
        with Database.open(url) as database:
            migration.upgrade(database)
            stock = Stock.of(database)
            devices = [stock.device(str(each)).id for each in range(DEVICES)]
            work = ours(database, devices)
            figure = sheet.compare(
                "one renewal, PostgreSQL, fsync",
                work,
                bare_psycopg(url, stock.account.id, devices),
                scale=scale,
                at_most=2.5,
                timed=True,
            )
            per_second(sheet, "PostgreSQL, fsync", figure, work)
    finally:
        server.stop()
    return sheet.finish()


if __name__ == "__main__":
    sys.exit(main())
