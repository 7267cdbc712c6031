"""Both databases, each test on both: SQLite in a file, and PostgreSQL started from what the machine has."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anchorwatch.db import ledger, migration
from anchorwatch.db.database import Database
from builders import postgres
from builders.postgres import Postgres

Open = Callable[..., Database]


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
def postgres_template(postgres_server: Postgres) -> str:
    """A database with the tables of this release, to be copied."""
    name = postgres_server.create()
    with Database.open(postgres_server.url(name)) as database:
        migration.upgrade(database)
    return name


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
    server: Postgres = request.getfixturevalue("postgres_server")
    name = server.create(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """An open database; at the end of every test its ledger, counters and holdings must agree."""
    with Database.open(address) as opened:
        yield opened
        assert opened.read(ledger.audit) == ()
