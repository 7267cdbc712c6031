"""A device behind a real SSH server on loopback, which says what a script says.

    async def talk(io):
        line = await io.line("asa-3# ")
        io.print("of " + line)

    with SshDevice(talk) as device: ...

It echoes when it reads a line, as the devices do, not when octets arrive. It runs in a thread with a loop of its own,
so that what is tested may have a loop too.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import asyncssh

USER = "admin"
PASSWORD = "correct horse"


class Io:
    """The device's side of one session."""

    def __init__(self) -> None:
        self.channel: asyncssh.SSHServerChannel[bytes] | None = None
        self.octets = bytearray()
        self.came = asyncio.Event()
        self.ended = False
        self.typed: list[str] = []

    def raw(self, data: bytes) -> None:
        assert self.channel is not None
        self.channel.write(data)

    def print(self, text: str = "") -> None:
        """A line, or several."""
        self.raw(text.replace("\n", "\r\n").encode() + b"\r\n")

    async def key(self) -> str:
        """One octet that was typed, as a character; raises `EOFError` when the client is gone."""
        while not self.octets:
            if self.ended:
                raise EOFError
            self.came.clear()
            await self.came.wait()
        return chr(self.octets.pop(0))

    async def line(self, prompt: str, *, echo: bool = True) -> str:
        """A line that was typed at a prompt, echoed as it is read."""
        self.raw(prompt.encode())
        read = ""
        while True:
            key = await self.key()
            if key in "\r\n":
                self.raw(b"\r\n")
                self.typed.append(read)
                return read
            if key == "\x03":
                self.raw(b"^C\r\n")
                self.typed.append("^C")
                return ""
            if key != "\0":
                read += key
                if echo:
                    self.raw(key.encode("latin-1"))

    def hang_up(self) -> None:
        assert self.channel is not None
        self.channel.abort()


Talk = Callable[[Io], Awaitable[None]]
Answers = Mapping[str, str | Callable[[Io], Awaitable[None]]]


def command_line(host: str, answers: Answers, *, enable: str | None = None) -> Talk:
    """An ASA that knows some commands; `enable` is the password of the privileged mode, None where login ends there."""

    async def talk(io: Io) -> None:
        io.print(f"User {USER} logged in to {host}\nType help or '?' for a list of available commands.")
        end = ">" if enable is not None else "#"
        mode = ""
        while True:
            line = (await io.line(f"{host}{mode}{end} ")).strip()
            if not line:
                continue
            if line == "enable" and enable is not None:
                word = await io.line("Password: ", echo=False)
                end = "#" if word == enable else end
                if end == ">":
                    io.print("Invalid password")
            elif line == "configure terminal":
                mode = "(config)"
            elif line in {"exit", "end"} and mode:
                mode = ""
            elif line == "exit":
                return
            elif line == "terminal pager 0":
                continue
            elif line in answers:
                answer = answers[line]
                if isinstance(answer, str):
                    io.print(answer) if answer else None
                else:
                    await answer(io)
            else:
                io.print(f"{' ' * len(host)}^\nERROR: % Invalid input detected at '^' marker.")

    return talk


class _Session(asyncssh.SSHServerSession[bytes]):
    def __init__(self, device: SshDevice) -> None:
        self._device = device
        self._io = Io()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._io.channel = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        self._device.sessions.append(self._io)
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            await self._device.talk(self._io)
        with contextlib.suppress(OSError):
            assert self._io.channel is not None
            self._io.channel.exit(0)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - the library's signature
        self._io.octets += data
        self._io.came.set()

    def eof_received(self) -> bool:
        self._io.ended = True
        self._io.came.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library's signature
        self._io.ended = True
        self._io.came.set()


class _Server(asyncssh.SSHServer):
    def __init__(self, device: SshDevice) -> None:
        self._device = device

    def password_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return self._device.kbdint

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:  # noqa: ARG002 - the library's signature
        return ("", "", "", [("Password:", False)])

    def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return self.validate_password(username, responses[0])

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - the library's signature
        if self._device.client_key:
            assert self._connection is not None
            keys = asyncssh.import_authorized_keys(self._device.client_key)
            self._connection.set_authorized_keys(keys)
        return True

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection: asyncssh.SSHServerConnection | None = conn
        self._device.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library's signature
        if self._connection is not None:
            self._device.connections.discard(self._connection)

    def validate_password(self, username: str, password: str) -> bool:
        self._device.passwords.append((username, password))
        return (username, password) == (USER, PASSWORD)

    def session_requested(self) -> Any:
        return _Session(self._device) if self._device.serves else False

    def connection_requested(self, *_: Any) -> bool:
        return self._device.forwards


class SshDevice:
    """A device that listens on loopback while it is entered."""

    def __init__(
        self,
        talk: Talk,
        *,
        kbdint: bool = False,
        client_key: str = "",
        serves: bool = True,
        forwards: bool = False,
        key: asyncssh.SSHKey | None = None,
        **options: Any,
    ) -> None:
        self.talk = talk
        self.kbdint = kbdint
        self.client_key = client_key
        self.serves = serves
        self.forwards = forwards
        self.key = key or asyncssh.generate_private_key("ssh-ed25519")
        self.options = options
        self.sessions: list[Io] = []
        self.passwords: list[tuple[str, str]] = []
        self.port = 0
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def typed(self) -> list[str]:
        """Every line that anybody typed, in order."""
        return [line for io in self.sessions for line in io.typed]

    @property
    def url(self) -> str:
        return f"ssh://{USER}@127.0.0.1:{self.port}"

    def known_hosts(self, folder: Path) -> Path:
        """A file that knows this device's key."""
        file = folder / "known_hosts"
        public = " ".join(self.key.export_public_key().decode().split()[:2])
        with file.open("a") as opened:
            opened.write(f"[127.0.0.1]:{self.port} {public}\n")
        return file

    async def _listen(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Server(self),
            server_host_keys=[self.key],
            line_editor=False,
            encoding=None,
            **self.options,
        )
        self.port = self._acceptor.get_port()

    async def _close(self) -> None:
        assert self._acceptor is not None
        self._acceptor.close()
        await self._acceptor.wait_closed()
        for connection in tuple(self.connections):
            connection.abort()
        await asyncio.sleep(0.02)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
