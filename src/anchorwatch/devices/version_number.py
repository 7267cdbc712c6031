"""Software versions: the manual writes ``9.8(3)21``, field notices ``9.8.3.21``, IOS-XE ``17.03.04a``.

All are the same list of numbers; what follows them (a letter) is kept for show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NUMBERS = re.compile(r"\d{1,9}")
_SHAPE = re.compile(r"^\d{1,4}(?:[.(]\d{1,9}\)?){0,5}\w{0,12}")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version: `numbers` decide the order, `text` is how it was printed. Missing numbers count as zero."""

    numbers: tuple[int, ...]
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text

    def at_least(self, *numbers: int) -> bool:
        """Whether this version is the given one or a later one."""
        width = max(len(self.numbers), len(numbers))
        return _wide(self.numbers, width) >= _wide(numbers, width)


def parse(text: str) -> Version:
    """Read a version; a text without a number is version () and older than every other."""
    shape = _SHAPE.match(text.strip())
    return Version(tuple(int(part) for part in _NUMBERS.findall(shape[0] if shape else "")[:6]), text.strip())


def _wide(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return (*numbers, *([0] * (width - len(numbers))))
