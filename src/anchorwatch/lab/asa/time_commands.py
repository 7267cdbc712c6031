"""Commands about the clock: what it shows, what it follows, how it is set, and what its zone is called."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from datetime import UTC, datetime, timedelta

from anchorwatch.devices import moment
from anchorwatch.devices.asa import clock as screen
from anchorwatch.devices.asa import configuration
from anchorwatch.devices.fact import ClockReading, ClockZone, NtpAssociation, NtpStatus
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.shell import Typed

COMMANDS = Commands()
_MOST_SERVERS = 10
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)")


@COMMANDS.add("show clock [detail]", "user", PRIVILEGED, help_="Show current time")
def _clock(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    machine.follow_time()
    source = (
        "NTP"
        if machine.clock.synchronized
        else "user configuration"
        if machine.clock_set
        else "hardware calendar"
    )
    time = Seen(reading(machine))
    return screen.render_clock(ClockReading(time=time, source=Seen(source) if typed.has("detail") else None))


def reading(machine: Asa) -> DeviceTime:
    """What the clock shows: with thousandths, starred where nothing vouches for it."""
    wall = machine.clock.now() + timedelta(minutes=machine.running.zone_minutes)
    return dataclasses.replace(
        machine.time(Style.CLOCK),
        wall=wall.replace(tzinfo=None),
        digits=3,
        mark="" if machine.clock.synchronized or machine.clock_set else "*",
    )


@COMMANDS.add("clock set <time> <one> <two> <year>", PRIVILEGED)
def _set(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    at = _moment(typed)
    if at is None:
        return (
            " " * (len(shell.prompt) + typed.line.find(typed.values["time"]))
            + "^\n"
            + DIALECT.errors["invalid"]
        )
    before = machine.clock.now()
    machine.clock.set(at.replace(tzinfo=UTC) - timedelta(minutes=machine.running.zone_minutes))
    machine.clock_set = True
    machine.clock_moved(before, f"user '{shell.user}'")
    shell.later(machine.licence.tick)
    return ""


def _moment(typed: Typed) -> datetime | None:
    """The wall time that was typed, with the day before or behind the month's name."""
    clock = _CLOCK.fullmatch(typed.values["time"])
    one, two = typed.values["one"], typed.values["two"]
    day, month = (one, two) if one.isdigit() else (two, one)
    names = [each.lower() for each in moment.MONTHS]
    short = month.lower()[:3]
    if clock is None or short not in names or not day.isdigit() or not typed.values["year"].isdigit():
        return None
    hour, minute, second = (int(each) for each in clock.groups())
    try:
        return datetime(  # noqa: DTZ001 - a wall clock
            int(typed.values["year"][:5]), names.index(short) + 1, int(day[:3]), hour, minute, second
        )
    except ValueError:
        return None


@COMMANDS.add("clock timezone <label> <hours> [<minutes>]", CONFIGURATION)
def _zone(shell: CommandLine, typed: Typed) -> str:
    hours, minutes = typed.values["hours"], typed.values.get("minutes", "0")
    digits = hours.lstrip("+-")
    if not (digits.isdigit() and int(digits) <= 14 and minutes.isdigit() and int(minutes) < 60):
        return " " * (len(shell.prompt) + typed.line.rfind(hours)) + "^\n" + DIALECT.errors["invalid"]
    total = int(digits) * 60 + int(minutes)
    settings = shell.machine.running
    settings.zone_label = typed.values["label"]
    settings.zone_minutes = -total if hours.startswith("-") else total
    shell.changed()
    shell.machine.plan_import()
    return ""


@COMMANDS.add("no clock timezone [<label> [<hours> [<minutes>]]]", CONFIGURATION)
def _no_zone(shell: CommandLine, _: Typed) -> None:
    settings = shell.machine.running
    settings.zone_label, settings.zone_minutes = "UTC", 0
    shell.changed()
    shell.machine.plan_import()


@COMMANDS.add("show running-config [all] clock")
def _running(shell: CommandLine, _: Typed) -> str:
    return configured_zone(shell.machine.running)


def configured_zone(settings: AsaSettings) -> str:
    """The zone as the configuration shows it; "" for the default."""
    if settings.zone_label == "UTC" and not settings.zone_minutes:
        return ""
    return configuration.render(ClockZone(label=Seen(settings.zone_label), minutes=settings.zone_minutes))


@COMMANDS.add("show ntp status")
def _ntp_status(shell: CommandLine, _: Typed) -> str:
    machine = shell.machine
    machine.follow_time()
    followed = machine.clock.synchronized
    return screen.render_ntp_status(
        NtpStatus(
            synchronized=Seen(followed),
            stratum=Seen(3) if followed else None,
            reference=Seen(machine.running.ntp_servers[0]) if followed else None,
        )
    )


@COMMANDS.add("show ntp associations")
def _ntp_associations(shell: CommandLine, _: Typed) -> str:
    machine = shell.machine
    machine.follow_time()
    return screen.render_ntp_associations(
        tuple(
            NtpAssociation(
                address=Seen(server),
                mark="*~" if machine.clock.synchronized and machine.followed == server else "~",
                reach=0o377 if machine.answers_time(server) else 0,
            )
            for server in machine.running.ntp_servers
        )
    )


@COMMANDS.add("ntp server <server> [prefer]", CONFIGURATION)
def _ntp_server(shell: CommandLine, typed: Typed) -> str:
    server = typed.values["server"]
    try:
        ipaddress.ip_address(server)
    except ValueError:
        return " " * (len(shell.prompt) + typed.line.rfind(server)) + "^\n" + DIALECT.errors["invalid"]
    servers = shell.machine.running.ntp_servers
    if server not in servers:
        if len(servers) >= _MOST_SERVERS:
            return FULL
        servers.append(server)
    shell.changed()
    shell.machine.follow_time()
    return ""


@COMMANDS.add("no ntp server <server> [prefer]", CONFIGURATION)
def _no_ntp_server(shell: CommandLine, typed: Typed) -> str:
    servers = shell.machine.running.ntp_servers
    if typed.values["server"] not in servers:
        return f"ERROR: ntp server {typed.values['server']} is not configured"
    servers.remove(typed.values["server"])
    shell.changed()
    shell.machine.follow_time()
    return ""


@COMMANDS.add("show running-config [all] ntp")
def _running_ntp(shell: CommandLine, _: Typed) -> str:
    return "\n".join(f"ntp server {each}" for each in shell.machine.running.ntp_servers)
