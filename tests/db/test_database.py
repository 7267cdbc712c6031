"""Opening, transactions, errors, migrations."""

import contextlib
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from anchorwatch.base.secret import Secret
from anchorwatch.db import account, device, ledger, lot, migration, table
from anchorwatch.db.account import SmartAccount
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.error import (
    AlreadyThere,
    BadAddress,
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnreachable,
    SchemaDiffers,
)
from anchorwatch.db.identifier import new_id
from builders.stock import DAY, NOW, Stock


@pytest.mark.parametrize(
    "address",
    [
        "",
        "harbour",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://user:opensesame@host/name",
        "postgresql://host",
    ],
)
def test_an_address_that_names_no_database_is_refused_without_its_password(address: str) -> None:
    """What is no database of ours is refused in one sentence that repeats no password."""
    with pytest.raises(BadAddress) as refused:
        Database.open(address)

    assert "opensesame" not in str(refused.value)


def test_a_password_in_an_address_is_never_shown(tmp_path: Path) -> None:
    """A secret address opens, and an unreachable server is told without its password."""
    with pytest.raises(DatabaseUnreachable) as refused:
        Database.open(Secret("postgresql://user:opensesame@127.0.0.1:1/name"), patience=timedelta(seconds=2))
    with Database.open(Secret(f"sqlite:///{tmp_path / 'a.db'}")) as opened:
        shown = repr(opened)

    assert "opensesame" not in str(refused.value)
    assert "a.db" in shown


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: a file has a mode")
def test_an_sqlite_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The file and those beside it are made with mode 0600, whatever the umask."""
    with Database.open(f"sqlite:///{tmp_path / 'a.db'}") as database:
        migration.upgrade(database)
        modes = {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}

    assert modes == {0o600}


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    """The writer keeps a WAL, full synchronization and foreign keys."""
    with Database.open(f"sqlite:///{tmp_path / 'a.db'}") as database:
        kept = database.write(
            lambda tx: tuple(
                tx.exec_driver_sql(f"PRAGMA {each}").scalar_one()
                for each in ("journal_mode", "synchronous", "foreign_keys")
            )
        )

    assert kept == ("wal", 2, 1)


def test_what_raises_takes_back_its_own_writes_only(database: Database) -> None:
    """Of writes that wait together, one that raises leaves nothing, and the others are kept."""
    held = threading.Event()
    first: Future[bool] = database.submit(lambda _tx: held.wait(10))

    def spoil(tx: Transaction) -> NoReturn:
        account.add(tx, SmartAccount(id=new_id(NOW), domain="spoilt.example", name="", created_at=NOW))
        raise ZeroDivisionError

    def add(domain: str) -> Future[object]:
        made = SmartAccount(id=new_id(NOW), domain=domain, name="", created_at=NOW)
        return database.submit(lambda tx: account.add(tx, made))

    waiting: list[Future[Any]] = [
        add("a.example"),
        database.submit(spoil),
        add("b.example"),
        add("a.example"),
    ]
    held.set()
    first.result(10)
    errors = [each.exception(10) for each in waiting]

    assert [type(error) for error in errors] == [type(None), ZeroDivisionError, type(None), AlreadyThere] or (
        # PostgreSQL does them side by side: either of the two may be the first
        [type(error) for error in errors] == [AlreadyThere, ZeroDivisionError, type(None), type(None)]
    )
    assert [each.domain for each in database.read(account.every)] == ["a.example", "b.example"]


def test_a_broken_rule_of_a_table_is_named(database: Database) -> None:
    """What breaks a CHECK is refused with the rule's name, and nothing of the transaction is kept."""
    stock = Stock.of(database)

    def wrong(tx: Transaction) -> None:
        stock_pool = {"purchased": 0, "in_use": -1, "reserved": 0, "leased": 0, "overage_pct": 0}
        tx.execute(
            table.pool.insert(),
            {
                "id": new_id(NOW),
                "account_id": stock.account.id,
                "virtual_account_id": stock.virtual.id,
                "tag_id": of.id,
                "mode": of.mode,
                **stock_pool,
            },
        )

    of = stock.tag()
    with pytest.raises(ConstraintBroken) as refused:
        database.write(wrong)

    assert refused.value.constraint == "ck_pool_not_negative"


@pytest.mark.parametrize("wrong", [{"skew_ms": 2**70}, {"software": "half of a \ud83d"}, {"skew_ms": 2**63}])
def test_what_no_column_holds_is_refused(database: Database, wrong: dict[str, Any]) -> None:
    """A number beyond 64 bits or half a character from outside is an error of this room, in both databases."""
    known = Stock.of(database).device()

    with pytest.raises(ConstraintBroken):
        database.write(lambda tx: device.save(tx, known, replace(known, **wrong)))


def test_nothing_points_into_another_account(database: Database) -> None:
    """A device of one account cannot be put into a virtual account of another."""
    here, there = Stock.of(database, "here.example"), Stock.of(database, "there.example")
    known = here.device()

    with pytest.raises(ConstraintBroken):
        database.write(
            lambda tx: device.save(
                tx,
                known,
                replace(known, virtual_account_id=there.virtual.id),
            )
        )


@pytest.mark.parametrize("noun", ["lot", "ledger_entry"])
def test_lots_and_ledger_are_never_changed(database: Database, noun: str) -> None:
    """The database itself refuses to change or remove a lot or an entry of the ledger."""
    Stock.of(database).pool(3)
    rows = table.metadata.tables[noun]
    moment = "at" if noun == "ledger_entry" else "created_at"
    for statement in (sa.update(rows).values({moment: NOW}), sa.delete(rows)):
        with pytest.raises(ConstraintBroken):
            database.write(partial(Transaction.execute, statement=statement))

    assert database.read(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(rows)).scalar()) == 1


def test_a_read_sees_one_moment_and_changes_nothing(database: Database) -> None:
    """Within one read a second look shows what the first did, and a write in it is refused."""
    Stock.of(database, "one.example")

    def twice(tx: Transaction) -> tuple[int, int]:
        before = len(account.every(tx))
        Stock.of(database, "two.example")
        return before, len(account.every(tx))

    assert database.read(twice) == (1, 1)
    assert len(database.read(account.every)) == 2
    with pytest.raises((DatabaseError, sa.exc.DBAPIError)):
        database.read(lambda tx: tx.execute(sa.delete(table.nonce)))


def test_a_file_that_another_program_holds_is_busy_not_broken(tmp_path: Path) -> None:
    """When another program does not let go of the file, a write gives up in time and says so."""
    file = tmp_path / "a.db"
    with (
        Database.open(f"sqlite:///{file}") as one,
        Database.open(f"sqlite:///{file}", patience=timedelta(seconds=0.2)) as other,
    ):
        migration.upgrade(one)
        go = threading.Event()
        here = threading.Event()

        def sit(_: Transaction) -> bool:
            here.set()
            return go.wait(10)

        sitting = one.submit(sit)
        here.wait(10)
        with pytest.raises(DatabaseBusy):
            other.write(lambda tx: tx.execute(sa.delete(table.nonce)).rowcount)
        go.set()
        assert sitting.result(10)


def test_two_that_wait_for_each_other_are_both_done(database: Database) -> None:
    """Where a database ends one of two transactions that wait for each other, it is done again, unasked."""
    stock = Stock.of(database)
    one, other = stock.device("1"), stock.device("2")
    both_began = threading.Barrier(2)

    def work(tx: Transaction, first: device.Device, second: device.Device) -> None:
        for each in (first, second):
            known = device.lock(tx, each.id)
            device.save(tx, known, replace(known, adoptions=known.adoptions + 1))
            if each is first:
                with contextlib.suppress(threading.BrokenBarrierError):
                    both_began.wait(0.3)

    pair = [
        database.submit(partial(work, first=one, second=other)),
        database.submit(partial(work, first=other, second=one)),
    ]
    for each in pair:
        each.result(30)

    found = [database.read(partial(device.find, device_id=each.id)) for each in (one, other)]
    assert [each.adoptions for each in found if each] == [2, 2]


def test_a_write_inside_a_write_is_refused_not_waited_for(tmp_path: Path) -> None:
    """It would wait for itself for ever."""
    with Database.open(f"sqlite:///{tmp_path / 'a.db'}") as database:
        migration.upgrade(database)
        with pytest.raises(DatabaseError, match="inside a write"):
            database.write(lambda _tx: database.write(account.every))


def test_a_closed_database_takes_no_work(database: Database, address: str) -> None:
    """Closing finishes what was submitted; what comes after is refused."""
    other = Database.open(address)
    made = SmartAccount(id=new_id(NOW), domain="last.example", name="", created_at=NOW)
    future = other.submit(lambda tx: account.add(tx, made))
    other.close()

    assert future.result(0).is_default
    with pytest.raises(DatabaseError):
        other.write(account.every)
    assert len(database.read(account.every)) == 1


class TestMigration:
    def test_the_steps_make_the_tables_of_this_release(self, empty_address: str) -> None:
        """From nothing, the steps lead to exactly the tables that the program uses, CHECKs included."""
        with Database.open(empty_address) as database:
            before = migration.check(database)
            assert migration.upgrade(database) is None
            after = migration.check(database)

            with database.exclusive() as connection:
                context = MigrationContext.configure(connection, opts={"compare_type": True})
                differences = compare_metadata(context, table.metadata)
                found = {
                    (name, check["name"])
                    for name in table.metadata.tables
                    for check in sa.inspect(connection).get_check_constraints(name)
                }
        wanted = {
            (name, str(rule.name))
            for name, each in table.metadata.tables.items()
            for rule in each.constraints
            if isinstance(rule, sa.CheckConstraint)
        }

        assert (before.revision, before.ready) == (None, False)
        assert (after.revision, after.ready) == (migration.HEAD, True)
        assert differences == []
        assert len(found) == len(wanted)

    def test_an_upgrade_keeps_what_is_there(self, empty_address: str) -> None:
        """Tables of the first step, with seats in use, come to this release with every row."""
        with Database.open(empty_address) as database:
            migration.upgrade(database, "0001")
            with pytest.raises(SchemaDiffers, match="earlier"):
                migration.require(database)
            pool = Stock.of(database).pool(5)

            assert migration.upgrade(database) == "0001"
            assert migration.upgrade(database) == migration.HEAD
            migration.require(database)
            assert database.read(ledger.audit) == ()
            assert database.read(lambda tx: lot.of_account(tx, pool.account_id))[0].quantity == 5

    def test_tables_of_a_later_release_are_left_alone(self, database: Database) -> None:
        """A revision we do not know is refused with a sentence."""
        database.write(lambda tx: tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(SchemaDiffers, match="later release") as refused:
            migration.upgrade(database)

        assert (refused.value.found, refused.value.wanted) == ("9999", migration.HEAD)
        assert not migration.check(database).ready

    def test_programs_that_start_at_once_make_the_tables_once(self, empty_address: str) -> None:
        """Several programs that upgrade an empty database at the same time all come out well."""
        program = (
            "import sys; from anchorwatch.db import migration; from anchorwatch.db.database import Database\n"
            "with Database.open(sys.argv[1]) as database: migration.upgrade(database); migration.require(database)"
        )
        running = [
            subprocess.Popen([sys.executable, "-c", program, empty_address], stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        said = [each.communicate(timeout=60)[1] for each in running]

        assert [(each.returncode, words) for each, words in zip(running, said, strict=True)] == [(0, b"")] * 3

    def test_head_is_the_last_step(self) -> None:
        """The revision this release asks for is the last of the steps."""
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(Path(migration.__file__).parent / "migrations"))

        assert ScriptDirectory.from_config(config).get_heads() == [migration.HEAD]


def test_names_sort_in_the_order_they_were_made() -> None:
    """Names made at one moment or at later ones sort as they were made, and say version 7."""
    names = [new_id(NOW) for _ in range(200)] + [new_id(NOW + DAY)]

    assert names == sorted(set(names))
    assert {(each.version, each.variant) for each in names} == {(7, "specified in RFC 4122")}
