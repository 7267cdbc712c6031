"""What may reach the terminal."""

import json
import unicodedata

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from anchorwatch.cli import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("QuoVadis Root CA 2", "QuoVadis Root CA 2"),
        ("证书 Główny é", "证书 Główny é"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("line\nline\r\tend", r"line\nline\r\tend"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    """Escapes, controls and marks that turn the writing appear as their numbers; words stay."""
    assert terminal.printable(text) == shown


@given(text=st.text())
def test_law_nothing_obeys(text: str) -> None:
    """Whatever a stranger writes, no control, format character or lone surrogate gets through."""
    shown = terminal.printable(text)
    assert not {unicodedata.category(character) for character in shown} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Cn",
        "Zl",
        "Zp",
    }
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_long_text_is_cut() -> None:
    """A subject of a megabyte takes one line."""
    assert terminal.printable("a" * 1_000_000, longest=10) == "aaaaaaaaa…"


def test_table_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a table is plain columns, wide letters counted as two."""
    terminal.table(["#", "name", "x"], [["1", "证书", "a"], ["10", "b", "c"]], right=(0,))
    assert capsys.readouterr().out == " #  name  x\n 1  证书  a\n10  b     c\n"


@given(words=st.lists(st.text()))
def test_law_documents_obey_nothing_and_lose_nothing(words: list[str]) -> None:
    """A document has no character that a terminal obeys, and says the same to a reader of JSON."""
    runner = CliRunner()
    app = typer.Typer()

    @app.command()
    def tell() -> None:
        terminal.say_document(json.dumps(words, ensure_ascii=False, indent=1) + "\n")

    shown = runner.invoke(app, []).stdout
    assert json.loads(shown) == words
    hidden = {character for character in shown if unicodedata.category(character) in {"Cc", "Cf", "Cs"}}
    assert hidden <= {"\n", "\x7f"}
