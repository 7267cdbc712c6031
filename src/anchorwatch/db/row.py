"""Between rows and values: the fields of a value are the columns of its table, by name."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from sqlalchemy import Row, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.dml import ReturningInsert

from anchorwatch.db.database import Transaction

T = TypeVar("T")


def columns(value: object) -> dict[str, Any]:
    """The row of a value: its fields as they are."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{type(value).__name__} has no columns")
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def value(kind: type[T], row: Row[Any]) -> T:
    """The value of a row."""
    return kind(**row._mapping)  # noqa: SLF001 - public, in spite of its name


def all_of(table: Table) -> Select[Any]:
    """Every column of a table, for values whose fields are its columns."""
    return select(*table.columns)


class Insert:
    """An insert that does nothing where a row is there already; made once, for both databases."""

    def __init__(self, table: Table, *key: str) -> None:
        """`key` are the columns that must be free, of the primary key or of a unique constraint; none: any."""
        elements = list(key) or None
        first = table.columns[key[0]] if key else next(iter(table.primary_key.columns))
        self._both: dict[str, ReturningInsert[Any]] = {
            "sqlite": sqlite.insert(table).on_conflict_do_nothing(index_elements=elements).returning(first),
            "postgresql": postgresql.insert(table)
            .on_conflict_do_nothing(index_elements=elements)
            .returning(first),
        }

    def into(self, tx: Transaction, row: dict[str, Any]) -> bool:
        """Whether the row was free, and is now there."""
        return tx.execute(self._both[tx.dialect.name], row).first() is not None


class Upsert:
    """An insert that replaces the columns `changing` where the key is there already."""

    def __init__(self, table: Table, key: tuple[str, ...], changing: tuple[str, ...]) -> None:
        self._both: dict[str, Executable] = {}
        for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql)):
            insert = dialect.insert(table)
            self._both[name] = insert.on_conflict_do_update(
                index_elements=list(key), set_={each: insert.excluded[each] for each in changing}
            )

    def into(self, tx: Transaction, rows: list[dict[str, Any]]) -> None:
        if rows:
            tx.execute(self._both[tx.dialect.name], rows)
