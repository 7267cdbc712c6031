"""The threat model names tests; every name is a test that is run."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

PAGE = "docs/explanation/threat-model.md"
_TEST = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")
_SELDOM = ("soak", "skip", "skipif", "xfail")


def rows(checkout: Path) -> list[list[str]]:
    """The cells of every table, without heads and rules."""
    lines = (checkout / PAGE).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] != "threat" and not set(row[0]) <= {"-", " "}]


@cache
def run_in(file: Path) -> dict[str, list[str]]:
    """The tests of a module that pytest collects, with the names of their marks."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            found[node.name] = [ast.unparse(each) for each in node.decorator_list]
    return found


def test_every_test_that_it_names_is_run(checkout: Path) -> None:
    """No line of the threat model rests on a test that is gone, renamed, or left out of an ordinary run."""
    named = [pair for row in rows(checkout) for pair in _TEST.findall(" ".join(row))]
    assert len(named) > 40
    dead = []
    for file, name in named:
        path = checkout / file
        marks = run_in(path).get(name) if path.is_file() else None
        if marks is None or any(f"mark.{word}" in mark for mark in marks for word in _SELDOM):
            dead.append(f"{file}::{name}")
    assert dead == []


def test_every_line_of_this_edition_names_a_test(checkout: Path) -> None:
    """A threat whose control is there has a test; only those of later editions have none."""
    bare = [row[0] for row in rows(checkout) if len(row) == 3 and not _TEST.findall(row[2])]
    assert bare == []
    later = [row for row in rows(checkout) if len(row) == 2]
    assert 0 < len(later) < 10
    assert len(rows(checkout)) - len(later) >= 20


def test_what_it_names_is_written_as_a_name(checkout: Path) -> None:
    """Whatever looks like a test is one that the checks above read."""
    text = (checkout / PAGE).read_text(encoding="utf-8")
    assert text.count("::") == len(_TEST.findall(text))


@pytest.mark.parametrize("word", ["agent", "db", "licensing", "portal"])
def test_all_rooms_of_licensing_have_their_part(checkout: Path, word: str) -> None:
    """Each room between which the protocol is spoken stands for some line."""
    text = (checkout / PAGE).read_text(encoding="utf-8")
    assert f"`tests/{word}/" in text
