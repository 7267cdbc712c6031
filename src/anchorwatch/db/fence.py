"""A database that shows the rows of one account only, whatever is asked: the fence behind the one in every question.

In PostgreSQL each transaction says for which account it works, and row-level security hides all other rows from it and
refuses to write them. SQLite knows nothing of the kind; there the questions themselves are the only fence.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text

from anchorwatch.db.database import Database, Transaction

T = TypeVar("T")
_FOR = text("SELECT set_config('anchorwatch.account', :account, true)")


class Fenced(Database):
    """The same database, seen from within one account. Closing it is its owner's."""

    __slots__ = ("_account", "_outer")

    def __init__(self, outer: Database, account_id: UUID) -> None:
        self.url = outer.url
        self.patience = outer.patience
        self._outer = outer
        self._account = account_id

    @property
    def waiting(self) -> int:
        """As of the database itself."""
        return self._outer.waiting

    def read(self, work: Callable[[Transaction], T]) -> T:
        """As `Database.read`."""
        return self._outer.read(self._within(work))

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """As `Database.submit`."""
        return self._outer.submit(self._within(work))

    def close(self) -> None:
        """Nothing."""

    def _within(self, work: Callable[[Transaction], T]) -> Callable[[Transaction], T]:
        if self.kind != "postgresql":
            return work

        def fenced(tx: Transaction) -> T:
            # Until the end of this transaction, and on this connection only.
            tx.execute(_FOR, {"account": str(self._account)})
            return work(tx)

        return fenced
