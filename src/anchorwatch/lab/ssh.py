"""The SSH server before the virtual devices: one socket for all of them.

Every device has an address of its own in 127.0.0.0/8; which one is meant is told by the address that was called. The
socket is bound to the loopback interface as such, so the kernel refuses whoever comes from outside, whatever address
he calls. Host keys are a device's own and are kept.

What clients expect of a device is the contract (see docs/explanation): echo when the line is read, a password prompt
that is the client's own, NUL ignored, one shell with or without a terminal, and no command channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncssh

from anchorwatch.lab.machine import Login
from anchorwatch.lab.shell import Shell
from anchorwatch.lab.terminal import Terminal

VERSION = "Cisco-1.25"
MOST_OF_ONE_DEVICE = 5
"""Sessions that a device serves at once."""
MOST_UNPROVEN = 512
"""Connections that have not logged in yet; more are closed at once, so that nobody fills the table with half-open ones."""
LOGIN_SECONDS = 30
_SO_BINDTODEVICE = 25
_BREATH = 0.1
# AES-GCM first: it costs a third less of the processor than the default of this library.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
_KEX = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
)

Opens = Callable[
    [Callable[[bytes], None], Callable[[], None], Callable[[], None], str], tuple[Terminal, Shell[Any]]
]


@dataclass(slots=True, kw_only=True)
class Door:
    """One device as SSH sees it: who may come in, its host key, and how a session is opened.

    `opens` is given what sends octets, what holds the client back, what lets it go on, and the user.
    """

    login: Login
    host_key: asyncssh.SSHKey
    opens: Opens
    commands: bool = False
    """Whether ``ssh device 'command'`` is served; the ASA of the document refuses it."""
    sessions: set[_Session] = field(default_factory=set)
    options: asyncssh.SSHServerConnectionOptions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.options = asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Server(self),
            server_host_keys=[self.host_key],
            line_editor=False,
            encoding=None,
            kbdint_auth=False,
            server_version=VERSION,
            login_timeout=LOGIN_SECONDS,
            encryption_algs=_CIPHERS,
            kex_algs=_KEX,
            allow_scp=False,
            agent_forwarding=False,
            x11_forwarding=False,
            gss_host=None,
        )


class Gate:
    """The listening socket. `doors` are the devices by their address; they may come and go while it is open."""

    def __init__(self, doors: Mapping[str, Door]) -> None:
        self.doors = doors
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._unproven: set[asyncio.Task[None]] = set()
        self._connections: set[asyncssh.SSHServerConnection] = set()

    def open(self, *, port: int, outside: str | None = None) -> int:
        """Listen, on loopback alone unless `outside` names an address; returns the port. Raises `OSError`."""
        self._listening = _socket(port, outside)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(self._listening))
        return int(self._listening.getsockname()[1])

    @property
    def unproven(self) -> int:
        """How many connections have not logged in yet."""
        return len(self._unproven)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What is listened on."""
        return () if self._listening is None else (self._listening,)

    async def close(self) -> None:
        """Close the socket and every session."""
        going = [*self._unproven, *([self._accepting] if self._accepting else [])]
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        for connection in tuple(self._connections):
            connection.abort()
        if self._listening is not None:
            self._listening.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:
                # Out of descriptors, or the client was gone before it was met: the next one may be luckier.
                await asyncio.sleep(_BREATH)
                continue
            door = self.doors.get(connection.getsockname()[0])
            if door is None or len(self._unproven) >= MOST_UNPROVEN:
                connection.close()
                continue
            task = loop.create_task(self._serve(connection, door))
            self._unproven.add(task)
            task.add_done_callback(self._unproven.discard)

    async def _serve(self, connection: socket.socket, door: Door) -> None:
        """Shake hands and log in; the session goes on by itself afterwards."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Whatever a client says before it has logged in ends in its own connection only.
        with contextlib.suppress(asyncssh.Error, OSError):
            server = await asyncssh.run_server(connection, options=door.options)
            self._connections.add(server)
            with contextlib.suppress(KeyError):
                server.get_extra_info("ended").append(lambda: self._connections.discard(server))


class _Server(asyncssh.SSHServer):
    def __init__(self, door: Door) -> None:
        self._door = door
        self._connection: asyncssh.SSHServerConnection | None = None
        self._ended: list[Callable[[], None]] = []

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        conn.set_extra_info(ended=self._ended)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended is the client's business
        for told in self._ended:
            told()

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody has to show who he is
        if self._connection is not None and self._door.login.keys:
            with contextlib.suppress(asyncssh.KeyImportError, ValueError):
                keys = asyncssh.import_authorized_keys("\n".join(self._door.login.keys))
                self._connection.set_authorized_keys(keys)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        login = self._door.login
        # Both are compared, in the same time whatever was wrong.
        name = hmac.compare_digest(username.encode(), login.user.encode())
        word = hmac.compare_digest(password.encode(), login.password.reveal().encode())
        return name and word

    def session_requested(self) -> asyncssh.SSHServerSession[bytes] | bool:
        if self._connection is None or len(self._door.sessions) >= MOST_OF_ONE_DEVICE:
            return False
        return _Session(self._door, self._connection.get_extra_info("username"))


class _Session(asyncssh.SSHServerSession[bytes]):
    def __init__(self, door: Door, user: str) -> None:
        self._door = door
        self._user = user
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._terminal: Terminal | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._door.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library's signature
        self._door.sessions.discard(self)
        if self._terminal is not None:
            self._terminal.hang_up()
        if self._task is not None:
            self._task.cancel()

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - the library's signature
        return self._door.commands

    def subsystem_requested(self, subsystem: str) -> bool:  # noqa: ARG002 - the library's signature
        return False

    def session_started(self) -> None:
        channel = self._channel
        assert channel is not None, "a session starts after its channel was made"
        self._terminal, shell = self._door.opens(
            channel.write, channel.pause_reading, channel.resume_reading, self._user
        )
        command = channel.get_command()
        if command is not None:
            self._terminal.feed(command.encode() + b"\n")
            self._terminal.hang_up()
        self._task = asyncio.get_running_loop().create_task(self._run(shell))

    async def _run(self, shell: Shell[Any]) -> None:
        channel = self._channel
        assert channel is not None, "a session starts after its channel was made"
        try:
            await shell.run()
        finally:
            # The client may have gone already.
            with contextlib.suppress(OSError):
                channel.exit(0)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - the library's signature
        if self._terminal is not None:
            self._terminal.feed(data)

    def eof_received(self) -> bool:
        if self._terminal is not None:
            self._terminal.hang_up()
        return True

    def break_received(self, msec: int) -> bool:  # noqa: ARG002 - the library's signature
        return True


def _socket(port: int, outside: str | None) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if outside is None:
            # So that the kernel itself refuses outsiders; allowed to everybody since Linux 5.7.
            listening.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, b"lo\0")
        listening.bind((outside or "0.0.0.0", port))  # noqa: S104 - all of 127.0.0.0/8, on the loopback interface
        listening.listen(4096)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
