"""The documentation runs, and so does the machinery that runs it."""

import shutil
from pathlib import Path

import pytest

from docs_console import agrees, pasted, read_session, run
from docs_worlds import WORLDS

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]

needs_a_shell = pytest.mark.skipif(shutil.which("sh") is None, reason="only where there is a POSIX shell")


def name_of(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


@needs_a_shell
@pytest.mark.parametrize("page", [page for page in PAGES if read_session(page).commands], ids=name_of)
def test_pages_are_true(page: Path, tmp_path: Path) -> None:
    """Every command shown on a page does what the page says."""
    results = run(read_session(page), tmp_path, WORLDS)

    troubles = [f"{name_of(page)}, {trouble}" for result in results if (trouble := result.trouble)]

    assert not troubles, "\n\n".join(troubles)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_prepared_files_exist(page: Path) -> None:
    """A page asks only for files that somebody prepares."""
    assert set(read_session(page).files) <= set(WORLDS)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        (["a"], ["a", "b"], False),
        (["a …"], ["a long way"], True),
        (["… took ... s"], ["it took 2 s"], True),
        (["a", "…", "z"], ["a", "b", "c", "z"], True),
        (["a", "…", "z"], ["a", "z"], True),
        (["…"], [], True),
        (["a.c"], ["abc"], False),
        (["a  "], ["a", ""], True),
        (["…"] * 30 + ["z"], ["a"] * 60, False),
    ],
)
def test_dots_stand_for_anything(shown: list[str], printed: list[str], same: bool) -> None:
    """Dots in a line stand for any text, alone on a line for any number of lines, and nothing else does."""
    assert agrees(tuple(shown), tuple(printed)) is same


PAGE = """\
# A page

<!-- not run: it would take all day -->

```console
$ sleep 86400
```

1. A step

   ```console
   $ echo one; echo two >&2
   one
   two
   $ printf '%s\\n' \\
       three
   $ sh -c 'echo no; exit 3'  # exit status 3
   yes
   ```
"""


def test_reads_a_page(tmp_path: Path) -> None:
    """Commands, their output, their status and what is left out are read from a page."""
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")

    session = read_session(page)

    assert session.not_run == ((5, "it would take all day"),)
    assert [(each.line, each.status, each.expected) for each in session.commands] == [
        (12, 0, ("one", "two")),
        (15, 0, None),
        (17, 3, ("yes",)),
    ]


@needs_a_shell
def test_tells_what_is_not_true_and_pastes_what_is(tmp_path: Path) -> None:
    """A page that is not true is told with the difference; pasting makes it true and keeps the rest."""
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")

    results = list(run(read_session(page), tmp_path, {}))

    assert [result.trouble is None for result in results] == [True, True, False]
    assert "-yes\n+no" in str(results[2].trouble)
    assert pasted(read_session(page), results) == PAGE.replace("   yes\n", "   no\n")


@needs_a_shell
def test_tells_a_wrong_status(tmp_path: Path) -> None:
    """A command that ends otherwise than the page says is told, whatever it printed."""
    page = tmp_path / "page.md"
    page.write_text("```console\n$ exit 2\n```\n", encoding="utf-8")

    (result,) = run(read_session(page), tmp_path, {})

    assert "exit status 2, the page says 0" in str(result.trouble)
    assert "$ exit 2  # exit status 2" in pasted(read_session(page), [result])


def test_refuses_a_block_without_a_command(tmp_path: Path) -> None:
    """A console block that shows output of nothing is a mistake of the page."""
    page = tmp_path / "page.md"
    page.write_text("```console\noutput\n```\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"page\.md:2"):
        read_session(page)
