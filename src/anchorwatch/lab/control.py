"""How a running town is told what to do: one question a connection, on a local socket that only its owner can use.

The question is one line of JSON, ``{"do": WORD, …}``. The answer is lines of JSON: any number of ``{"progress": TEXT}``,
then one ``{"done": {…}}`` or ``{"refused": SENTENCE}``. The socket lies in the town's folder, which nobody else can
enter, and who connects is checked besides where the system tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "control"
_LONGEST_PATH = 100
_LONGEST_LINE = 4 * 1024 * 1024
_QUESTION_SECONDS = 10

Tell = Callable[[str], None]
Handle = Callable[[Mapping[str, Any], Tell], Awaitable[Mapping[str, Any]]]


class ControlError(Exception):
    """A town did not do what it was asked; the message is one sentence."""


class NotRunningError(ControlError):
    """There is no town at work in that folder."""


class RefusedError(ControlError):
    """The town said no, and why."""


class Control:
    """The town's side. `handle` answers one question; what it raises as `RefusedError` is told to whoever asked."""

    def __init__(self, folder: Path, handle: Handle) -> None:
        self._folder = folder
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen. Raises `OSError`."""
        path = self._folder / NAME
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with _reachable(self._folder) as where:
            self._server = await asyncio.start_unix_server(self._serve, path=where, limit=_LONGEST_LINE)
        path.chmod(0o600)

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(OSError):
            (self._folder / NAME).unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()

        def send(answer: Mapping[str, Any]) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(answer).encode("ascii") + b"\n")

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(send, {"progress": text})

        # Whoever asks may go away at any time; the town goes on.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            if not _is_owner(writer.get_extra_info("socket")):
                return
            try:
                async with asyncio.timeout(_QUESTION_SECONDS):
                    line = await reader.readline()
                question = json.loads(line)
                if not isinstance(question, dict):
                    raise RefusedError("a question is an object")
                answer: Mapping[str, Any] = {"done": await self._handle(question, tell)}
            except RefusedError as error:
                answer = {"refused": str(error)}
            except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
                answer = {"refused": "a question is one line of JSON"}
            # After the progress that other threads have put on the loop.
            await asyncio.sleep(0)
            send(answer)
            await writer.drain()
        writer.close()


def ask(
    folder: Path, question: Mapping[str, Any], *, told: Tell = lambda _: None, seconds: float | None = None
) -> dict[str, Any]:
    """Ask the town in a folder, and wait for its answer; `told` hears how far it is.

    Raises `NotRunningError`, `RefusedError`, and `ControlError` where the town went away meanwhile.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        try:
            with _reachable(folder) as where:
                connection.connect(where)
        except OSError:
            raise NotRunningError(f"no town is at work in {folder}") from None
        try:
            connection.sendall(json.dumps(question).encode("ascii") + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    match json.loads(line):
                        case {"progress": str() as text}:
                            told(text)
                        case {"refused": str() as sentence}:
                            raise RefusedError(sentence)
                        case {"done": dict() as answer}:
                            return answer
                        case _:
                            break
        except (OSError, ValueError) as error:
            raise ControlError(f"the town in {folder} stopped answering: {error}") from error
    finally:
        connection.close()
    raise ControlError(f"the town in {folder} ended before it had answered")


@contextlib.contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """The socket's path, in a form short enough for the system. Raises `OSError`."""
    path = str(folder / NAME)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    # The name of a socket has about a hundred octets; by an open folder every path is short, where the system has it.
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}"
    finally:
        os.close(handle)


def _is_owner(connection: socket.socket) -> bool:
    """Whether the other side is the same user, as far as the system tells."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return bool(user == os.getuid())
