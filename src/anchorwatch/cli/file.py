"""Files of the machine: read within a limit, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

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
        raise FileTroubleError(f"{name}: {(error.strerror or str(error)).lower()}") from error


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
        # Not `tempfile`: its files are their owner's alone, ours get the mode that the user's umask gives.
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as error:
        raise FileTroubleError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise FileTroubleError(f"{name}: {(error.strerror or str(error)).lower()}") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows has no such thing and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
