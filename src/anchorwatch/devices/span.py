"""Where a value was seen.

Everything the doctor says rests on lines of the user's own files, so every value that is read carries its place.
Equality ignores the place: two devices that say the same say the same, wherever it stood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A piece of one input: its name, line and column (both from 1) and the words that stand there.

    The words are clean: terminal escapes, pager marks and quotation marks of mails are gone.
    The column counts characters of the input line as it was, as far as cleaning lets us know.
    """

    source: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


NOWHERE = Span(source="", line=0, column=0, text="")


@dataclass(frozen=True, slots=True)
class Seen(Generic[T_co]):
    """A value and where it was seen; equal when the values are equal."""

    value: T_co
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        return str(self.value)
