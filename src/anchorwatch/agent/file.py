"""Files of the agent alone: mode 0600, written whole or not at all, and what goes wrong in this room's words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from anchorwatch.agent.error import FolderRefusedError
from anchorwatch.disk import file as disk

LARGEST = 4 * 1024 * 1024
"""More than the state may ever be: 8 requests of 256 kB, 64 incidents, a bundle and a grant."""


def write(path: Path, data: bytes) -> None:
    """Put these octets under that name, in place of what was there. Raises `FolderRefusedError`; then nothing changed."""
    with _told(path, "written"):
        disk.write(path, data, private=True)


def read(path: Path) -> bytes | None:
    """The octets under a name, None where there is no such file.

    Raises `FolderRefusedError`, also for a file that others may read (where the system has such modes) or that is
    larger than anything written here.
    """
    with _told(path, "read"):
        try:
            data = disk.read_private(path, LARGEST)
        except FileNotFoundError:
            return None
    if len(data) > LARGEST:
        raise FolderRefusedError(f"{path.name} is larger than {LARGEST} octets, so it is not the agent's")
    return data


def move(source: Path, target: Path) -> None:
    """Give a file another name, in place of what had it; a source that is not there is no trouble."""
    with _told(source, "renamed"), contextlib.suppress(FileNotFoundError):
        source.replace(target)
        disk.sync(target.parent)


def erase(path: Path) -> None:
    """Remove a file; one that is not there is no trouble. Raises `FolderRefusedError`."""
    with _told(path, "erased"), contextlib.suppress(FileNotFoundError):
        path.unlink()
        disk.sync(path.parent)


@contextlib.contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except disk.NotPrivateError as error:
        raise FolderRefusedError(str(error)) from error
    except OSError as error:
        raise FolderRefusedError(f"{path.name} cannot be {what}: {disk.reason(error)}") from error
