"""A plan carried out on one device: gather, compare, act step by step, and prove by gathering again.

What is about to be done is written down before it is done. The first surprise ends it, with the step's own cleanup;
what had been changed by then is in the record, and `undoing` takes it back. Nothing but the lines of the plan is typed,
apart from reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import assert_never

from anchorwatch.devices import reading, recorded
from anchorwatch.devices.fact import StoredCertificate
from anchorwatch.devices.recorded import CannotRestore
from anchorwatch.devices.step import About, Decider, Step, Typed, Undo
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor import standing
from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Severity
from anchorwatch.doctor.plan import Part, Plan
from anchorwatch.fleet.carrying import Carried, carry
from anchorwatch.fleet.error import FleetError, StateChanged
from anchorwatch.fleet.filling import Filling
from anchorwatch.fleet.fit import Changed, Fits, Gone, fit, newest, present
from anchorwatch.fleet.gathering import Gathered, gather
from anchorwatch.fleet.run import Done, Record, Run, Stage
from anchorwatch.fleet.visit import Visit
from anchorwatch.pki.catalogue import EMPTY, Catalogue

POOL = "show crypto ca trustpool"
"""What lists the pool with fingerprints; what an import added is told by comparing two of them."""
_FINGERPRINT = "<fingerprint>"
_EXPORT = "Export-Controlled Functionality"

Tell = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a person said about a plan.

    `decided` are the ids of steps that a person decided to do, `left` those to be left out. `every` and `patience`
    override how many seconds lie between two looks of a repeated step, and for how many it is repeated. `at` is when
    the question is asked, as for `diagnose`.
    """

    filling: Filling = field(default_factory=lambda: Filling({}))
    decided: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    every: float | None = None
    patience: float | None = None
    at: datetime | None = None
    catalogue: Catalogue = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """The finding is gone, and the device was read again to know it."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Every step was carried out, and the finding is still there or nothing proves that it is not."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A surprise ended it. `settled` is False where the device does not stand at its ground."""

    step: str
    sentence: str
    settled: bool


Outcome = Proven | Unproven | Stopped


def part_for(plan: Plan, visit: Visit, unit: str) -> Part:
    """The part of a plan that is for this device; raises `FleetError` where nobody said which of several."""
    if len(plan.parts) == 1 and not unit:
        return plan.parts[0]
    shown = visit.at.prompt.unit if visit.at is not None else ""
    for part in plan.parts:
        if part.unit.lower() == (unit or shown).lower():
            return part
    names = ", ".join(part.unit or "the only one" for part in plan.parts)
    raise FleetError(
        "the plan has a part for each unit, and it is not told which this is"
        if not unit
        else f"the plan has no part for {unit}",
        f"say --unit with one of: {names}",
    )


def undecided(plan: Plan, orders: Orders) -> tuple[Step, ...]:
    """The steps a person has to decide about and has not, each id once."""
    open_ = {
        step.id: step
        for step in plan.decided_by_person
        if step.id not in orders.decided and step.id not in orders.left
    }
    return tuple(open_.values())


async def look(
    visit: Visit, plan: Plan, orders: Orders, *, tell: Tell = lambda _: None
) -> tuple[Gathered, Fits | Gone]:
    """Read the device and compare it with the plan; raises `StateChanged`."""
    before = await gather(visit, at=orders.at, catalogue=orders.catalogue, tell=tell)
    match fit(plan, before):
        case Changed(sentence):
            raise StateChanged(
                sentence, f"diagnose it again: anchorwatch diagnose ssh://{visit.target} --save-plan FILE"
            )
        case (Fits() | Gone()) as answer:
            return before, answer
        case unknown:
            assert_never(unknown)


def begin(root: Path, visit: Visit, plan: Plan, part: Part, before: Gathered, *, at: datetime) -> Run:
    """The record of a repair that begins `at` a moment, in `root`, with the plan and what was read before beside it.

    Raises `RunUnfit` where it cannot be kept, and then nothing is to be typed.
    """
    run = Run.begin(
        root,
        Record(
            device=visit.device,
            target=str(visit.target),
            platform=visit.speaks.platform,
            code=plan.code,
            title=plan.title,
            unit=part.unit,
            began=at,
        ),
    )
    run.keep("plan.json", plans.write(plan))
    run.keep("before.txt", before.transcript)
    return run


async def repair(
    visit: Visit,
    plan: Plan,
    part: Part,
    orders: Orders,
    run: Run,
    before: Gathered,
    *,
    tell: Tell = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    sleep: Sleep = asyncio.sleep,
) -> Outcome:
    """Carry out a part of a plan that fits, and prove it.

    `before` is what `look` read. `stop` is asked between lines. Raises `RunUnfit` when the record cannot be kept, and
    then nothing more was typed; `NoConversation` when the device is lost in the middle of something.
    """
    hand = _Hand(visit, plan, part, orders, run, before, tell, stop, sleep, begun=visit.mark())
    for step in part.all:
        if step.id in orders.left:
            tell(f"left out: {step.purpose}")
            continue
        if step.decides is Decider.PERSON and step.id not in orders.decided:
            # Never here: whoever begins has asked. A program does not decide.
            return Stopped(step=step.id, sentence="a person has to decide about it", settled=True)
        carried = await hand.do(step)
        if carried.surprise:
            return Stopped(step=step.id, sentence=carried.surprise, settled=carried.settled)
    tell("reading again")
    after = await gather(visit, at=orders.at, catalogue=orders.catalogue, tell=tell)
    run.keep("after.txt", after.transcript)
    return proof(plan, after)


def proof(plan: Plan, after: Gathered) -> Proven | Unproven:
    """What a device that was read again says about the finding a plan was for."""
    diagnosis = newest(after)
    if diagnosis is None:
        return Unproven(sentence="the device printed nothing that a diagnosis could be made of")
    finding = present(diagnosis, plan.code)
    if finding is not None:
        return Unproven(sentence=f"{plan.code} is still there: {finding.sentence}")
    if diagnosis.status is Status.HEALTHY:
        return Proven(sentence=f"{plan.code} is gone, and licensing works: {_well(diagnosis)}")
    others = [
        each.code
        for each in diagnosis.causes
        if each.severity is Severity.TROUBLE and each.confidence is not Confidence.CANDIDATE
    ]
    if others:
        return Unproven(sentence=f"{plan.code} is gone, and something else is broken: {', '.join(others)}")
    return Unproven(sentence=f"{plan.code} is not shown any more, but nothing proves that licensing works")


def _well(diagnosis: Diagnosis) -> str:
    return diagnosis.well.text if diagnosis.well is not None else "nothing is broken"


@dataclass(slots=True)
class _Hand:
    """What carrying out a part needs from step to step."""

    visit: Visit
    plan: Plan
    part: Part
    orders: Orders
    run: Run
    before: Gathered
    tell: Tell
    stop: Callable[[], bool]
    sleep: Sleep
    begun: int = 0
    """Where in the transcript the work began, behind what was read before it."""

    async def do(self, step: Step) -> Carried:
        """One step, written down before and after where it changes something, repeated where it says so."""
        self.tell(step.purpose)
        if step.read_only:
            return await self._watch(step)
        try:
            done = await self._begin(step)
        except CannotRestore as cannot:
            # Nothing was typed yet, and a person can still do this step by hand.
            return Carried(lines=(), typed=0, surprise=f"{cannot}; do this step by hand, or leave it out")
        carried = await carry(self.visit, step, self.orders.filling, stop=self.stop)
        stage = Stage.STOPPED if carried.surprise else Stage.DONE
        added = None
        if done.per_added and carried.settled:
            now = fingerprints(await self._list_pool())
            added = tuple(each for each in now if each not in done.listed)
        self.run.note(replace(done, stage=stage, added=added))
        self._keep()
        return carried

    async def _begin(self, step: Step) -> Done:
        """Write down what is about to be done, with how to take it back; raises `CannotRestore`."""
        done = Done(
            step=step.id,
            unit=self.part.unit,
            purpose=step.purpose,
            stage=Stage.BEGUN,
            failure=step.failure,
        )
        match step.undo:
            case Undo() as undo:
                lines = recorded.lines_of(undo, await self._configuration(undo), self._filled)
                per = any(_FINGERPRINT in line.text for line in lines)
                listed = fingerprints(await self._list_pool()) if per else ()
                done = replace(done, undo=lines, undo_sentence=undo.sentence, per_added=per, listed=listed)
            case no_undo:
                done = replace(done, no_undo=no_undo.reason)
        self.run.note(done)
        return done

    def _filled(self, line: Typed) -> Typed:
        if _FINGERPRINT in line.text:
            return line
        text, secrets = self.orders.filling.line(line.text)
        if secrets:
            raise FleetError("an undo that needs a secret cannot be written down")
        return replace(line, text=text)

    async def _configuration(self, undo: Undo) -> tuple[str, ...]:
        """What stands there now, as far as the undo depends on it; raises `CannotRestore` where it is not printed."""
        printed: list[str] = []
        for line in undo.shown:
            said = await self.visit.say(line.text)
            if said.failure or said.at is None:
                if said.at is None:
                    await self.visit.give_up()
                raise CannotRestore(f"`{line.text}` does not print what an undo would put back")
            printed += said.lines
        return tuple(printed)

    async def _list_pool(self) -> str:
        since = self.visit.mark()
        await self.visit.say(POOL)
        return self.visit.transcript(since)

    async def _watch(self, step: Step) -> Carried:
        """A step that looks; a repeated one until it shows what it is for, or its time is over."""
        planned = step.repeat.at_most_seconds if step.repeat is not None else 0
        over = planned if self.orders.patience is None else self.orders.patience
        pause = self.orders.every or (step.repeat.every_seconds if step.repeat is not None else 0)
        waited = 0.0
        # What led here is judged beside each look, but not every look before it: a test that succeeded meanwhile counts.
        before = self.before.transcript + self.visit.transcript(self.begun) if step.repeat is not None else ""
        while True:
            since = self.visit.mark()
            carried = await carry(self.visit, step, self.orders.filling, stop=self.stop)
            if (
                carried.surprise
                or step.repeat is None
                or self._shows(step, carried, before + self.visit.transcript(since))
            ):
                self._keep()
                return carried
            if waited + pause > over or self.stop():
                self._keep()
                # Not a surprise: what counts is the proof at the end.
                self.tell(f"not yet after {waited:.0f} s: {step.expected.sentence}")
                return carried
            await self.sleep(pause)
            waited += pause

    def _shows(self, step: Step, carried: Carried, text: str) -> bool:
        claim = step.expected.claim
        match claim.about if claim is not None else None:
            case About.NEW_SUCCESS:
                # Beside what was printed before, so that an old success is no proof.
                found = diagnose([("now", text)], at=self.orders.at).diagnoses
                return bool(found) and standing.of(found[-1].case).works is True and _newer(found)
            case About.EXPORT_UNCHANGED:
                flags = [line.strip() for line in self.before.transcript.splitlines() if _EXPORT in line]
                now = [line.strip() for line in carried.lines if _EXPORT in line]
                return not flags or (bool(now) and now[-1] == flags[-1])
            case _:
                return True

    def _keep(self) -> None:
        self.run.keep("transcript.txt", self.visit.transcript())


def _newer(found: tuple[Diagnosis, ...]) -> bool:
    """Whether the newest exchange is a success that follows a failure, or nothing failed at all."""
    stands = standing.of(found[-1].case)
    return stands.healed or len(found) > 1 or all(exchange.worked for exchange in stands.exchanges)


def fingerprints(text: str) -> tuple[str, ...]:
    """The fingerprints a listing of the pool shows, in order, each once."""
    facts = (item.fact for item in reading.read([("pool", text)]).items)
    return tuple(
        dict.fromkeys(
            fact.fingerprint.value
            for fact in facts
            if isinstance(fact, StoredCertificate) and fact.fingerprint is not None
        )
    )
