"""The command line of an ASA: modes, prompts, and what every mode knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.grammar import Grammar, Misread
from anchorwatch.lab.shell import LeaveError, Says, Shell, Typed
from anchorwatch.lab.terminal import Pager, Terminal

DIALECT = dialect.of(Platform.ASA)
PAGER = Pager(text=DIALECT.pager.mark, wipe=DIALECT.pager.wipe)
PRIVILEGED = "privileged"
CONFIGURATION = "configuration"

Does = Callable[["AsaShell", Typed], Says]


class Taught(NamedTuple):
    """A command of some modes: the pattern, what it does, and in which modes it is known."""

    pattern: str
    does: Does
    modes: tuple[str, ...]
    help: str


@dataclass(slots=True)
class Commands:
    """The commands of one subject; each module of this package fills one, `shells` joins them."""

    taught: list[Taught]

    def __init__(self) -> None:
        self.taught = []

    def add(self, pattern: str, *modes: str, help_: str = "") -> Callable[[Does], Does]:
        """Teach a command to some modes, the privileged one if none is named."""

        def taken(does: Does) -> Does:
            self.taught.append(Taught(pattern, does, modes or (PRIVILEGED,), help_))
            return does

        return taken


class AsaShell(Shell[Asa]):
    """A session on an ASA. `subject` is what a sub-mode is about: the name of a trustpoint, of a profile."""

    def __init__(self, machine: Asa, terminal: Terminal, *, user: str) -> None:
        super().__init__(machine, terminal, user=user)
        self.mode = "user"
        self.subject = ""

    @property
    def prompt(self) -> str:
        """The prompt of the mode, by the host name the device has now."""
        return DIALECT.render(self.mode, self.machine.running.hostname)

    @property
    def grammar(self) -> Grammar[Callable[..., Says]]:
        """What the mode knows; a configuration mode knows the commands of the mode above it too."""
        return grammars()[self.mode]

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

    def enter(self, mode: str, subject: str = "") -> None:
        """Go to a mode."""
        self.mode, self.subject = mode, subject

    def leave_mode(self) -> None:
        """Back to the privileged mode, from wherever one configures."""
        if self.mode not in ("user", PRIVILEGED):
            self.enter(PRIVILEGED)


@cache
def grammars() -> dict[str, Grammar[Callable[..., Says]]]:
    """The grammar of every mode."""
    # Here, because each of these modules teaches its commands to this one.
    from anchorwatch.lab.asa import session

    built: dict[str, Grammar[Callable[..., Says]]] = {mode.name: Grammar() for mode in DIALECT.modes}
    _teach(built, (session.COMMANDS,))
    # What the mode above knows is known below too, for an ASA takes it and leaves the sub-mode.
    for mode in DIALECT.modes:
        if mode.parent not in ("", "user", PRIVILEGED):
            built[mode.name].include(built[mode.parent])
    return built


def _teach(built: dict[str, Grammar[Callable[..., Says]]], subjects: Iterable[Commands]) -> None:
    for subject in subjects:
        for each in subject.taught:
            for mode in each.modes:
                built[mode].add(each.pattern, each.does, help_=each.help)


def leave(shell: AsaShell) -> None:
    """One mode up, or out."""
    mode = DIALECT.mode(shell.mode)
    if mode.name in ("user", PRIVILEGED):
        raise LeaveError
    shell.enter(mode.parent)
