"""The command line of a chassis: where one stands in the tree of objects, and what every scope knows.

A scope knows its own objects and properties, and by `scope` also those of every scope it lies in: whoever stands in
``/license`` reaches ``security`` without going to the top first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.lab import taught
from anchorwatch.lab.fxos.machine import Chassis
from anchorwatch.lab.fxos.objects import TOP, Path
from anchorwatch.lab.fxos.schema import kind_of, scopes
from anchorwatch.lab.grammar import Misread
from anchorwatch.lab.shell import LeaveError, Says, Shell, Typed
from anchorwatch.lab.terminal import Pager, Terminal

DIALECT = dialect.of(Platform.FXOS)
PAGER = Pager(text=DIALECT.pager.mark, wipe=DIALECT.pager.wipe)
SCOPES = tuple(kind.mode for kind, _ in scopes())
"""The modes in which objects are managed; the others belong to programs one connects to."""
LOCAL_MANAGEMENT = "local-mgmt"
NX_OS = "nx-os"
MODULE = "module"

Does = Callable[["FxosSession", Typed], Says]


class Commands(taught.Commands):
    """The commands of one subject of a chassis, known in all scopes where none is named."""

    usual = SCOPES


class FxosSession(Shell[Chassis]):
    """A session on a chassis, whatever it knows: `path` is the object one stands in, `buffer` what was not committed.

    `place` is the program one has connected to, "" for none.
    """

    def __init__(self, machine: Chassis, terminal: Terminal, *, user: str) -> None:
        super().__init__(machine, terminal, user=user)
        self.path: Path = TOP
        self.buffer = machine.buffer()
        self.place = ""
        self.console: Shell[Any] | None = None
        """What goes on at the console of the application, though nobody may be there."""
        self._start = machine.starts

    @property
    def mode(self) -> str:
        """The mode in the dialect's words."""
        return self.place or kind_of(self.path).mode

    @property
    def prompt(self) -> str:
        """The prompt of the mode; the star says that something waits to be committed."""
        return DIALECT.render(self.mode, self.machine.hostname, star=self.buffer.pending)

    def greeting(self) -> str:
        """What is printed after the login."""
        return "Cisco Firepower Extensible Operating System (FX-OS) Software\nTAC support: http://www.cisco.com/tac\n\n"

    def misread(self, fault: Misread) -> str:
        """The caret under what was not understood, and the sentence."""
        return " " * (len(self.prompt) + fault.column) + f"^\n{DIALECT.errors[fault.fault]}"

    def before(self) -> str:
        """A session ends where the chassis has been started anew."""
        if self.machine.starts != self._start:
            raise LeaveError
        return ""

    async def do(self, line: str) -> None:
        """Do one line, by the time the time servers tell."""
        self.machine.follow_time()
        await super().do(line)

    def leave_mode(self) -> None:
        """^Z goes to the top."""
        if not self.place:
            self.path = TOP


def error(fault: str) -> str:
    """The sentence for a change that the tree does not admit."""
    return DIALECT.errors[fault]
