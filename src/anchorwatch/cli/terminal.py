"""What reaches the terminal, and how.

Names in certificates, lines of devices and names of files are written by strangers, and a terminal obeys
what it is sent: a subject could clear the screen, hide a line or turn text round. Everything that did not
come from this program's own source goes through `printable`.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "ASKED_WRONGLY",
    "COULD_NOT_LOOK",
    "TROUBLE",
    "fail",
    "hint",
    "printable",
    "say",
    "say_document",
    "table",
]

TROUBLE = 1
"""Exit status: something was found to be wrong, or was refused."""
ASKED_WRONGLY = 2
"""Exit status: the command line makes no sense."""
COULD_NOT_LOOK = 3
"""Exit status: what was to be looked at could not be reached or opened."""

# Controls, format characters (among them those that turn the direction of writing), lone surrogates,
# private use, and the two separators that some terminals take for line ends.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LONGEST = 2_000


def printable(text: str, *, longest: int = _LONGEST) -> str:
    r"""A stranger's text as it may be shown on one line: what cannot be seen is spelled out (`\x1b`, `\u202e`).

    Line ends and tabs are spelled out as well. Longer than `longest` characters is cut with an ellipsis.
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(character) for character in text)


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    return character.encode("unicode_escape").decode("ascii")


def console(*, err: bool = False) -> Console:
    """A console for standard output or error: colours only on a terminal that wants them."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    return Console(file=stream, no_color=plain, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(line: str = "", *, style: str | None = None, err: bool = False) -> None:
    """One line of our own words; what is a stranger's in it was made `printable` before."""
    stream = sys.stderr if err else sys.stdout
    if style is None or not stream.isatty():
        # What needs no colour needs no console either, whose library takes longer to read than most answers.
        typer.echo(line, err=err)
        return
    from rich.text import Text

    console(err=err).print(Text(line, style=style))


def say_document(text: str) -> None:
    r"""A JSON document on standard output, with what a terminal might obey written as `\uXXXX`.

    Only strings hold such characters, and a reader of JSON gets the same strings from either spelling.
    """
    typer.echo(
        "".join(character if character == "\n" else _escaped(character) for character in text), nl=False
    )


def _escaped(character: str) -> str:
    if character.isascii() or unicodedata.category(character) not in _HIDDEN:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def hint(line: str) -> None:
    """What to do next, on standard error."""
    say(f"hint: {line}", err=True)


def fail(sentence: str, status: int, *hints: str) -> NoReturn:
    """End with one sentence on standard error, what to do next, and the exit status."""
    say(f"error: {sentence}", err=True, style="red")
    for line in hints:
        hint(line)
    raise typer.Exit(status)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Rows under heads on standard output: ruled on a terminal, columns parted by two blanks in a pipe.

    Cells must be `printable`; columns numbered in `right` (from 0) are set flush right.
    """
    cells = [tuple(row) for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        out = console()
        # A terminal that is narrower than the table wraps cells; nothing is cut off.
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for number, head in enumerate(heads):
            grid.add_column(head, justify="right" if number in right else "left", overflow="fold")
        for row in cells:
            grid.add_row(*(Text(cell) for cell in row))
        console_fit = Console(
            file=sys.stdout, no_color=out.no_color, highlight=False, markup=False, emoji=False
        )
        console_fit.print(grid)
        return
    widths = [max(map(_width, column)) for column in zip(heads, *cells, strict=True)]
    for row in (tuple(heads), *cells):
        padded = (
            " " * (width - _width(cell)) + cell if number in right else cell + " " * (width - _width(cell))
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """Columns a text takes: East Asian wide characters two, marks that sit on another none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
