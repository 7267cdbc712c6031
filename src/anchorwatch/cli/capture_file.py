"""Captures from the machine: files, folders and standard input, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from anchorwatch.base.schema import SchemaError
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.log_file import select_log
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, printable, say
from anchorwatch.devices.capture import Line
from anchorwatch.devices.reading import Content
from anchorwatch.doctor import case_file

__all__ = ["Captures", "load_captures"]

MAX_CAPTURE = 64 * 1024 * 1024
"""Bytes of one capture that are read whole: a show tech has a few megabytes."""
MAX_WHOLE = 16 * 1024 * 1024
"""Bytes from which a file is taken for a log, of which only the lines that concern licensing are read."""
_PACKED_TIMES = 12
"""How much smaller gzip makes a log."""
MAX_FILES = 10_000
"""Files of one folder."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captures:
    """(name, content) of everything that was named, and the time a case file among them was asked at."""

    inputs: tuple[tuple[str, Content], ...]
    asked_at: datetime | None = None


def load_captures(arguments: Sequence[str]) -> Captures:
    """Everything the arguments name, case files opened; what cannot be looked at ends with exit status 3."""
    inputs: list[tuple[str, Content]] = []
    asked_at = None
    for name in (name for argument in arguments for name in _names(argument)):
        if _is_large(name):
            inputs.append((name, _selected(name)))
            continue
        content = _content(name)
        if not case_file.looks_like_one(content):
            inputs.append((_shown(name), content))
            continue
        try:
            case = case_file.from_text(content)
        except SchemaError as error:
            fail(printable(f"{name}: {error}"), COULD_NOT_LOOK)
        inputs += case.inputs
        asked_at = asked_at or case.asked_at
    return Captures(inputs=tuple(inputs), asked_at=asked_at)


def _names(argument: str) -> Iterator[str]:
    path = Path(argument)
    if argument == "-" or not path.is_dir():
        yield argument
        return
    files = sorted(
        str(Path(here) / name)
        for here, folders, names in os.walk(path)
        for name in names
        if not name.startswith(".")
        and not any(part.startswith(".") for part in Path(here).parts[len(path.parts) :])
    )
    if not files or len(files) > MAX_FILES:
        fail(
            printable(f"{argument} holds {'no files' if not files else f'more than {MAX_FILES} files'}"),
            COULD_NOT_LOOK,
        )
    yield from files


def _is_large(name: str) -> bool:
    """Whether a file is a log that is better sieved than read; a packed one counts with what it may hold."""
    try:
        size = Path(name).stat().st_size if name != "-" else 0
        with Path(name).open("rb") if size else BytesIO() as file:
            packed = file.read(2) == _GZIP
    except OSError:
        return False
    return size > MAX_WHOLE // (_PACKED_TIMES if packed else 1)


def _selected(name: str) -> tuple[Line, ...]:
    try:
        selection = select_log(name)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    say(
        printable(
            f"note: {name}: {selection.line_count:,} lines, of which those that concern licensing were read"
        ),
        err=True,
    )
    return selection.lines


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _content(name: str) -> bytes:
    try:
        data = read_bounded(name, MAX_CAPTURE)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    if data.startswith(_GZIP):
        data = _unpacked(name, data)
    if len(data) > MAX_CAPTURE:
        fail(
            printable(f"{_shown(name)} is larger than {MAX_CAPTURE >> 20} MB"),
            COULD_NOT_LOOK,
            "a log of any size can be read from a file",
        )
    return data


def _unpacked(name: str, data: bytes) -> bytes:
    """The content of a gzip file, at most one byte more than the limit: a small file can hold gigabytes."""
    try:
        with gzip.open(BytesIO(data)) as packed:
            return packed.read(MAX_CAPTURE + 1)
    except (OSError, EOFError, zlib.error) as error:
        fail(printable(f"{name}: cannot be unpacked: {error}"), COULD_NOT_LOOK)
