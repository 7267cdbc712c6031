"""The second fence of an account: what the database itself hides and refuses, whatever a question forgets to say."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from anchorwatch.db import device, page, table
from anchorwatch.db.database import Database
from anchorwatch.db.error import NotThere
from anchorwatch.db.fence import Fenced
from builders.stock import Stock

FENCED = [each for each in table.metadata.sorted_tables if "account_id" in each.c and each.name != "api_key"]

# SQLite has no such fence.
pytestmark = pytest.mark.parametrize("address", ["postgresql"], indirect=True)


@pytest.fixture
def two(database: Database) -> tuple[Stock, Stock]:
    """Two accounts with a pool, a lot and a device each."""
    found = Stock.of(database), Stock.of(database, "quay.example")
    for number, each in enumerate(found):
        each.pool(5)
        each.device(f"N{number}")
    return found


def test_questions_without_an_account_see_one(database: Database, two: tuple[Stock, Stock]) -> None:
    """Behind the fence a question for all rows gets those of the account, in every table that has accounts."""
    mine, theirs = two
    fenced = Fenced(database, mine.account.id)
    for each in FENCED:
        seen = fenced.read(lambda tx, each=each: set(tx.execute(select(each.c.account_id)).scalars()))  # type: ignore[misc]  # bound early
        assert seen <= {mine.account.id}, each.name
    assert len(fenced.read(lambda tx: page.page(tx, page.ACCOUNTS, None, equal={}, limit=9))) == 1
    count = select(func.count()).select_from(table.device)
    assert fenced.read(lambda tx: tx.execute(count).scalar()) == 1
    # The next one on the same connections is behind no fence.
    for _ in range(20):
        assert database.read(lambda tx: tx.execute(count).scalar()) == 2
        assert database.write(lambda tx: tx.execute(count).scalar()) == 2
    assert theirs.account.id != mine.account.id


def test_nothing_of_another_is_written(database: Database, two: tuple[Stock, Stock]) -> None:
    """Behind the fence a change of another account's rows changes none, and a row for it is refused."""
    mine, theirs = two
    fenced = Fenced(database, mine.account.id)
    changed = fenced.write(lambda tx: tx.execute(table.pool.update().values(overage_pct=7)).rowcount)
    assert changed == 1
    pools = database.read(lambda tx: page.page(tx, page.POOLS, theirs.account.id, equal={}, limit=9))
    assert [each.overage_pct for each in pools] == [0]
    (other,) = database.read(lambda tx: device.of_account(tx, theirs.account.id))
    with pytest.raises(NotThere):
        fenced.write(lambda tx: device.lock(tx, other.id))
    row = {
        "id": mine.account.id,
        "account_id": theirs.account.id,
        "name": "Smuggled",
        "is_default": False,
        "tags": {},
        "created_at": mine.account.created_at,
    }
    with pytest.raises(DBAPIError, match="row-level security"):
        fenced.write(lambda tx: tx.execute(table.virtual_account.insert(), row))


def test_every_table_of_an_account_is_fenced(database: Database) -> None:
    """No table that says of which account its rows are was forgotten, and the fence stands for the tables' owner too."""

    def fenced(tx: object) -> set[str]:
        query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
        return {row[0] for row in tx.exec_driver_sql(query)}  # type: ignore[attr-defined]  # a transaction

    assert database.read(fenced) == {each.name for each in FENCED} | {"smart_account"}
