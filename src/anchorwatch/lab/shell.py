"""A command line: reads a line, finds the command, does it, prints what it says.

A platform gives the grammar of each mode, the prompt, and the words for a line that is no command. What a command
does is a function of the shell and of what was typed; it returns what is printed, or talks through the terminal
itself. Work that waits for a network is done in a thread, so that one slow device does not hold up the others.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Generic, ParamSpec, TypeVar

from anchorwatch.lab.grammar import Command, Grammar, Misread
from anchorwatch.lab.terminal import EndOfModeError, Help, HungUpError, InterruptedLineError, Terminal

MachineT = TypeVar("MachineT")
Given = ParamSpec("Given")
Result = TypeVar("Result")

Says = str | None | Awaitable[str | None]
Typed = Command[Callable[..., Says]]

_PIPE = re.compile(r"\s\|\s*(?P<verb>[a-z]+)\s+(?P<inverted>-v\s+)?(?P<pattern>.+?)\s*$", re.IGNORECASE)
_FILTERS = {"include": True, "grep": True, "exclude": False}


class LeaveError(Exception):
    """The session is over, because somebody said so."""


class Shell(ABC, Generic[MachineT]):
    """One session on one machine; `user` is who logged in."""

    def __init__(self, machine: MachineT, terminal: Terminal, *, user: str) -> None:
        self.machine = machine
        self.terminal = terminal
        self.user = user

    # ------------------------------------------------------------------- what a platform says for itself

    @property
    @abstractmethod
    def prompt(self) -> str:
        """What stands before a line now."""

    @property
    @abstractmethod
    def grammar(self) -> Grammar[Callable[..., Says]]:
        """The commands of the present mode."""

    @abstractmethod
    def greeting(self) -> str:
        """What is printed after the login."""

    @abstractmethod
    def misread(self, fault: Misread) -> str:
        """What is printed for a line that is no command."""

    def leave_mode(self) -> None:
        """^Z: back to where one looks."""
        return

    def before(self) -> str:
        """What is printed before the next prompt, unasked."""
        return ""

    # ------------------------------------------------------------------------------------------ the session

    async def run(self) -> None:
        """Read and do until somebody leaves or hangs up."""
        self.terminal.print_now(self.greeting())
        try:
            while True:
                await self._one()
        except (HungUpError, LeaveError):
            return

    async def _one(self) -> None:
        if unasked := self.before():
            self.terminal.print_now(unasked)
        try:
            line = await self.terminal.read_line(
                self.prompt, help_=Help(explain=self.explain, complete=self.grammar.complete)
            )
        except InterruptedLineError:
            return
        except EndOfModeError:
            self.leave_mode()
            return
        try:
            await self.do(line)
        except InterruptedLineError:
            self.terminal.print_now("\n")

    async def do(self, line: str) -> None:
        """Do one line; an empty one does nothing."""
        line, keep = _piped(line)
        if not line.strip():
            return
        command = self.read(line)
        if isinstance(command, Misread):
            await self.terminal.write(self.misread(command))
            return
        said = command.does(self, command)
        text = await said if isinstance(said, Awaitable) else said
        if text:
            await self.terminal.write(keep(text))

    def read(self, line: str) -> Typed | Misread:
        """The command a line is; a platform whose modes know the commands of other modes looks there too."""
        return self.grammar.read(line)

    def explain(self, line: str) -> str:
        """What ``?`` prints at the end of a line."""
        options = self.grammar.options(line)
        if options is None:
            return self.misread(Misread(fault="invalid", column=len(line), word=""))
        part = bool(line) and not line[-1].isspace()
        if part:
            return "  " + "  ".join(word for word, _ in options)
        return "\n".join(f"  {word:<20} {said}".rstrip() for word, said in options)

    # --------------------------------------------------------------------------------- help for commands

    async def threaded(
        self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        """Do work that waits for a network, and wait for it."""
        return await asyncio.to_thread(work, *given, **named)

    def later(self, work: Callable[Given, Any], *given: Given.args, **named: Given.kwargs) -> None:
        """Do work that waits for a network, and do not wait: the command returns at once, as the device's does."""
        going = asyncio.get_running_loop().run_in_executor(None, lambda: work(*given, **named))
        # It goes on after the session has ended, so somebody else has to hold on to it.
        _GOING_ON.add(going)
        going.add_done_callback(_GOING_ON.discard)

    async def ask_key(self, question: str) -> bool:
        """A question that one key answers; whether it was yes. Enter is a yes only to ``[confirm]``."""
        key = await self.terminal.read_key(question)
        self.terminal.print_now("\n")
        return key.lower() == "y" or (key == "\n" and question.endswith("[confirm]"))

    async def ask_line(self, question: str) -> str:
        """A question that a line answers."""
        return (await self.terminal.read_line(question)).strip()

    async def ask_secret(self, question: str) -> str:
        """A question whose answer is not shown."""
        return await self.terminal.read_line(question, echo=False)

    async def paste(self, *, end: str, prompt: str = "", most: int = 2_000) -> list[str] | None:
        """Lines up to one that is exactly `end`; blank ones are data. None where ^C broke it off or it was too long."""
        lines: list[str] = []
        while True:
            try:
                line = await self.terminal.read_line(prompt)
            except InterruptedLineError:
                return None
            if line.strip() == end:
                return lines if len(lines) <= most else None
            if len(lines) <= most:
                lines.append(line)


_GOING_ON: set[asyncio.Future[Any]] = set()


def _piped(line: str) -> tuple[str, Callable[[str], str]]:
    """A line without its filter, and the filter: ``| include``, ``| exclude``, ``| grep [-v]``, ``| begin``."""
    found = _PIPE.search(line)
    if found is None:
        return line, lambda text: text
    verb = next((each for each in (*_FILTERS, "begin") if each.startswith(found["verb"].lower())), None)
    if verb is None:
        return line, lambda text: text
    holds = _matcher(found["pattern"])
    wanted = _FILTERS.get(verb, True) != bool(found["inverted"])

    def keep(text: str) -> str:
        lines = text.splitlines()
        if verb == "begin":
            first = next((number for number, each in enumerate(lines) if holds(each)), len(lines))
            return "\n".join(lines[first:])
        return "\n".join(each for each in lines if holds(each) == wanted)

    return line[: found.start()], keep


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a line holds one of the alternatives: plain text, ``^`` and ``$`` at its ends, ``.`` and ``.*`` between.

    No expression of somebody else's is compiled: one could be written that never ends.
    """
    choices = [_choice(each) for each in pattern.strip('"').split("|")[:20]]
    return lambda line: any(choice(line) for choice in choices)


def _choice(text: str) -> Callable[[str], bool]:
    """One alternative: its pieces between ``.*`` have to follow each other, and each is looked for once."""
    start = "^" if text.startswith("^") else ""
    end = "$" if text.endswith("$") else ""
    bare = text.removeprefix("^").removesuffix("$")[:200]
    pieces = [
        "".join("." if each == "." else re.escape(each) for each in piece) for piece in bare.split(".*")
    ]
    pieces[0], pieces[-1] = start + pieces[0], pieces[-1] + end
    looks = [re.compile(piece) for piece in pieces]

    def holds(line: str) -> bool:
        at = 0
        for look in looks:
            found = look.search(line, at)
            if found is None:
                return False
            at = found.end()
        return True

    return holds
