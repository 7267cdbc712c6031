"""Time, names and versions of a chassis, as its scopes show them."""

from __future__ import annotations

from anchorwatch.devices.asa import clock as clock_screen
from anchorwatch.devices.fact import ClockReading
from anchorwatch.devices.fxos import service as screen
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab.fxos.schema import SERVICES_PATH
from anchorwatch.lab.fxos.session import NX_OS, SCOPES, Commands, FxosSession
from anchorwatch.lab.shell import Typed

COMMANDS = Commands()
_SERVICES = ("system", "services")
_UNREACHABLE = "Unreachable Or Invalid Ntp Server"


@COMMANDS.add("show clock", *SCOPES, NX_OS, help_="Show system information")
def _clock(shell: FxosSession, _: Typed) -> str:
    return clock_screen.render_clock(ClockReading(time=Seen(shell.machine.time(Style.CLOCK))))


@COMMANDS.add("show ntp-server [detail]", *_SERVICES, help_="Show system information")
def _time_servers(shell: FxosSession, typed: Typed) -> str:
    machine = shell.machine
    names = [path[-1].name for path in machine.tree.below(SERVICES_PATH, "ntp-server")]
    told = [_followed(machine.clock.synchronized and machine.answers(name)) for name in names]
    return screen.render_time_servers(zip(names, told, strict=True), detail=typed.has("detail"))


def _followed(answers: bool) -> str:
    return screen.FOLLOWED if answers else _UNREACHABLE


@COMMANDS.add("show dns", *_SERVICES, help_="Show system information")
def _name_servers(shell: FxosSession, _: Typed) -> str:
    tree = shell.machine.tree
    return screen.render_name_servers(path[-1].name for path in tree.below(SERVICES_PATH, "dns"))


@COMMANDS.add("show timezone", "top", *_SERVICES, help_="Show system information")
def _zone(shell: FxosSession, _: Typed) -> str:
    return screen.render_zone(shell.machine.tree.get(SERVICES_PATH, "timezone"))


@COMMANDS.add("show version", *SCOPES, help_="Show system information")
def _version(shell: FxosSession, _: Typed) -> str:
    return f"Version: {shell.machine.software}\nStartup-Vers: {shell.machine.software}"
