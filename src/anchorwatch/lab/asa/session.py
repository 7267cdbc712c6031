"""What a session itself is about: privilege, modes, the pager, the clock, the version."""

from __future__ import annotations

import hmac
from datetime import timedelta

from anchorwatch.devices.asa import clock as clock_screen
from anchorwatch.devices.asa import version as version_screen
from anchorwatch.devices.fact import ClockReading, SoftwareVersion
from anchorwatch.devices.moment import Style
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa.shell import CONFIGURATION, DIALECT, PRIVILEGED, AsaShell, Commands, leave
from anchorwatch.lab.shell import LeaveError, Typed

COMMANDS = Commands()
_EVERYWHERE = tuple(mode.name for mode in DIALECT.modes)
_CONFIGURING = tuple(name for name in _EVERYWHERE if name not in ("user", PRIVILEGED))
_TRIES = 3


@COMMANDS.add("enable", "user", help_="Turn on privileged commands")
async def _enable(shell: AsaShell, _: Typed) -> str:
    known = shell.machine.login.enable.reveal().encode()
    for _attempt in range(_TRIES):
        given = await shell.ask_secret("Password: ")
        if hmac.compare_digest(given.encode(), known):
            shell.enter(PRIVILEGED)
            return ""
        shell.terminal.print_now("Invalid password\n")
    return "Access denied."


@COMMANDS.add("login", "user", help_="Log in as a particular user")
async def _login(shell: AsaShell, _: Typed) -> str:
    user = await shell.ask_line("Username: ")
    given = await shell.ask_secret("Password: ")
    login = shell.machine.login
    right = hmac.compare_digest(user.encode(), login.user.encode())
    if hmac.compare_digest(given.encode(), login.password.reveal().encode()) and right:
        shell.enter(PRIVILEGED)
        return ""
    return "Invalid password"


@COMMANDS.add("disable", PRIVILEGED, help_="Exit from privileged mode")
def _disable(shell: AsaShell, _: Typed) -> None:
    shell.enter("user")


@COMMANDS.add("{exit|quit}", *_EVERYWHERE, help_="Exit from the current mode")
def _exit(shell: AsaShell, _: Typed) -> str:
    if shell.mode in ("user", PRIVILEGED):
        shell.terminal.print_now("\nLogoff\n\n")
    leave(shell)
    return ""


@COMMANDS.add("logout", "user", PRIVILEGED, help_="Logoff from the device")
def _logout(shell: AsaShell, _: Typed) -> None:
    shell.terminal.print_now("\nLogoff\n\n")
    raise LeaveError


@COMMANDS.add("end", *_CONFIGURING, help_="Exit from configuration mode")
def _end(shell: AsaShell, _: Typed) -> None:
    shell.leave_mode()


@COMMANDS.add("configure [terminal]", PRIVILEGED, help_="Configure using various methods")
async def _configure(shell: AsaShell, _: Typed) -> None:
    shell.enter(CONFIGURATION)


@COMMANDS.add("terminal pager [lines] <lines>", PRIVILEGED, help_="Set the pager of this session")
@COMMANDS.add("pager [lines] <lines>", CONFIGURATION, help_="Set the pager")
def _pager(shell: AsaShell, typed: Typed) -> str:
    lines = typed.values["lines"]
    if not (lines.isdigit() and len(lines) < 10):
        return DIALECT.errors["invalid"]
    shell.terminal.page = int(lines)
    return ""


@COMMANDS.add("terminal width <columns>", CONFIGURATION, help_="Set the width of the terminal")
def _width(_shell: AsaShell, typed: Typed) -> str:
    columns = typed.values["columns"]
    good = columns.isdigit() and (columns == "0" or 40 <= int(columns[:5]) <= 511)
    return "" if good else DIALECT.errors["invalid"]


@COMMANDS.add("show curpriv", "user", PRIVILEGED, help_="Display the current privilege level")
def _curpriv(shell: AsaShell, _: Typed) -> str:
    level = "1" if shell.mode == "user" else "15"
    modes = "P_UNPR" if shell.mode == "user" else "P_PRIV"
    return f"Username : {shell.user}\nCurrent privilege level : {level}\nCurrent Mode/s : {modes}"


@COMMANDS.add("show clock [detail]", "user", PRIVILEGED, help_="Show current time")
def _clock(shell: AsaShell, typed: Typed) -> str:
    clock = shell.machine.clock
    source = "NTP" if clock.synchronized else "hardware calendar"
    return clock_screen.render_clock(
        ClockReading(
            time=Seen(shell.machine.time(Style.CLOCK)), source=Seen(source) if typed.has("detail") else None
        )
    )


@COMMANDS.add("show version", "user", PRIVILEGED, help_="Show the software's version")
def _version(shell: AsaShell, _: Typed) -> str:
    return version_screen.render(version(shell))


def version(shell: AsaShell) -> SoftwareVersion:
    """What the device is."""
    machine = shell.machine
    return SoftwareVersion(
        version=Seen(machine.software),
        hostname=Seen(machine.running.hostname),
        uptime=Seen(_uptime(machine.clock.true.now() - machine.clock.started)),
        hardware=Seen(machine.hardware.model),
        license_mode=Seen("Smart Licensing"),
        serial=Seen(machine.hardware.serial),
        modified=Seen(machine.time(Style.CLOCK, at=machine.modified)),
    )


def _uptime(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    parts = [(days, "day"), (hours, "hour"), (minutes % 60, "min")]
    return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count) or "1 min"
