"""Further processes that serve the same port beside this one, for a database that several can write to.

The system deals connections out to all who listen on a port they share (SO_REUSEPORT, on Linux). A worker lives no
longer than the process that started it, however that one ends: its standard input is a pipe of which the other end is
there, and the end of it is the end of the worker. One that ends by itself is started again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Self

AGAIN_SECONDS = 2.0
STOP_SECONDS = 15
_log = logging.getLogger("anchorwatch.portal")


def possible() -> bool:
    """Whether this system deals the connections of a port out to several processes."""
    return sys.platform == "linux"


class Workers:
    """As a context manager: the commands run from its beginning to its end."""

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._commands = commands
        self._ending = threading.Event()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for number in range(len(self._commands)):
            thread = threading.Thread(target=self._keep, args=(number,), name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ending.set()
            for process in self._running.values():
                _end(process)
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        for process in self._running.values():
            if process.poll() is None:
                process.kill()

    def _keep(self, number: int) -> None:
        while True:
            with self._lock:
                if self._ending.is_set():
                    return
                process = self._running[number] = subprocess.Popen(  # noqa: S603 - this program itself
                    self._commands[number], stdin=subprocess.PIPE
                )
            status = process.wait()
            if self._ending.wait(AGAIN_SECONDS):
                return
            _log.warning("a worker ended with status %d and is started again", status)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()


def until_the_end(stop: Callable[[], None]) -> None:
    """In a worker: call `stop` when the process that started it says so, or is no more."""

    def listen() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        stop()

    threading.Thread(target=listen, name="end", daemon=True).start()
