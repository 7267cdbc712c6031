"""Captures from the machine: files, folders and standard input, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, printable

__all__ = ["load_captures"]

MAX_CAPTURE = 64 * 1024 * 1024
"""Bytes of one capture that are read whole: a show tech has a few megabytes."""
MAX_FILES = 10_000
"""Files of one folder."""
_GZIP = b"\x1f\x8b"


def load_captures(arguments: Sequence[str]) -> list[tuple[str, bytes]]:
    """(name, content) of everything the arguments name; what cannot be looked at ends with exit status 3."""
    return [(_shown(name), _content(name)) for argument in arguments for name in _names(argument)]


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
        fail(printable(f"{name} is larger than {MAX_CAPTURE >> 20} MB"), COULD_NOT_LOOK)
    return data


def _unpacked(name: str, data: bytes) -> bytes:
    """The content of a gzip file, at most one byte more than the limit: a small file can hold gigabytes."""
    try:
        with gzip.open(BytesIO(data)) as packed:
            return packed.read(MAX_CAPTURE + 1)
    except (OSError, EOFError, zlib.error) as error:
        fail(printable(f"{name}: cannot be unpacked: {error}"), COULD_NOT_LOOK)
