"""A whole town in this process with its SSH socket open, and somebody who visits many of its devices at once, for tests.

Servers, devices, sockets and the visitor's SSH are the ones of the lab and of `apply`; nothing stands in for anything.
What a visitor learns of a device is what the device prints.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from anchorwatch.base.secret import Secret
from anchorwatch.devices.session import Asked
from anchorwatch.doctor.diagnosis import Diagnosis
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet import repair, undoing
from anchorwatch.fleet.filling import Filling
from anchorwatch.fleet.fit import Gone, newest
from anchorwatch.fleet.gathering import Gathered, gather
from anchorwatch.fleet.repair import Orders, Outcome
from anchorwatch.fleet.run import Run
from anchorwatch.fleet.undoing import Undone
from anchorwatch.fleet.visit import Visit, visiting
from anchorwatch.lab import assembly, lodging
from anchorwatch.lab.household import catalogue
from anchorwatch.lab.lodging import Doorplate, LabTerms
from anchorwatch.lab.network import Fault
from anchorwatch.lab.resident import Resident
from anchorwatch.lab.ssh import Door, Gate
from anchorwatch.lab.town import Town
from anchorwatch.licensing.account import DeviceEvent
from anchorwatch.net.console import Answer, Reply
from anchorwatch.net.target import Access, Patience, Target
from anchorwatch.pki.catalogue import EMPTY, Catalogue
from anchorwatch.portal import management
from anchorwatch.portal.management import TokenTerms

T = TypeVar("T")
AT_ONCE = 16
"""Visits that go on side by side."""
QUICK = Patience(moment=timedelta(milliseconds=10))
"""Loopback has no pauses in the middle of a screen."""


@dataclass
class Quarter:
    """A town of a story's text, from its making until the end of its `with`."""

    folder: Path
    story: str
    count: int | None = None
    """How many devices, those of the story first; None for those alone."""
    alive: bool = False
    """Whether time passes by itself between what a test does."""
    doors: dict[str, Door] = field(default_factory=dict)
    port: int = 0

    def __enter__(self) -> Self:
        lodging.establish(self.folder, self.story, LabTerms(port=0, count=self.count))
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(32))
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.login = lodging.login(self.folder)
        self.town = Town(
            lodging.story(self.folder), self.folder, login=self.login, count=self.count, arrived=self._arrived
        )
        self.gate = Gate(self.doors)
        self.port = self._run(self._open())
        plates = [
            Doorplate(
                name=name,
                address=each.address,
                port=self.port,
                key=lodging.host_key(self.folder, name).export_public_key().decode("ascii"),
            )
            for name, each in self.town.residents.items()
        ]
        lodging.put_up(self.folder, plates, self.login)
        self._living = threading.Thread(target=self.town.live, daemon=True)
        if self.alive:
            self._living.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self.gate.close())
        self.town.close()
        if self.alive:
            self._living.join(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _open(self) -> int:
        return self.gate.open(port=0)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _arrived(self, resident: Resident) -> None:
        assert resident.machine is not None
        self.doors[resident.address] = Door(
            login=self.login,
            host_key=lodging.host_key(self.folder, resident.plan.name),
            opens=assembly.opens(resident.machine, lambda: self.town.touched(resident.plan.name)),
        )

    # ---------------------------------------------------------------------------------------------- the town

    @property
    def now(self) -> datetime:
        """The town's time."""
        return self.town.clock.now()

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, quickly, with all that is due on the way."""
        self.town.turn_to(self.now + span)

    def token(self, *, export: bool = True, life: timedelta = timedelta(days=30), uses: int = 1) -> Secret:
        """A new ID token, with the export flag or without."""
        portal, (domain, _) = self.town.house.portal, self.town.story.account
        place = management.find_virtual(portal, management.find_account(portal, domain), None)
        terms = TokenTerms(life=life, uses=uses, export=export, force=True, note="quarter")
        return management.make_token(portal, place, terms)[1]

    def move_instance(self, device: str, event: DeviceEvent) -> None:
        """Somebody does something to a device's instance at the portal."""
        portal, (domain, _) = self.town.house.portal, self.town.story.account
        owner = management.find_account(portal, domain)
        serial = self.machine(device).hardware.serial
        (found,) = [each for each in management.devices(portal, owner) if each.sn == serial and each.live]
        management.move_device(portal, owner, found.id, event)

    def break_(self, device: str, *faults: Fault) -> None:
        """Break things around a device."""
        for fault in faults:
            self.town.break_(fault, device)

    def machine(self, device: str) -> Any:
        """The machine itself, for what a test has to compare that no screen shows."""
        return self.town.machine(device)

    @property
    def catalogue(self) -> Catalogue:
        """What the town gives out as known authorities."""
        return Catalogue.of(catalogue(self.town.house))

    # -------------------------------------------------------------------------------------------- the visitor

    @property
    def access(self) -> Access:
        """How one comes in."""
        return Access(
            password=lambda: self.login.password,
            enable=lambda: self.login.enable,
            config=self.folder / lodging.SSH_CONFIG,
        )

    @contextlib.asynccontextmanager
    async def visit(self, device: str) -> AsyncIterator[Visit]:
        """Somebody logs in over SSH."""
        async with visiting(Target(host=device), self.access, patience=QUICK) as made:
            yield made

    def each(self, devices: Iterable[str], work: Callable[[str], Awaitable[T]]) -> dict[str, T]:
        """The same for many devices side by side; what one raises ends it."""
        names = list(devices)

        async def all_() -> list[T]:
            room = asyncio.Semaphore(AT_ONCE)

            async def one(name: str) -> T:
                async with room:
                    return await work(name)

            return await asyncio.gather(*map(one, names))

        return dict(zip(names, asyncio.run(all_()), strict=True))

    def typed(self, device: str, *lines: str | Secret, answers: Mapping[str, str] | None = None) -> str:
        """What a session shows in which these lines are typed; `answers` by the words of a question."""
        return self.each([device], lambda name: self.type(name, lines, answers))[device]

    async def type(
        self, device: str, lines: Iterable[str | Secret], answers: Mapping[str, str] | None = None
    ) -> str:
        """The same, to be awaited."""
        async with self.visit(device) as visit:
            since = visit.mark()
            for line in lines:
                text = line.reveal() if isinstance(line, Secret) else line
                await visit.say(
                    text, reply=_answering(answers), secrets=[line] if isinstance(line, Secret) else ()
                )
            return visit.transcript(since)

    def pasted(
        self,
        device: str,
        lines: Iterable[str],
        paste: Iterable[str],
        *,
        end: str = "ENDOFBUF",
        then: Iterable[str] = (),
        answers: Mapping[str, str] | None = None,
    ) -> str:
        """What a session shows in which a certificate is pasted after these lines, and others are typed then."""

        async def act(name: str) -> str:
            async with self.visit(name) as visit:
                since = visit.mark()
                for line in lines:
                    await visit.say(line, reply=_answering(answers))
                await visit.paste(list(paste), end, reply=_answering(answers))
                for line in then:
                    await visit.say(line, reply=_answering(answers))
                return visit.transcript(since)

        return self.each([device], act)[device]

    def settle(self, device: str, seconds: float = 60) -> None:
        """Until the agent has nothing under way any more."""
        end = time.monotonic() + seconds
        licence = self.machine(device).licence
        time.sleep(0.1)
        while time.monotonic() < end:
            before = licence.state
            time.sleep(0.25)
            if licence.state == before and before.in_flight is None:
                return
        raise AssertionError(f"the agent of {device} did not come to rest")

    async def gathered(
        self, device: str, before: Iterable[str] = (), *, known: bool = True, at: datetime | None = None
    ) -> Gathered:
        """Lines typed, and then the device diagnosed as `anchorwatch diagnose ssh://` does it, in one session or two."""
        if before:
            await self.type(device, before)
        async with self.visit(device) as visit:
            return await gather(visit, at=at, catalogue=self.catalogue if known else EMPTY)

    def examined(
        self, devices: Iterable[str], before: Mapping[str, Iterable[str]] | None = None, **how: Any
    ) -> dict[str, Diagnosis]:
        """What the doctor says of each of them, side by side."""
        found = self.each(devices, lambda name: self.gathered(name, (before or {}).get(name, ()), **how))
        said: dict[str, Diagnosis] = {}
        for name, each in found.items():
            diagnosis = newest(each)
            assert diagnosis is not None, each.transcript
            said[name] = diagnosis
        return said

    def examine(self, device: str, *before: str, **how: Any) -> Diagnosis:
        """What the doctor says of one."""
        return self.examined([device], {device: before}, **how)[device]

    # ----------------------------------------------------------------------------------------------- the hands

    def apply(
        self,
        device: str,
        plan: Plan,
        *,
        fill: Mapping[str, str | Secret] | None = None,
        left: Iterable[str] = (),
        at: datetime | None = None,
        known: bool = True,
    ) -> tuple[Outcome | Gone, Run | None]:
        """Carry a plan out as `anchorwatch apply` does, each of its decisions taken; no run where nothing is to be done."""
        orders = Orders(
            filling=Filling(fill or {}),
            decided=frozenset(step.id for step in plan.decided_by_person) - set(left),
            left=frozenset(left),
            at=at,
            catalogue=self.catalogue if known else EMPTY,
        )

        async def act(name: str) -> tuple[Outcome | Gone, Run | None]:
            async with self.visit(name) as visit:
                part = repair.part_for(plan, visit, "")
                before, answer = await repair.look(visit, plan, orders)
                if isinstance(answer, Gone):
                    return answer, None
                run = repair.begin(self.folder.parent / "runs", visit, plan, part, before, at=self.now)
                return await repair.repair(visit, plan, part, orders, run, before, sleep=self._wait), run

        return self.each([device], act)[device]

    async def _wait(self, seconds: float) -> None:
        """Whoever waits between two looks waits in the town's time, in which agents try again."""
        await asyncio.to_thread(self.pass_time, timedelta(seconds=seconds))

    def undo(self, device: str, run: Run) -> Undone:
        """Take back what a run did."""

        async def act(name: str) -> Undone:
            async with self.visit(name) as visit:
                return await undoing.undo(visit, run)

        return self.each([device], act)[device]


def _answering(answers: Mapping[str, str] | None) -> Reply:
    def reply(asked: Asked, _: object) -> Answer | None:
        for words, answer in (answers or {}).items():
            if words in asked.text:
                return Answer(answer, one_key=bool(asked.dialog and asked.dialog.one_key))
        return None

    return reply
