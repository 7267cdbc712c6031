"""Between rows and values: the fields of a value are the columns of its table, by name."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Label, Row, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from anchorwatch.db.database import Transaction
from anchorwatch.db.statement import Statement, Values

T = TypeVar("T")


def columns(value: object) -> dict[str, Any]:
    """The row of a value: its fields as they are."""
    return {name: getattr(value, name) for name in _names(type(value))}  # type: ignore[arg-type]  # every class can be hashed


@functools.cache
def _names(kind: type[object]) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{kind.__name__} has no columns")
    return tuple(field.name for field in dataclasses.fields(kind))


def value(kind: type[T], row: Row[Any]) -> T:
    """The value of a row."""
    return kind(**row._mapping)  # noqa: SLF001 - public, in spite of its name


def all_of(table: Table) -> Select[Any]:
    """Every column of a table, for values whose fields are its columns."""
    return select(*table.columns)


def labelled(table: Table) -> list[Label[Any]]:
    """Every column of a table under a name that no other table has, for a row of several values."""
    return [each.label(f"{table.name}__{each.name}") for each in table.columns]


def built(kind: type[T], cells: Sequence[Any]) -> T:
    """The value of those cells of a row that are its table's columns, in their order; its fields are in that order too."""
    names: tuple[str, ...] = _names(kind)  # type: ignore[arg-type]  # every class can be hashed
    return kind(**dict(zip(names, cells, strict=True)))


class Find(Generic[T]):
    """A question that is asked often, whose rows are values of a kind."""

    def __init__(self, kind: type[T], query: Select[Any] | ReturningUpdate[Any]) -> None:
        self._kind = kind
        self._names = tuple(str(column.key) for column in query.exported_columns)
        self._statement = Statement(query)

    def first(self, tx: Transaction, values: Values) -> T | None:
        """The first; None without any."""
        row = self._statement.first(tx, values)
        return None if row is None else self._kind(**dict(zip(self._names, row, strict=True)))

    def all(self, tx: Transaction, values: Values) -> tuple[T, ...]:
        """Every one."""
        rows = self._statement.all(tx, values)
        return tuple(self._kind(**dict(zip(self._names, row, strict=True))) for row in rows)


class Insert:
    """An insert that does nothing where a row is there already; made once, for both databases."""

    def __init__(self, table: Table, *key: str) -> None:
        """`key` are the columns that must be free, of the primary key or of a unique constraint; none: any."""
        elements = list(key) or None
        first = table.columns[key[0]] if key else next(iter(table.primary_key.columns))
        self._both = Statement(
            {
                name: dialect.insert(table).on_conflict_do_nothing(index_elements=elements).returning(first)
                for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
            }
        )

    def into(self, tx: Transaction, row: Values) -> bool:
        """Whether the row was free, and is now there."""
        return self._both.first(tx, row) is not None


class Upsert:
    """An insert that replaces the columns `changing` where the key is there already."""

    def __init__(self, table: Table, key: tuple[str, ...], changing: tuple[str, ...]) -> None:
        both = {}
        for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql)):
            insert = dialect.insert(table)
            both[name] = insert.on_conflict_do_update(
                index_elements=list(key), set_={each: insert.excluded[each] for each in changing}
            )
        self._both = Statement(both)

    def into(self, tx: Transaction, rows: Iterable[Values]) -> None:
        """Each of the rows, new or replaced."""
        self._both.each(tx, rows)
