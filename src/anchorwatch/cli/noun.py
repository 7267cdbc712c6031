"""Nouns of the command line that are read from disk only when they are named.

Reading every noun takes longer than what most of them do, and an agent on a small appliance pays that at each call. So
the root knows of each noun its name and the first sentence of its help, enough to list and to complete; the module
behind it is imported when the noun is used. A test holds each sentence against the module's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

__all__ = ["Noun", "group_of", "real"]


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun: its name, the first sentence of its help, and how to put it into an application, imports included."""

    name: str
    sentence: str
    put: Callable[[typer.Typer], object]


class _Unread(TyperCommand):
    """A noun that was not read yet. Whoever parses words for it gets the noun itself."""

    def __init__(self, noun: Noun) -> None:
        super().__init__(noun.name, help=noun.sentence, rich_markup_mode=None)
        self._noun = noun

    @cached_property
    def read(self) -> Any:
        """The parser's own object for the noun; its class is private to typer."""
        carrier = typer.Typer(rich_markup_mode=None, callback=_nothing)
        self._noun.put(carrier)
        return get_group(carrier).commands[self._noun.name]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse, as the noun itself; the context is the noun's, and so is all that follows."""
        return self.read.make_context(info_name, args, parent=parent, **extra)


def _nothing() -> None:
    """A callback that makes an application a group however little it holds."""


def real(command: Any) -> Any:
    """The command itself, read from disk where it was not yet."""
    return command.read if isinstance(command, _Unread) else command


def group_of(nouns: tuple[Noun, ...]) -> type[TyperGroup]:
    """The class of a group that holds these nouns, in this order, unread."""

    class Nouns(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = {**{noun.name: _Unread(noun) for noun in nouns}, **self.commands}

    return Nouns
