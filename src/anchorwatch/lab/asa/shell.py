"""A session on an ASA: the command line, and all that every subject teaches it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from anchorwatch.lab.asa import (
    call_home_commands,
    configuration_commands,
    licence_commands,
    logging_commands,
    network_commands,
    session,
    time_commands,
    trustpoint_commands,
    trustpool_commands,
)
from anchorwatch.lab.asa.command_line import (
    CONFIGURATION,
    DIALECT,
    PAGER,
    PRIVILEGED,
    CommandLine,
    Commands,
)
from anchorwatch.lab.grammar import Grammar
from anchorwatch.lab.shell import Says

__all__ = ["CONFIGURATION", "DIALECT", "PAGER", "PRIVILEGED", "AsaShell", "grammars"]


class AsaShell(CommandLine):
    """A session on an ASA."""

    @property
    def known(self) -> Mapping[str, Grammar[Callable[..., Says]]]:
        """What every mode knows; an ASA on a chassis knows less."""
        return grammars()


@cache
def grammars() -> dict[str, Grammar[Callable[..., Says]]]:
    """The grammar of every mode."""
    built: dict[str, Grammar[Callable[..., Says]]] = {mode.name: Grammar() for mode in DIALECT.modes}
    modules = (
        session,
        trustpool_commands,
        trustpoint_commands,
        licence_commands,
        call_home_commands,
        network_commands,
        time_commands,
        logging_commands,
        configuration_commands,
    )
    _teach(built, (module.COMMANDS for module in modules))
    return built


def _teach(built: dict[str, Grammar[Callable[..., Says]]], subjects: Iterable[Commands]) -> None:
    for subject in subjects:
        for each in subject.taught:
            for mode in each.modes:
                built[mode].add(each.pattern, each.does, help_=each.help)
