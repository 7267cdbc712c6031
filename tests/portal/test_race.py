"""The portal itself, over HTTP, with many at once and killed in the middle: seats once, nothing acknowledged lost."""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from anchorwatch.base.clock import SystemClock
from anchorwatch.db import ledger, pool
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.seat import Mode
from anchorwatch.portal import management
from anchorwatch.portal.portal import Portal
from builders.load import Answer, Load, Unit, answered
from builders.postgres import Postgres
from builders.running import Running
from licensing.desk import PORTAL
from portal.hand import Hand
from portal.office import Office

CLIENTS = 64
SEATS = 10
MORE = 30
"""Bought besides where the portal is killed: most requests are then granted, and some are not."""
UNLIMITED = ("--rate-address", "100000", "--rate-caller", "10000/100000", "--waiting", "1000")
IN_FLIGHT = b"/request-in-flight"
FATES = ("lives", "lives", "lives", "returns", "asks twice", "dies waiting", "dies sending")


@dataclass
class Place:
    """A portal's folder and database, with devices, and how it is served."""

    folder: Path
    database: str | None
    office: Office
    units: list[Unit]

    def serve(self) -> Running:
        """A portal in a process of its own; two on PostgreSQL."""
        workers = ("--workers", "2") if self.database is not None else ()
        return Running(self.folder, "--plain", *UNLIMITED, *workers, database=self.database)

    def opened(self) -> Portal:
        """The same portal, to look at it."""
        return management.opened(self.folder, SystemClock(), database=self.database)


def units(office: Office, how_many: int) -> list[Unit]:
    """So many devices, enrolled."""
    found = []
    for number in range(how_many):
        hand = Hand(office, sn=f"N{number}")
        assert hand.enrol(office.token()).status == 200
        key = SigningKey.of(hand.key)
        found.append(Unit(sn=hand.sn, keyid=hand.keyid, key=key, portal=PORTAL))
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Devices at a portal on either database; at the end the ledger, the counters and the holdings agree."""
    server: Postgres | None = None
    name = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        name = server.create()
    database = server.url(name) if server is not None else None
    office = Office(tmp_path / "portal", seats=SEATS, mode=Mode.HARD, database=database)
    office.clock.turn_to(SystemClock().now())
    yield Place(tmp_path / "portal", database, office, units(office, CLIENTS))
    office.close()
    if server is not None:
        server.drop(name)


def ask(port: int, octets: bytes) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(octets)
        received = b""
        while (whole := answered(received)) is None:
            piece = connection.recv(65_536)
            if not piece:
                raise ConnectionError("the portal closed a connection")
            received += piece
        return whole[0], whole[2]


def settle(port: int, unit: Unit) -> None:
    """A device that died with a question open asks it again as it was, until it is answered."""
    while unit.pending is not None:
        status, body = ask(port, unit.next())
        if status == 200:
            unit.adopt(body)
        elif IN_FLIGHT in body:
            time.sleep(0.02)
            continue
        unit.pending = None


def act(port: int, unit: Unit, fate: str) -> int | None:
    """What one client of a trial does; the seats it knows that it has, None where it died before it knew."""
    octets, before = unit.next(), unit.jti
    if fate.startswith("dies"):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            cut = len(octets) if fate == "dies waiting" else len(octets) * 2 // 3
            connection.sendall(octets[:cut])
            time.sleep(random.random() / 50)
        return None
    if fate == "asks twice":
        # The same request on two connections at once: one effect, and one of two answers may be "in flight".
        with ThreadPoolExecutor(2) as both:
            first, second = both.map(lambda each: ask(port, each), (octets, unit.next()))
        assert {first[0], second[0]} <= {200, 409}, (first, second)
        told = {body for status, body in (first, second) if status == 200}
        assert len(told) <= 1
        if not told:
            settle(port, unit)
            return unit.seats if unit.jti != before else 0
        status, body = 200, told.pop()
    else:
        status, body = ask(port, octets)
    assert status in (200, 409), body
    unit.pending = None
    if status == 409:
        return 0
    unit.adopt(body)
    if fate == "returns":
        unit.counts = (0,)
        status, body = ask(port, unit.next())
        assert status == 200, body
        unit.pending = None
        unit.adopt(body)
    return unit.seats


def race(place: Place, portal: Portal, port: int, trial: int) -> None:
    """64 clients want a seat of ten at once; some die, some give it back, some ask twice. Of the trial before, none has one."""
    chance = random.Random(trial)
    tag = f"trial-{trial}"
    place.office.add_tag(tag, Mode.HARD)
    management.add_lot(portal, place.office.place, tag, SEATS)
    fates = [chance.choice(FATES) for _ in place.units]
    for unit in place.units:
        settle(port, unit)
        unit.tag, unit.counts = tag, (1,)
    start = threading.Barrier(CLIENTS)

    def run(number: int) -> int | None:
        start.wait(60)
        return act(port, place.units[number], fates[number])

    with ThreadPoolExecutor(CLIENTS) as threads:
        known = list(threads.map(run, range(CLIENTS)))
    pools = dict(management.pools(portal, place.office.place))
    target = pools[tag]
    devices = {each.sn: each.id for each in management.devices(portal, place.office.account)}

    def held(sn: str) -> int:
        return portal.database.read(lambda tx: pool.holdings(tx, devices[sn])).get(target.id, 0)

    assert target.in_use <= SEATS
    assert all(each.in_use <= each.purchased for each in pools.values())
    for unit, seats in zip(place.units, known, strict=True):
        if seats is not None:
            assert held(unit.sn) == seats, unit.sn
    # More want a seat and live than there are: none may be left over unless somebody gave one back.
    assert target.in_use == SEATS or "returns" in fates
    assert portal.database.read(ledger.audit) == ()


def race_trials(place: Place, trials: int) -> None:
    """So many trials at one portal."""
    serving = place.serve()
    portal = place.opened()
    try:
        for trial in range(trials):
            race(place, portal, serving.port, trial)
    finally:
        portal.database.close()
        serving.stop()


def test_sixty_four_clients_never_share_ten_seats(place: Place) -> None:
    """Over HTTP, whoever dies, at most ten seats are given, each to one who was told so."""
    race_trials(place, 2)


@pytest.mark.soak
def test_sixty_four_clients_never_share_ten_seats_in_200_trials(place: Place) -> None:
    """The same in 200 trials."""
    race_trials(place, 200)


def kills(place: Place, times: int) -> tuple[int, int]:
    """Kill the portal under load so many times; how many grants were acknowledged, and how many requests were asked again."""
    chance = random.Random(times)
    acknowledged, again = 0, 0
    told: dict[str, tuple[int, int]] = {}

    def listen(answer: Answer) -> None:
        nonlocal acknowledged
        if death.ident is None:
            death.start()
        if answer.status == 200:
            acknowledged += 1
            told[answer.unit.sn] = (answer.unit.seq, answer.unit.seats)

    management.add_lot(place.office.portal, place.office.place, "standard", MORE)
    for unit in place.units:
        unit.counts = (1, 0, 2)
    for _ in range(times):
        serving = place.serve()
        again += sum(unit.pending is not None for unit in place.units)
        load = Load(serving.port, place.units, connections=16)
        # Counted from the first answer, so that the load is there when it dies.
        death = threading.Timer(chance.uniform(0, 0.6), serving.kill)
        # Ends when the portal does: a connection closed, or reset.
        with suppress(OSError):
            load.flat_out(30, listen)
        death.join()
        load.close()
        hold_to(place, told)
    return acknowledged, again


def hold_to(place: Place, told: dict[str, tuple[int, int]]) -> None:
    """Every device's last acknowledged grant stands, or the one after it, and its seats are as that grant says."""
    portal = place.opened()
    try:
        target = dict(management.pools(portal, place.office.place))["standard"]
        assert target.in_use <= SEATS + MORE
        assert portal.database.read(ledger.audit) == ()
        for each in management.devices(portal, place.office.account):
            if each.sn not in told:
                continue
            seq, seats = told[each.sn]
            assert seq <= each.grant_seq <= seq + 1, each.sn
            if each.grant_seq == seq:
                held = portal.database.read(lambda tx, each=each: pool.holdings(tx, each.id))  # type: ignore[misc]  # bound
                assert held.get(target.id, 0) == seats, each.sn
    finally:
        portal.database.close()


def test_what_was_acknowledged_survives_the_portal(place: Place) -> None:
    """A portal killed under load has lost no grant it answered with, and leaves no seat that nobody holds."""
    acknowledged, _ = kills(place, 2)
    assert acknowledged > 0


@pytest.mark.soak
def test_what_was_acknowledged_survives_the_portal_100_times(
    place: Place, record_property: Callable[[str, object], None]
) -> None:
    """The same a hundred times; requests whose answers were lost are asked again, and have one effect."""
    acknowledged, again = kills(place, 100)
    record_property("acknowledged", acknowledged)
    record_property("asked again", again)
    assert acknowledged > 1000
    assert again > 100
