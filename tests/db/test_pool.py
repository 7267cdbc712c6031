"""Seats: taken, returned, refused, bought and expired."""

import shutil
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.db import account, device, ledger, lot, pool, tag
from anchorwatch.db.account import VirtualAccount
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.error import ConstraintBroken, NotThere
from anchorwatch.db.identifier import new_id
from anchorwatch.db.lot import NotCut, Posted, Short
from anchorwatch.db.pool import Full, Held
from anchorwatch.licensing import seat
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.seat import Column, EntryKind, Mode
from builders.stock import DAY, NOW, Stock


def hold(database: Database, device_id: UUID, wanted: dict[UUID, int]) -> dict[UUID, Held | Full]:
    return database.write(lambda tx: pool.hold(tx, device_id, wanted, request_id="r", now=NOW))


def test_a_device_takes_seats_and_returns_them(database: Database) -> None:
    """Holding is by count: the same again changes nothing, fewer returns, none leaves no trace but the ledger."""
    stock = Stock.of(database)
    seats, known = stock.pool(10), stock.device()

    in_use = [hold(database, known.id, {seats.id: each})[seats.id].pool.in_use for each in (4, 4, 1, 0)]
    told = database.read(lambda tx: ledger.entries(tx, stock.account.id, pool_id=seats.id))

    assert in_use == [4, 4, 1, 0]
    assert [(each.kind, each.delta) for each in told] == [
        (EntryKind.BUY, 10),
        (EntryKind.CONSUME, 4),
        (EntryKind.RELEASE, -3),
        (EntryKind.RELEASE, -1),
    ]
    assert database.read(lambda tx: pool.holdings(tx, known.id)) == {}


def test_more_than_was_bought_is_given_and_seen(database: Database) -> None:
    """Unless its tag is hard, a pool gives more than it has, and shows that it did."""
    stock = Stock.of(database)
    seats, known = stock.pool(2), stock.device()

    answer = hold(database, known.id, {seats.id: 5})[seats.id]

    assert isinstance(answer, Held)
    assert (answer.pool.in_use, answer.pool.purchased, answer.pool.room) == (5, 2, 0)


def test_a_hard_pool_gives_what_it_has_and_no_more(database: Database) -> None:
    """The seat after the last is refused, and who is refused keeps what it had; other pools are not affected."""
    stock = Stock.of(database)
    hard, soft = stock.pool(3, Mode.HARD, "hard"), stock.pool(1, name="soft")
    first, second = stock.device("1"), stock.device("2")
    hold(database, first.id, {hard.id: 2})
    hold(database, second.id, {hard.id: 1})

    answer = hold(database, second.id, {hard.id: 2, soft.id: 2})
    refused = answer[hard.id]

    assert isinstance(refused, Full)
    assert (refused.seats, refused.wanted, refused.pool.in_use) == (1, 2, 3)
    assert isinstance(answer[soft.id], Held)
    assert database.read(lambda tx: pool.holdings(tx, second.id)) == {hard.id: 1, soft.id: 2}


@pytest.mark.parametrize(
    ("bought", "percent", "given_away"), [(10, 0, 10), (10, 15, 11), (10, 99, 19), (0, 50, 0)]
)
def test_overage_is_rounded_down(database: Database, bought: int, percent: int, given_away: int) -> None:
    """A hard pool gives floor(bought × (1 + overage)) seats."""
    stock = Stock.of(database)
    seats, known = stock.pool(bought, Mode.HARD), stock.device()
    database.write(lambda tx: pool.set_overage(tx, stock.account.id, seats.id, percent))

    over = hold(database, known.id, {seats.id: given_away + 1})[seats.id]
    exactly = hold(database, known.id, {seats.id: given_away})[seats.id]

    assert isinstance(over, Full)
    assert isinstance(exactly, Held)
    assert exactly.pool.room == 0


def test_the_check_stands_behind_the_condition(database: Database) -> None:
    """Lowering the overage, or making a tag hard, below what is given away is refused by the table itself."""
    stock = Stock.of(database)
    of = stock.tag()
    stock.lot(of, 2)
    database.write(lambda tx: lot.post(tx, now=NOW))
    seats = database.write(lambda tx: pool.ensure(tx, stock.account.id, stock.virtual.id, of.id, now=NOW))
    known = stock.device()
    hold(database, known.id, {seats.id: 3})

    with pytest.raises(ConstraintBroken) as refused:
        database.write(lambda tx: tag.save(tx, replace(of, mode=Mode.HARD)))
    hold(database, known.id, {seats.id: 2})
    database.write(lambda tx: tag.save(tx, replace(of, mode=Mode.HARD)))

    assert refused.value.constraint == "ck_pool_hard"
    assert stock.look(seats.id).mode is Mode.HARD


@pytest.mark.parametrize("seats", [-1, pool.MOST_SEATS + 1, 2**70])
def test_a_senseless_number_of_seats_is_refused(database: Database, seats: int) -> None:
    """No number from outside makes a counter wrap or turn into a fraction."""
    stock = Stock.of(database)
    known, place = stock.device(), stock.pool(1)

    with pytest.raises(ValueError, match="between 0 and"):
        hold(database, known.id, {place.id: seats})


def test_seats_of_another_account_are_not_there(database: Database) -> None:
    """A device never reaches a pool of another account, nor one that does not exist."""
    here, there = Stock.of(database, "here.example"), Stock.of(database, "there.example")
    known, other = here.device(), there.pool(5)

    for each in (other.id, new_id(NOW)):
        with pytest.raises(NotThere):
            hold(database, known.id, {each: 1})
    with pytest.raises(NotThere):
        hold(database, new_id(NOW), {})
    with pytest.raises(NotThere):
        database.read(lambda tx: pool.get(tx, here.account.id, other.id))


def test_a_device_returns_everything_once(database: Database) -> None:
    """Releasing tells what was returned, and nothing the second time."""
    stock = Stock.of(database)
    pools = [stock.pool(5, name=name) for name in "abc"]
    known = stock.device()
    hold(database, known.id, {pools[0].id: 1, pools[2].id: 2})

    returned = [
        database.write(lambda tx: pool.release(tx, known.id, request_id="r", now=NOW)) for _ in range(2)
    ]

    assert returned == [{pools[0].id: 1, pools[2].id: 2}, {}]


def test_seats_return_after_ninety_days(database: Database) -> None:
    """Past its deadline a device is found, longest ended first; locked, marked and released in one transaction."""
    stock = Stock.of(database)
    seats = stock.pool(5)
    late, later = (stock.device(str(each), deadline=NOW + each * DAY) for each in (90, 80))
    stock.device("91", deadline=NOW + 91 * DAY)
    for each in (late, later):
        hold(database, each.id, {seats.id: 2})
    at = NOW + 90 * DAY

    def expire(tx: Transaction) -> list[str]:
        found = device.past_deadline(tx, at, except_states=(DeviceState.AUTH_EXPIRED,), limit=10)
        for each in found:
            locked = device.lock(tx, each.id)
            device.save(tx, locked, replace(locked, state=DeviceState.AUTH_EXPIRED))
            pool.release(tx, each.id, request_id="sweep", now=at)
        return [each.sn for each in found]

    assert database.write(expire) == ["80", "90"]
    assert database.write(expire) == []
    assert stock.look(seats.id).in_use == 0


class TestLots:
    def test_a_lot_counts_from_its_start_to_its_end(self, database: Database) -> None:
        """It enters its pool when it starts, leaves when it ends, each once, however often one asks."""
        stock = Stock.of(database)
        of = stock.tag()
        stock.lot(of, 5, starts_at=NOW + DAY, ends_at=NOW + 3 * DAY)
        stock.lot(of, 7)
        seen = []
        for hours in (0, 0, 23, 24, 71, 72, 72, 1000):
            at = NOW + timedelta(hours=hours)
            database.write(partial(lot.post, now=at))
            place = database.write(
                lambda tx: pool.ensure(tx, stock.account.id, stock.virtual.id, of.id, now=NOW)
            )
            seen.append(place.purchased)

        assert seen == [7, 7, 7, 12, 12, 7, 7, 7]

    def test_a_correction_is_a_lot_of_its_own(self, database: Database) -> None:
        """A negative lot lowers what was bought while it lasts; a pool never goes below nothing."""
        stock = Stock.of(database)
        of = stock.tag()
        stock.lot(of, 5)
        stock.lot(of, -2, ends_at=NOW + DAY)
        seen = [
            [(each.change, each.pool.purchased) for each in database.write(partial(lot.post, now=at))]
            for at in (NOW, NOW, NOW + DAY, NOW + 2 * DAY)
        ]
        stock.lot(of, -9)
        (short,) = database.write(lambda tx: lot.post(tx, now=NOW + 2 * DAY))

        assert seen == [[(3, 3)], [], [(2, 5)], []]
        assert isinstance(short, Short)

    def test_a_lot_that_ended_before_it_was_seen_never_counts(self, database: Database) -> None:
        """A portal that was off for the whole life of a lot does not count it."""
        stock = Stock.of(database)
        stock.lot(stock.tag(), 5, ends_at=NOW + DAY)

        assert database.write(lambda tx: lot.post(tx, now=NOW + 2 * DAY)) == ()

    def test_a_hard_pool_says_what_must_come_back_first(self, database: Database) -> None:
        """A lot that ends under seats in use is short by so many; after they returned it goes."""
        stock = Stock.of(database)
        of = stock.tag(mode=Mode.HARD)
        stock.lot(of, 5, ends_at=NOW + DAY)
        stock.lot(of, 2)
        ((placed),) = database.write(lambda tx: lot.post(tx, now=NOW))
        known = stock.device()
        hold(database, known.id, {placed.pool.id: 6})

        (short,) = database.write(lambda tx: lot.post(tx, now=NOW + DAY))
        still = stock.look(placed.pool.id).purchased
        hold(database, known.id, {placed.pool.id: 2})
        (gone,) = database.write(lambda tx: lot.post(tx, now=NOW + DAY))

        assert isinstance(short, Short)
        assert (short.by, still) == (4, 7)
        assert isinstance(gone, Posted)
        assert (gone.change, gone.pool.purchased) == (-5, 2)

    def test_a_transfer_cuts_a_lot_in_two_places(self, database: Database) -> None:
        """Seats move to another virtual account, at most those that are left, and end there with their lot."""
        stock = Stock.of(database)
        of = stock.tag()
        bought = stock.lot(of, 10, ends_at=NOW + DAY)
        database.write(lambda tx: lot.post(tx, now=NOW))
        branch = VirtualAccount(id=new_id(NOW), account_id=stock.account.id, name="Branch", created_at=NOW)
        database.write(lambda tx: account.add_virtual(tx, branch))

        def move(quantity: int) -> object:
            return database.write(
                lambda tx: lot.transfer(
                    tx, bought, branch.id, quantity, source="moved", request_id="t", now=NOW
                )
            )

        def pools_of(where: VirtualAccount) -> tuple[pool.Pool, ...]:
            return database.read(lambda tx: pool.of_virtual_account(tx, stock.account.id, where.id))

        move(6)
        refused = move(5)
        purchased = {
            each.virtual_account_id: each.purchased
            for where in (stock.virtual, branch)
            for each in pools_of(where)
        }
        database.write(lambda tx: lot.post(tx, now=NOW + DAY))
        left = [each.purchased for where in (stock.virtual, branch) for each in pools_of(where)]

        assert refused == NotCut(4)
        assert purchased == {stock.virtual.id: 4, branch.id: 6}
        assert left == [0, 0]


def test_the_audit_finds_what_was_tampered_with(address: str) -> None:
    """A counter changed by hand is found against the ledger and against the holdings."""
    with Database.open(address) as database:
        stock = Stock.of(database)
        seats, known = stock.pool(5), stock.device()
        hold(database, known.id, {seats.id: 2})
        for column in ("purchased", "in_use"):
            statement = f"UPDATE pool SET {column} = {column} + 1"
            database.write(partial(Transaction.exec_driver_sql, statement=statement))
        found = database.read(ledger.audit)

    assert [(each.counter, each.counted, each.explained) for each in found] == [
        (Column.PURCHASED, 6, 5),
        (Column.IN_USE, 3, 2),
        (Column.IN_USE, 3, 2),
    ]
    assert str(found[1]) == f"pool {seats.id} counts 3 in_use, its ledger adds up to 2"


@settings(max_examples=10)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 5)), max_size=12),
    hard=st.booleans(),
)
def test_seats_follow_a_model(
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_template: object,
    steps: list[tuple[int, int, int]],
    hard: bool,
) -> None:
    """Whatever is asked in whatever order, each pool answers as `licensing.seat` decides, and the audit is empty."""
    file = tmp_path_factory.mktemp("model") / "shelf.db"
    shutil.copy(str(sqlite_template), file)
    with Database.open(f"sqlite:///{file}") as database:
        stock = Stock.of(database)
        pools = [stock.pool(6, Mode.HARD if hard else Mode.LIMIT, name) for name in "ab"]
        devices = [stock.device(str(each)) for each in range(4)]
        model: dict[tuple[int, int], int] = {}
        for who, which, wanted in steps:
            before = stock.look(pools[which].id).counters
            decision = seat.decide(before, held=model.get((who, which), 0), asked=wanted)
            answer = hold(database, devices[who].id, {pools[which].id: wanted})[pools[which].id]
            model[who, which] = decision.granted
            assert isinstance(answer, Full) == decision.refused
            assert answer.seats == decision.granted
            assert answer.pool.counters == (
                seat.applied(before, decision.entry) if decision.entry else before
            )
        for which, each in enumerate(pools):
            total = sum(seats for (_, place), seats in model.items() if place == which)
            assert stock.look(each.id).in_use == total
        assert database.read(ledger.audit) == ()
