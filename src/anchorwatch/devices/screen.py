"""What every screen has in common.

A screen is one kind of output.
Its module holds `parse`, which finds every occurrence of it among lines (most files hold no prompt that would
announce it), and `render`, which prints the same, so that a virtual device and the doctor cannot drift apart.
`parse` says which lines it understood; what no screen understood is kept and told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anchorwatch.devices.capture import Line
from anchorwatch.devices.span import Seen

F_co = TypeVar("F_co", covariant=True)

_LABEL = re.compile(
    r"^(?P<indent>[ \t]*)(?P<label>[A-Za-z][^:=\n]{0,60}?)[ \t]*:(?P<blank>[ \t]*)(?P<value>[^\n]*?)[ \t]*$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[F_co]):
    """A fact and the lines it was read from, as indices into the sequence that was parsed."""

    fact: F_co
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A line of the form ``label: value``; `key` is the label in lower case without blanks or brackets."""

    key: str
    value: str
    indent: int
    line: Line
    start: int

    def seen(self) -> Seen[str]:
        """The value with its place."""
        return Seen(self.value, self.line.whole)


def label(line: Line) -> Label | None:
    """Read a line as ``label: value``, whatever blanks were lost; None when it has no such form."""
    match = _LABEL.match(line.text[:2000])
    if match is None:
        return None
    return Label(
        key=key(match["label"]),
        value=match["value"],
        indent=len(match["indent"]),
        line=line,
        start=match.start("value"),
    )


def key(words: str) -> str:
    """Reduce a label to what survives copying: letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", words.lower())


def to_lines(text: str) -> tuple[Line, ...]:
    """Plain lines of a text that is known to be clean, for tests and for what we rendered ourselves."""
    return tuple(
        Line(source="<text>", number=number, text=line)
        for number, line in enumerate(text.split("\n"), start=1)
    )


def integer(text: str) -> int | None:
    """The number a text starts with, at most twelve digits; None when it starts with none."""
    match = re.match(r"\s*(\d{1,12})(?!\d)", text)
    return int(match[1]) if match else None


def next_word_line(lines: Sequence[Line], index: int) -> int | None:
    """The index of the next line after `index` that holds anything, or None."""
    for later in range(index + 1, min(index + 12, len(lines))):
        if lines[later].text.strip():
            return later
    return None
