"""The parts of the documentation that are written from the program itself.

Each function gives the text as it should stand; `write_docs.py` writes it, and the tests compare it with what
stands there, so that a page never says something the program has stopped doing.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import typer.main
from typer.testing import CliRunner

import docs_rules
from anchorwatch.cli.app import app
from anchorwatch.cli.noun import real
from anchorwatch.pki.reason import MEANINGS, Reason
from docs_api import management_page
from docs_console import TERMINAL
from docs_formats import formats_page
from docs_licensing import messages_page, states_page
from docs_profiles import profiles_page

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
RULE_PAGES = DOCS / "reference" / "rules"

WRITTEN = "<!-- written by make docs; change the program instead -->"
PAGES_START = "<!-- pages: written by make docs -->"
PAGES_END = "<!-- end of pages -->"

SHELVES = {
    "tutorial": ("Tutorial", "One story from start to end, for the first evening."),
    "how-to": ("How to", "One task each, for when something has to be done."),
    "reference": ("Reference", "Every command, code and field, for looking up."),
    "explanation": ("Explanation", "Why it is so, for thinking it over."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """One command of the program, as its own help describes it.

    `words` are what one types, `command` is the parser's own object, whose class is private to typer.
    """

    words: tuple[str, ...]
    command: Any
    has_children: bool


def commands() -> Iterator[Documented]:
    """Every command of the program in the order of its help, groups before what they hold."""

    def walk(words: tuple[str, ...], command: Any) -> Iterator[Documented]:
        command = real(command)
        children = getattr(command, "commands", None) or {}
        yield Documented(words=words, command=command, has_children=bool(children))
        for name, child in children.items():
            if not child.hidden:
                yield from walk((*words, name), child)

    yield from walk(("anchorwatch",), typer.main.get_command(app))


def help_text(words: tuple[str, ...]) -> str:
    """What `--help` prints for a command, on the terminal of the documentation."""
    with mock.patch.dict(os.environ, TERMINAL):
        result = CliRunner().invoke(app, [*words[1:], "--help"], prog_name="anchorwatch", env=TERMINAL)
    if result.exit_code != 0:
        raise RuntimeError(
            f"`{' '.join(words)} --help` ended with exit status {result.exit_code}: {result.output}"
        )
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def cli_page() -> str:
    """docs/reference/cli.md: the help of every command."""
    parts = [
        "# Command line",
        WRITTEN,
        (
            "What `--help` prints for each command.\n"
            "Exit status everywhere: 0 well, 1 trouble found or refused, 2 asked wrongly, 3 could not look."
        ),
    ]
    for each in commands():
        parts.append(f"## {' '.join(each.words)}")
        parts.append(f"```text\n{help_text(each.words)}\n```")
    return "\n\n".join(parts) + "\n"


def reasons_page() -> str:
    """docs/reference/reasons.md: the closed list of reasons, from the one closest to acceptance to the farthest."""
    parts = [
        "# Reasons",
        WRITTEN,
        (
            "Why a path, or a whole question, is refused.\n"
            "The list is closed and the codes are stable.\n"
            "It is ordered by closeness to acceptance: "
            "a path that lacks only the right clock is nearer than one whose signatures are wrong, "
            "and among many refused paths the nearest is shown first."
        ),
        "| reason | what it says |\n| --- | --- |\n"
        + "\n".join(
            f"| `{reason}` | {MEANINGS[reason][0].upper()}{MEANINGS[reason][1:]}. |" for reason in Reason
        ),
    ]
    return "\n\n".join(parts) + "\n"


def index_page(written: Mapping[Path, str]) -> str:
    """docs/README.md with its list of the pages on the shelves, the `written` ones as they are about to be."""
    parts = []
    for shelf, (title, purpose) in SHELVES.items():
        pages = {page: page.read_text(encoding="utf-8") for page in (DOCS / shelf).rglob("*.md")}
        pages |= {page: text for page, text in written.items() if page.is_relative_to(DOCS / shelf)}
        # The rules have a list of their own.
        pages = {page: text for page, text in pages.items() if page.parent != RULE_PAGES}
        if pages:
            entries = "\n".join(_entry(page, pages[page]) for page in sorted(pages))
            parts.append(f"## {title}\n\n{purpose}\n\n{entries}")
    text = (DOCS / "README.md").read_text(encoding="utf-8")
    before, start, rest = text.partition(PAGES_START)
    _, end, after = rest.partition(PAGES_END)
    if not start or not end:
        raise RuntimeError("docs/README.md has lost the marks between which its list of pages is written")
    return f"{before}{start}\n\n" + "\n\n".join(parts) + f"\n\n{end}{after}"


@cache
def generated() -> Mapping[Path, str]:
    """Every page that is written from the program, with its text."""
    pages = {
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "formats.md": formats_page(WRITTEN),
        DOCS / "reference" / "licensing-messages.md": messages_page(WRITTEN),
        DOCS / "reference" / "licensing-states.md": states_page(WRITTEN),
        DOCS / "reference" / "management-api.md": management_page(WRITTEN),
        DOCS / "reference" / "profiles.md": profiles_page(WRITTEN),
        DOCS / "reference" / "reasons.md": reasons_page(),
    }
    pages[DOCS / "reference" / "rules.md"] = docs_rules.index(WRITTEN)
    pages |= {RULE_PAGES / name: text for name, text in docs_rules.pages(WRITTEN).items()}
    return {**pages, DOCS / "README.md": index_page(pages)}


def _entry(page: Path, text: str) -> str:
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    if title is None:
        raise RuntimeError(f"{page.relative_to(CHECKOUT)} has no title")
    sentence = next((line for line in text[title.end() :].splitlines() if re.match(r"[A-Za-z`*]", line)), "")
    link = page.relative_to(DOCS).as_posix()
    return f"- [{title[1]}]({link})" + (f": {sentence}" if sentence else "")
