"""Everything in a database as one text, and back: from either kind into either kind.

A dump is JSON, one value a line: the schema and the revision of the tables; each row as its table and its values;
and at the end how many rows there were and the SHA-256 of every line before. What is cut or changed on the way is
refused, and a restore happens whole or not at all. It sees one moment of a database that is in use.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import IO, Any
from uuid import UUID

from sqlalchemy import Column, Enum, LargeBinary, Table, Uuid, func, select

from anchorwatch.base.schema import Schema, SchemaError, read
from anchorwatch.db.column import Moment
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.error import DumpRefused
from anchorwatch.db.migration import HEAD, require
from anchorwatch.db.table import metadata

SCHEMA = Schema("database", 1)
_TOGETHER = 500
_LONGEST_LINE = 16 * 1024 * 1024
_POINTS_AT_ITSELF = {"lot": "parent_id", "id_certificate": "predecessor_id"}


def save(database: Database, target: IO[bytes]) -> int:
    """Write everything to `target`; how many rows. The caller makes the file, and makes it complete or absent."""
    require(database)

    def write(tx: Transaction) -> int:
        digest = hashlib.sha256()

        def line(content: object) -> None:
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(text)
            target.write(text)

        line({"schema": str(SCHEMA), "revision": HEAD})
        count = 0
        for table in metadata.sorted_tables:
            for row in _rows(tx, table):
                line([table.name, {name: _to_text(each) for name, each in row.items()}])
                count += 1
        line({"rows": count, "sha256": digest.hexdigest()})
        return count

    return database.read(write)


def restore(database: Database, source: IO[bytes]) -> int:
    """Fill a database that has the tables of this release and nothing in them; how many rows.

    `DumpRefused` for a database that is not empty and for a text that is not whole; then nothing was stored.
    """
    require(database)

    def fill(tx: Transaction) -> int:
        for table in metadata.sorted_tables:
            if tx.execute(select(func.count()).select_from(table)).scalar_one():
                raise DumpRefused("the database is not empty; a backup is restored into an empty one")
        waiting: list[dict[str, Any]] = []
        of: Table | None = None
        count = 0
        for table, row in _read(source):
            if waiting and (table is not of or len(waiting) == _TOGETHER):
                assert of is not None
                tx.execute(of.insert(), waiting)
                waiting = []
            of = table
            waiting.append(row)
            count += 1
        if waiting and of is not None:
            tx.execute(of.insert(), waiting)
        return count

    return database.write(fill)


def _rows(tx: Transaction, table: Table) -> Iterator[dict[str, Any]]:
    """The rows of a table by its key; where they point at each other, what is pointed at comes first."""
    query = select(*table.columns).order_by(*table.primary_key.columns)
    rows = (dict(row) for row in tx.execute(query.execution_options(yield_per=_TOGETHER)).mappings())
    column = _POINTS_AT_ITSELF.get(table.name)
    return rows if column is None else iter(_sorted(list(rows), column))


def _sorted(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    by_id = {row["id"]: row for row in rows}
    done: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        line = []
        each: dict[str, Any] | None = row
        while each is not None and each["id"] not in done:
            line.append(each)
            each = by_id.get(each[column])
        done |= {each["id"]: each for each in reversed(line)}
    return list(done.values())


def _read(source: IO[bytes]) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The rows of a dump. Raises at the end if it was not whole: the caller keeps nothing until then."""
    digest = hashlib.sha256()
    first = source.readline(_LONGEST_LINE)
    try:
        _, head = read(first, SCHEMA)
    except SchemaError as error:
        raise DumpRefused(str(error)) from None
    if head.get("revision") != HEAD:
        raise DumpRefused("the backup was made by another release; restore it with that one, then upgrade")
    digest.update(first)
    values: dict[str, dict[str, Callable[[Any], Any]]] = {
        table.name: {column.name: _from_text(column) for column in table.columns}
        for table in metadata.sorted_tables
    }
    for count, line in enumerate(_lines(source)):
        number = count + 2
        try:
            match json.loads(line):
                case {"rows": int(said), "sha256": str(sha256)}:
                    if (said, sha256) != (count, digest.hexdigest()) or source.read(1):
                        raise DumpRefused("the backup was changed after it was made")
                    return
                case [str(name), dict(row)] if name in values and set(row) == set(values[name]):
                    yield (
                        metadata.tables[name],
                        {column: values[name][column](each) for column, each in row.items()},
                    )
                case _:
                    raise DumpRefused(f"line {number} of the backup is no row of these tables")
        except (ValueError, TypeError, RecursionError) as error:
            if isinstance(error, DumpRefused):
                raise
            raise DumpRefused(f"line {number} of the backup cannot be read") from None
        digest.update(line)
    raise DumpRefused("the backup is cut short")


def _lines(source: IO[bytes]) -> Iterable[bytes]:
    while line := source.readline(_LONGEST_LINE):
        yield line


def _to_text(value: Any) -> Any:  # whatever a column holds
    match value:
        case UUID() | StrEnum():
            return str(value)
        case datetime():
            return value.isoformat()
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
        case _:
            return value


def _from_text(column: Column[Any]) -> Callable[[Any], Any]:
    convert: Callable[[Any], Any]
    match column.type:
        case Uuid():
            convert = UUID
        case Moment():
            convert = datetime.fromisoformat
        case LargeBinary():
            convert = _from_base64
        case Enum() as kind if kind.enum_class is not None:
            convert = kind.enum_class
        case _:
            return lambda value: value
    return lambda value: None if value is None else convert(value)


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
