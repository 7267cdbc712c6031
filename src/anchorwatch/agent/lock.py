"""One agent for a folder: two would sign with one key, and the portal would take them for a clone.

The lock is the system's own, on an open file, so that it ends with its process however that ends; a file whose mere
existence is the lock would outlive kill -9. Where a file system has no locks the folder is refused.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from anchorwatch.agent.error import FolderRefusedError, FolderTakenError
from anchorwatch.disk.file import reason

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK})


class Lock:
    """A lock that is held from its making until `release`."""

    def __init__(self, path: Path) -> None:
        """Raises `FolderTakenError` where another holds it, `FolderRefusedError` where there can be none."""
        try:
            self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderRefusedError(f"{path.parent} cannot be used: {reason(error)}") from error
        try:
            _take(self._handle)
        except OSError as error:
            self.release()
            if error.errno in _TAKEN:
                raise FolderTakenError(f"another agent works on {path.parent}") from None
            raise FolderRefusedError(
                f"{path.parent} cannot be locked ({reason(error)}); "
                "the agent's folder has to lie on a disk of this machine"
            ) from error

    def release(self) -> None:
        """Let the folder go; twice is no trouble."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
