"""The commands of a subject, as its module writes them down: what a shell is built of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from anchorwatch.lab.shell import Says, Typed

Does = Callable[[Any, Typed], Says]
"""What a command does; the shell it is given is that of its platform."""
DoesT = TypeVar("DoesT", bound=Does)


class Taught(NamedTuple):
    """A command of some modes: the pattern, what it does, and in which modes it is known."""

    pattern: str
    does: Does
    modes: tuple[str, ...]
    help: str


class Commands:
    """The commands of one subject; a platform says in which `usual` modes one is known that names none."""

    usual: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.taught: list[Taught] = []

    def add(self, pattern: str, *modes: str, help_: str = "") -> Callable[[DoesT], DoesT]:
        """Teach a command to some modes, to the usual ones if none is named."""

        def taken(does: DoesT) -> DoesT:
            self.taught.append(Taught(pattern, does, modes or self.usual, help_))
            return does

        return taken
