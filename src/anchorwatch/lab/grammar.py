"""A command language: patterns become a tree of words, and what is typed walks it.

A pattern is written as manuals write it: ``crypto ca trustpool import [clean] url <url> [noconfirm]``. Words may be
shortened to any beginning that no other word shares at that place; ``<name>`` takes any one word, ``<text...>`` all
that follows. A word that is complete wins over longer ones that begin alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

Doing = TypeVar("Doing")

_TOKEN = re.compile(r"<[^>]+>|[\[\]{}|]|[^\s\[\]{}|<>]+")
_WORD = re.compile(r"\S+")
_MOST_SEQUENCES = 400


class BadPatternError(ValueError):
    """A pattern that cannot be read, or two commands for one sequence of words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[Doing]):
    """A command that was typed: what to do, its words in full, its values by name, the line as typed."""

    does: Doing
    words: tuple[str, ...]
    values: Mapping[str, str]
    line: str

    def has(self, word: str) -> bool:
        """Whether a word of the language was typed."""
        return word in self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Misread:
    """Why a line is no command: ``invalid``, ``incomplete`` or ``ambiguous``, and the column it was seen at."""

    fault: str
    column: int
    word: str


@dataclass(slots=True)
class _Node(Generic[Doing]):
    words: dict[str, _Node[Doing]] = field(default_factory=dict)
    value: tuple[str, _Node[Doing]] | None = None
    rest: tuple[str, Doing] | None = None
    does: Doing | None = None
    help: str = ""


class Grammar(Generic[Doing]):
    """The commands of one mode."""

    def __init__(self) -> None:
        self._root: _Node[Doing] = _Node()

    def add(self, pattern: str, does: Doing, *, help_: str = "") -> None:
        """Teach a command. Raises `BadPatternError`."""
        tokens = _TOKEN.findall(pattern)
        sequences = list(_sequences(tokens))
        if not tokens or len(sequences) > _MOST_SEQUENCES:
            raise BadPatternError(f"the pattern {pattern!r} stands for {len(sequences)} commands")
        for sequence in sequences:
            self._plant(sequence, does, help_, pattern)

    def include(self, other: Grammar[Doing]) -> None:
        """Teach all that another mode knows, where this one knows nothing of its own."""
        _merge(self._root, other._root)

    def omit(self, words: str) -> None:
        """Forget every command that begins with these words; a mode from which they were included keeps them."""
        *way, last = words.split()
        node = self._root
        for word in way:
            if word not in node.words:
                return
            node.words[word] = node = replace(node.words[word], words=dict(node.words[word].words))
        node.words.pop(last, None)

    def read(self, line: str) -> Command[Doing] | Misread:
        """Read a line that is not empty."""
        node = self._root
        words: list[str] = []
        values: dict[str, str] = {}
        end = 0
        for typed in _WORD.finditer(line):
            text, end = typed[0], typed.end()
            found = _choose(node, text)
            if isinstance(found, str):
                return Misread(fault=found, column=typed.start(), word=text)
            if found is not None:
                word, node = found
                words.append(word)
            elif node.value is not None:
                name, node = node.value
                values[name] = text
            elif node.rest is not None:
                name, does = node.rest
                values[name] = line[typed.start() :].rstrip()
                return Command(does=does, words=tuple(words), values=values, line=line)
            else:
                return Misread(fault="invalid", column=typed.start(), word=text)
        if node.does is None:
            return Misread(fault="incomplete", column=end, word="")
        return Command(does=node.does, words=tuple(words), values=values, line=line)

    def options(self, line: str) -> tuple[tuple[str, str], ...] | None:
        """What may stand where a line ends: pairs of a word and its help; None where the line is no beginning.

        A line that ends in a word asks how that word may go on, one that ends in a blank asks for the next.
        """
        typed = _WORD.findall(line)
        part = typed.pop() if typed and not line[-1:].isspace() else ""
        node = self._walk(typed)
        if node is None:
            return None
        found = [(word, below.help) for word, below in sorted(node.words.items()) if _starts(word, part)]
        if node.value is not None and not found:
            found.append((f"<{node.value[0]}>", node.value[1].help))
        if node.rest is not None and not found:
            found.append((f"<{node.rest[0]}>", ""))
        if not part and (node.does is not None):
            found.append(("<cr>", ""))
        return tuple(found) or None

    def complete(self, line: str) -> str:
        """The line with its last word in full, where there is one way to go on; else as it is."""
        if not line or line[-1].isspace():
            return line
        found = self.options(line)
        if found is None or len(found) != 1 or found[0][0].startswith("<"):
            return line
        return line[: line.rfind(line.rsplit(maxsplit=1)[-1])] + found[0][0] + " "

    def _walk(self, typed: list[str]) -> _Node[Doing] | None:
        node = self._root
        for text in typed:
            found = _choose(node, text)
            if isinstance(found, str):
                return None
            if found is not None:
                node = found[1]
            elif node.value is not None:
                node = node.value[1]
            else:
                return None
        return node

    def _plant(self, sequence: tuple[str, ...], does: Doing, help_: str, pattern: str) -> None:
        node = self._root
        for number, token in enumerate(sequence):
            if token.startswith("<") and token.endswith("...>"):
                if number != len(sequence) - 1:
                    raise BadPatternError(f"in {pattern!r} something stands behind all that follows")
                node.rest = (token[1:-4], does)
                return
            if token.startswith("<"):
                name = token[1:-1]
                if node.value is None:
                    node.value = (name, _Node())
                elif node.value[0] != name:
                    raise BadPatternError(
                        f"in {pattern!r} <{name}> has another name already: {node.value[0]}"
                    )
                node = node.value[1]
            else:
                node = node.words.setdefault(token, _Node())
                if number == 0 and help_:
                    node.help = node.help or help_
        if node.does is not None and node.does != does:
            raise BadPatternError(f"{pattern!r} says again what another command says")
        node.does = does


def _choose(node: _Node[Doing], text: str) -> tuple[str, _Node[Doing]] | str | None:
    """The word a text stands for, ``ambiguous``, or None where it is none of the words."""
    lower = text.lower()
    if lower in node.words:
        return lower, node.words[lower]
    found = [word for word in node.words if word.startswith(lower)]
    if len(found) == 1:
        return found[0], node.words[found[0]]
    if len(found) > 1 and node.value is None and node.rest is None:
        return "ambiguous"
    return None


def _starts(word: str, part: str) -> bool:
    return word.startswith(part.lower())


def _merge(node: _Node[Doing], other: _Node[Doing]) -> None:
    for word, below in other.words.items():
        if word in node.words:
            _merge(node.words[word], below)
        else:
            node.words[word] = below
    node.value = node.value or other.value
    node.rest = node.rest or other.rest
    if node.does is None:
        node.does = other.does


def _sequences(tokens: list[str]) -> Iterator[tuple[str, ...]]:
    """Every sequence of words a pattern stands for."""
    choices, left = _alternatives(tokens, 0, end="")
    if left != len(tokens):
        raise BadPatternError(f"the pattern {' '.join(tokens)!r} has a bracket too many")
    yield from dict.fromkeys(choices)


def _alternatives(tokens: list[str], start: int, *, end: str) -> tuple[list[tuple[str, ...]], int]:
    done: list[tuple[str, ...]] = []
    now: list[tuple[str, ...]] = [()]
    at = start
    while at < len(tokens) and tokens[at] != end:
        piece = tokens[at]
        if piece == "|":
            done += now
            now = [()]
            at += 1
            continue
        if piece in "[{":
            inner, at = _alternatives(tokens, at + 1, end="]" if piece == "[" else "}")
            if at >= len(tokens):
                raise BadPatternError(f"the pattern {' '.join(tokens)!r} has a bracket that is not closed")
            options = [*inner, ()] if piece == "[" else inner
        elif piece in "]}":
            raise BadPatternError(f"the pattern {' '.join(tokens)!r} has a bracket too many")
        else:
            options = [(piece,)]
        now = [(*head, *tail) for head in now for tail in options]
        if len(now) > _MOST_SEQUENCES:
            raise BadPatternError(f"the pattern {' '.join(tokens)!r} stands for too many commands")
        at += 1
    return done + now, at
