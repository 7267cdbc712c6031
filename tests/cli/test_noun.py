"""Nouns are listed without being read, and are themselves as soon as they are used."""

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from anchorwatch.cli.app import NOUNS, app
from anchorwatch.cli.noun import Noun, group_of, real

ROOT = typer.main.get_command(app)


def imported(*words: str, **environment: str) -> set[str]:
    """Modules of ours and of heavy libraries that a call reads, in a process of its own."""
    program = (
        "import sys; from anchorwatch.cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('|', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return set(done.stdout.rpartition("|")[2].split())


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_a_noun_is_listed_by_its_own_first_sentence(noun: Noun) -> None:
    """What the table says of a noun is how the noun's own help begins."""
    unread = ROOT.commands[noun.name]  # type: ignore[attr-defined]  # the parser's class is private to typer
    own = real(unread)
    assert own.name == noun.name
    assert " ".join((own.help or "").split("\n\n")[0].split()) == noun.sentence
    assert unread.help == noun.sentence
    assert not own.hidden


def test_reading_a_noun_twice_gives_the_same_verbs() -> None:
    """However often the application is made, a noun has each of its verbs once."""
    first, second = (
        real(typer.main.get_command(app).commands["portal"])  # type: ignore[attr-defined]  # as above
        for _ in range(2)
    )
    assert list(first.commands) == list(second.commands)
    assert {"serve", "token", "trust", "backup"} <= set(first.commands)


def test_the_list_and_the_completion_read_no_noun() -> None:
    """Help and completion name every noun and read none."""
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert all(f"\n  {noun.name} " in listed for noun in NOUNS)
    assert not {name for name in imported("--help") if name.startswith("anchorwatch.cli.agent")}
    asked = {"_ANCHORWATCH_COMPLETE": "complete_bash", "COMP_WORDS": "anchorwatch ", "COMP_CWORD": "1"}
    program = "from anchorwatch.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = 'anchorwatch'; {program}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | asked,
    )
    assert done.stdout.split() == [noun.name for noun in NOUNS]


def test_completion_goes_on_inside_a_noun() -> None:
    """The verbs of a noun are completed as if it had been read from the start."""
    asked = {
        "_ANCHORWATCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "anchorwatch agent de",
        "COMP_CWORD": "2",
    }
    program = "import sys; sys.argv[0] = 'anchorwatch'; from anchorwatch.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ | asked
    )
    assert done.stdout.split() == ["deregister"]


def test_an_agent_reads_nothing_of_the_others(tmp_path: object) -> None:
    """`agent status` leaves the portal, the doctor, the judge, databases and colours on disk."""
    found = imported("agent", "status", "--folder", str(tmp_path))
    for heavy in ("sqlalchemy", "starlette", "uvicorn", "rich", "jinja2", "pyhanko_certvalidator", "OpenSSL"):
        assert heavy not in found
    for room in ("portal", "doctor", "lab", "db", "web", "pki.judgement", "cli.judge"):
        assert f"anchorwatch.{room}" not in found


def test_a_noun_may_fail_to_load_without_the_others() -> None:
    """A noun whose module cannot be read is in nobody's way until it is named."""

    def broken(_: typer.Typer) -> None:
        raise ImportError("gone")

    def whole(into: typer.Typer) -> None:
        into.command("well")(lambda: typer.echo("well"))

    made = typer.Typer(cls=group_of((Noun("ill", "Broken.", broken), Noun("well", "Whole.", whole))))
    made.callback()(lambda: None)
    assert CliRunner().invoke(made, ["well"]).stdout == "well\n"
    assert isinstance(CliRunner().invoke(made, ["ill"]).exception, ImportError)
