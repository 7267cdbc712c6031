"""The shell of a chassis: a session that knows the commands of every subject."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from anchorwatch.lab.fxos import connection, licence, navigation, service, trust
from anchorwatch.lab.fxos.session import DIALECT, PAGER, FxosSession
from anchorwatch.lab.grammar import Grammar
from anchorwatch.lab.shell import Says

__all__ = ["PAGER", "FxosShell", "grammars"]


class FxosShell(FxosSession):
    """A session on a chassis."""

    @property
    def grammar(self) -> Grammar[Callable[..., Says]]:
        """What the mode knows."""
        return grammars()[self.mode]


@cache
def grammars() -> dict[str, Grammar[Callable[..., Says]]]:
    """The grammar of every mode."""
    built: dict[str, Grammar[Callable[..., Says]]] = {mode.name: Grammar() for mode in DIALECT.modes}
    navigation.teach(built)
    for subject in (navigation, trust, licence, service, connection):
        for each in subject.COMMANDS.taught:
            for mode in each.modes:
                built[mode].add(each.pattern, each.does, help_=each.help)
    return built
