"""A diagnosis as one HTML page: no scripts, nothing fetched, fit for printing and for a ticket.

The input stands below the findings with the quoted words marked where they stood, so that a reader who doubts a
finding sees its line among its neighbours. Everything a device printed is escaped by the template engine; secrets
were masked before anything was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

from jinja2 import Environment, StrictUndefined

from anchorwatch.devices import capture
from anchorwatch.devices.span import Span
from anchorwatch.doctor.diagnosis import Report
from anchorwatch.doctor.finding import Finding
from anchorwatch.doctor.procedure import undo_lines
from anchorwatch.doctor.rules import BY_CODE

CONTEXT = 3
"""Lines shown above and below a quoted one."""
LONGEST_LINE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of characters of a line; `marks` are the numbers of the findings that quote it, empty for plain text."""

    text: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """One line of an input as it stood; `gap` says that lines were left out above it."""

    number: int
    pieces: tuple[Piece, ...]
    gap: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A finding with the number under which the input points back at it."""

    number: int
    finding: Finding
    verification: str


def render(report: Report) -> str:
    """The page of a report; its inputs are masked already."""
    numbered: dict[int, list[Numbered]] = {}
    spans: list[tuple[int, Span]] = []
    count = 0
    for index, diagnosis in enumerate(report.diagnoses):
        for finding in diagnosis.findings:
            count += 1
            numbered.setdefault(index, []).append(
                Numbered(
                    number=count,
                    finding=finding,
                    verification=BY_CODE[finding.code].verification if finding.code in BY_CODE else "",
                )
            )
            spans += [(count, span) for span in finding.evidence]
    shown = {
        name: _excerpt(text, [pair for pair in spans if pair[1].source == name])
        for name, text in report.inputs
    }
    template = _environment().from_string(_template())
    return template.render(
        report=report,
        numbered=numbered,
        inputs={name: lines for name, lines in shown.items() if lines},
        anchor=_anchor({name: number for number, name in enumerate(shown)}),
    )


def _template() -> str:
    return resources.files("anchorwatch.web").joinpath("report.html").read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = visible
    environment.filters["undo_lines"] = undo_lines
    return environment


def visible(text: str) -> str:
    """Characters that turn or hide text are spelled out: a page can be lied to like a terminal."""
    return "".join(
        character
        if character == "\t" or character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _anchor(order: Mapping[str, int]) -> object:
    """A function that names the place of a line, for links within the page."""

    def anchor(source: str, line: int) -> str:
        return f"input-{order.get(source, 0)}-line-{line}"

    return anchor


def _excerpt(text: str, spans: Sequence[tuple[int, Span]]) -> tuple[ShownLine, ...]:
    """The quoted lines of an input with their neighbours; nothing where nothing is quoted."""
    lines = capture.decode(text.encode("utf-8", "replace")).split("\n")
    by_line: dict[int, list[tuple[int, Span]]] = {}
    for number, span in spans:
        by_line.setdefault(span.line, []).append((number, span))
    wanted = sorted(
        {
            near
            for line in by_line
            for near in range(line - CONTEXT, line + CONTEXT + 1)
            if 1 <= near <= len(lines)
        }
    )
    shown = []
    before = 0
    for number in wanted:
        pieces = _pieces(lines[number - 1].rstrip("\r")[:LONGEST_LINE], by_line.get(number, []))
        shown.append(ShownLine(number=number, pieces=pieces, gap=number > before + 1))
        before = number
    return tuple(shown)


def _pieces(line: str, quoted: Sequence[tuple[int, Span]]) -> tuple[Piece, ...]:
    """A line cut at the borders of what is quoted of it."""
    ranges = [(*_range(line, span), number) for number, span in quoted]
    borders = sorted({0, len(line), *(border for start, stop, _ in ranges for border in (start, stop))})
    pieces = []
    for start, stop in pairwise(borders):
        marks = tuple(
            dict.fromkeys(number for begin, end, number in ranges if begin <= start and stop <= end)
        )
        pieces.append(Piece(text=line[start:stop], marks=marks))
    return tuple(pieces) or (Piece(text=line),)


def _range(line: str, span: Span) -> tuple[int, int]:
    """Where the words of a span stand in the line; the whole line where cleaning moved them."""
    start = span.column - 1
    first = span.text.split("\n", 1)[0]
    if line[start : start + len(first)] == first:
        return start, start + len(first)
    found = line.find(first) if first else -1
    if found >= 0:
        return found, found + len(first)
    return min(start, len(line)), len(line)
