"""Managed objects: what a chassis is configured with, and changes that wait to be committed.

An object has a place in a tree and some properties; nothing else is configured on a chassis. A session gathers changes
in a buffer of its own. They are changes, not a copy of the tree: two sessions that commit one after the other do not
undo each other's work, and a buffer that is discarded leaves no trace because nothing was ever touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

MOST_CHANGES = 200
"""Changes of one transaction; one person types no more before a commit, and a program should not."""


class ObjectError(Exception):
    """A change that the tree does not admit; `fault` is ``missing``, ``exists`` or ``too-many``."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class CommitRefusedError(Exception):
    """A transaction that is well formed, and whose content is not taken; the message says why."""


class Name(NamedTuple):
    """One step of a path: the kind of object, and its name where there may be several."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else self.kind


Path = tuple[Name, ...]
TOP: Path = ()
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Create:
    """A new object. With `or_edit` one that is there already will do."""

    path: Path
    or_edit: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """An object goes, with all below it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Assign:
    """A property gets a value."""

    path: Path
    word: str
    value: str


Change = Create | Delete | Assign


@dataclass(frozen=True, slots=True)
class Tree:
    """All objects with their properties, each below a parent that is there too. A tree does not change."""

    objects: Mapping[Path, Mapping[str, str]]

    def holds(self, path: Path) -> bool:
        """Whether there is such an object; the top is always there."""
        return not path or path in self.objects

    def properties(self, path: Path) -> Mapping[str, str]:
        """What was set on an object; empty where there is none."""
        return self.objects.get(path, _NOTHING)

    def get(self, path: Path, word: str) -> str:
        """One property, "" where it was not set."""
        return self.properties(path).get(word, "")

    def below(self, path: Path, kind: str = "") -> tuple[Path, ...]:
        """The objects directly below one, of one kind or of all, in the order in which they were made."""
        return tuple(
            each
            for each in self.objects
            if len(each) == len(path) + 1 and each[:-1] == path and kind in ("", each[-1].kind)
        )

    def after(self, change: Change) -> Tree:
        """The tree with a change in it. Raises `ObjectError`."""
        objects = dict(self.objects)
        match change:
            case Create(path, or_edit):
                if not self.holds(path[:-1]):
                    raise ObjectError("missing")
                if self.holds(path):
                    if not or_edit:
                        raise ObjectError("exists")
                    return self
                objects[path] = _NOTHING
            case Delete(path):
                if not self.holds(path):
                    raise ObjectError("missing")
                objects = {each: held for each, held in objects.items() if each[: len(path)] != path}
            case Assign(path, word, value):
                if path not in objects:
                    raise ObjectError("missing")
                objects[path] = MappingProxyType({**objects[path], word: value})
        return Tree(MappingProxyType(objects))

    def with_all(self, changes: Iterable[Change]) -> Tree:
        """The tree with all changes in it, in order. Raises `ObjectError` at the first that does not fit."""
        tree = self
        for change in changes:
            tree = tree.after(change)
        return tree

    def to_json(self) -> list[Any]:
        """The objects as JSON can hold them."""
        return [[[list(name) for name in path], dict(held)] for path, held in self.objects.items()]


def tree_from_json(kept: Iterable[Any]) -> Tree:
    """A tree out of what `Tree.to_json` gave. Raises `TypeError` or `ValueError` where it is none."""
    objects: dict[Path, Mapping[str, str]] = {}
    for steps, held in kept:
        path = tuple(Name(str(kind), str(name)) for kind, name in steps)
        objects[path] = MappingProxyType({str(word): str(value) for word, value in held.items()})
    if any(path[:-1] and path[:-1] not in objects for path in objects):
        raise ValueError("an object hangs in the air")
    return Tree(MappingProxyType(objects))


@dataclass(slots=True)
class Buffer:
    """The changes of one session. `committed` gives the tree as it is now, whoever changed it."""

    committed: Callable[[], Tree]
    changes: list[Change] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        """Whether something waits to be committed."""
        return bool(self.changes)

    @property
    def view(self) -> Tree:
        """The tree as this session sees it; what no longer fits, after somebody else's commit, is left out."""
        tree = self.committed()
        for change in self.changes:
            try:
                tree = tree.after(change)
            except ObjectError:
                continue
        return tree

    def add(self, change: Change) -> None:
        """Note a change. Raises `ObjectError` where it does not fit or is one too many, and then notes nothing."""
        self.view.after(change)
        last = self.changes[-1] if self.changes else None
        if (
            isinstance(change, Assign)
            and isinstance(last, Assign)
            and (last.path, last.word) == (change.path, change.word)
        ):
            # Whoever sets the same thing again and again does not fill the memory.
            self.changes.pop()
        if len(self.changes) >= MOST_CHANGES:
            raise ObjectError("too-many")
        self.changes.append(change)

    def enter(self, path: Path) -> bool:
        """Create an object unless it is there; whether it was made. Raises `ObjectError` where its parent is not."""
        if self.view.holds(path):
            return False
        self.add(Create(path, or_edit=True))
        return True

    def discard(self) -> None:
        """Forget all changes."""
        self.changes.clear()

    def outcome(self) -> Tree:
        """What the tree will be after a commit. Raises `ObjectError` where a change does not fit any more."""
        return self.committed().with_all(self.changes)
