"""SQLite as we use it: a file only its owner reads, WAL, and a commit that is on the disk."""

from __future__ import annotations

import os
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from anchorwatch.db.error import DatabaseUnreachable
from anchorwatch.disk.file import reason

DRIVER = "sqlite+pysqlite"
OLDEST = (3, 35, 0)
"""The first with RETURNING."""


def prepare(file: Path) -> None:
    """Make the file with mode 0600 if it is not there, so that what lies beside it later has that mode too."""
    if sqlite3.sqlite_version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise DatabaseUnreachable(
            f"this Python has SQLite {sqlite3.sqlite_version}; {wanted} is the oldest we use"
        )
    try:
        os.close(
            os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), stat.S_IRUSR | stat.S_IWUSR)
        )
    except OSError as error:
        raise DatabaseUnreachable(f"the database {file} cannot be opened: {reason(error)}") from None


def engine(url: URL, patience: timedelta, *, writing: bool, connections: int) -> Engine:
    """An engine whose transactions begin by taking the write lock (writing), or see one moment (not writing)."""
    made = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0 if writing else connections,
        pool_timeout=patience.total_seconds(),
        connect_args={"timeout": patience.total_seconds(), "check_same_thread": False},
    )
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"

    @event.listens_for(made, "connect")
    def set_up(connection: sqlite3.Connection, _: object) -> None:
        # The driver's own idea of when a transaction begins is switched off: it begins them too late.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",  # macOS: a plain fsync leaves the data in the drive's own memory
            "foreign_keys = ON",
            "trusted_schema = OFF",
            f"query_only = {'OFF' if writing else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    @event.listens_for(made, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


def in_transaction(connection: Connection) -> bool:
    """Whether the transaction is still open after an error in it; those of PostgreSQL are, until they are ended."""
    raw: Any = connection.connection.driver_connection
    return bool(raw is not None and getattr(raw, "in_transaction", True))


def was_busy(error: DBAPIError) -> bool:
    """Whether another process held the file for longer than our patience."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
