"""A portal for each test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.db.word import OperatorRole
from builders import postgres
from builders.postgres import Postgres
from portal.counter import Counter, Counters, counters
from portal.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A portal with ten seats of `standard`, its database a file."""
    made = Office(tmp_path / "portal")
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL of this run's own; absent, the test skips, and fails under CI."""
    folder = postgres.programs()
    if folder is None or os.name == "nt":
        pytest.skip(postgres.ABSENT)
    server = Postgres(folder)
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """The same, once on each kind of database."""
    if request.param == "sqlite":
        made = Office(tmp_path / "portal")
        yield made
        made.close()
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    name = server.create()
    made = Office(tmp_path / "portal", database=server.url(name))
    yield made
    made.close()
    server.drop(name)


@pytest.fixture
def served(office: Office, tmp_path: Path) -> Iterator[Counters]:
    """The API of a portal."""
    with counters(office, tmp_path / "tls") as made:
        yield made


@pytest.fixture
def either(either_office: Office, tmp_path: Path) -> Iterator[Counters]:
    """The same, once on each kind of database: for what depends on how one asks and waits."""
    with counters(either_office, tmp_path / "tls") as made:
        yield made


@pytest.fixture
def admin(served: Counters) -> Counter:
    """A counter with an admin's key."""
    return served.as_role(OperatorRole.ADMIN)
