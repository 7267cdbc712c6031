"""A town as a program: it lives until it is told to end, lets people in over SSH, and answers its control socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anchorwatch.agent.error import FolderRefusedError, FolderTakenError
from anchorwatch.agent.lock import Lock
from anchorwatch.base.schema import plain
from anchorwatch.disk import file as disk
from anchorwatch.lab import assembly, household, lodging
from anchorwatch.lab.control import Control, RefusedError, Tell
from anchorwatch.lab.lodging import Doorplate, LodgingError
from anchorwatch.lab.network import FAULTS
from anchorwatch.lab.resident import Happening, Resident
from anchorwatch.lab.span import SpanError, parse_span
from anchorwatch.lab.ssh import Door, Gate
from anchorwatch.lab.town import Town, TownError

_THREADS = 64
"""Commands of sessions that wait for a network at one time; more wait for a thread."""
_log = logging.getLogger("anchorwatch.lab")


class _OneDoor(Mapping[str, Door]):
    """The doors of a gate that leads to one device, whatever address was called."""

    def __init__(self, doors: Mapping[str, Door], address: str) -> None:
        self._doors = doors
        self._address = address

    def __getitem__(self, _: str) -> Door:
        return self._doors[self._address]

    def __iter__(self) -> Iterator[str]:
        return iter((self._address,))

    def __len__(self) -> int:
        return 1


class LabService:
    """The lab of a folder. `run` returns when it was told to end. Raises `LodgingError` where it cannot begin."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.terms = lodging.terms(folder)
        self.story = lodging.story(folder)
        self.login = lodging.login(folder)
        self._town: Town | None = None
        self._doors: dict[str, Door] = {}
        self._gates: list[Gate] = []
        self._where: dict[str, tuple[str, int]] = {}
        self._stop = asyncio.Event()
        self._ready = asyncio.Event()
        self._phase = "starting"
        self._trouble = ""

    def run(self) -> None:
        """Serve until told to end, by `lab down` or a signal."""
        try:
            lock = Lock(self.folder / lodging.LOCK)
        except FolderTakenError:
            raise LodgingError(f"a lab is at work in {self.folder} already") from None
        except FolderRefusedError as error:
            raise LodgingError(str(error)) from error
        try:
            disk.write(self.folder / lodging.PID, f"{os.getpid()}\n".encode(), private=True)
            asyncio.run(self._run())
        except OSError as error:
            raise LodgingError(f"the lab cannot be started: {disk.reason(error)}") from error
        finally:
            with contextlib.suppress(OSError):
                (self.folder / lodging.PID).unlink()
            lock.release()
        if self._trouble:
            raise LodgingError(self._trouble)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="session"))
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop.set)
        control = Control(self.folder, self._handle)
        await control.open()
        living: threading.Thread | None = None
        try:
            self._town = await asyncio.to_thread(self._made)
            await self._open_doors(self._town)
            living = threading.Thread(target=self._town.live, name="town", daemon=True)
            living.start()
            self._phase = "ready"
            self._ready.set()
            await self._stop.wait()
        except (TownError, LodgingError, OSError) as error:
            self._trouble = disk.reason(error) if isinstance(error, OSError) else str(error)
            _log.error("%s", self._trouble)
        finally:
            self._phase = "ending"
            self._ready.set()
            for gate in self._gates:
                await gate.close()
            if self._town is not None:
                await asyncio.to_thread(self._town.close)
            if living is not None:
                await asyncio.to_thread(living.join, 10)
            await control.close()

    def _made(self) -> Town:
        return Town(
            self.story,
            self.folder,
            login=self.login,
            count=self.terms.count,
            arrived=self._arrived,
            told=self._say,
        )

    def _say(self, phase: str) -> None:
        self._phase = phase
        _log.info("%s", phase)

    # ------------------------------------------------------------------------------------------------- doors

    async def _open_doors(self, town: Town) -> None:
        """One socket for all devices on loopback; where others may come in, a port for each."""
        listen, port = self.terms.listen, self.terms.port
        if not listen:
            found = self._opened(Gate(self._doors), port, None)
            self._where = {each.plan.name: (each.address, found) for each in town.residents.values()}
        for number, each in enumerate(town.residents.values() if listen else ()):
            found = self._opened(Gate(_OneDoor(self._doors, each.address)), port and port + number, listen)
            self._where[each.plan.name] = (listen, found)
        await asyncio.to_thread(self._put_up)

    def _opened(self, gate: Gate, port: int, outside: str | None) -> int:
        try:
            found = gate.open(port=port, outside=outside)
        except (OSError, OverflowError) as error:
            where = outside or "loopback"
            why = disk.reason(error) if isinstance(error, OSError) else "there is no such port"
            raise LodgingError(f"the lab cannot listen on {where} port {port}: {why}") from error
        self._gates.append(gate)
        return found

    def _put_up(self) -> None:
        plates = []
        for name, (address, port) in self._where.items():
            key = lodging.host_key(self.folder, name).export_public_key().decode("ascii")
            plates.append(Doorplate(name=name, address=address, port=port, key=key))
        lodging.put_up(self.folder, plates, self.login)

    def _arrived(self, resident: Resident) -> None:
        """A device was switched on, in whatever thread."""
        machine, name = resident.machine, resident.plan.name
        assert machine is not None, "only devices that are there arrive"

        def touched() -> None:
            if self._town is not None:
                self._town.touched(name)

        def keep() -> None:
            if self._town is not None:
                self._town.keep_device(name)

        self._doors[resident.address] = Door(
            login=self.login,
            host_key=lodging.host_key(self.folder, name),
            opens=assembly.opens(machine, touched, keep),
        )

    # --------------------------------------------------------------------------------------------- questions

    async def _handle(self, question: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        word = question.get("do")
        if word == "wait":
            return await self._wait(tell)
        if word == "down":
            self._stop.set()
            return {}
        town = self._town
        if town is None or self._phase != "ready":
            raise RefusedError(f"the lab is not ready: {self._phase}")
        try:
            return await asyncio.to_thread(self._answer, town, str(word), question, tell)
        except (TownError, SpanError) as error:
            raise RefusedError(str(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedError(f"the question makes no sense: {error!r}") from error

    async def _wait(self, tell: Tell) -> Mapping[str, Any]:
        """Until the lab is ready, saying how far it is."""
        said = ""
        while not self._ready.is_set():
            if self._phase != said:
                said = self._phase
                tell(said)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), 0.2)
        if self._trouble or self._town is None:
            raise RefusedError(self._trouble or "the lab ended before it was ready")
        return await asyncio.to_thread(self._status, self._town)

    def _answer(self, town: Town, word: str, question: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        name = question.get("device")
        match word:
            case "status":
                return self._status(town)
            case "advance":
                return self._advance(town, question, tell)
            case "migrate":
                return {"chain": town.migrate(question.get("chain"))}
            case "publish":
                town.publish(str(question["bundle"]))
                return {}
            case "break" | "mend":
                fault = FAULTS.get(str(question["fault"]))
                if fault is None:
                    raise TownError(
                        f"there is no fault {question['fault']!r}; there are: {', '.join(FAULTS)}"
                    )
                changed = town.break_(fault, name) if word == "break" else town.mend(fault, name)
                return {"changed": list(changed), "meaning": fault.meaning}
            case "log":
                return {"lines": list(town.log(str(name)))}
            case "token":
                return {"token": town.token().reveal()}
            case "catalogue":
                return self._catalogue(town)
            case _:
                raise TownError(f"the lab does not know the word {word!r}")

    def _advance(self, town: Town, question: Mapping[str, Any], tell: Tell) -> Mapping[str, Any]:
        now = town.clock.now()
        match question:
            case {"span": str() as span}:
                end = now + parse_span(span)
            case {"to": str() as moment}:
                end = datetime.fromisoformat(moment)
            case _:
                if not town.coming:
                    raise TownError("the story holds nothing more; turn the clock by a span or to a date")
                end = town.coming[0].at
        if end.tzinfo is None:
            end = end.replace(tzinfo=UTC)
        shown = ""

        def told(at: datetime) -> None:
            nonlocal shown
            if (day := f"{at:%Y-%m-%d}") != shown:
                shown = day
                tell(day)

        town.turn_to(end, told=told)
        return {
            "now": plain(town.clock.now()),
            "happened": [_happening(each) for each in list(town.happenings) if each.at > now],
            "coming": [_happening(each) for each in town.coming[:5]],
        }

    def _status(self, town: Town) -> Mapping[str, Any]:
        return {
            "story": town.story.code,
            "title": town.story.title,
            "folder": str(self.folder),
            "pid": os.getpid(),
            "now": plain(town.clock.now()),
            "portal": town.story.host,
            "chain": town.house.chain,
            "bundle": town.house.bundle,
            "listen": self.terms.listen or "loopback",
            "coming": [_happening(each) for each in town.coming[:5]],
            "happened": [_happening(each) for each in list(town.happenings)[-10:]],
            "devices": [self._device(each) for each in town.residents.values()],
        }

    def _device(self, resident: Resident) -> Mapping[str, Any]:
        plan, machine = resident.plan, resident.machine
        address, port = self._where[plan.name]
        found: dict[str, Any] = {
            "name": plan.name,
            "platform": plan.platform.value,
            "model": plan.model,
            "version": str(plan.version),
            "address": address,
            "port": port,
            "on": machine is not None,
            "since": plain(plan.since),
            "faults": sorted(each.value for each in resident.network.faults),
        }
        if machine is not None:
            state = machine.licence.state
            found |= {
                "registration": state.registration.value,
                "authorization": state.authorization.value,
                "failure": machine.licence.reason,
                "next": plain(machine.next_wakeup()),
            }
        return found

    def _catalogue(self, town: Town) -> Mapping[str, Any]:
        bundles = {town.story.serves, town.house.bundle, town.story.oldest_bundle}
        return {
            "certificates": [each.pem for each in household.catalogue(town.house)],
            "bundles": {code: town.house.signed(code).hex() for code in sorted(bundles)},
            "pins": sorted(town.house.pins),
        }


def _happening(each: Happening) -> Mapping[str, Any]:
    return {"at": plain(each.at), "said": each.said}
