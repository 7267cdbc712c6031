"""Files of keys: only their owner may read them, and none is ever replaced."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from anchorwatch.disk import file as disk
from anchorwatch.portal.error import KeysRefused

_LARGEST = 1024 * 1024


def write(path: Path, data: bytes) -> None:
    """Write a new file with mode 0600, whole or not at all. Raises `KeysRefused`."""
    if path.exists():
        raise KeysRefused(f"{path.name} is there already")
    with _told(f"{path.name} cannot be written"):
        disk.write(path, data, private=True)


def read(path: Path) -> bytes:
    """A file of ours. Raises `KeysRefused`, also for one that others may read (not on Windows)."""
    with _told(f"{path.name} cannot be read"):
        return disk.read_private(path, _LARGEST)[:_LARGEST]


def rename(path: Path, ending: str) -> None:
    """Give a file of ours another ending, so that it is no key in use any more. Raises `KeysRefused`."""
    with _told(f"{path.name} cannot be renamed"):
        path.rename(path.with_name(f"{path.name}.{ending}"))


def folder(path: Path) -> None:
    """Make a folder of its owner's alone. Raises `KeysRefused`."""
    with _told(f"{path} cannot be made"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except disk.NotPrivateError as error:
        raise KeysRefused(str(error)) from error
    except OSError as error:
        raise KeysRefused(f"{what}: {disk.reason(error)}") from error
