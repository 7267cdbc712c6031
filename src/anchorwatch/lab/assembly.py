"""From the plan of a device to the device: its hardware, its factory settings, its shell.

The one module that knows which program stands for which platform.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, assert_never

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.version_number import Version
from anchorwatch.lab.asa import settings as asa_settings
from anchorwatch.lab.asa.entitlement import wanted
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.asa.shell import PAGER, AsaShell
from anchorwatch.lab.device_clock import DeviceClock
from anchorwatch.lab.fxos import machine as fxos
from anchorwatch.lab.fxos.application import Application
from anchorwatch.lab.fxos.machine import Chassis
from anchorwatch.lab.fxos.shell import PAGER as FXOS_PAGER
from anchorwatch.lab.fxos.shell import FxosShell
from anchorwatch.lab.household import NAME_SERVERS, TIME_SERVERS, Household
from anchorwatch.lab.machine import Hardware, Login
from anchorwatch.lab.network import Network
from anchorwatch.lab.shell import Shell
from anchorwatch.lab.story import MODELS, DevicePlan
from anchorwatch.lab.terminal import Help, Terminal
from anchorwatch.lab.town_clock import TownClock
from anchorwatch.licensing.token import IdToken

LabMachine = Asa | Chassis
_BEFORE = timedelta(days=180)
"""A device's software was built so long before the town begins: no clock of it can rightly show an earlier time."""
_NAGS = timedelta(seconds=10)
"""How often an ASAv that nags does so, in real time: often enough to meet a program that drives it."""
_SERIAL = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a device is put: its folder, the town's clock, its network, who may come in, its own address there."""

    folder: Path
    clock: TownClock
    network: Network
    login: Login
    number: int


def assemble(plan: DevicePlan, house: Household, site: Site) -> LabMachine:
    """Switch a device on as it came from the factory. May take the time of a connection."""
    match plan.platform:
        case Platform.FXOS:
            return _chassis(plan, house, site)
        case Platform.ASA:
            return _asa(plan, house, site)
        case _:
            raise ValueError(f"no {plan.platform.value} is built here")


def tags(plan: DevicePlan) -> tuple[str, ...]:
    """The tags of what a device is configured to use when it comes."""
    version = plan.application or plan.version
    config = asa_settings.factory(plan.hostname, version, trustpoints={}).licence
    return tuple(each.tag for each in wanted(config, plan.model))


def register(machine: LabMachine, token: IdToken) -> None:
    """Begin a registration. Raises `EventRefusedError` where there can be none now."""
    match machine:
        case Asa():
            machine.licence.register(token)
        case Chassis():
            machine.register(token)
        case _:
            assert_never(machine)


def shell(machine: LabMachine, terminal: Terminal, user: str) -> Shell[Any]:
    """A session on a device."""
    match machine:
        case Asa():
            return AsaShell(machine, terminal, user=user)
        case Chassis():
            return FxosShell(machine, terminal, user=user)
        case _:
            assert_never(machine)


class _Watched(Terminal):
    """A terminal that says when a line is awaited again: what came before may have changed the device.

    What changed its configuration or its store is kept before the prompt comes: whoever sees the prompt has it, even if
    the town is killed then. The rest (the log, what the agent does) is kept a moment later.
    """

    machine: LabMachine
    touched: Callable[[], None]
    keep: Callable[[], None]
    kept = 0

    async def read_line(self, prompt: str, *, echo: bool = True, help_: Help | None = None) -> str:
        self.touched()
        changes = self.machine.changes
        if changes != self.kept:
            await asyncio.to_thread(self.keep)
            self.kept = changes
        return await super().read_line(prompt, echo=echo, help_=help_)


def opens(
    machine: LabMachine, touched: Callable[[], None], keep: Callable[[], None] = lambda: None
) -> Callable[..., tuple[Terminal, Shell[Any]]]:
    """How SSH opens a session on a device.

    `touched` hears after each command; `keep` is called, in a thread, after one that changed what a device holds.
    """
    pager = FXOS_PAGER if isinstance(machine, Chassis) else PAGER

    def opened(
        send: Callable[[bytes], None], pause: Callable[[], None], resume: Callable[[], None], user: str
    ) -> tuple[Terminal, Shell[Any]]:
        terminal = _Watched(send, pager=pager, pause=pause, resume=resume)
        terminal.machine, terminal.touched, terminal.keep = machine, touched, keep
        terminal.kept = machine.changes
        return terminal, shell(machine, terminal, user)

    return opened


def type_lines(machine: LabMachine, lines: Iterable[str]) -> str:
    """Type lines of configuration at a device, as somebody did once, and return what it printed.

    On an ASA they are typed in configuration mode; nothing is saved unless a line says so.
    """
    typed = list(lines)
    if isinstance(machine, Asa):
        secret = machine.login.enable.reveal()
        typed = ["enable", secret, "configure terminal", *typed, "end", "exit"]
    said: list[bytes] = []

    async def session() -> None:
        terminal = Terminal(said.append, pager=FXOS_PAGER if isinstance(machine, Chassis) else PAGER)
        terminal.page = 0
        for line in typed:
            terminal.feed(line.encode("utf-8") + b"\n")
        terminal.hang_up()
        await shell(machine, terminal, machine.login.user).run()

    asyncio.run(session())
    return b"".join(said).decode("utf-8", "replace")


# --- what comes from the factory ------------------------------------------------------------------------------


def _common(plan: DevicePlan, house: Household, site: Site, serial: str) -> dict[str, Any]:
    return {
        "name": plan.name,
        "hardware": Hardware(model=plan.model, pid=plan.model, serial=serial),
        "built": house.story.begins - _BEFORE,
        "login": site.login,
    }


def _clock(plan: DevicePlan, site: Site) -> DeviceClock:
    return DeviceClock(site.clock, off=plan.off, synchronized=plan.synchronized and not plan.off)


def _asa(plan: DevicePlan, house: Household, site: Site) -> Asa:
    machine = Asa(
        factory=_asa_settings(plan, house, plan.version, site),
        built_in=house.store(plan.built_in, "built-in"),
        portal=house.story.host,
        fresh=plan.fresh,
        nags=_NAGS if plan.nags else None,
        software=plan.version,
        folder=site.folder,
        clock=_clock(plan, site),
        network=site.network,
        pins=house.pins,
        **_common(plan, house, site, serial_of(plan)),
    )
    machine.pool = house.store(plan.pool, "Trustpool")
    return machine


def _asa_settings(plan: DevicePlan, house: Household, version: Version, site: Site) -> AsaSettings:
    story = house.story
    virtual = plan.model == "ASAv"
    points = {name: house.minted[code].certificate.pem for name, code in story.held_by(plan).items()}
    if plan.platform is Platform.FXOS:
        points = {}
    made = asa_settings.factory(
        plan.hostname,
        version,
        trustpoints=points,
        name_servers=NAME_SERVERS[:1],
        time_servers=TIME_SERVERS[:1] if plan.synchronized else (),
        address=f"192.0.2.{10 + site.number % 40}",
        virtual=virtual,
    )
    for profile in made.call_home.profiles.values():
        profile.urls = [story.url for _ in profile.urls]
    made.pool.url = story.source.url
    if plan.auto_import is not None:
        made.pool.auto_import = plan.auto_import
    made.zone_label, made.zone_minutes = plan.zone, plan.zone_minutes
    return made


def _chassis(plan: DevicePlan, house: Household, site: Site) -> Chassis:
    story = house.story
    version = plan.application or plan.version
    settings = _asa_settings(plan, house, version, site)
    held = story.held_by(plan)
    pem = "".join(house.minted[code].certificate.pem for code in held.values())
    machine = Chassis(
        objects=fxos.factory(
            plan.hostname,
            pem=pem,
            portal=story.url,
            time_servers=TIME_SERVERS[:1] if plan.synchronized else (),
        ),
        portal=story.host,
        software=plan.version,
        folder=site.folder,
        clock=_clock(plan, site),
        network=site.network,
        pins=house.pins,
        **_common(plan, house, site, serial_of(plan)),
    )
    if plan.application is not None:
        Application(
            machine,
            factory=settings,
            built_in=house.store(plan.built_in, "built-in"),
            portal=story.host,
            software=plan.application,
            **_common(plan, house, site, serial_of(plan, "module")),
        )
    return machine


def serial_of(plan: DevicePlan, part: str = "") -> str:
    """A serial number in the manner of the model, always the same for the same name."""
    digest = hashlib.sha256(f"{plan.name}/{part}".encode()).digest()
    return MODELS[plan.model][1] + "".join(_SERIAL[octet % len(_SERIAL)] for octet in digest[:8])


def save(machine: LabMachine) -> None:
    """What ``write memory`` does; on a chassis what is committed is saved."""
    if isinstance(machine, Asa):
        machine.save()


def logged(machine: LabMachine) -> Iterator[str]:
    """What a device has logged, as it prints it; a chassis tells of its application."""
    source = machine.application if isinstance(machine, Chassis) else machine
    for message in source.log if source is not None else ():
        yield syslog.render(message)
