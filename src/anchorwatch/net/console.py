"""A conversation over an open SSH channel: commands out, what came of them back.

The thin loop around `devices.session`: it hands over octets, and says when a moment passed without any.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import asyncssh

from anchorwatch.base.secret import DOTS, Secret
from anchorwatch.devices.dialect import At, Dialect, Paste
from anchorwatch.devices.session import (
    Asked,
    Echoed,
    Event,
    Logged,
    Paged,
    Pasting,
    Printed,
    Ready,
    Session,
    Stalled,
)
from anchorwatch.net.errors import DeviceGone, PrintsTooMuch
from anchorwatch.net.target import Patience

_PIECE = 65_536
_READ_AHEAD = 1 << 20
MOST_PRINTED = 32 << 20
"""Octets that a device may print in one conversation; a show tech has a few million."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say to a question, with a line end unless `one_key`."""

    text: str | Secret
    one_key: bool = False


Reply = Callable[[Asked, Sequence[str]], Answer | None]
"""Given a question and the lines printed since the command: the answer, or None to leave it unanswered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of one command; one of `at`, `asked`, `pasting` and `stalled` tells how it stands now.

    `lines` is the output without echo and log lines; `late` are lines that came before the echo, so they belong to
    what was typed before. `failure` is the first line that says that the command failed, "" where none does. `asked`
    is a question that was left unanswered. `echoed` is False where nobody saw the command arrive.
    """

    command: str
    lines: tuple[str, ...]
    late: tuple[str, ...] = ()
    failure: str = ""
    at: At | None = None
    asked: Asked | None = None
    pasting: Paste | None = None
    stalled: str | None = None
    echoed: bool = True


class Wire(asyncssh.SSHClientSession[bytes]):
    """The octets of one channel until somebody takes them; a device that prints faster is held back."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.ended = False
        self._octets = bytearray()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._held = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:  # noqa: ARG002 - both are shown
        self._octets += data
        self.came.set()
        if len(self._octets) > _READ_AHEAD and not self._held and self._channel is not None:
            self._held = True
            self._channel.pause_reading()

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - that it is gone is enough
        self._end()

    def _end(self) -> None:
        self.ended = True
        self.came.set()

    def take(self) -> bytes:
        """What has come, a piece at a time."""
        piece = bytes(self._octets[:_PIECE])
        del self._octets[:_PIECE]
        if not self._octets:
            if not self.ended:
                self.came.clear()
            if self._held and self._channel is not None:
                self._held = False
                self._channel.resume_reading()
        return piece


class Console:
    """A device's command line, open; close it, or use it as an asynchronous context.

    `hear` is given every line of the transcript as it comes, secrets that were typed masked. Everything here raises
    `DeviceGone` when the connection is lost, and `PrintsTooMuch`.
    """

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        channel: asyncssh.SSHClientChannel[bytes],
        wire: Wire,
        speaks: Dialect,
        *,
        patience: Patience,
        hear: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._wire = wire
        self._session = Session(speaks)
        self._patience = patience
        self._hear = hear
        self._events: deque[Event] = deque()
        self._asked_quiet = False
        self._printed = 0
        self._secrets: list[Secret] = []

    @property
    def speaks(self) -> Dialect:
        """The dialect it is taken to speak; to be replaced when something else turns out."""
        return self._session.speaks

    @speaks.setter
    def speaks(self, dialect: Dialect) -> None:
        self._session.speaks = dialect

    async def greeting(self) -> Said:
        """What the device says by itself until it waits for somebody."""
        return await self._until("", None, self._patience.connect.total_seconds())

    async def say(
        self,
        text: str,
        *,
        reply: Reply | None = None,
        secrets: Iterable[Secret] = (),
        silence: float | None = None,
    ) -> Said:
        """Type one command and wait until the device waits; `silence` is how many seconds it may say nothing.

        `secrets` are those that stand in the text: they are dots wherever the command or an answer to it is shown.
        """
        self._secrets += [each for each in secrets if each and each not in self._secrets]
        shown = self._masked(text)
        await self._send(self._session.command(text, shown=shown))
        return await self._until(shown, reply, silence)

    async def paste(self, lines: Sequence[str], terminator: str, *, reply: Reply | None = None) -> Said:
        """Give a device that is pasting its lines, each after it took the one before; it may end that at any line."""
        printed: tuple[str, ...] = ()
        for line in lines:
            await self._send(self._session.pasted(line))
            said = await self._until(line, None, None)
            printed += said.lines
            if said.pasting is None:
                return replace(said, lines=printed)
        await self._send(self._session.pasted(terminator, last=True))
        said = await self._until(terminator, reply, None)
        return replace(said, lines=printed + said.lines)

    async def interrupt(self) -> Said:
        """Ctrl-C: give up what is asked or printed, and see whether the device waits for a command then."""
        await self._send(self._session.interrupt())
        return await self._until("^C", None, 3.0)

    async def close(self) -> None:
        """Hang up; what was typed and not confirmed by the device is left to its own rules."""
        with contextlib.suppress(asyncssh.Error, OSError):
            self._channel.close()
            self._connection.close()
            await asyncio.wait_for(self._connection.wait_closed(), 3)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret.reveal(), DOTS)
        return text

    async def _send(self, octets: bytes) -> None:
        if self._wire.ended:
            raise self._gone()
        self._asked_quiet = False
        try:
            self._channel.write(octets)
        except OSError:
            raise self._gone() from None

    def _gone(self) -> DeviceGone:
        return DeviceGone(
            "the device closed the connection",
            "it may have restarted, or its idle time-out is shorter than a command takes",
        )

    async def _until(self, shown: str, reply: Reply | None, silence: float | None) -> Said:
        """Collect events until the device waits for something that `reply` has no answer to."""
        lines: list[str] = []
        late: list[str] = []
        failure = ""

        def so_far() -> Said:
            return Said(command=shown, lines=tuple(lines), late=tuple(late), failure=failure)

        over = time.monotonic() + self._patience.command.total_seconds()
        while True:
            event = await self._next(silence or self._patience.silence.total_seconds(), over)
            match event:
                case Printed():
                    text = self._masked(event.text)
                    self._hear(text)
                    if event.late:
                        late.append(text)
                        continue
                    lines.append(text)
                    failure = failure or (text.strip() if self.speaks.failure(text) else "")
                case Logged():
                    self._hear(self._masked(event.text))
                case Echoed():
                    self._hear(f"{event.before}{self._masked(event.typed)}")
                case Paged():
                    await self._send(self._session.key(self.speaks.pager.next_page))
                case Asked():
                    answer = reply(event, lines) if reply is not None else None
                    if answer is None:
                        return replace(so_far(), asked=event)
                    await self._answer(answer)
                case Pasting():
                    return replace(so_far(), pasting=event.paste)
                case Ready():
                    return replace(so_far(), at=event.at, echoed=event.echoed)
                case Stalled():
                    return replace(so_far(), stalled=self._masked(event.text), echoed=False)

    async def _answer(self, answer: Answer) -> None:
        text = answer.text
        if isinstance(text, Secret):
            self._secrets += [text] if text and text not in self._secrets else []
            text = text.reveal()
        await self._send(self._session.answer(text, one_key=answer.one_key))

    async def _next(self, silence: float, over: float) -> Event:
        """The next thing that happened; silence and time that is over are things that happen."""
        moment = self._patience.moment.total_seconds()
        while not self._events:
            left = over - time.monotonic()
            wait = min(moment if not self._asked_quiet else silence, left)
            if not self._wire.came.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wire.came.wait(), max(wait, 0.001))
            octets = self._wire.take()
            if octets:
                self._asked_quiet = False
                self._printed += len(octets)
                if self._printed > MOST_PRINTED:
                    raise PrintsTooMuch(f"the device printed more than {MOST_PRINTED >> 20} MB")
                self._events += self._session.feed(octets)
            elif self._wire.ended:
                raise self._gone()
            elif left <= 0 or self._asked_quiet:
                self._events += self._session.expired()
            else:
                self._asked_quiet = True
                self._events += self._session.quiet()
        return self._events.popleft()
