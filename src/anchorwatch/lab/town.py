"""A town: servers, devices and one clock, and what happens to them in time.

The town begins when the first device of its story is switched on, and has lived until the story's start when a visitor
comes in: devices have registered at the portal, renewed, imported their bundle, each at its time. Nothing of that is
written beforehand.

What a town knows lies in its folder, and is written as it changes. A town that was killed goes on like a virtual
machine from its snapshot: at the moment it had reached, with configurations that nobody saved.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from anchorwatch.base import schema
from anchorwatch.base.schema import Schema, SchemaError
from anchorwatch.base.secret import Secret
from anchorwatch.disk import file as disk
from anchorwatch.lab import assembly
from anchorwatch.lab.assembly import LabMachine, Site
from anchorwatch.lab.household import Household
from anchorwatch.lab.machine import Login
from anchorwatch.lab.network import FAULTS, Fault, Network
from anchorwatch.lab.resident import Happening, Resident, populated
from anchorwatch.lab.scheduler import Scheduler, Turn
from anchorwatch.lab.story import DevicePlan, Event, Story
from anchorwatch.lab.town_clock import TownClock
from anchorwatch.licensing.error import LicensingError
from anchorwatch.licensing.status import RegistrationState

SCHEMA = Schema("lab-town", 1)
SNAPSHOT = Schema("lab-device", 1)
_STATE, _CLOCK = "town.json", "clock"
_DAY = timedelta(days=1)
_LARGEST = 64 * 1024 * 1024
_HAPPENED = 200
_REGISTERING = 24
_log = logging.getLogger("anchorwatch.lab")


class TownError(Exception):
    """What was asked of the town cannot be done; the message is one sentence."""


class NoSuchDeviceError(TownError):
    """The town has no device of that name."""


class Town:
    """The town of a story in a folder, from its making until `close`. Methods may be called from any thread.

    `count` devices live there: those of the story, then more like them; None for those of the story alone. `arrived`
    hears of each device that is switched on.
    """

    def __init__(
        self,
        story: Story,
        folder: Path,
        *,
        login: Login,
        count: int | None = None,
        arrived: Callable[[Resident], None] = lambda _: None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.story = story
        self.folder = folder
        self.login = login
        self.happenings: deque[Happening] = deque(maxlen=_HAPPENED)
        self._arrived = arrived
        self._guard = threading.RLock()
        self._dirty: set[str] = set()
        self._end = threading.Event()
        kept = _kept(folder / _STATE)
        begin = _moment(folder / _CLOCK) or story.begins
        self.clock = TownClock(begin)
        self._clock_file = os.open(folder / _CLOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        told("making certificates and starting servers")
        self.house = Household(
            story,
            folder,
            self.clock,
            chain=str(kept.get("chain", story.shows)),
            bundle=str(kept.get("bundle", story.serves)),
        )
        self._events_done = {int(each) for each in kept.get("events", ())}
        plans = populated(story, count)
        faults: Mapping[str, Any] = kept.get("faults", {})
        self.residents = {
            plan.name: Resident(
                plan=plan,
                origin=origin,
                number=number,
                network=Network(
                    self.house.directory,
                    faults=[FAULTS[each] for each in faults.get(plan.name, [f.value for f in plan.faults])],
                ),
            )
            for number, (origin, plan) in enumerate(plans)
        }
        self.scheduler = Scheduler(self.clock, done=self._woken)
        self._next_day = begin + _DAY
        try:
            self._begin(kept, told)
        except BaseException:
            self.close()
            raise

    def _begin(self, kept: Mapping[str, Any], told: Callable[[str], None]) -> None:
        self.house.offer(
            sorted({tag for each in self.residents.values() for tag in assembly.tags(each.plan)})
        )
        for name in kept.get("switched_on", ()):
            if name in self.residents:
                self._switch_on(self.residents[name], again=True)
        for number, event in enumerate(self.story.events):
            if number not in self._events_done:
                self._plan_event(number, event)
        for resident in self.residents.values():
            if resident.machine is None:
                self._plan_arrival(resident)
        self.scheduler.add("portal", Turn.TOWN, lambda: self._next_day, self._daily)
        if not kept:
            told(f"living from {self.story.begins:%Y-%m-%d} to {self.story.starts:%Y-%m-%d %H:%M} UTC")
            self._live_up_to_the_start(told)
        self.keep()

    def _live_up_to_the_start(self, told: Callable[[str], None]) -> None:
        shown = ""

        def each(at: datetime) -> None:
            nonlocal shown
            if (day := f"{at:%Y-%m-%d}") != shown:
                shown = day
                told(f"it is {day}")

        self.turn_to(self.story.starts, told=each)

    def close(self) -> None:
        """Stop everything, and keep what is known."""
        self._end.set()
        self.scheduler.close()
        with self._guard:
            self.clock.hold()
            with contextlib.suppress(OSError):
                self.keep()
            for resident in self.residents.values():
                if resident.machine is not None:
                    resident.machine.close()
                    resident.machine = None
        self.house.close()
        os.close(self._clock_file)

    # ------------------------------------------------------------------------------------------------- time

    def live(self) -> None:
        """Let time pass as it does outside, until `close`; to be called in a thread of its own."""
        self.clock.go()
        while not self._end.wait(0.2):
            self.scheduler.start_due()
            self._look_after()

    def turn_to(
        self,
        moment: datetime,
        *,
        told: Callable[[datetime], None] = lambda _: None,
        stop: threading.Event | None = None,
    ) -> None:
        """Let time pass until then, quickly, doing all that is due on the way. Raises `TownError` for the past."""
        if moment < self.clock.now():
            raise TownError(f"the clock shows {self.clock.now():%Y-%m-%d %H:%M:%S}; time does not go back")
        if moment.year > 9000:
            raise TownError("there are calendars up to the year 9000 here")
        # What somebody typed a moment ago may have changed when a device wants to wake.
        self._look_after()
        self.house.directory.hurried = True

        def each(at: datetime) -> None:
            self._write_clock(at)
            told(at)

        try:
            self.scheduler.run_until(moment, told=each, stop=stop)
        finally:
            self.house.directory.hurried = False
            self._write_clock(self.clock.now())
            self.keep()

    @property
    def coming(self) -> tuple[Happening, ...]:
        """What the story holds after now, the next first."""
        events = [
            Happening(at=event.at, said=event.said)
            for number, event in enumerate(self.story.events)
            if number not in self._events_done
        ]
        arrivals = [
            Happening(at=each.plan.since, said=f"{each.plan.name} is switched on")
            for each in self.residents.values()
            if each.machine is None
        ]
        return tuple(sorted([*events, *arrivals], key=lambda each: each.at))

    def _plan_event(self, number: int, event: Event) -> None:
        name = f"event {number}"

        def happen() -> None:
            self.scheduler.remove(name)
            self._events_done.add(number)
            self._happen(event)

        self.scheduler.add(name, Turn.EVENT, lambda: event.at, happen)

    def _happen(self, event: Event) -> None:
        with self._guard:
            if event.chain:
                self.house.show(event.chain)
            if event.bundle:
                self.house.bundle = event.bundle
            for resident in self.residents.values():
                if event.devices and resident.origin not in event.devices:
                    continue
                if event.breaks is not None:
                    resident.network.break_(event.breaks)
                if event.mends is not None:
                    resident.network.mend(event.mends)
            self._note(event.said)
            self._keep_state()

    def _daily(self) -> None:
        self._next_day = self.clock.now() + _DAY
        self.house.daily()

    def _note(self, said: str) -> None:
        self.happenings.append(Happening(at=self.clock.now(), said=said))
        _log.info("%s: %s", self.clock.now().isoformat(timespec="seconds"), said)

    # ---------------------------------------------------------------------------------------------- devices

    def resident(self, name: str) -> Resident:
        """The device of that name. Raises `NoSuchDeviceError`."""
        try:
            return self.residents[name]
        except KeyError:
            names = list(self.residents)
            listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
            raise NoSuchDeviceError(f"there is no device {name!r}; there are: {listed}") from None

    def _plan_arrival(self, resident: Resident) -> None:
        name = f"arrival of {resident.plan.name}"

        def arrive() -> None:
            self.scheduler.remove(name)
            self._switch_on(resident, again=False)

        self.scheduler.add(name, Turn.TOWN, lambda: resident.plan.since, arrive)

    def _switch_on(self, resident: Resident, *, again: bool) -> None:
        """Make the device; for the first time, or as it was when the town was left."""
        plan = resident.plan
        folder = self.folder / "devices" / plan.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        machine = assembly.assemble(
            plan,
            self.house,
            Site(
                folder=folder,
                clock=self.clock,
                network=resident.network,
                login=self.login,
                number=resident.number,
            ),
        )
        if again:
            self._restore(resident, machine, folder)
        else:
            self._settle(plan, machine)
        with self._guard:
            resident.machine = machine
        self.scheduler.add(plan.name, Turn.DEVICE, machine.next_wakeup, machine.wake)
        self._arrived(resident)
        if not again:
            self._note(f"{plan.name} ({plan.model} {plan.version}) is switched on")
            self._snapshot(resident)
            self._keep_state()

    def _settle(self, plan: DevicePlan, machine: LabMachine) -> None:
        """What was done at the device when it was new: its configuration, its registration."""
        if plan.saved:
            assembly.type_lines(machine, plan.saved)
            assembly.save(machine)
        if plan.registered:
            token, _ = self.house.token()
            try:
                assembly.register(machine, token)
                for _ in range(_REGISTERING):
                    if machine.licence.state.registration is RegistrationState.REGISTERED:
                        break
                    machine.wake()
            except LicensingError as error:
                self._note(f"{plan.name} could not be registered: {error}")
        if plan.unsaved:
            assembly.type_lines(machine, plan.unsaved)

    def _restore(self, resident: Resident, machine: LabMachine, folder: Path) -> None:
        try:
            text = disk.read_private(folder / "snapshot.json", _LARGEST).decode("utf-8")
            _, kept = schema.read(text, SNAPSHOT)
            machine.restore(kept["machine"])
            resident.written = text
        except (OSError, SchemaError, ValueError, KeyError, TypeError) as error:
            self._note(f"the snapshot of {resident.plan.name} cannot be used, it begins anew: {error}")

    def _woken(self, name: str) -> None:
        if name in self.residents:
            self._dirty.add(name)

    def touched(self, name: str) -> None:
        """Somebody did something at a device."""
        self._dirty.add(name)

    def keep_device(self, name: str) -> None:
        """Write what one device holds, if it has changed."""
        self._snapshot(self.residents[name])

    # ---------------------------------------------------------------------------------- what visitors may do

    def migrate(self, chain: str | None = None) -> str:
        """Let the portal move now: to that chain, or to the next of the story. Returns what it shows then."""
        with self._guard:
            if chain is None:
                number, event = next(
                    (
                        (number, event)
                        for number, event in enumerate(self.story.events)
                        if event.chain and number not in self._events_done
                    ),
                    (-1, None),
                )
                if event is None:
                    raise TownError(
                        f"the story has no further move; it can show: {', '.join(self.story.chains)}"
                    )
                self.scheduler.remove(f"event {number}")
                self._events_done.add(number)
                self._happen(event)
                return event.chain
            if chain not in self.story.chains:
                raise TownError(f"there is no chain {chain!r}; there are: {', '.join(self.story.chains)}")
            self.house.show(chain)
            self._note(f"the portal shows the chain {chain!r}")
            self._keep_state()
            return chain

    def publish(self, bundle: str) -> None:
        """Serve another issue of the bundle. Raises `TownError`."""
        with self._guard:
            if bundle not in self.story.bundles:
                listed = ", ".join(self.story.bundles)
                raise TownError(f"there is no bundle {bundle!r}; there are: {listed}")
            if not set(self.story.bundles[bundle].holds) <= set(self.house.minted):
                raise TownError(f"the bundle {bundle!r} plays no part in this story")
            self.house.bundle = bundle
            self._note(f"the bundle {bundle!r} is served")
            self._keep_state()

    def break_(self, fault: Fault, name: str | None = None) -> tuple[str, ...]:
        """Break something around one device, or around all; whom it was whole for before."""
        return self._fault(fault, name, broken=True)

    def mend(self, fault: Fault, name: str | None = None) -> tuple[str, ...]:
        """Mend it again; whom it was broken for before."""
        return self._fault(fault, name, broken=False)

    def _fault(self, fault: Fault, name: str | None, *, broken: bool) -> tuple[str, ...]:
        found = [self.resident(name)] if name is not None else list(self.residents.values())
        with self._guard:
            changed = [each for each in found if (fault in each.network.faults) is not broken]
            for each in changed:
                (each.network.break_ if broken else each.network.mend)(fault)
            if changed:
                whom = name or "all devices"
                self._note(f"{fault.value} is {'broken' if broken else 'mended'} for {whom}")
                self._keep_state()
        return tuple(each.plan.name for each in changed)

    def token(self) -> Secret:
        """A new ID token for this town's portal, as a person pastes it."""
        _, text = self.house.token()
        return text

    def log(self, name: str) -> tuple[str, ...]:
        """What a device has logged, as it would print it. Raises `TownError` before it is switched on."""
        machine = self.machine(name)
        return tuple(assembly.logged(machine))

    def machine(self, name: str) -> LabMachine:
        """The machine of a device. Raises `NoSuchDeviceError`, and `TownError` before it is switched on."""
        resident = self.resident(name)
        if resident.machine is None:
            raise TownError(f"{name} is switched on at {resident.plan.since:%Y-%m-%d %H:%M} UTC")
        return resident.machine

    # ------------------------------------------------------------------------------------------------- disk

    def keep(self) -> None:
        """Write everything that has changed."""
        for resident in self.residents.values():
            self._snapshot(resident)
        self._keep_state()

    def _look_after(self) -> None:
        """After what happened lately: ask devices anew when they want to wake, and keep what has changed."""
        self._write_clock(self.clock.now())
        with self._guard:
            while self._dirty:
                name = self._dirty.pop()
                self.scheduler.touch(name)
                self._snapshot(self.residents[name])

    def _snapshot(self, resident: Resident) -> None:
        machine = resident.machine
        if machine is None:
            return
        with self._guard:
            try:
                text = schema.write(SNAPSHOT, {"machine": machine.snapshot()}, indent=None)
                if text != resident.written:
                    path = self.folder / "devices" / resident.plan.name / "snapshot.json"
                    disk.write(path, text.encode("utf-8"), private=True)
                    resident.written = text
            except OSError as error:
                _log.error("%s cannot be kept: %s", resident.plan.name, disk.reason(error))

    def _keep_state(self) -> None:
        with self._guard:
            content = {
                "chain": self.house.chain,
                "bundle": self.house.bundle,
                "events": sorted(self._events_done),
                "switched_on": [name for name, each in self.residents.items() if each.machine is not None],
                "faults": {name: sorted(each.network.faults) for name, each in self.residents.items()},
            }
            disk.write(self.folder / _STATE, schema.write(SCHEMA, content).encode("utf-8"), private=True)

    def _write_clock(self, at: datetime) -> None:
        """Where the clock stands, in one small write: it comes at every moment, and kill -9 tears none."""
        os.pwrite(self._clock_file, f"{at.astimezone(UTC).isoformat(timespec='microseconds')}\n".encode(), 0)


def _kept(path: Path) -> Mapping[str, Any]:
    """What a town of before knew; empty where there was none. Raises `TownError` for what cannot be read."""
    try:
        text = disk.read_private(path, _LARGEST)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TownError(f"{path}: {disk.reason(error)}") from error
    try:
        return schema.read(text, SCHEMA)[1]
    except SchemaError as error:
        raise TownError(f"{path}: {error}") from None


def _moment(path: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None
