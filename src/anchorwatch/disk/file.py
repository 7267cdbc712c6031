"""Writing and reading files so that a crash, a full disk or a curious neighbour does no harm.

A file is written under a name beside its own, brought to the disk, and only then given its name; the folder is brought
to the disk too. Whoever looks under the name sees the file before or the file after, at every moment.
A file that is *private* has mode 0600 from its first octet on, where the system has modes.

What the system refuses is an `OSError`; each room makes its own sentence of it, with `reason`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".writing"
"""The end of a file's name while it is written; what carries it after a crash never had its name."""
_NAME_KEPT = 100  # of the file's own name, so that the longer one beside it is not too long for the system


class NotPrivateError(PermissionError):
    """A file that its owner alone should be able to read can be read by others."""


def write(path: Path, data: bytes, *, private: bool) -> None:
    """Put these octets under that name, in place of what was there. Raises `OSError`; then nothing has changed.

    A file that is not private gets the mode that the user's umask gives (for which `tempfile` has no way).
    """
    with beside(path) as unfinished:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(unfinished, flags, 0o600 if private else 0o666), "wb") as file:
            file.write(data)


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name under which the block makes a file; at its end the file takes the name `path`, in place of what was there.

    Nothing is left of it where the block or the system raises.
    """
    unfinished = path.with_name(f".{path.name[:_NAME_KEPT]}.{secrets.token_hex(6)}{UNFINISHED}")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise


def read_private(path: Path, most: int) -> bytes:
    """The octets of a private file, and one more than `most` of a larger one. Raises `OSError`, `NotPrivateError`."""
    with path.open("rb") as file:
        if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
            raise NotPrivateError(f"{path.name} can be read by others; its mode must be 0600")
        return file.read(most + 1)


def sync(folder: Path) -> None:
    """Bring the names of a folder to the disk; Windows opens no folders and needs none of this."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: OSError) -> str:
    """Why the system refused, in its own words, to stand within a sentence."""
    return (error.strerror or str(error)).lower()
