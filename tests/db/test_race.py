"""Many at once, and killed in the middle: no seat twice, nothing acknowledged lost."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from anchorwatch.db import device, grant, ledger, migration, pool, token
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.error import DatabaseError
from anchorwatch.db.identifier import new_id
from anchorwatch.db.pool import Full, Held
from anchorwatch.db.token import IdToken
from anchorwatch.licensing.seat import Mode
from builders import client, postgres
from builders.postgres import Postgres
from builders.stock import DAY, NOW, Stock

CLIENTS = 64
SEATS = 10


class Killed(Exception):
    """A client that ends in the middle of its transaction."""


def race(one: Database, other: Database, trial: int) -> None:
    """64 clients of two programs want a seat of ten; some die before their commit, some change their mind."""
    chance = random.Random(trial)
    stock = Stock.of(one, f"trial-{trial}.example")
    seats = stock.pool(SEATS, Mode.HARD)
    devices = [stock.device(str(each)) for each in range(CLIENTS)]
    fates = [
        chance.choice(("lives", "lives", "lives", "returns", "raises", "loses its connection"))
        for _ in devices
    ]
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> int:
        database = (one, other)[number % 2]
        known, fate = devices[number], fates[number]

        def work(tx: Transaction) -> Held | Full:
            answer = pool.hold(tx, known.id, {seats.id: 1}, request_id=str(number), now=NOW)[seats.id]
            if fate == "raises":
                raise Killed
            if fate == "loses its connection":
                if database.kind != "postgresql":
                    raise Killed
                tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return answer

        start.wait(60)
        try:
            answer = database.write(work)
        except (Killed, DatabaseError):
            return 0
        if fate == "returns" and isinstance(answer, Held):
            database.write(lambda tx: pool.release(tx, known.id, request_id=str(number), now=NOW))
            return 0
        return answer.seats

    with ThreadPoolExecutor(CLIENTS) as threads:
        acknowledged = list(threads.map(run, range(CLIENTS)))
    after = stock.look(seats.id)
    held = one.read(lambda tx: [pool.holdings(tx, each.id).get(seats.id, 0) for each in devices])

    assert after.in_use <= SEATS
    assert held == acknowledged
    assert sum(held) == after.in_use
    # At least as many want a seat and live as there are: none may be left over unless somebody returned one.
    assert after.in_use == SEATS or "returns" in fates


def test_sixty_four_clients_never_share_ten_seats(database: Database, address: str) -> None:
    """Whoever is killed, at most ten seats are given, and each to one who was told so."""
    with Database.open(address) as other:
        for trial in range(3):
            race(database, other, trial)


@pytest.mark.soak
def test_sixty_four_clients_never_share_ten_seats_in_200_trials(database: Database, address: str) -> None:
    """The same in 200 trials."""
    with Database.open(address) as other:
        for trial in range(200):
            race(database, other, 1000 + trial)
            assert database.read(ledger.audit) == ()


def test_a_token_is_used_as_often_as_it_says(database: Database, address: str) -> None:
    """Of 64 who use a token of five uses at once, five succeed."""
    stock = Stock.of(database)
    known = IdToken(
        id=new_id(NOW),
        account_id=stock.account.id,
        virtual_account_id=stock.virtual.id,
        prefix="abc",
        public_key=b"k" * 32,
        created_at=NOW,
        expires_at=NOW + DAY,
        max_uses=5,
    )
    database.write(lambda tx: token.add(tx, known))
    with Database.open(address) as other, ThreadPoolExecutor(CLIENTS) as threads:
        used = list(
            threads.map(
                lambda number: (database, other)[number % 2].write(lambda tx: token.use(tx, known.id)),
                range(CLIENTS),
            )
        )
    found = database.read(lambda tx: token.find(tx, "abc"))

    assert used.count(True) == 5
    assert found is not None
    assert found.uses == 5


def test_two_pools_taken_in_either_order_do_not_wait_for_each_other(database: Database) -> None:
    """Clients that name the same pools in opposite orders all get through."""
    stock = Stock.of(database)
    one, other = stock.pool(100, name="a"), stock.pool(100, name="b")
    devices = [stock.device(str(each)) for each in range(8)]

    def run(number: int) -> int:
        order = (one.id, other.id) if number % 2 else (other.id, one.id)
        for turn in range(10):
            wanted = dict.fromkeys(order, 1 + turn % 2)
            database.write(
                partial(pool.hold, device_id=devices[number].id, wanted=wanted, request_id="r", now=NOW)
            )
        return 10

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(run, range(8))) == 80


@contextmanager
def killed_clients(address: str, seats: UUID, devices: list[UUID], after: float) -> Iterator[list[str]]:
    """Two programs with half of the clients each, both killed after so many seconds; what they had acknowledged."""
    halves = devices[::2], devices[1::2]
    running = [
        subprocess.Popen(
            [sys.executable, client.__file__, address, str(seats), *map(str, half)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        for half in halves
    ]
    lines: list[str] = []

    def listen(program: subprocess.Popen[str]) -> None:
        assert program.stdout is not None
        # A line cut by the kill was not told to anybody.
        lines.extend(line for line in program.stdout if line.endswith("\n"))

    ears = [threading.Thread(target=listen, args=(each,)) for each in running]
    for ear in ears:
        ear.start()
    limit = time.monotonic() + 30
    while not lines and time.monotonic() < limit:
        time.sleep(0.02)
    time.sleep(after)
    yield lines
    for each in running:
        each.kill()
    for each in running:
        each.wait()
    for ear in ears:
        ear.join()


def hold_to(database: Database, seats: UUID, account_id: UUID, lines: list[str]) -> None:
    """Every line that was acknowledged stands in the database, or something that came after it."""
    told: dict[UUID, tuple[int, int]] = {}
    for line in lines:
        name, count, number = line.split()
        told[UUID(name)] = (int(count), int(number))
    for who, (held, seq) in told.items():
        now = database.read(partial(device.find, device_id=who))
        last = database.read(partial(grant.last, device_id=who))
        assert now is not None
        assert last is not None
        assert now.grant_seq == last.seq
        assert last.seq in (seq, seq + 1)
        if last.seq == seq:
            assert database.read(partial(pool.holdings, device_id=who)).get(seats, 0) == held
    assert database.read(lambda tx: pool.get(tx, account_id, seats)).in_use <= SEATS
    assert database.read(ledger.audit) == ()


def kill_clients(address: str, times: int) -> int:
    """Kill two programs under load so many times; how many answers were acknowledged in all."""
    acknowledged = 0
    with Database.open(address) as database:
        stock = Stock.of(database)
        seats = stock.pool(SEATS, Mode.HARD)
        devices = [stock.device(str(each)).id for each in range(16)]
    chance = random.Random(times)
    for _ in range(times):
        with killed_clients(address, seats.id, devices, chance.uniform(0, 0.6)) as lines:
            pass
        acknowledged += len(lines)
        with Database.open(address) as database:
            hold_to(database, seats.id, stock.account.id, lines)
    return acknowledged


def test_what_was_acknowledged_survives_kill_9(address: str) -> None:
    """Programs killed under load lose nothing they were told, and leave no seat that nobody holds."""
    assert kill_clients(address, 2) > 0


@pytest.mark.soak
def test_what_was_acknowledged_survives_kill_9_100_times(address: str) -> None:
    """The same a hundred times."""
    assert kill_clients(address, 100) > 10_000


@pytest.mark.soak
def test_what_was_acknowledged_survives_the_death_of_the_server() -> None:
    """PostgreSQL itself killed under load, twenty times: nothing acknowledged is lost."""
    folder = postgres.programs()
    if folder is None:
        pytest.skip(postgres.ABSENT)
    server = Postgres(folder, durable=True)
    try:
        address = server.url(server.create())
        with Database.open(address) as database:
            migration.upgrade(database)
            stock = Stock.of(database)
            seats = stock.pool(SEATS, Mode.HARD)
            devices = [stock.device(str(each)).id for each in range(16)]
        chance = random.Random(9)
        for _ in range(20):
            with killed_clients(address, seats.id, devices, chance.uniform(0, 0.6)) as lines:
                server.kill()
            server.start()
            with Database.open(address) as database:
                hold_to(database, seats.id, stock.account.id, lines)
    finally:
        server.stop()
