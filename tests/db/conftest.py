"""Both databases, each test on both: SQLite in a file, and PostgreSQL started from what the machine has."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from anchorwatch.db import ledger, migration, table
from anchorwatch.db.database import Database, Transaction
from builders import postgres
from builders.postgres import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL of this run's own; absent, the test skips, and fails under CI."""
    folder = postgres.programs()
    if folder is None or os.name == "nt":
        pytest.skip(postgres.ABSENT)
    server = Postgres(folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_address(postgres_server: Postgres) -> str:
    """A database with the tables of this release, emptied after each test: quicker than a copy for each."""
    address = postgres_server.url(postgres_server.create())
    with Database.open(address) as database:
        migration.upgrade(database)
    return address


def _empty(address: str) -> None:
    with Database.open(address, connections=1) as database:
        every = ", ".join(table.metadata.tables)
        database.write(partial(Transaction.exec_driver_sql, statement=f"TRUNCATE {every}"))
        revision = f"UPDATE alembic_version SET version_num = '{migration.HEAD}'"
        database.write(partial(Transaction.exec_driver_sql, statement=revision))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as an SQLite file."""
    file = tmp_path_factory.mktemp("template") / "shelf.db"
    with Database.open(f"sqlite:///{file}") as database:
        migration.upgrade(database)
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, once in each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with the tables of this release and nothing in them, once in each kind."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        shutil.copy(template, tmp_path / "shelf.db")
        yield f"sqlite:///{tmp_path / 'shelf.db'}"
        return
    yield request.getfixturevalue("postgres_address")
    _empty(request.getfixturevalue("postgres_address"))


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """An open database; at the end of every test its ledger, counters and holdings must agree."""
    with Database.open(address) as opened:
        yield opened
        assert opened.read(ledger.audit) == ()
