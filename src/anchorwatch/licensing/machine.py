"""State machines as tables.

A machine is its table: every state meets every event, and the answer is an arrow, "nothing changes", or a refusal
with a sentence. A table that leaves a pair open cannot be made. The diagrams of the documentation, the words of the
portal's pages and the decisions of the program are read from the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from anchorwatch.licensing.error import EventRefusedError

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class Ignored(StrEnum):
    """What an event means where no arrow starts."""

    STAYS = "stays"


STAYS = Ignored.STAYS


@dataclass(frozen=True, slots=True)
class Arrow(Generic[S, E]):
    """In state `source`, on `event`, the machine goes to `target`; `doing` says in words what happens."""

    source: S
    event: E
    target: S
    doing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[S, E]):
    """A whole machine. Raises `ValueError` for a table with a gap, a pair twice, or a state nobody can reach.

    `otherwise` says for each event what it means where no arrow of it starts: `STAYS`, or the sentence of a refusal.
    """

    name: str
    states: tuple[S, ...]
    events: tuple[E, ...]
    initial: S
    arrows: tuple[Arrow[S, E], ...]
    otherwise: Mapping[E, Ignored | str]
    _by_pair: Mapping[tuple[S, E], Arrow[S, E]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_pair = {(arrow.source, arrow.event): arrow for arrow in self.arrows}
        if len(by_pair) != len(self.arrows):
            raise ValueError(f"{self.name}: two arrows for one state and event")
        for arrow in self.arrows:
            if not {arrow.source, arrow.target} <= set(self.states) or arrow.event not in self.events:
                raise ValueError(f"{self.name}: an arrow from or to a state that is not listed: {arrow}")
        for event in self.events:
            starts = {arrow.source for arrow in self.arrows if arrow.event == event}
            if event not in self.otherwise and starts != set(self.states):
                raise ValueError(f"{self.name}: {event} is left open in some state")
        unreached = set(self.states) - {self.initial} - {arrow.target for arrow in self.arrows}
        if unreached:
            raise ValueError(f"{self.name}: nothing leads to {', '.join(sorted(unreached))}")
        object.__setattr__(self, "_by_pair", by_pair)

    def arrow(self, state: S, event: E) -> Arrow[S, E] | None:
        """The arrow taken, None where nothing changes. Raises `EventRefusedError` where the event is refused."""
        found = self._by_pair.get((state, event))
        if found is not None:
            return found
        meaning = self.otherwise[event]
        if isinstance(meaning, Ignored):
            return None
        raise EventRefusedError(meaning, machine=self.name, state=state, event=event)

    def target(self, state: S, event: E) -> S:
        """The state after the event. Raises `EventRefusedError` where the event is refused."""
        found = self.arrow(state, event)
        return state if found is None else found.target

    def allows(self, state: S, event: E) -> bool:
        """Whether the event is not refused in this state."""
        return (state, event) in self._by_pair or isinstance(self.otherwise[event], Ignored)


def arrows(sources: tuple[S, ...], event: E, target: S, doing: str = "") -> tuple[Arrow[S, E], ...]:
    """The same arrow from several states."""
    return tuple(Arrow(source, event, target, doing) for source in sources)
