"""The stage of the demonstration: a lab of its own, a person's consoles on it, and the teller who says what happens.

Nothing is staged beyond that: every line of a device comes over SSH, every diagnosis is made of what was read there,
every repair is carried out by the plan. A claim is checked where it is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.cli.apply import QUESTIONS
from anchorwatch.cli.lab_process import NotStartedError, await_ready, spawn
from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.diagnosis import Diagnosis
from anchorwatch.doctor.finding import Severity
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet import repair
from anchorwatch.fleet.filling import Filling
from anchorwatch.fleet.fit import Gone, newest
from anchorwatch.fleet.gathering import gather
from anchorwatch.fleet.repair import Orders, Outcome, Proven
from anchorwatch.fleet.visit import Visit, visiting
from anchorwatch.formats import read as read_certificates
from anchorwatch.lab import control, lodging, story_file
from anchorwatch.net.console import Answer
from anchorwatch.net.target import Access, Target
from anchorwatch.pki.catalogue import EMPTY, Catalogue

_EVERY = 1.0
"""Seconds between two looks of a repeated step: the lab's portal answers at once."""
_PATIENCE = 20.0


class Teller(Protocol):
    """Who says what happens."""

    def scene(self, code: str, title: str, said: str) -> None:
        """A new scene begins."""

    def typed(self, prompt: str, line: str) -> None:
        """Somebody types a line."""

    def printed(self, lines: tuple[str, ...]) -> None:
        """A device, or a program, prints this."""

    def note(self, said: str) -> None:
        """A remark of the narrator."""

    def claim(self, said: str, holds: bool) -> None:
        """Something that was checked, and whether it holds."""

    def waiting(self, said: str) -> None:
        """What takes a moment."""


class StageError(Exception):
    """The lab did not come up; the message is one sentence."""


@dataclass(slots=True, kw_only=True)
class Seat:
    """A person at the console of one device of the lab, called by its name there."""

    device: str
    visit: Visit
    teller: Teller

    @property
    def prompt(self) -> str:
        """The prompt the device shows now."""
        at = self.visit.at
        if at is None or at.mode is None:
            return f"{self.visit.device}# "
        star = at.prompt.scope.endswith("*")
        return self.visit.console.speaks.render(at.mode.name, at.prompt.host, star=star)

    async def type(self, line: str, *, secret: Secret | None = None, shown: tuple[str, ...] = ()) -> str:
        """Type a line and tell what was printed; only lines that hold one of `shown`, where any are named.

        `secret` stands in for ``<token>``. Returns all that was printed.
        """
        prompt, since = self.prompt, self.visit.mark()
        await self.visit.say(
            line if secret is None else line.replace("<token>", secret.reveal()),
            secrets=() if secret is None else (secret,),
        )
        printed = self._printed(since)
        self.teller.typed(prompt, line)
        self.teller.printed(
            tuple(each for each in printed if not shown or any(word in each for word in shown))
        )
        return "\n".join(printed)

    async def quietly(self, line: str, *, secret: Secret | None = None) -> str:
        """Type what is no part of the tale."""
        since = self.visit.mark()
        reply = None if secret is None else (lambda *_: Answer(secret))
        await self.visit.say(line, reply=reply, secrets=() if secret is None else (secret,))
        return "\n".join(self._printed(since))

    def _printed(self, since: int) -> list[str]:
        """The lines below the one that was typed; log lines among them, which a driver would take out."""
        return [line.rstrip() for line in self.visit.transcript(since).splitlines()[1:]]


@dataclass(slots=True)
class Stage:
    """The lab of a story in a folder: `start` it, enter it to wait for it, `stop` it."""

    story: str
    folder: Path
    teller: Teller
    _process: subprocess.Popen[bytes] | None = None
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _seats: dict[str, Seat] = field(default_factory=dict)
    _where: dict[str, Target] = field(default_factory=dict)

    def start(self) -> None:
        """Let the lab come up, without waiting for it. Raises `LodgingError`."""
        terms = lodging.LabTerms(count=None, port=0, listen="")
        lodging.establish(self.folder, story_file.text_of(self.story), terms)
        self._process = spawn(self.folder)

    def stop(self) -> None:
        """End the lab, if it is still up."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)

    async def __aenter__(self) -> Self:
        if self._process is None:
            raise StageError("the lab was not started")
        try:
            status = await asyncio.to_thread(await_ready, self.folder, self._process, self.teller.waiting)
        except NotStartedError as error:
            raise StageError(str(error)) from None
        user = lodging.login(self.folder).user
        for each in status["devices"]:
            self._where[each["name"]] = Target(host=each["address"], port=each["port"], user=user)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def ask(self, **question: str) -> dict[str, Any]:
        """Ask the lab for something."""
        return control.ask(self.folder, question)

    def advance(self, *, to: str) -> None:
        """Turn the clock, and tell what happened meanwhile."""
        self.teller.typed("$ ", f"anchorwatch lab clock advance --to {to} --folder town")
        told = self.ask(do="advance", to=to)
        self.teller.printed(tuple(f"{each['at']}  {each['said']}" for each in told["happened"]))

    def catalogue(self) -> Catalogue:
        """The town's CAs: look-alikes of real ones, with keys of their own."""
        self.teller.typed("$ ", "anchorwatch lab export-catalogue cas --folder town")
        pem = "".join(self.ask(do="catalogue")["certificates"]).encode()
        found = read_certificates(pem).certificates
        self.teller.printed((f"{len(found)} CAs",))
        return Catalogue.of(found)

    def token(self) -> Secret:
        """An ID token of the town's portal."""
        return Secret(self.ask(do="token")["token"])

    @property
    def enable(self) -> Secret:
        """The word that opens the privileged mode."""
        return lodging.login(self.folder).enable

    def where(self, device: str) -> Target:
        """How a device is called."""
        return self._where[device]

    async def seat(self, device: str, platform: Platform = Platform.ASA) -> Seat:
        """A console on a device, logged in and privileged, its pager off."""
        if device not in self._seats:
            target = self._where[device]
            self.teller.typed("$ ", f"ssh -F town/ssh_config {device}")
            login = lodging.login(self.folder)
            access = Access(
                password=lambda: login.password,
                enable=lambda: login.enable,
                known_hosts=(self.folder / "known_hosts",),
                config=Path("/dev/null"),
            )
            visit = await self._open.enter_async_context(visiting(target, access, platform=platform))
            self._seats[device] = Seat(device=device, visit=visit, teller=self.teller)
        return self._seats[device]

    async def diagnose(self, seat: Seat, *, catalogue: Catalogue = EMPTY) -> Diagnosis:
        """Read a device and tell the head of what the doctor says."""
        given = " --catalogue cas" if catalogue.entries else ""
        self.teller.typed(
            "$ ", f"anchorwatch diagnose {_called(seat)}{given} --save-plan {seat.device}.plan.json"
        )
        found = await gather(seat.visit, catalogue=catalogue)
        diagnosis = newest(found)
        if diagnosis is None:
            raise StageError(f"nothing that {seat.visit.target} printed was understood")
        self.teller.printed(tuple(_head(diagnosis)))
        return diagnosis

    async def apply(
        self, seat: Seat, plan: Plan, *, filling: Filling, catalogue: Catalogue = EMPTY
    ) -> Outcome | None:
        """Carry out a plan and tell each step; None where nothing was left to do.

        What the plan leaves to a person, the person of the tale says yes to.
        """
        decided = tuple(step.id for step in plan.decided_by_person)
        options = "".join(
            f" --decide {each}" for each in (*decided, *((QUESTIONS,) if plan.decisions else ()))
        )
        given = " --catalogue cas" if catalogue.entries else ""
        given += " --token-file token" if any(blank.secret for blank in plan.blanks) else ""
        self.teller.typed(
            "$ ", f"anchorwatch apply {seat.device}.plan.json {_called(seat)}{given} --yes{options}"
        )
        orders = Orders(
            filling=filling, decided=frozenset(decided), every=_EVERY, patience=_PATIENCE, catalogue=catalogue
        )
        part = repair.part_for(plan, seat.visit, "")
        before, fits = await repair.look(seat.visit, plan, orders)
        if isinstance(fits, Gone):
            self.teller.printed((f"{plan.code} is not there, and nothing is left to do",))
            return None
        run = repair.begin(self.folder / "runs", seat.visit, plan, part, before, at=SystemClock().now())
        steps: list[str] = []
        outcome = await repair.repair(
            seat.visit,
            plan,
            part,
            orders,
            run,
            before,
            tell=lambda said: steps.append(said) if said else None,
        )
        run.end(outcome.sentence)
        self.teller.printed(tuple(_steps(steps)))
        proven = "proven" if isinstance(outcome, Proven) else "not proven"
        self.teller.printed((f"{proven}: {outcome.sentence}",))
        return outcome


def _called(seat: Seat) -> str:
    """How the device is named to a program; ``town`` stands for the lab's folder."""
    return f"ssh://{seat.device} --ssh-config town/ssh_config"


def _steps(told: list[str]) -> list[str]:
    """The purposes of the steps, each once; what is read anew at the end is no step."""
    kept = [each for each in told if not each[:1].isdigit() and not each.startswith("more: ")]
    return [f"  {each}" for each in dict.fromkeys(kept)]


def _head(diagnosis: Diagnosis) -> list[str]:
    """The first lines of a diagnosis: what is broken, the causes with their best evidence, the repair."""
    lines = [f"{diagnosis.case.device} · {diagnosis.case.moment or ''} · {diagnosis.status.value}"]
    lines.append(f"  affected  {diagnosis.impact.sentence}")
    for finding in diagnosis.findings:
        if finding.severity is Severity.NOTE and finding.explained_by:
            continue
        lines += [f"  {finding.code} ({finding.confidence.value})", f"    {finding.sentence}"]
        lines += [f"    {item.line}: {item.text.strip()[:96]}" for item in finding.evidence[:2]]
    lines += (
        [f"  ruled out: {', '.join(each.code for each in diagnosis.ruled_out)}"]
        if diagnosis.ruled_out
        else []
    )
    plan = diagnosis.plan
    if isinstance(plan, Plan):
        lines.append(f"  repair: {plan.title}")
        lines += [f"    enough: “{anchor.name}”: {anchor.standing}" for anchor in plan.anchors]
        if plan.admits is not None:
            lines.append(f"    lets in: {plan.admits.sentence}")
    return lines
