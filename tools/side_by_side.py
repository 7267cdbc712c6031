"""Figures as ratios: ours and a reference, measured in turns in one run, so that a busy machine slows both.

A benchmark makes a `Sheet`, adds figures to it, and ends with `sheet.finish()`, which prints them (`--json` for
programs) and gives the exit status: 1 if a figure with a goal missed it.
Times are medians over the rounds; the ratio is the median of the rounds' ratios, not the ratio of the medians.
"""

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

Work = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a sheet; `ratio` is ours to the reference's in `unit`, and `goal` says what it should be."""

    name: str
    unit: str
    ours: float
    reference: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Sheet:
    """The figures of one benchmark."""

    title: str
    as_json: bool = False
    figures: list[Figure] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def compare(
        self,
        name: str,
        ours: Work | Callable[[], float],
        reference: Work | Callable[[], float],
        *,
        rounds: int = 9,
        scale: float = 1e3,
        unit: str = "ms",
        at_most: float | None = None,
        timed: bool = False,
    ) -> Figure:
        """Time two pieces of work in turns; `timed` when they return their own seconds."""
        gc.collect()
        one, other = (work if timed else _clocked(work) for work in (ours, reference))
        pairs = [(_number(one()), _number(other())) for _ in range(rounds)]
        ratio = statistics.median(a / b for a, b in pairs)
        return self.add(
            Figure(
                name=name,
                unit=unit,
                ours=statistics.median(a for a, _ in pairs) * scale,
                reference=statistics.median(b for _, b in pairs) * scale,
                ratio=ratio,
                goal="" if at_most is None else f"ratio at most {at_most:.2f}",
                met=None if at_most is None else ratio <= at_most,
            )
        )

    def add(self, figure: Figure) -> Figure:
        """Put a figure on the sheet."""
        self.figures.append(figure)
        if not self.as_json:
            print(_line(figure), flush=True)
        return figure

    def leave_out(self, name: str, why: str) -> None:
        """Say that a figure was not measured, and why."""
        self.left_out[name] = why
        if not self.as_json:
            print(f"{name:44} left out: {why}", flush=True)

    def finish(self) -> int:
        """Print what is left to print; the exit status."""
        if self.as_json:
            print(
                json.dumps(
                    {
                        "benchmark": self.title,
                        "figures": [asdict(each) for each in self.figures],
                        "left_out": self.left_out,
                    }
                )
            )
        missed = [each for each in self.figures if each.met is False]
        for each in missed:
            print(f"{each.name}: missed its goal ({each.goal})", file=sys.stderr)
        return 1 if missed else 0


def options(title: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON document")
    return parser


def _clocked(work: Work) -> Callable[[], float]:
    def clocked() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return clocked


def _number(value: object) -> float:
    assert isinstance(value, float)
    return value


def _line(figure: Figure) -> str:
    reference = "" if figure.reference is None else f"   reference {figure.reference:9.1f} {figure.unit}"
    ratio = "" if figure.ratio is None else f"   ratio {figure.ratio:5.2f}"
    goal = f"   ({figure.goal}: {'met' if figure.met else 'MISSED'})" if figure.goal else ""
    return f"{figure.name:44} ours {figure.ours:9.1f} {figure.unit}{reference}{ratio}{goal}"
