"""Files of the agent alone: mode 0600, written whole or not at all, and on disk before the call returns."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from anchorwatch.agent.error import FolderRefusedError

LARGEST = 4 * 1024 * 1024
"""More than the state may ever be: 8 requests of 256 kB, 64 incidents, a bundle and a grant."""

TEMPORARY = ".writing"
"""The end of a file's name while it is written."""


def write(path: Path, data: bytes) -> None:
    """Put these octets under that name, in place of what was there. Raises `FolderRefusedError`; then nothing changed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise refused(path, "written", error) from error


def read(path: Path) -> bytes | None:
    """The octets under a name, None where there is no such file.

    Raises `FolderRefusedError`, also for a file that others may read (where the system has such modes) or that is
    larger than anything written here.
    """
    try:
        with path.open("rb") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                raise FolderRefusedError(f"{path.name} can be read by others; its mode must be 0600")
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refused(path, "read", error) from error
    if len(data) > LARGEST:
        raise FolderRefusedError(f"{path.name} is larger than {LARGEST} octets, so it is not the agent's")
    return data


def move(source: Path, target: Path) -> None:
    """Give a file another name, in place of what had it; a source that is not there is no trouble."""
    try:
        source.replace(target)
        sync(target.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(source, "renamed", error) from error


def erase(path: Path) -> None:
    """Remove a file; one that is not there is no trouble. Raises `FolderRefusedError`."""
    try:
        path.unlink()
        sync(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(path, "erased", error) from error


def refused(path: Path, what: str, error: OSError) -> FolderRefusedError:
    """The error for what the system did not let us do."""
    return FolderRefusedError(f"{path.name} cannot be {what}: {(error.strerror or str(error)).lower()}")


def sync(folder: Path) -> None:
    """Make a rename durable; Windows has no such thing and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
