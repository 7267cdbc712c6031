"""A plan: what to do about one finding on one device, whole enough to be carried out by somebody who knows nothing else.

A plan has a part for each unit that has to be mended (HA units, chassis). A part is prechecks, steps and verification,
all of them `Step` values; its backout is the undo of its steps in reverse, so the two cannot drift apart. A plan
that is made again after it was carried out has no steps left.

Where there must be no plan, `NoPlan` says why and what to do instead: a wrong repair is worse than none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from anchorwatch.base import schema
from anchorwatch.base.schema import Schema, SchemaError
from anchorwatch.devices.blank import Blank
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Decider, Effect, Pasted, Step, Undo

SCHEMA = Schema("plan", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFor:
    """The state a plan was made for; who applies it looks whether that state still holds.

    `platform` is the owner of the licensing agent. `release` as printed, "" unknown. `evidence` are the SHA-256 of the
    lines the finding rests on. `at` is the day of the evidence, `endpoint` the portal's host name.
    """

    device: str
    platform: Platform
    model: str
    release: str
    units: tuple[str, ...]
    endpoint: str
    at: date | None
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is done on one unit; `unit` is "" where there is only one."""

    unit: str
    prechecks: tuple[Step, ...]
    steps: tuple[Step, ...]
    verify: tuple[Step, ...]

    def __post_init__(self) -> None:
        ids = [step.id for step in self.all]
        if len(ids) != len(set(ids)):
            raise ValueError("two steps of one part carry the same id")
        if not all(step.read_only for step in (*self.prechecks, *self.verify)):
            raise ValueError("prechecks and verification only look")
        touched = any(step.changes_configuration for step in self.steps)
        if any(step.effect is Effect.SAVE for step in self.steps) and not touched:
            raise ValueError("a part that changes no configuration saves none")

    @property
    def all(self) -> Iterator[Step]:
        """Every step in the order in which it is carried out."""
        yield from self.prechecks
        yield from self.steps
        yield from self.verify

    @property
    def backout(self) -> tuple[tuple[Step, Undo], ...]:
        """What takes the part back: the steps that have an undo, the last first."""
        return tuple((step, step.undo) for step in reversed(self.steps) if isinstance(step.undo, Undo))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Something only a person can decide: the question, and why it matters."""

    question: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whom a plan lets in: how many CAs (None where that is not known), whose, and the whole of it in a sentence."""

    count: int | None
    whom: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A CA that would end the path: its SHA-256 ("" unknown); one is recommended, the others say why not."""

    name: str
    sha256: str
    recommended: bool
    objection: str

    @property
    def standing(self) -> str:
        """Why it is the one to take, or why another is."""
        return "recommended" if self.recommended else self.objection or "not needed beside it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do about the finding `code`. Never empty of parts; a part may have no steps left to do."""

    code: str
    title: str
    cause: str
    made_for: MadeFor
    parts: tuple[Part, ...]
    cautions: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()
    admits: Admission | None = None
    anchors: tuple[Anchor, ...] = ()
    alternatives: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("a plan has a part for each unit it is for")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be changed."""
        return all(step.read_only for step in self.steps)

    @property
    def steps(self) -> Iterator[Step]:
        """Every step of every part, in order."""
        for part in self.parts:
            yield from part.all

    @property
    def blanks(self) -> tuple[Blank, ...]:
        """What has to be filled in, each once."""
        return tuple(dict.fromkeys(blank for step in self.steps for blank in step.blanks))

    @property
    def pasted(self) -> tuple[Pasted, ...]:
        """Every certificate the plan would paste."""
        return tuple(entry for step in self.steps for entry in step.lines if isinstance(entry, Pasted))

    @property
    def decided_by_person(self) -> tuple[Step, ...]:
        """The steps that a program must not do by itself."""
        return tuple(step for step in self.steps if step.decides is Decider.PERSON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A certificate that is needed before a plan can be made: its name, its SHA-256 ("" unknown), where to get it."""

    name: str
    sha256: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPlan:
    """Why nothing is planned for the finding `code`, and what to do instead, likeliest first."""

    code: str
    reason: str
    instead: tuple[str, ...]
    commands: tuple[str, ...] = ()
    """Read-only commands whose output would decide; may be empty."""
    wanted: tuple[Wanted, ...] = ()


def digest(text: str) -> str:
    """The SHA-256 by which a line of evidence is remembered."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def write(plan: Plan) -> str:
    """A plan as JSON text."""
    return schema.write(SCHEMA, plan)


def read(text: str | bytes) -> Plan:
    """A plan out of JSON text; `SchemaError` with one sentence when it is none, or holds what no plan may hold."""
    # Here, because it is slow to import and most commands read no plan.
    from pydantic import TypeAdapter, ValidationError

    _, body = schema.read(text, SCHEMA)
    try:
        # JSON holds lists and words where a plan holds tuples and enums, so the strictness is that of JSON.
        return TypeAdapter(Plan).validate_json(schema.write(SCHEMA, body), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        said = first["msg"].removeprefix("Value error, ")
        raise SchemaError(f"this plan is not fit to be used: {where}: {said}") from None
