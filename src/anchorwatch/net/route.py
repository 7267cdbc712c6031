"""From a name to an open TCP connection.

Names are resolved in a thread of its own, because the system's resolver knows no time limit. Addresses are
tried in the resolver's order with the families interleaved; while one is silent the next is started
(RFC 8305, without its memory), so that a dead IPv6 route costs a quarter of a second and not the whole time.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import queue
import selectors
import socket
import threading
from dataclasses import dataclass
from itertools import chain, zip_longest

from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline
from anchorwatch.net.outcome import Unreachable

# RFC 8305 §5: "a recommended value is 250 milliseconds".
_HEAD_START = 0.25
# A name with hundreds of addresses is not tried to its end.
_MOST_ADDRESSES = 16

_FAMILIES: frozenset[int] = frozenset({socket.AF_INET, socket.AF_INET6})
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_NO_ROUTE |= {getattr(errno, name) for name in ("WSAENETUNREACH", "WSAEHOSTUNREACH") if hasattr(errno, name)}
_UNDER_WAY = {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EALREADY, 10035}


@dataclass(frozen=True, slots=True)
class Address:
    """One address to connect to, as the socket library wants it."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def host(self) -> str:
        """The address alone, without a zone."""
        return self.sockaddr[0].partition("%")[0]

    def __str__(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(endpoint: Endpoint, deadline: Deadline) -> tuple[Address, ...] | Unreachable:
    """Look an endpoint up; the addresses in the order in which to try them, never none."""
    literal = _literal(endpoint)
    if literal is not None:
        return (literal,)
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:
            answers.put(problem if isinstance(problem, OSError) else OSError(str(problem)))
            return
        addresses = [
            Address(family, sockaddr)  # type: ignore[arg-type]  # the two families have these shapes
            for family, _, _, _, sockaddr in found
            if family in _FAMILIES
        ]
        answers.put(list(dict.fromkeys(addresses)))

    threading.Thread(target=ask, name=f"resolve {endpoint.host}", daemon=True).start()
    try:
        answer = answers.get(timeout=max(deadline.patience, 0.001))
    except queue.Empty:
        words = f"the name {endpoint.host} was not resolved in time: no name server answered"
        return Unreachable(stage="resolve", words=words, timed_out=True)
    if isinstance(answer, OSError):
        return Unreachable(
            stage="resolve", words=f"the name {endpoint.host} has no address: {_own_words(answer)}"
        )
    if not answer:
        return Unreachable(stage="resolve", words=f"the name {endpoint.host} has no IPv4 or IPv6 address")
    return _interleaved(answer)


def _literal(endpoint: Endpoint) -> Address | None:
    """An IPv4 address needs no resolver, and so no thread; None for everything else (zones are the system's matter)."""
    try:
        host = str(ipaddress.IPv4Address(endpoint.host))
    except ValueError:
        return None
    return Address(socket.AF_INET, (host, endpoint.port))


def connect_tcp(endpoint: Endpoint, deadline: Deadline) -> tuple[socket.socket, Address] | Unreachable:
    """Open a TCP connection; the socket is non-blocking."""
    addresses = resolve(endpoint, deadline)
    if isinstance(addresses, Unreachable):
        return addresses
    return _Race(endpoint, list(addresses), deadline).run()


class _Race:
    """Connections under way to the addresses of one name; the first to stand wins."""

    def __init__(self, endpoint: Endpoint, addresses: list[Address], deadline: Deadline) -> None:
        self._endpoint = endpoint
        self._waiting = addresses
        self._deadline = deadline
        self._failures: list[tuple[Address, OSError]] = []
        self._selector = selectors.DefaultSelector()

    def run(self) -> tuple[socket.socket, Address] | Unreachable:
        winner: socket.socket | None = None
        try:
            while winner is None and not self._deadline.over:
                if self._waiting:
                    self._start(self._waiting.pop(0))
                if not self._selector.get_map():
                    if not self._waiting:
                        return self._refusal()
                    continue
                wait = min(_HEAD_START, self._deadline.left) if self._waiting else self._deadline.patience
                ready = self._selector.select(wait)
                if not ready and not self._waiting:
                    break
                for key, _ in ready:
                    assert isinstance(key.fileobj, socket.socket)
                    if winner is None and self._stands(key.fileobj, key.data):
                        winner = key.fileobj
                        address: Address = key.data
            if winner is None:
                return self._refusal()
            return winner, address
        finally:
            for key in list(self._selector.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                if key.fileobj is not winner:
                    key.fileobj.close()
            self._selector.close()

    def _start(self, address: Address) -> None:
        connection = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            code = connection.connect_ex(address.sockaddr)
        except (OSError, OverflowError, UnicodeError) as problem:
            connection.close()
            self._failures.append((address, OSError(getattr(problem, "errno", None), str(problem))))
            return
        if code and code not in _UNDER_WAY:
            connection.close()
            self._failures.append((address, OSError(code, os.strerror(code))))
            return
        self._selector.register(connection, selectors.EVENT_WRITE, address)

    def _stands(self, connection: socket.socket, address: Address) -> bool:
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code:
            return True
        self._selector.unregister(connection)
        connection.close()
        self._failures.append((address, OSError(code, os.strerror(code))))
        return False

    def _refusal(self) -> Unreachable:
        silent = [str(key.data) for key in self._selector.get_map().values()]
        if silent or not self._failures:
            where = ", ".join(silent) or str(self._endpoint)
            words = f"{where} did not answer to a TCP connection in time"
            return Unreachable(stage="tcp", words=words, timed_out=True)
        told = "; ".join(
            _own_words(problem)
            if str(address) == str(self._endpoint)
            else f"{address}: {_own_words(problem)}"
            for address, problem in self._failures
        )
        if all(problem.errno in _NO_ROUTE for _, problem in self._failures):
            return Unreachable(stage="route", words=f"there is no route to {self._endpoint.host} ({told})")
        return Unreachable(stage="tcp", words=f"no TCP connection ({told})")


def _interleaved(addresses: list[Address]) -> tuple[Address, ...]:
    """Alternate between the families, beginning with the family of the first (RFC 8305 §4)."""
    first = [address for address in addresses if address.family == addresses[0].family]
    other = [address for address in addresses if address.family != addresses[0].family]
    mixed = chain.from_iterable(zip_longest(first, other))
    return tuple(address for address in mixed if address is not None)[:_MOST_ADDRESSES]


def _own_words(problem: OSError) -> str:
    return (problem.strerror or str(problem)).lower()
