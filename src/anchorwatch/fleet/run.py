"""The record of one repair: what is about to be done is on disk before it is done, with how to take it back.

A run is a folder of the user's own, readable by nobody else: `run.json` is written anew, whole, at every step; beside
it lie the plan and, masked, everything that was said. Killed at any moment, the record says at least as much as was
done. It holds no secret: the values of secret blanks are not in it, and no step that is taken back needs one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from anchorwatch.base import schema
from anchorwatch.base.schema import Schema, SchemaError
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Typed
from anchorwatch.disk import file as disk
from anchorwatch.fleet.error import RunUnfit

SCHEMA = Schema("run", 1)
_RECORD = "run.json"
_LARGEST = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,120}")


class Stage(StrEnum):
    """How far a step came."""

    BEGUN = "begun"
    """Its lines may have been typed."""
    DONE = "done"
    STOPPED = "stopped"
    """It ended at a surprise; what it had changed by then is to be taken back too."""
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One step that changes something, as far as it came.

    `undo` are the lines that take it back, with their values; `per_added` says that they are typed for each
    certificate that was added, and hold ``<fingerprint>``. `listed` are the fingerprints the pool showed before,
    `added` those that came, None while that is not known. `no_undo` says why nothing takes it back.
    """

    step: str
    unit: str
    purpose: str
    stage: Stage
    undo: tuple[Typed, ...] = ()
    undo_sentence: str = ""
    no_undo: str = ""
    failure: tuple[str, ...] = ()
    per_added: bool = False
    listed: tuple[str, ...] = ()
    added: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        # A value that was never filled in would be typed as it stands.
        named = {blank for line in self.undo for blank in line.blanks}
        if any(not (blank.seen_there and self.per_added) for blank in named):
            raise ValueError("a line that takes something back has a blank that nobody fills in")

    @property
    def to_take_back(self) -> bool:
        """Whether an undo has something to do here."""
        return bool(self.undo) and self.stage is not Stage.UNDONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run: the device as it called itself, the finding it was for, when it began, and its steps in order."""

    device: str
    target: str
    platform: Platform
    code: str
    title: str
    unit: str
    began: datetime
    steps: tuple[Done, ...] = ()
    outcome: str = ""
    """The sentence it ended with, "" while it goes on."""


@dataclass(slots=True)
class Run:
    """A record and the folder it lies in."""

    folder: Path
    record: Record = field(repr=False)

    @classmethod
    def begin(cls, root: Path, record: Record) -> Run:
        """Make the folder of a new run; raises `RunUnfit` where it cannot be kept."""
        stamp = record.began.strftime("%Y%m%dT%H%M%SZ")
        word = re.sub(r"[^A-Za-z0-9_.-]+", "-", record.device).strip("-.")[:60] or "device"
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name != "nt" and root.stat().st_mode & 0o022 and not root.stat().st_mode & stat.S_ISVTX:
                raise RunUnfit(
                    f"{root} can be written by others, who could put another record in place of one"
                )
            for number in range(1, 1_000):
                folder = root / (f"{stamp}-{word}" if number == 1 else f"{stamp}-{word}-{number}")
                try:
                    folder.mkdir(mode=0o700)
                except FileExistsError:
                    continue
                break
            run = cls(folder, record)
            run.write()
        except OSError as error:
            raise RunUnfit(f"{root}: {disk.reason(error)}; without a record nothing is changed") from None
        return run

    @classmethod
    def open(cls, root: Path, name: str) -> Run:
        """A run by its name, or by its folder, which is told from a name by a separator; raises `RunUnfit`.

        A name is looked for in `root` alone: what lies in the folder one happens to stand in is nobody's run.
        """
        if not _NAME.fullmatch(name) and not any(mark in name for mark in ("/", os.sep)):
            raise RunUnfit("that is not the name of a run")
        folder = root / name if _NAME.fullmatch(name) else Path(name)
        try:
            data = disk.read_private(folder / _RECORD, _LARGEST)
        except OSError as error:
            raise RunUnfit(f"{folder / _RECORD}: {disk.reason(error)}") from None
        if len(data) > _LARGEST:
            raise RunUnfit(f"{folder / _RECORD} is larger than any record of a run")
        return cls(folder, read(data))

    @property
    def name(self) -> str:
        """What it is called: the name of its folder."""
        return self.folder.name

    def keep(self, name: str, text: str) -> None:
        """Put a text beside the record; raises `RunUnfit`."""
        try:
            disk.write(self.folder / name, text.encode("utf-8", "replace"), private=True)
        except OSError as error:
            raise RunUnfit(f"{self.folder / name}: {disk.reason(error)}") from None

    def write(self) -> None:
        """Put the record on disk, whole; raises `OSError`."""
        disk.write(self.folder / _RECORD, schema.write(SCHEMA, self.record).encode(), private=True)

    def note(self, done: Done) -> None:
        """Write down a step, in place of what was written of it before; raises `RunUnfit`, and then it is not done."""
        steps = [each for each in self.record.steps if (each.unit, each.step) != (done.unit, done.step)]
        at = next(
            (
                index
                for index, each in enumerate(self.record.steps)
                if (each.unit, each.step) == (done.unit, done.step)
            ),
            len(steps),
        )
        steps.insert(at, done)
        self._change(replace(self.record, steps=tuple(steps)))

    def end(self, outcome: str) -> None:
        """Write down the sentence it ended with; raises `RunUnfit`."""
        self._change(replace(self.record, outcome=outcome))

    def _change(self, record: Record) -> None:
        before = self.record
        self.record = record
        try:
            self.write()
        except OSError as error:
            self.record = before
            raise RunUnfit(f"{self.folder / _RECORD}: {disk.reason(error)}") from None


def read(text: str | bytes) -> Record:
    """A record out of JSON text; raises `RunUnfit` when it is none, or holds what no step may type."""
    from pydantic import TypeAdapter, ValidationError

    try:
        _, body = schema.read(text, SCHEMA)
        return TypeAdapter(Record).validate_json(schema.write(SCHEMA, body), strict=True)
    except SchemaError as error:
        raise RunUnfit(str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise RunUnfit(
            f"this record is not fit to be used: {where}: {first['msg'].removeprefix('Value error, ')}"
        ) from None


def all_of(root: Path) -> Iterator[Run]:
    """Every run there is, the newest first; what is none is left out."""
    for folder in sorted(root.iterdir() if root.is_dir() else (), key=lambda each: each.name, reverse=True):
        try:
            yield Run.open(root, folder.name)
        except RunUnfit:
            continue
