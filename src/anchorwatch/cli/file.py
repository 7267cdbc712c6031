"""Files of the machine: read within a limit, written whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

from anchorwatch.disk import file as disk

__all__ = ["FileTroubleError", "read_bounded", "write_atomically"]


class FileTroubleError(Exception):
    """A file could not be read or written; the message is one sentence with its name."""


def read_bounded(name: str, limit: int) -> bytes:
    """The bytes of a file, or of standard input for `-`, and at most one byte more than `limit`.

    A pipe or device is read like a file, so that an endless one ends at the limit. Raises FileTroubleError.
    """
    try:
        if name == "-":
            return sys.stdin.buffer.read(limit + 1)
        with Path(name).open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise FileTroubleError(f"{name}: {disk.reason(error)}") from error


def write_atomically(name: str, data: bytes, *, replace: bool) -> None:
    """Write a file under its name only when every byte is on disk; `-` is standard output.

    A file that is there already is replaced only when asked. Raises FileTroubleError, and then leaves nothing.
    """
    if name == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    target = Path(name)
    if target.exists() and not replace:
        raise FileTroubleError(f"{name} is there already; --force replaces it")
    try:
        disk.write(target, data, private=False)
    except OSError as error:
        raise FileTroubleError(f"{name}: {disk.reason(error)}") from error
