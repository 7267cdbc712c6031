"""Documentation that runs: the commands shown on a page, what they printed then, and what they print now.

A page is a little session. Its `console` blocks are read in order; each line that begins with `$ ` is a
command, the lines below it are what it prints, standard output and standard error as a terminal mixes them.
All commands of a page run one after another in one empty folder.

    $ anchorwatch judge chain.pem --store store.pem  # exit status 1
    refused: …

`…` or `...` stands for any text in a line, and alone on a line for any number of lines. A command without
output lines is run, and its output not compared. Comments steer what a reader need not see:

    <!-- not run: why -->        before a block: it is not run
    <!-- files: NAME -->         prepared files are put into the folder, see docs_worlds.py
"""

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# `make` would set up a second environment inside a test. What it runs in the end is the same.
STANDS_FOR = {"make demo": "anchorwatch demo"}

# The terminal of the documentation: no colour, one width, one language, one time zone, no home of anyone's.
TERMINAL = {
    "COLUMNS": "100",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "PYTHONUTF8": "1",
    "TERM": "dumb",
    "TZ": "UTC",
}
LONGEST_SECONDS = 120

_FENCE = re.compile(r"^(?P<indent> *)```console\s*$")
_NOT_RUN = re.compile(r"^\s*<!--\s*not run:\s*(?P<why>\S.*?)\s*-->\s*$")
_FILES = re.compile(r"^\s*<!--\s*files:\s*(?P<name>\S+)\s*-->\s*$")
_STATUS = re.compile(r"\s+#\s*exit status (?P<status>\d+)\s*$")
_DOTS = re.compile(r"…|\.\.\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a page.

    `line` counts from 1 and is where it stands; `expected` are the output lines shown below it, None where
    nothing is shown; `output_lines` is the range of those lines in the page, from 0, end excluded.
    """

    line: int
    text: str
    status: int
    expected: tuple[str, ...] | None
    output_lines: tuple[int, int]
    indent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """The commands of one page in order, and the prepared files it asks for."""

    page: Path
    commands: tuple[Command, ...]
    files: tuple[str, ...]
    not_run: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one command did this time."""

    command: Command
    status: int
    output: tuple[str, ...]

    @property
    def trouble(self) -> str | None:
        """Why the page is not true any more, None where it still is."""
        command = self.command
        printed = "\n".join(self.output) or "(nothing)"
        if self.status != command.status:
            return (
                f"line {command.line}: `{command.text}` ended with exit status {self.status}, "
                f"the page says {command.status}; it printed\n{printed}"
            )
        if command.expected is not None and not agrees(command.expected, self.output):
            difference = difflib.unified_diff(
                command.expected, _abridged(command, self.output), "the page", "the command", n=1, lineterm=""
            )
            return (
                f"line {command.line}: `{command.text}` prints something else than the page shows "
                "(`make docs` pastes what it prints now).\n" + "\n".join(difference)
            )
        return None


def read_session(page: Path) -> Session:
    """The session a page tells. Raises ValueError for a block that does not begin with a command."""
    lines = page.read_text(encoding="utf-8").splitlines()
    commands: list[Command] = []
    not_run: list[tuple[int, str]] = []
    files = [match["name"] for line in lines if (match := _FILES.match(line))]
    at, before = 0, ""
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            before = lines[at].strip() or before
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == "```"), len(lines))
        if excused := _NOT_RUN.match(before):
            not_run.append((at + 1, excused["why"]))
        else:
            commands.extend(_commands(page, lines, at + 1, end, fence["indent"]))
        at, before = end + 1, ""
    return Session(page=page, commands=tuple(commands), files=tuple(files), not_run=tuple(not_run))


def _commands(page: Path, lines: list[str], start: int, end: int, indent: str) -> Iterator[Command]:
    body = [line.removeprefix(indent) for line in lines[:end]]
    if start < end and not body[start].startswith("$ "):
        raise ValueError(f"{page.name}:{start + 1}: a console block begins with a command, `$ …`")
    at = start
    while at < end:
        first, text = at, body[at].removeprefix("$ ")
        while text.endswith("\\") and at + 1 < end:
            at += 1
            text += "\n" + body[at]
        at += 1
        stop = next((i for i in range(at, end) if body[i].startswith("$ ")), end)
        status = _STATUS.search(text)
        yield Command(
            line=first + 1,
            text=_STATUS.sub("", text),
            status=int(status["status"]) if status else 0,
            expected=tuple(body[at:stop]) if stop > at else None,
            output_lines=(at, stop),
            indent=indent,
        )
        at = stop


def run(session: Session, folder: Path, worlds: Mapping[str, Callable[[Path], None]]) -> Iterator[Result]:
    """Run a page's commands in an empty folder, one after another, and say what each did."""
    for name in session.files:
        worlds[name](folder)
    here = str(Path(sys.executable).parent)
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    terminal = {**kept, **TERMINAL, "HOME": str(folder), "PATH": here + os.pathsep + kept.get("PATH", "")}
    for command in session.commands:
        done = subprocess.run(
            ["sh", "-c", STANDS_FOR.get(command.text, command.text)],
            cwd=folder,
            env=terminal,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        printed = done.stdout.decode("utf-8", "backslashreplace").splitlines()
        yield Result(command=command, status=done.returncode, output=tuple(line.rstrip() for line in printed))


def agrees(expected: tuple[str, ...], output: tuple[str, ...]) -> bool:
    """Whether an output is what a page shows, where dots stand for anything."""
    shown = _trimmed(expected)
    printed = _trimmed(output)

    @cache
    def rest(i: int, j: int) -> bool:
        if i == len(shown):
            return j == len(printed)
        if _DOTS.fullmatch(shown[i].strip()):
            return rest(i + 1, j) or (j < len(printed) and rest(i, j + 1))
        return j < len(printed) and _line_agrees(shown[i], printed[j]) and rest(i + 1, j + 1)

    return rest(0, 0)


def _line_agrees(shown: str, printed: str) -> bool:
    return re.fullmatch(".*?".join(re.escape(part) for part in _DOTS.split(shown)), printed) is not None


def _trimmed(lines: tuple[str, ...]) -> tuple[str, ...]:
    trimmed = [line.rstrip() for line in lines]
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    return tuple(trimmed)


def _abridged(command: Command, output: tuple[str, ...]) -> list[str]:
    """The present output, keeping the dots of every shown line that still agrees."""
    shown = [line.rstrip() for line in command.expected or () if not _DOTS.fullmatch(line.strip())]
    lines = []
    for line in _trimmed(output):
        kept = next((i for i, each in enumerate(shown) if _line_agrees(each, line)), None)
        if kept is None:
            lines.append(line)
        else:
            lines.append(shown[kept])
            del shown[: kept + 1]
    return lines


def pasted(session: Session, results: list[Result]) -> str:
    """The page with the present output in place of what no longer agrees."""
    lines = session.page.read_text(encoding="utf-8").splitlines()
    for result in reversed(results):
        command = result.command
        if result.trouble is None:
            continue
        start, end = command.output_lines
        lines[start:end] = [(command.indent + line).rstrip() for line in _abridged(command, result.output)]
        if result.status != command.status:
            told = f"$ {command.text}" + (f"  # exit status {result.status}" if result.status else "")
            first = command.line - 1
            lines[first:start] = [command.indent + line for line in told.split("\n")]
    return "\n".join(lines) + "\n"
