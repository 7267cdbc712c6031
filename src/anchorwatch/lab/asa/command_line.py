"""The command line of an ASA: modes, prompts, and what every mode knows.

A line is looked for in the mode one is in, then in the modes above it, and last among the commands for looking, which
every privileged mode knows. A command of a configuration mode above leaves the sub-mode, as it does on a device.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping

from anchorwatch.devices import dialect
from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.lab import taught
from anchorwatch.lab.asa.body import DEBUG
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.grammar import Command, Grammar, Misread
from anchorwatch.lab.shell import LeaveError, Says, Shell, Typed
from anchorwatch.lab.terminal import Pager, Terminal

DIALECT = dialect.of(Platform.ASA)
PAGER = Pager(text=DIALECT.pager.mark, wipe=DIALECT.pager.wipe)
PRIVILEGED = "privileged"
CONFIGURATION = "configuration"
EVERYWHERE = tuple(mode.name for mode in DIALECT.modes)
CONFIGURING = tuple(name for name in EVERYWHERE if name not in ("user", PRIVILEGED))

_LOOKING = ("show", "help", "ping", "more", "dir", "terminal", "exit", "quit", "end", "enable", "disable", "login", "logout")  # fmt: skip
_HIDDEN = re.compile(
    r"(?P<before>\b(?:idtoken|password|secret|community|pre-shared-key|key)\s+)\S+", re.IGNORECASE
)
FULL = "ERROR: No more of these can be configured"
"""What is said where a list has reached its length: nobody fills a device by typing."""


class Commands(taught.Commands):
    """The commands of one subject of an ASA; each module of this package fills one, `grammars` joins them."""

    usual = (PRIVILEGED,)


class CommandLine(Shell[Asa]):
    """A session on an ASA. `subject` is what a sub-mode is about: the name of a trustpoint, of a profile."""

    def __init__(self, machine: Asa, terminal: Terminal, *, user: str) -> None:
        super().__init__(machine, terminal, user=user)
        self.mode = "user"
        self.subject = ""
        self.typed: list[str] = []
        """What was typed, for ``show history``."""
        self.monitoring = False
        terminal.page = machine.running.pager

    @property
    def prompt(self) -> str:
        """The prompt of the mode, by the host name the device has now."""
        return DIALECT.render(self.mode, self.machine.running.hostname)

    @property
    def grammar(self) -> Grammar[Callable[..., Says]]:
        """What the mode knows of its own."""
        return self.known[self.mode]

    @property
    @abstractmethod
    def known(self) -> Mapping[str, Grammar[Callable[..., Says]]]:
        """What every mode knows."""

    def greeting(self) -> str:
        """The banner, and the lines after a login."""
        banner = "".join(f"{line}\n" for line in self.machine.running.banner)
        host = self.machine.running.hostname
        return f"{banner}User {self.user} logged in to {host}\nType help or '?' for a list of available commands.\n"

    def misread(self, fault: Misread) -> str:
        """The caret under what was not understood, and the sentence."""
        said = DIALECT.errors[fault.fault]
        if fault.fault != "invalid":
            return f'{said}:  "{fault.word}"' if fault.fault == "ambiguous" else said
        return " " * (len(self.prompt) + fault.column) + f"^\n{said}"

    def read(self, line: str) -> Typed | Misread:
        """The command a line is, in this mode or in one above; the mode follows."""
        faults: list[Misread] = []
        for mode in self._above():
            found = self.known[mode].read(line)
            if isinstance(found, Command):
                if mode not in ("user", PRIVILEGED) and mode != self.mode:
                    self.enter(mode)
                self._record(line, found)
                return found
            faults.append(found)
        return max(faults, key=lambda fault: (fault.column, fault.fault != "invalid"))

    def explain(self, line: str) -> str:
        """What ``?`` prints: what this mode knows, else what the modes above know."""
        for mode in self._above():
            options = self.known[mode].options(line)
            if options is None:
                continue
            if line and not line[-1].isspace():
                return "  " + "  ".join(word for word, _ in options)
            return "\n".join(f"  {word:<20} {said}".rstrip() for word, said in options)
        return self.misread(Misread(fault="invalid", column=len(line), word=""))

    def _above(self) -> Iterator[str]:
        mode = DIALECT.mode(self.mode)
        yield mode.name
        while mode.parent not in ("", "user"):
            mode = DIALECT.mode(mode.parent)
            yield mode.name

    def _record(self, line: str, found: Typed) -> None:
        hidden = masked(line.strip())
        self.typed = [*self.typed[-19:], hidden]
        if not found.words or found.words[0] in _LOOKING:
            return
        self.machine.tell("111008", 5, f"User '{self.user}' executed the '{hidden}' command.")
        if self.mode in CONFIGURING:
            self.machine.tell(
                "111010", 5, f"User '{self.user}', running 'CLI' from IP 0.0.0.0, executed '{hidden}'"
            )

    def enter(self, mode: str, subject: str = "") -> None:
        """Go to a mode."""
        self.mode, self.subject = mode, subject

    def leave_mode(self) -> None:
        """Back to the privileged mode, from wherever one configures."""
        if self.mode in CONFIGURING:
            self.enter(PRIVILEGED)

    def changed(self) -> None:
        """This session configured something."""
        self.machine.changed(self.user)

    async def run(self) -> None:
        """Read and do until somebody leaves or hangs up; the log and the two lines of a nag come in between."""
        loop = asyncio.get_running_loop()
        unlisten = self.machine.log.listen(
            # Messages come from whatever thread did the work; the terminal belongs to this one.
            lambda message: self._hear(loop, message)
        )
        nagging = (
            loop.create_task(self._nag(self.machine.nags.total_seconds())) if self.machine.nags else None
        )
        try:
            await super().run()
        finally:
            unlisten()
            if nagging is not None:
                nagging.cancel()

    def _hear(self, loop: asyncio.AbstractEventLoop, message: LogMessage) -> None:
        level = self.machine.running.logging.monitor
        if message.code == DEBUG:
            level = 7
        if self.monitoring and level is not None and message.severity <= level:
            # A loop that was closed has nobody left to print for.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.terminal.interject, syslog.render(message))

    async def _nag(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            if self.machine.unlicensed:
                self.terminal.interject("\n".join(DIALECT.notices))


def masked(line: str) -> str:
    """A line without its secrets, as it may be kept, shown and logged."""
    return _HIDDEN.sub(lambda match: f"{match['before']}*****", line)


def leave(shell: CommandLine) -> None:
    """One mode up, or out."""
    mode = DIALECT.mode(shell.mode)
    if mode.name in ("user", PRIVILEGED):
        raise LeaveError
    shell.enter(mode.parent)
