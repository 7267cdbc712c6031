"""A command language: patterns, abbreviations, help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.lab.grammar import BadPatternError, Command, Grammar, Misread


def grammar(*patterns: str) -> Grammar[str]:
    """The commands of these patterns; each does its own name."""
    made: Grammar[str] = Grammar()
    for pattern in patterns:
        made.add(pattern, pattern)
    return made


LANGUAGE = grammar(
    "show version",
    "show clock [detail]",
    "show crypto ca {certificates|trustpool [detail|policy]}",
    "crypto ca trustpool import [clean] url <url> [noconfirm [signature-required]]",
    "clock set <rest...>",
    "no logging enable",
    "write memory",
    "setup",
)


@pytest.mark.parametrize(
    ("line", "words", "values"),
    [
        ("show version", ("show", "version"), {}),
        ("SH VER", ("show", "version"), {}),
        ("sho clo de", ("show", "clock", "detail"), {}),
        ("sh cry ca trustp pol", ("show", "crypto", "ca", "trustpool", "policy"), {}),
        ("cr ca t i u http://a/b nocon", ("crypto", "ca", "trustpool", "import", "url", "noconfirm"), {"url": "http://a/b"}),
        ("clock set 12:00:00  1 Jan", ("clock", "set"), {"rest": "12:00:00  1 Jan"}),
        ("wr m", ("write", "memory"), {}),
    ],
)  # fmt: skip
def test_words_may_be_shortened(line: str, words: tuple[str, ...], values: dict[str, str]) -> None:
    """Any beginning that no other word shares stands for the word; values are taken as they are."""
    read = LANGUAGE.read(line)
    assert isinstance(read, Command)
    assert (read.words, dict(read.values)) == (words, values)


@pytest.mark.parametrize(
    ("line", "fault", "column"),
    [
        ("s", "ambiguous", 0),
        ("show", "incomplete", 4),
        ("show cl detail more", "invalid", 15),
        ("frobnicate", "invalid", 0),
        ("show   bogus", "invalid", 7),
        ("crypto ca trustpool import url", "incomplete", 30),
        ("show c", "ambiguous", 5),
    ],
)
def test_what_is_no_command_is_told_with_its_place(line: str, fault: str, column: int) -> None:
    """The column is that of the word that was not understood."""
    read = LANGUAGE.read(line)
    assert isinstance(read, Misread)
    assert (read.fault, read.column) == (fault, column)


def test_help_names_what_may_follow() -> None:
    """After a blank the next words, after a letter the words that begin so, and where a command may end."""
    assert [word for word, _ in LANGUAGE.options("show clock ") or ()] == ["detail", "<cr>"]
    assert [word for word, _ in LANGUAGE.options("sh c") or ()] == ["clock", "crypto"]
    assert [word for word, _ in LANGUAGE.options("crypto ca trustpool import url ") or ()] == ["<url>"]
    assert LANGUAGE.options("show nothing ") is None
    assert LANGUAGE.complete("show cl") == "show clock "
    assert LANGUAGE.complete("show c") == "show c"


def test_a_complete_word_wins_over_longer_ones() -> None:
    """`ca` is not ambiguous because `cable` exists."""
    read = grammar("ca one", "cable two").read("ca one")
    assert isinstance(read, Command)


@pytest.mark.parametrize("pattern", ["a [b", "a b]", "a <x...> b", "", "a {b|c"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    """Brackets must close, and nothing stands behind all that follows."""
    with pytest.raises(BadPatternError):
        grammar(pattern)


def test_two_commands_for_the_same_words_are_refused() -> None:
    """A language in which a line has two meanings is not made."""
    with pytest.raises(BadPatternError):
        grammar("a [b]", "a b")


def test_a_mode_knows_what_the_mode_above_knows() -> None:
    """Included commands never replace its own."""
    below = grammar("exit")
    below.include(LANGUAGE)
    assert isinstance(below.read("sh ver"), Command)
    assert isinstance(below.read("exit"), Command)


@given(st.text(max_size=80))
def test_any_line_is_read_or_refused(line: str) -> None:
    """No line raises; a refusal points into the line."""
    if not line.strip():
        return
    read = LANGUAGE.read(line)
    if isinstance(read, Misread):
        assert 0 <= read.column <= len(line)
    LANGUAGE.options(line)
    LANGUAGE.complete(line)
