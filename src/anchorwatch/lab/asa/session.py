"""What a session itself is about: privilege, modes, the pager."""

from __future__ import annotations

import hmac

from anchorwatch.lab.asa import call_home_commands
from anchorwatch.lab.asa.command_line import (
    CONFIGURATION,
    CONFIGURING,
    DIALECT,
    EVERYWHERE,
    PRIVILEGED,
    CommandLine,
    Commands,
    leave,
)
from anchorwatch.lab.shell import LeaveError, Typed

COMMANDS = Commands()
_TRIES = 3


@COMMANDS.add("enable", "user", help_="Turn on privileged commands")
async def _enable(shell: CommandLine, _: Typed) -> str:
    known = shell.machine.login.enable.reveal().encode()
    for _attempt in range(_TRIES):
        given = await shell.ask_secret("Password: ")
        if hmac.compare_digest(given.encode(), known):
            shell.enter(PRIVILEGED)
            return ""
        shell.terminal.print_now("Invalid password\n")
    return "Access denied."


@COMMANDS.add("login", "user", help_="Log in as a particular user")
async def _login(shell: CommandLine, _: Typed) -> str:
    user = await shell.ask_line("Username: ")
    given = await shell.ask_secret("Password: ")
    login = shell.machine.login
    right = hmac.compare_digest(user.encode(), login.user.encode())
    if hmac.compare_digest(given.encode(), login.password.reveal().encode()) and right:
        shell.enter(PRIVILEGED)
        return ""
    return "Invalid password"


@COMMANDS.add("disable", PRIVILEGED, help_="Exit from privileged mode")
def _disable(shell: CommandLine, _: Typed) -> None:
    shell.enter("user")


@COMMANDS.add("{exit|quit}", *EVERYWHERE, help_="Exit from the current mode")
def _exit(shell: CommandLine, _: Typed) -> str:
    if shell.mode in ("user", PRIVILEGED):
        shell.terminal.print_now("\nLogoff\n\n")
    leave(shell)
    return ""


@COMMANDS.add("logout", "user", PRIVILEGED, help_="Logoff from the device")
def _logout(shell: CommandLine, _: Typed) -> None:
    shell.terminal.print_now("\nLogoff\n\n")
    raise LeaveError


@COMMANDS.add("end", *CONFIGURING, help_="Exit from configuration mode")
def _end(shell: CommandLine, _: Typed) -> None:
    shell.leave_mode()


@COMMANDS.add("configure [terminal]", PRIVILEGED, help_="Configure using various methods")
async def _configure(shell: CommandLine, _: Typed) -> None:
    machine = shell.machine
    shell.enter(CONFIGURATION)
    if not machine.fresh:
        return
    machine.fresh = False
    shell.terminal.print_now(_REPORTING)
    answer = ""
    while answer[:1].upper() not in ("Y", "N", "A") or not answer:
        answer = await shell.ask_line(_ASKED)
    machine.running.reporting = _ANSWERS[answer[:1].upper()]
    machine.tell(
        "120012", 5, f"User {shell.user} chose {answer[:1].upper()} at the anonymous reporting prompt."
    )
    if machine.running.reporting == "yes":
        await shell.terminal.write(call_home_commands.installed(machine.recreate()))
    shell.changed()


_REPORTING = """
***************************** NOTICE *****************************

Help to improve this platform by enabling anonymous reporting, which
sends error and health information without any identity to Cisco.

"""
_ASKED = "Would you like to enable anonymous error reporting to help improve\nthe product? [Y]es, [N]o, [A]sk later: "
_ANSWERS = {"Y": "yes", "N": "no", "A": "asked-later"}


@COMMANDS.add("terminal pager [lines] <lines>", PRIVILEGED, help_="Set the pager of this session")
def _pager(shell: CommandLine, typed: Typed) -> str:
    lines = typed.values["lines"]
    if not (lines.isdigit() and len(lines) < 10):
        return DIALECT.errors["invalid"]
    shell.terminal.page = int(lines)
    return ""


@COMMANDS.add("pager [lines] <lines>", CONFIGURATION, help_="Set the pager")
def _pager_kept(shell: CommandLine, typed: Typed) -> str:
    said = _pager(shell, typed)
    if not said:
        shell.machine.running.pager = shell.terminal.page
        shell.changed()
    return str(said or "")


@COMMANDS.add("no pager", CONFIGURATION)
def _no_pager(shell: CommandLine, _: Typed) -> None:
    shell.terminal.page = shell.machine.running.pager = 0
    shell.changed()


@COMMANDS.add("terminal width <columns>", CONFIGURATION, help_="Set the width of the terminal")
def _width(_shell: CommandLine, typed: Typed) -> str:
    columns = typed.values["columns"]
    good = columns.isdigit() and (columns == "0" or 40 <= int(columns[:5]) <= 511)
    return "" if good else DIALECT.errors["invalid"]


@COMMANDS.add("show curpriv", "user", PRIVILEGED, help_="Display the current privilege level")
def _curpriv(shell: CommandLine, _: Typed) -> str:
    level = "1" if shell.mode == "user" else "15"
    modes = "P_UNPR" if shell.mode == "user" else "P_PRIV" if shell.mode == PRIVILEGED else "P_PRIV P_CONF"
    return f"Username : {shell.user}\nCurrent privilege level : {level}\nCurrent Mode/s : {modes}"


@COMMANDS.add("show history", "user", PRIVILEGED)
def _history(shell: CommandLine, _: Typed) -> str:
    return "\n".join(f"  {each}" for each in shell.typed)


@COMMANDS.add("help [<word...>]", "user", PRIVILEGED, help_="Interactive help for commands")
def _help(shell: CommandLine, typed: Typed) -> str:
    return shell.explain(f"{typed.values['word']} " if "word" in typed.values else "")
