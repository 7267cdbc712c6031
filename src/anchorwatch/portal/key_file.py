"""Files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from anchorwatch.portal.error import KeysRefused

_LARGEST = 1024 * 1024


def write(path: Path, data: bytes) -> None:
    """Write a new file with mode 0600, on disk before it has its name. Raises `KeysRefused`; never replaces."""
    if path.exists():
        raise KeysRefused(f"{path.name} is there already")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise KeysRefused(
            f"{path.name} cannot be written: {(error.strerror or str(error)).lower()}"
        ) from error


def read(path: Path) -> bytes:
    """A file of ours. Raises `KeysRefused`, also for one that others may read (not on Windows)."""
    try:
        with path.open("rb") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                raise KeysRefused(f"{path.name} can be read by others; its mode must be 0600")
            return file.read(_LARGEST)
    except OSError as error:
        raise KeysRefused(f"{path.name} cannot be read: {(error.strerror or str(error)).lower()}") from error


def folder(path: Path) -> None:
    """Make a folder of its owner's alone. Raises `KeysRefused`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeysRefused(f"{path} cannot be made: {(error.strerror or str(error)).lower()}") from error


def _sync(path: Path) -> None:
    """Make a rename durable; Windows has no such thing and needs none."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
