"""What one connects to from a chassis: its management side, the system below, its module, and the ASA on that."""

from __future__ import annotations

from anchorwatch.devices.fxos import reachability as screen
from anchorwatch.lab.fxos.session import (
    LOCAL_MANAGEMENT,
    MODULE,
    NX_OS,
    PAGER,
    SCOPES,
    Commands,
    FxosSession,
)
from anchorwatch.lab.shell import LeaveError, Typed
from anchorwatch.lab.terminal import DetachedError

COMMANDS = Commands()
_MANAGEMENT_ADDRESS = "192.0.2.41"
_MOST_ECHOES = 100
_AWAY = b"\x01d"
"""Ctrl-A and then d lead away from the console of the application."""


@COMMANDS.add("connect local-mgmt", *SCOPES, help_="Connect to another CLI")
def _management(shell: FxosSession, _: Typed) -> None:
    shell.place = LOCAL_MANAGEMENT


@COMMANDS.add("connect fxos", *SCOPES, help_="Connect to another CLI")
def _system(shell: FxosSession, _: Typed) -> None:
    shell.place = NX_OS


@COMMANDS.add("connect module <module> {console|telnet}", *SCOPES, help_="Connect to another CLI")
def _module(shell: FxosSession, typed: Typed) -> str:
    if typed.values["module"] != "1" or shell.machine.application is None:
        return "Error: The module is not there, or nothing is installed on it"
    shell.place = MODULE
    return (
        "Telnet escape character is '~'.\nTrying 127.5.1.1...\nConnected to 127.5.1.1.\n"
        "Escape character is '~'.\n\nCISCO Serial Over LAN:\nClose Network Connection to Exit\n"
    )


@COMMANDS.add("exit", LOCAL_MANAGEMENT, NX_OS, MODULE, help_="Exit from the present command line")
def _exit(shell: FxosSession, _: Typed) -> None:
    shell.place = ""


@COMMANDS.add("~", MODULE)
async def _escape(shell: FxosSession, _: Typed) -> str:
    if (await shell.ask_line("telnet> ")).lower() not in ("q", "quit", "close"):
        return ""
    shell.place = ""
    return "Connection closed."


@COMMANDS.add("connect asa [<name>]", MODULE, help_="Connect to the console of the application")
async def _application(shell: FxosSession, _: Typed) -> str:
    # Here, so that a chassis nobody connects through never loads the ASA.
    from anchorwatch.lab.asa.shell import PAGER as ASA_PAGER
    from anchorwatch.lab.fxos.application import Application, ConsoleShell

    application = shell.machine.application
    assert isinstance(application, Application), "one is at the module only where an application is"
    terminal = shell.terminal
    page = terminal.page
    if shell.console is None:
        shell.console = ConsoleShell(application, terminal, user=shell.user)
    terminal.page = application.running.pager
    terminal.pager, terminal.detach = ASA_PAGER, _AWAY
    terminal.print_now("Connecting to asa console... hit Ctrl + A + D to return to bootCLI\n")
    try:
        await shell.console.run()
        shell.console = None
    except DetachedError:
        terminal.print_now("\n")
    finally:
        terminal.page, terminal.pager, terminal.detach = page, PAGER, b""
    return ""


@COMMANDS.add("ping <host> [count <count>]", LOCAL_MANAGEMENT, help_="Test network reachability")
def _ping(shell: FxosSession, typed: Typed) -> str:
    host, count = typed.values["host"], typed.values.get("count", "5")
    if not (count.isdigit() and 0 < int(count) <= _MOST_ECHOES):
        return f"Error: Invalid value for count: {count}"
    machine = shell.machine
    address = machine.look_up(host)
    if address is None:
        return screen.render_unknown(host)
    obstacle = machine.network.echo(address)
    words = "Destination Net Unreachable" if obstacle == "route" else ""
    received = int(count) if obstacle is None else 0
    return screen.render(
        host, address, source=_MANAGEMENT_ADDRESS, sent=int(count), received=received, words=words
    )


@COMMANDS.add("reboot", LOCAL_MANAGEMENT, help_="Reboots the chassis")
async def _reboot(shell: FxosSession, _: Typed) -> str:
    shell.terminal.print_now("Before rebooting, please take a configuration backup.\n")
    if (await shell.ask_line("Do you still want to reboot? (yes/no):")).lower() not in ("y", "yes"):
        return ""
    await shell.threaded(shell.machine.reload)
    raise LeaveError
