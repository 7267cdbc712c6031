"""What stands behind a pipe: which lines of an output are kept."""

from __future__ import annotations

import time

import pytest

from anchorwatch.lab.shell import _piped

LOG = "717009 names G3\n717009 names G4\n725002 done\nthe end (of it)"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("show log | include 717009", ["717009 names G3", "717009 names G4"]),
        ("show log | inc 717009.*G4", ["717009 names G4"]),
        ("show log | include G4|725", ["717009 names G4", "725002 done"]),
        ("show log | include ^725.*done$", ["725002 done"]),
        ("show log | include done.*725", []),
        ("show log | include 72.002", ["725002 done"]),
        ("show log | include (of it)", ["the end (of it)"]),
        ("show log | exclude 717", ["725002 done", "the end (of it)"]),
        ("show log | grep -v 7", ["the end (of it)"]),
        ("show log | begin 725", ["725002 done", "the end (of it)"]),
        ("show log | include 3$", ["717009 names G3"]),
    ],
)
def test_a_filter_keeps_the_lines_it_names(line: str, kept: list[str]) -> None:
    """Text, the two ends, any character and any characters between, and alternatives."""
    command, keep = _piped(line)
    assert command.rstrip() == "show log"
    assert keep(LOG).splitlines() == kept


def test_no_filter_takes_long() -> None:
    """A pattern of a stranger's costs its length times the line's, however it is written."""
    _, keep = _piped("show log | include " + ".*a" * 60 + "b$")
    began = time.perf_counter()
    assert keep("a" * 4_000) == ""
    assert time.perf_counter() - began < 2
