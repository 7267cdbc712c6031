"""The lab as a process of its own: started, and waited for until it can be used."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anchorwatch.lab import control, lodging

_SOON = 20
"""Seconds until a process that was started has to answer; how long it then prepares is its own affair."""


class NotStartedError(Exception):
    """The lab did not come up; the message is one sentence that ends in what it said last."""


def spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start the lab of a folder as a process that outlives this one; what it says goes to its log. Raises `OSError`."""
    log = os.open(folder / lodging.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", "anchorwatch", "lab", "serve", "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(log)


def await_ready(
    folder: Path, process: subprocess.Popen[bytes], told: Callable[[str], None]
) -> dict[str, Any]:
    """Wait until the lab can be used, and return its status; `told` hears how far it is. Raises `NotStartedError`."""
    end = time.monotonic() + _SOON
    while time.monotonic() < end and process.poll() is None:
        try:
            return control.ask(folder, {"do": "wait"}, told=told)
        except control.NotRunningError:
            time.sleep(0.05)
        except control.RefusedError as error:
            raise NotStartedError(f"the lab did not start: {error}") from None
        except control.ControlError:
            break
    last = ""
    with contextlib.suppress(OSError, IndexError):
        text = (folder / lodging.LOG).read_text(encoding="utf-8", errors="replace")
        last = text.strip().splitlines()[-1]
    raise NotStartedError(f"the lab did not start: {last or 'it said nothing'}")
