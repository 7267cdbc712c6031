"""PostgreSQL as we use it, by psycopg 3."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from anchorwatch.db.error import BadAddress

DRIVER = "postgresql+psycopg"
_MIGRATION = 0x414E4348  # any number that is ours: the key of an advisory lock
_COLLIDED = {"40001", "40P01"}  # serialization failure, deadlock
_INTERNAL = "XX000"
_MULTIXACT = "more than one updating member"  # many who share a lock on one row and want more (PostgreSQL 15)
_BUSY = {"55P03", "53300", "57014"}  # lock timeout, too many connections, statement timeout


def engine(url: URL, patience: timedelta, *, writing: bool, connections: int) -> Engine:
    """An engine of READ COMMITTED transactions (writing), or of read-only ones that see one moment."""
    try:
        made = create_engine(
            url,
            pool_size=connections,
            max_overflow=1 if writing else 0,  # the writers keep theirs; a migration needs one too
            pool_timeout=patience.total_seconds(),
            pool_pre_ping=True,
            pool_use_lifo=True,
            isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
            connect_args={"connect_timeout": max(2, int(patience.total_seconds()))},
        )
    except ModuleNotFoundError:
        raise BadAddress(
            "PostgreSQL needs the driver psycopg, which is not installed: pip install 'anchorwatch[postgresql]'"
        ) from None
    milliseconds = int(patience.total_seconds() * 1000)
    settings = (
        "SET synchronous_commit = on",  # whatever the server's own default is: an answer means it is kept
        "SET TIME ZONE 'UTC'",
        f"SET lock_timeout = {milliseconds}",
        f"SET idle_in_transaction_session_timeout = {6 * milliseconds}",
        *(() if writing else ("SET default_transaction_read_only = on",)),
    )

    @event.listens_for(made, "connect")
    def set_up(connection: Any, _: object) -> None:  # psycopg.Connection; the driver may be absent
        before = connection.autocommit
        connection.autocommit = True
        for setting in settings:
            connection.execute(setting)
        connection.autocommit = before

    return made


def lock_for_migration(connection: Connection) -> None:
    """Wait for other programs that bring the tables up to date; held to the end of the transaction."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION})


def collided(error: DBAPIError) -> bool:
    """Whether two transactions met such that one has to be done again."""
    return _state(error) in _COLLIDED or (_state(error) == _INTERNAL and _MULTIXACT in str(error.orig))


def was_busy(error: DBAPIError) -> bool:
    """Whether a lock or a connection was waited for too long."""
    return _state(error) in _BUSY


def _state(error: DBAPIError) -> str | None:
    found = getattr(error.orig, "sqlstate", None)
    return found if isinstance(found, str) else None
