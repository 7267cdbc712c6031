"""A database, and the one way to change it.

`write` takes a function of a transaction and gives back its answer once the database has it on its disk. There is
no other way: what is done in one transaction stands in one function, and may be done again from the start when the
database asks for that, so such a function changes nothing but the database and waits for nothing.

*SQLite* has one writer. All writes go to one thread, which takes what is waiting, does each in a savepoint of its
own, and commits them together: a commit costs a wait for the disk, and so many can share one. A function that raises
takes back only its own part. An answer is given after the commit, never before.

*PostgreSQL* shares the waits of its commits by itself. There the writes go to a few threads with a connection each,
and no more: many connections on one contended row are slower than few.

`read` sees one moment of the database however many statements it asks, in both.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from anchorwatch.base.secret import Secret
from anchorwatch.db import postgresql, sqlite
from anchorwatch.db.error import (
    BadAddress,
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnreachable,
)
from anchorwatch.db.statement import savepoint

Transaction = Connection
"""What the functions of this room work in. Other rooms pass it on and never look inside."""

T = TypeVar("T")
PATIENCE = timedelta(seconds=10)
CONNECTIONS = 8
"""PostgreSQL's throughput on one contended pool falls beyond this many (measured: to less than half at 32)."""
SHARED_COMMIT = 64
"""How many writes may share a commit: enough for the slowest disks, few enough that no one waits for long."""
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a health check found: the kind of database, its revision and the one this release wants."""

    kind: str
    version: str
    revision: str | None
    wanted: str

    @property
    def ready(self) -> bool:
        """Whether the tables are those of this release."""
        return self.revision == self.wanted


class Database:
    """An open database. Threads may share it; `close` it, or use it as a context manager."""

    __slots__ = ("_closed", "_reader", "_writer", "patience", "url")

    def __init__(self, url: URL, reader: Engine, writer: _Writer, patience: timedelta) -> None:
        self.url = url
        self.patience = patience
        self._reader = reader
        self._writer = writer
        self._closed = False

    @classmethod
    def open(
        cls, address: str | Secret, *, patience: timedelta = PATIENCE, connections: int = CONNECTIONS
    ) -> Self:
        """Open `sqlite:///file` or `postgresql://user:password@host/name`; a new SQLite file is made with mode 0600.

        `patience` bounds the wait for a turn. Raises `BadAddress` or `DatabaseUnreachable`. The tables may
        be absent or old: `migration.upgrade` and `check` are the caller's to ask.
        """
        url = _url(address)
        writer: _Writer
        if url.drivername == sqlite.DRIVER:
            sqlite.prepare(Path(url.database or ""))
            reader = sqlite.engine(url, patience, writing=False, connections=connections)
            writer = _OneWriter(sqlite.engine(url, patience, writing=True, connections=1))
        else:
            reader = postgresql.engine(url, patience, writing=False, connections=connections)
            writer = _FewWriters(
                postgresql.engine(url, patience, writing=True, connections=connections), connections
            )
        database = cls(url, reader, writer, patience)
        try:
            database.read(lambda tx: tx.exec_driver_sql("SELECT 1").scalar_one())
        except BaseException:
            database.close()
            raise
        return database

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.url.get_backend_name()

    @property
    def file(self) -> Path | None:
        """Where an SQLite database lies; None for another."""
        return Path(self.url.database or "") if self.kind == "sqlite" else None

    @property
    def waiting(self) -> int:
        """Writes that were submitted and not begun."""
        return self._writer.waiting

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Do `work` in one transaction and give its answer when it is kept. What it raises takes it back whole.

        Raises `ConstraintBroken`, `DatabaseBusy` or `DatabaseUnreachable` besides. Never called inside `work`.
        """
        return self.submit(work).result()

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """The same without waiting, for a caller with an event loop (`asyncio.wrap_future`)."""
        if self._closed:
            raise DatabaseError("this database was closed")
        return self._writer.submit(work)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """The answer of `work`, which sees one moment of the database and cannot change it."""
        with told(), self._reader.connect() as connection, connection.begin():
            return work(connection)

    def close(self) -> None:
        """Finish what was submitted, then let go of every connection."""
        self._closed = True
        self._writer.close()
        self._reader.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self.url.render_as_string(hide_password=True)!r})"

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """A transaction of the migrations: on the writer's engine, one at a time over all processes."""
        with told(), self._writer.engine.connect() as connection, connection.begin():
            if self.kind == "postgresql":
                postgresql.lock_for_migration(connection)
            yield connection


class _Writer(Protocol):
    """Where writes go, one kind for each database."""

    engine: Engine

    @property
    def waiting(self) -> int:
        """As `Database.waiting`."""

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        """As `Database.submit`."""

    def close(self) -> None:
        """Finish what was submitted, then let the engine's connections go."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[Transaction], Any]  # each has an answer of its own type; its future carries it on
    future: Future[Any]


class _OneWriter:
    """One thread that does what waits, in shared commits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        if threading.current_thread() is self._thread:
            raise DatabaseError("a write was asked for inside a write, which would wait for itself")
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise DatabaseError("this database was closed")
            if self._thread is None:
                # A daemon, so that a program which forgot to close still ends; what was acknowledged is kept.
                self._thread = threading.Thread(target=self._run, name="anchorwatch-writer", daemon=True)
                self._thread.start()
            self._queue.put(_Waiting(work, future))
        return future

    def close(self) -> None:
        with self._lock:
            already, self._closed = self._closed, True
            thread = self._thread
            if thread is not None and not already:
                self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self.engine.dispose()

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            batch = [first]
            ending = False
            while len(batch) < SHARED_COMMIT:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ending = True
                    break
                batch.append(more)
            self._do([each for each in batch if each.future.set_running_or_notify_cancel()])
            if ending:
                return

    def _do(self, batch: list[_Waiting]) -> None:
        answers: list[tuple[_Waiting, object]] = []
        try:
            with told(), self.engine.connect() as connection, connection.begin():
                for each in batch:
                    try:
                        with told(), savepoint(connection, "task"):
                            answers.append((each, each.work(connection)))
                    except BaseException as error:
                        if not sqlite.in_transaction(connection):
                            raise  # a full disk and its like end the whole transaction
                        each.future.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - it is passed on to everyone who waits
            for each in batch:
                if not each.future.done():
                    each.future.set_exception(error)
            return
        for each, answer in answers:
            each.future.set_result(answer)


class _FewWriters:
    """A few threads that keep a connection each; a transaction that met another on its way is done again."""

    def __init__(self, engine: Engine, connections: int) -> None:
        self.engine = engine
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="anchorwatch-writer")
        self._mine = threading.local()
        self._kept: list[Connection] = []

    @property
    def waiting(self) -> int:
        return self._threads._work_queue.qsize()  # noqa: SLF001 - the one place that knows, and it is only counted

    def submit(self, work: Callable[[Transaction], T]) -> Future[T]:
        return self._threads.submit(self._do, work)

    def close(self) -> None:
        self._threads.shutdown(wait=True)
        for connection in self._kept:
            with contextlib.suppress(DBAPIError):
                connection.close()
        self.engine.dispose()

    def _do(self, work: Callable[[Transaction], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            fresh, done = self._connect(), False
            try:
                with told(), self._mine.connection.begin():
                    answer = work(self._mine.connection)
                    done = True
                return answer
            except DatabaseBusy as error:
                if attempt == ATTEMPTS or not _to_be_done_again(error):
                    raise
            except DatabaseUnreachable:
                # A connection that lay idle may have ended meanwhile. Nothing was committed, so it is done again on
                # a new one; an end during the commit leaves it open whether it was, and whoever asked has to ask again.
                if done or fresh or not self._mine.connection.invalidated:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _connect(self) -> bool:
        """See that this thread has a connection; whether it is a new one."""
        kept: Connection | None = getattr(self._mine, "connection", None)
        if kept is not None and not kept.invalidated:
            return False
        if kept is not None:
            self._kept.remove(kept)
            kept.close()
            self._mine.connection = None
        with told():
            self._mine.connection = self.engine.connect()
        self._kept.append(self._mine.connection)
        return True


def _to_be_done_again(error: DatabaseBusy) -> bool:
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and postgresql.collided(cause)


def _url(address: str | Secret) -> URL:
    """The address with the driver we use. Its password is in no message."""
    text = address.reveal() if isinstance(address, Secret) else address
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadAddress(
            "a database is named as sqlite:///FILE or postgresql://USER@HOST/NAME; this is neither"
        ) from None
    match url.drivername:
        case "sqlite" | sqlite.DRIVER:
            if not url.database or url.database == ":memory:" or url.query:
                raise BadAddress("an SQLite database is a file: sqlite:///FILE, and nothing behind it")
            return url.set(drivername=sqlite.DRIVER)
        case "postgresql" | "postgres" | postgresql.DRIVER:
            if not url.database:
                raise BadAddress(
                    "the address of a PostgreSQL database says no name: postgresql://USER@HOST/NAME"
                )
            return url.set(drivername=postgresql.DRIVER)
        case other:
            raise BadAddress(f"{other[:40]!a} is no database we use; sqlite and postgresql are")


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the driver raises into what this room raises; the statement and its values are in no message."""
    try:
        yield
    except IntegrityError as error:
        raise ConstraintBroken(_constraint(error)) from error
    except (DataError, OverflowError, UnicodeEncodeError) as error:
        # A number beyond 64 bits, half a character, a NUL in a text: nothing a column can hold.
        raise ConstraintBroken("") from error
    except PoolTimeout as error:
        raise DatabaseBusy("no connection to the database came free in time") from error
    except OperationalError as error:
        if sqlite.was_busy(error) or postgresql.was_busy(error) or postgresql.collided(error):
            raise DatabaseBusy("the database was busy with others; nothing was changed") from error
        raise DatabaseUnreachable(f"the database does not answer: {_first_line(error)}") from error
    except InternalError as error:
        if not postgresql.collided(error):
            raise
        raise DatabaseBusy("the database was busy with others; nothing was changed") from error
    except sqlalchemy.exc.InterfaceError as error:
        raise DatabaseUnreachable(f"the database does not answer: {_first_line(error)}") from error


def _constraint(error: IntegrityError) -> str:
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return str(diagnosis.constraint_name or "")
    # The only place where SQLite names it: "CHECK constraint failed: ck_pool_hard".
    return str(error.orig).rpartition(": ")[2]


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
