"""The documentation is whole: everything is described, every link leads somewhere, nothing private is told."""

import base64
import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from docs_pages import Documented, commands, generated

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [
    *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
]
COMMANDS = list(commands())


def name_of(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def words_of(each: Documented) -> str:
    return " ".join(each.words)


@pytest.mark.parametrize("page", generated(), ids=name_of)
def test_written_pages_are_as_the_program_is(page: Path) -> None:
    """What is written from the program says what the program says today (`make docs` writes it again)."""
    assert page.exists(), f"{name_of(page)} is missing: make docs"
    assert page.read_text(encoding="utf-8") == generated()[page], f"{name_of(page)} is stale: make docs"


@pytest.mark.parametrize("each", COMMANDS, ids=words_of)
def test_every_command_and_option_is_described(each: Documented) -> None:
    """Each command says what it is for, and each argument and option what it means."""
    assert (each.command.help or "").strip(), f"`{words_of(each)}` has no help"
    silent = [
        parameter.name
        for parameter in each.command.params
        if not getattr(parameter, "hidden", False) and not (getattr(parameter, "help", "") or "").strip()
    ]
    assert not silent, f"`{words_of(each)}` does not describe {silent}"


@pytest.mark.parametrize("each", [each for each in COMMANDS[1:] if not each.has_children], ids=words_of)
def test_every_command_shows_an_example(each: Documented) -> None:
    """The help of a command holds a line one could type."""
    assert words_of(each) in each.command.help + (getattr(each.command, "epilog", None) or "")


def anchors(page: Path) -> set[str]:
    """The names one can link to in a page, as they are made from its headings."""
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", _without_code(page), re.MULTILINE)
    names = [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]
    return {*names, *(f"{name}-{i}" for i in range(1, 9) for name in names if names.count(name) > i)}


def _without_code(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file, a picture or a heading of the project finds it."""
    text = re.sub(r"`[^`\n]*`", "", _without_code(page))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    broken = []
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if not linked.exists() or (heading and heading not in anchors(linked)):
            broken.append(target)
    assert not broken


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    found = [CHECKOUT / name for name in names if name and (CHECKOUT / name).is_file()]
    return found or [path for path in CHECKOUT.rglob("*") if path.is_file() and ".venv" not in path.parts]


# Each pattern has one letter in brackets, so that it does not find itself here.
UNFIT = {
    "a mark of unfinished work": r"\b(?:TOD[O]|FIXM[E]|XX[X])\b",
    "a folder of somebody's machine": r"(?<![\w.~/-])/(?:work|root|home|Users)/\w|\b[A-Z]:[\\]Users",
    "the host of a package registry": r"pypi[.](?:org|io)|pythonhoste[d][.]org|registry[.]npmjs|crates[.]io",
    "a private key": r"BEGIN (?:[A-Z]+ )?PRIVATE KE[Y]",
}


@pytest.mark.parametrize("what", UNFIT)
def test_no_file_holds(what: str) -> None:
    """No file of the project holds what belongs to a machine, a registry or tomorrow."""
    pattern = re.compile(UNFIT[what])
    found = []
    for path in tracked():
        if path.suffix in {".png", ".ico", ".xz", ".gz"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_no_certificate_of_the_reference_data(shared: Path) -> None:
    """No certificate of the reference data has been copied into the project, as PEM or as DER."""
    index = (shared / "pki" / "index.tsv").read_text(encoding="utf-8")
    known = set(re.findall(r"\b[0-9a-f]{64}\b", index))
    found = []
    for path in tracked():
        content = path.read_bytes()
        bodies = [content, *(body for body in re.findall(rb"-----BEGIN [^-]+-----([^-]+)-----END", content))]
        for body in bodies:
            try:
                der = body if body is content else base64.b64decode(body)
            except ValueError:
                continue
            if hashlib.sha256(der).hexdigest() in known:
                found.append(name_of(path))
    assert not found


def test_requirements_name_no_place() -> None:
    """The locked requirements say what to install and its hashes, and leave the place to whoever installs."""
    for path in (CHECKOUT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|-f|--find-links)\b", text, re.MULTILINE)
        for requirement in re.findall(r"^[\w.\[\]-]+==.*(?:\n .*)*", text, re.MULTILINE):
            assert "--hash=sha256:" in requirement


def test_every_dependency_has_its_line() -> None:
    """What the program depends on stands in the design with its purpose."""
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    listed = project.partition("\ndependencies = [")[2].partition("]")[0]
    section = (
        (CHECKOUT / "docs" / "design.md")
        .read_text(encoding="utf-8")
        .partition("## 6 ")[2]
        .partition("## 7 ")[0]
    )
    names = re.findall(r'"([\w-]+)', listed)

    assert names
    assert [name for name in names if f"`{name.lower()}`" not in section.lower()] == []
    # The table may know more, which comes later; the line below it says what is installed now, and nothing else.
    now = re.search(r"^\*\*In 0\.1\*\* are (.+)$", section, re.MULTILINE)
    assert now is not None
    assert sorted(re.findall(r"`([\w-]+)`", now[1].lower())) == sorted(name.lower() for name in names)
