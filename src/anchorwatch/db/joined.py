"""A database as it is seen from inside a transaction, so that what opens a transaction of its own can be part of a larger one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from anchorwatch.db.database import Database, Transaction, told

T = TypeVar("T")


class Joined(Database):
    """Reads and writes of this database belong to a transaction that somebody else began, and will end.

    What a write raises must reach that somebody, who then takes everything back.
    """

    __slots__ = ("_tx",)

    def __init__(self, outer: Database, tx: Transaction) -> None:
        self.url = outer.url
        self.patience = outer.patience
        self._tx = tx

    @property
    def waiting(self) -> int:
        """None: this one is begun."""
        return 0

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Do it, as a part."""
        with told():
            return work(self._tx)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Look, also at what this transaction has done already."""
        with told():
            return work(self._tx)

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """Do it at once, as a part."""
        done: Future[T] = Future()
        done.set_result(self.write(work))
        return done

    def close(self) -> None:
        """Nothing: it is not ours to close."""


def rehearsed(tx: Transaction, work: Callable[[Transaction], T]) -> T:
    """What `work` would answer; what it did is taken back, and what was done before it stays."""
    savepoint = tx.begin_nested()
    try:
        return work(tx)
    finally:
        savepoint.rollback()
