"""A port that drops what comes: connections to it are neither accepted nor refused, and time out.

A firewall in between drops a packet. Unprivileged, the same is had of a listening socket whose queue is full: the
kernel answers no further SYN (Linux with its defaults). Where a system does not do so, `Silence.where` is None.
"""

from __future__ import annotations

import contextlib
import socket

from anchorwatch.net.endpoint import Endpoint

# The kernel keeps one more than asked for; a few more are tried, since what counts as full differs.
_FILLING = 4
_PATIENCE = 0.15


class Silence:
    """Such a port on loopback, from its making until `close`; also a context manager."""

    def __init__(self) -> None:
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._waiting: list[socket.socket] = []
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(0)
        address = self._listening.getsockname()
        self.where = Endpoint("127.0.0.1", address[1]) if self._filled(address) else None

    def _filled(self, address: tuple[str, int]) -> bool:
        """Fill the queue; whether the next connection is left without an answer."""
        for _ in range(_FILLING):
            waiting = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            waiting.settimeout(_PATIENCE)
            self._waiting.append(waiting)
            try:
                waiting.connect(address)
            except TimeoutError:
                return True
            except OSError:
                return False
        return False

    def close(self) -> None:
        """Free the port."""
        for each in (*self._waiting, self._listening):
            with contextlib.suppress(OSError):
                each.close()

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
