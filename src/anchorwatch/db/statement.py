"""Statements made once and handed to the driver as they are.

What a request does to the tables is the same few statements over and over, and working out each time what a statement
means costs several times what the database itself takes for it. So a statement is written with SQLAlchemy, which knows
the tables and both dialects, compiled when it is first used, and from then on only its values are filled in and its
rows turned back: the same types, the same errors, the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from anchorwatch.db import sqlite

Values = Mapping[str, Any]
Row = tuple[Any, ...]
_Turn = Callable[[Any], Any]


class Statement:
    """A statement, or one for each dialect by its name. Its values are those of its `bindparam`s, by name.

    Never with a list of values as a parameter: that is another statement for each length.
    """

    __slots__ = ("_clauses", "_made")

    def __init__(self, clause: ClauseElement | Mapping[str, ClauseElement]) -> None:
        self._clauses = clause
        self._made: dict[str, _Made] = {}

    def all(self, tx: Connection, values: Values) -> list[Row]:
        """Every row."""
        made = self._for(tx)
        found: list[Row] = _run(tx, made.text, made.bind(values)).fetchall()
        return [made.turn(row) for row in found] if made.turns else found

    def first(self, tx: Connection, values: Values) -> Row | None:
        """The first row; None without any."""
        made = self._for(tx)
        cursor = _run(tx, made.text, made.bind(values))
        row: Row | None = cursor.fetchone()
        cursor.close()
        return made.turn(row) if row is not None and made.turns else row

    def change(self, tx: Connection, values: Values) -> int:
        """Run it for what it changes; how many rows that were."""
        made = self._for(tx)
        return int(_run(tx, made.text, made.bind(values)).rowcount)

    def each(self, tx: Connection, rows: Iterable[Values]) -> None:
        """Run it once for each."""
        made = self._for(tx)
        for values in rows:
            _run(tx, made.text, made.bind(values))

    def _for(self, tx: Connection) -> _Made:
        name = tx.dialect.name
        made = self._made.get(name)
        if made is None:
            clause = self._clauses[name] if isinstance(self._clauses, Mapping) else self._clauses
            made = self._made[name] = _made(clause, tx.dialect)
        return made


class TakenBack(Exception):
    """Raised in a `savepoint` it takes back what was done there, and ends there."""


class savepoint:  # noqa: N801 - read as the statement it is
    """A part of a transaction that can be taken back alone: by `TakenBack`, or by an error, which goes on its way.

    Parts within parts have other names. A transaction that an error has ended whole is left as it is.
    """

    __slots__ = ("_name", "_tx")

    def __init__(self, tx: Connection, name: str) -> None:
        self._tx = tx
        self._name = name

    def __enter__(self) -> None:
        self._say(f"SAVEPOINT {self._name}")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            self._say(f"RELEASE SAVEPOINT {self._name}")
        elif not self._tx.invalidated and sqlite.in_transaction(self._tx):
            self._say(f"ROLLBACK TO SAVEPOINT {self._name}")
            self._say(f"RELEASE SAVEPOINT {self._name}")
        return isinstance(error, TakenBack)

    def _say(self, statement: str) -> None:
        _run(self._tx, statement, ())


@dataclass(frozen=True, slots=True)
class _Made:
    """A statement for one dialect: its text, the values it always has, and how values go in and come out."""

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    into: Mapping[str, _Turn]
    positional: bool
    turns: tuple[tuple[int, _Turn], ...]

    def bind(self, values: Values) -> Any:
        """The parameters as the driver takes them; names the statement does not have are left aside."""
        fixed, into = self.fixed, self.into
        filled = {}
        for name in self.names:
            if name in fixed:
                filled[name] = fixed[name]
            elif name in into:
                filled[name] = into[name](values[name])
            else:
                filled[name] = values[name]
        return tuple(filled[name] for name in self.names) if self.positional else filled

    def turn(self, row: Row) -> Row:
        """The row with the values we use."""
        cells = list(row)
        for index, turned in self.turns:
            cells[index] = turned(cells[index])
        return tuple(cells)


def _made(clause: ClauseElement, dialect: Dialect) -> _Made:
    compiled = clause.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler)
    into: dict[str, _Turn] = {}
    for parameter, name in compiled.bind_names.items():
        turned = parameter.type.dialect_impl(dialect).bind_processor(dialect)
        if turned is not None:
            into[name] = turned
    given = {name for parameter, name in compiled.bind_names.items() if not parameter.required}
    fixed = {
        name: into[name](each) if name in into else each
        for name, each in compiled.params.items()
        if name in given
    }
    columns = _columns(clause)
    turns = []
    for index, column in enumerate(columns):
        turned = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if turned is not None:
            turns.append((index, turned))
    positions = compiled.positiontup
    names = tuple(positions) if positions is not None else tuple(compiled.bind_names.values())
    return _Made(
        text=str(compiled),
        names=names,
        fixed=fixed,
        into={name: each for name, each in into.items() if name not in fixed},
        positional=positions is not None,
        turns=tuple(turns),
    )


def _columns(clause: ClauseElement) -> list[Any]:
    """What a row of the statement consists of."""
    found = getattr(clause, "exported_columns", None)
    return [] if found is None else list(found)


def _run(tx: Connection, text: str, values: Any) -> Any:
    """A cursor on which it was run. Raises what SQLAlchemy would."""
    driver: Any = tx.connection.driver_connection
    cursor = driver.cursor()
    dialect = tx.dialect
    try:
        cursor.execute(text, values)
    except dialect.loaded_dbapi.Error as error:
        gone = dialect.is_disconnect(error, tx.connection.dbapi_connection, cursor)
        told = DBAPIError.instance(
            text, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        )
        if gone:
            tx.invalidate(error)
        raise told from error
    return cursor
