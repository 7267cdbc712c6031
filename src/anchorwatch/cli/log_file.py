"""Logs of any size: read in pieces, plain or compressed with gzip, and reduced to the lines of interest.

A capture is read whole (`capture_file`); a log of gigabytes is not, and nothing but `devices.selection` sees it.
"""

from __future__ import annotations

import codecs
import gzip
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from anchorwatch.cli.file import FileTroubleError
from anchorwatch.cli.terminal import printable
from anchorwatch.devices.selection import Selection, select

__all__ = ["LogFile", "select_log"]

PIECE = 1 << 20
"""Octets read at once: a piece stays in a processor's cache while it is searched."""
MAX_UNPACKED = 256 << 30
"""Octets that a log may have when unpacked; a small file can hold a file without end."""
_GZIP = b"\x1f\x8b"
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LogFile:
    """A log on this machine, ``-`` for standard input, as pieces of octets; UTF-16 comes out as UTF-8.

    `done` and `size` are octets of the file itself, packed where it is packed; `size` is None where nobody knows.
    Raises `FileTroubleError` with one sentence while it is read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = 0
        self.size: int | None = None

    def pieces(self) -> Iterator[bytes]:
        try:
            if self.name == "-":
                yield from self._of(sys.stdin.buffer)
                return
            with Path(self.name).open("rb", buffering=0) as file:
                self.size = Path(self.name).stat().st_size
                yield from self._of(cast(BinaryIO, file))
        except (OSError, EOFError, zlib.error) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise FileTroubleError(f"{self.name}: {words[:1].lower()}{words[1:]}") from error

    def _of(self, file: BinaryIO) -> Iterator[bytes]:
        raw = self._raw(file)
        head = next(raw, b"")
        if head.startswith(_GZIP):
            raw = self._unpacked(head, raw)
            head = next(raw, b"")
        encoding = _UTF_16.get(head[:2])
        if encoding is None:
            yield head
            yield from raw
            return
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        yield decoder.decode(head[2:]).encode("utf-8", "replace")
        for piece in raw:
            yield decoder.decode(piece).encode("utf-8", "replace")

    def _raw(self, file: BinaryIO) -> Iterator[bytes]:
        while piece := file.read(PIECE):
            self.done += len(piece)
            yield piece

    def _unpacked(self, head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
        total = 0
        with gzip.GzipFile(fileobj=cast(BinaryIO, _Joined(head, rest)), mode="rb") as packed:
            while piece := packed.read1(PIECE):
                total += len(piece)
                if total > MAX_UNPACKED:
                    raise OSError(f"unpacks to more than {MAX_UNPACKED >> 30} GB")
                yield piece


class _Joined:
    """Pieces as the file that `gzip` wants; standard input cannot be wound back."""

    def __init__(self, head: bytes, rest: Iterator[bytes]) -> None:
        self._left = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            self._left = next(self._rest, b"")
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def select_log(name: str) -> Selection:
    """The lines of interest of a log; shows a bar on a terminal while it reads. Raises `FileTroubleError`."""
    log = LogFile(name)
    shown = "standard input" if name == "-" else name
    console = Console(file=sys.stderr, markup=False, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(printable(Path(shown).name, longest=40), total=None)
        return select(
            log.pieces(), shown, progress=lambda _done: bar.update(task, completed=log.done, total=log.size)
        )
