"""A portal in a process of its own, its log in a file, to be asked, stopped and killed."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

SERVE = (sys.executable, "-c", "from anchorwatch.cli.app import main; main()", "portal", "serve")
_SERVING = re.compile(r"serving [^\s\"]+ on https?://\S*?:(\d+)")


class Running:
    """A portal that serves, from when it is made. `options` are those of `anchorwatch portal serve`."""

    def __init__(self, folder: Path, *options: str, database: str | None = None) -> None:
        self.log = folder.parent / f"{folder.name}.log"
        environment = dict(os.environ)
        if database is not None:
            environment["ANCHORWATCH_PORTAL_DATABASE"] = database
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*SERVE, "--folder", str(folder), "--port", "0", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        workers = int(options[options.index("--workers") + 1]) if "--workers" in options else 1
        self.port = self._port(begin, workers)

    def _port(self, begin: int, workers: int) -> int:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            said = self.log.read_bytes()[begin:].decode()
            found = _SERVING.findall(said)
            if len(found) == workers:
                return int(found[0])
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the portal did not start: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it, and the workers beside it, as a power cut would."""
        for pid in (self.process.pid, *children(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it well."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def children(pid: int) -> list[int]:
    """The processes that a process started, from whichever of its threads; on Linux."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(each) for each in listing.read_text().split()]
    return found
