"""Commands about the configuration as a whole: showing it, saving it, starting anew, and what changes nothing here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

from anchorwatch.devices.moment import Style
from anchorwatch.formats import runconfig
from anchorwatch.lab.asa import (
    call_home_commands,
    licence_commands,
    logging_commands,
    network_commands,
    time_commands,
    trustpoint_commands,
    trustpool_commands,
)
from anchorwatch.lab.asa.body import certificates
from anchorwatch.lab.asa.command_line import (
    CONFIGURATION,
    DIALECT,
    FULL,
    PRIVILEGED,
    CommandLine,
    Commands,
    masked,
)
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings
from anchorwatch.lab.shell import LeaveError, Typed

COMMANDS = Commands()
_HOSTNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MOST_TEXT = 4_000


# ------------------------------------------------------------------------------------------------ looking


@COMMANDS.add("show running-config [all]")
def _running(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    return text(machine, machine.running, title="Saved", everything=typed.has("all"))


@COMMANDS.add("show running-config [all] {hostname|banner|ssl}")
def _section(shell: CommandLine, typed: Typed) -> str:
    settings = shell.machine.running
    match typed.words[-1]:
        case "hostname":
            return f"hostname {settings.hostname}"
        case "banner":
            return "\n".join(f"banner motd {line}" for line in settings.banner)
        case _:
            return _ssl(settings)


@COMMANDS.add("show running-config <section...>")
def _other_section(shell: CommandLine, typed: Typed) -> str:
    """A part that changes nothing here is found by how its lines begin."""
    wanted = typed.values["section"].split()
    if not any(
        pattern.match(" ".join([*wanted, "x"])) or pattern.match(" ".join(wanted)) for pattern in _SECTIONS
    ):
        column = len(shell.prompt) + typed.line.find(typed.values["section"])
        return " " * column + "^\n" + DIALECT.errors["invalid"]
    return "\n".join(line for line in shell.machine.running.text if line.split()[: len(wanted)] == wanted)


@COMMANDS.add("show startup-config")
def _startup(shell: CommandLine, _: Typed) -> str:
    return text(shell.machine, shell.machine.saved, title="Saved", everything=False)


def text(machine: Asa, settings: AsaSettings, *, title: str, everything: bool) -> str:
    """A whole configuration as the device prints it."""
    head = [
        f": {title}",
        "",
        ":",
        f": Serial Number: {machine.hardware.serial}",
        f": Hardware:   {machine.hardware.model}",
        ":",
        f"ASA Version {machine.software}",
        "!",
    ]
    body = [part for part in _parts(machine, settings, everything=everything) if part]
    return "\n".join([*head, *body, "Cryptochecksum:" + _checksum(body), ": end"])


def _checksum(body: list[str]) -> str:
    import hashlib

    return hashlib.md5("\n".join(body).encode(), usedforsecurity=False).hexdigest()


def _parts(machine: Asa, settings: AsaSettings, *, everything: bool) -> Iterator[str]:
    yield f"hostname {settings.hostname}"
    if settings.domain:
        yield f"domain-name {settings.domain}"
    yield from (
        network_commands.configured_interface(name, each) for name, each in settings.interfaces.items()
    )
    yield time_commands.configured_zone(settings)
    yield network_commands.configured_dns(settings)
    yield f"pager lines {settings.pager}" if settings.pager else "no pager"
    yield logging_commands.configured(settings)
    yield "\n".join(f"route {each}" for each in settings.routes)
    yield "\n".join(settings.text)
    if settings.weak_crypto:
        yield "crypto ca permit-weak-crypto"
    points = settings.trustpoints.items()
    yield "\n".join(trustpoint_commands.configured(name, point) for name, point in points)
    yield trustpool_commands.configured(settings, everything=everything, can_renew=machine.traits.auto_import)
    for name, point in points:
        if point.pem:
            yield runconfig.write(name, certificates(point.pem)).rstrip("\n")
    yield "\n".join(f"ntp server {each}" for each in settings.ntp_servers)
    yield _ssl(settings)
    yield licence_commands.configured(settings)
    yield "\n".join(f"banner motd {line}" for line in settings.banner)
    yield call_home_commands.configured(settings)


def _ssl(settings: AsaSettings) -> str:
    return f"ssl client-version {settings.client_version}" if settings.client_version else ""


@COMMANDS.add("dir [<place>]")
def _dir(shell: CommandLine, _: Typed) -> str:
    folder = shell.machine.flash
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    lines = ["", "Directory of disk0:/", ""]
    lines += [
        f"{number:<6} -rwx  {each.stat().st_size:<12} {each.name}"
        for number, each in enumerate(files, start=1)
    ]
    return "\n".join([*lines, "", f"{shell.machine.flash_free} bytes free"])


# ------------------------------------------------------------------------------------------ saving, anew


@COMMANDS.add("write [memory]", PRIVILEGED, help_="Write the running configuration to memory")
@COMMANDS.add("copy /noconfirm running-config startup-config", PRIVILEGED)
def _write(shell: CommandLine, typed: Typed) -> str:
    return _saved(shell, building=typed.words[0] == "write")


@COMMANDS.add("copy running-config startup-config", PRIVILEGED, help_="Copy from one file to another")
async def _copy(shell: CommandLine, _: Typed) -> str:
    shell.terminal.print_now("\n")
    await shell.ask_line("Source filename [running-config]? ")
    return _saved(shell, building=False)


def _saved(shell: CommandLine, *, building: bool) -> str:
    machine = shell.machine
    machine.save()
    body = [part for part in _parts(machine, machine.saved, everything=False) if part]
    digest = _checksum(body)
    groups = " ".join(digest[at : at + 8] for at in range(0, 32, 8))
    size = len("\n".join(body))
    lines = ["Building configuration..."] if building else []
    lines += [f"Cryptochecksum: {groups}", "", f"{size} bytes copied in 0.{size % 90 + 10} secs"]
    return "\n".join([*lines, *(["[OK]"] if building else [])])


@COMMANDS.add("reload [noconfirm]", PRIVILEGED, help_="Halt and reload system")
@COMMANDS.add("reload save-config [noconfirm]", PRIVILEGED)
@COMMANDS.add("reload noconfirm save-config", PRIVILEGED)
async def _reload(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    if typed.has("save-config"):
        machine.save()
    elif not typed.has("noconfirm") and machine.running != machine.saved:
        await shell.terminal.write("System config has been modified.")
        answer = (await shell.ask_line("Save? [Y]es/[N]o/[S]ave all/[C]ancel: ")).upper()[:1]
        if answer not in ("Y", "N", "S"):
            return ""
        if answer in ("Y", "S"):
            await shell.terminal.write(_saved(shell, building=True))
    if not typed.has("noconfirm") and not await shell.ask_key("Proceed with reload? [confirm]"):
        return ""
    shell.terminal.print_now(
        f"\n\n***\n*** --- START GRACEFUL SHUTDOWN ---\n***\n*** Message to all terminals:\n***\n"
        f"***   requested by {shell.user} at {machine.time(Style.CLOCK)}\n***\n"
    )
    await asyncio.to_thread(machine.reload)
    raise LeaveError


# --------------------------------------------------------------------------------------------- configuring


@COMMANDS.add("hostname <name>", CONFIGURATION)
def _hostname(shell: CommandLine, typed: Typed) -> str:
    name = typed.values["name"]
    if not _HOSTNAME.fullmatch(name):
        return DIALECT.errors["invalid"]
    shell.machine.running.hostname = name
    shell.changed()
    return ""


@COMMANDS.add("no hostname [<name>]", CONFIGURATION)
def _no_hostname(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.hostname = "ciscoasa"
    shell.changed()


@COMMANDS.add("banner {motd|login|exec|asdm} <text...>", CONFIGURATION)
def _banner(shell: CommandLine, typed: Typed) -> None:
    lines = shell.machine.running.banner
    if len(lines) < 100:
        lines.append(typed.values["text"])
    shell.changed()


@COMMANDS.add("no banner [motd|login|exec|asdm]", CONFIGURATION)
def _no_banner(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.banner = []
    shell.changed()


@COMMANDS.add("ssl client-version {any|tlsv1|tlsv1.1|tlsv1.2}", CONFIGURATION)
def _client_version(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.client_version = typed.words[-1]
    shell.changed()


@COMMANDS.add("no ssl client-version [any|tlsv1|tlsv1.1|tlsv1.2]", CONFIGURATION)
def _no_client_version(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.client_version = ""
    shell.changed()


# What an ASA takes and what changes nothing of what this one is about: the beginnings of the lines.
_KNOWN = (
    "aaa authentication", "aaa authorization", "aaa accounting", "access-group", "access-list", "arp", "console timeout",
    "crypto dynamic-map", "crypto ikev1", "crypto ikev2", "crypto ipsec", "crypto isakmp", "crypto key", "crypto map",
    "dhcpd", "fragment", "ftp mode", "http server", "http", "icmp", "logging asdm", "logging facility", "management-access",
    "monitor-interface", "mtu", "names", "name", "nat", "same-security-traffic",
    "service-policy", "snmp-server", "ssh", "ssl", "sysopt", "telnet", "threat-detection", "timeout", "user-identity", "vpn-addr-assign", "xlate",
)  # fmt: skip
_SECTIONS = tuple(re.compile(rf"{re.escape(each)}(?: |$)") for each in (*_KNOWN, "username", "enable"))


def _kept(words: str) -> Callable[[CommandLine, Typed], str]:
    def keep(shell: CommandLine, typed: Typed) -> str:
        held = shell.machine.running.text
        rest = typed.values.get("rest", "")
        line = masked(f"{words} {rest}".strip())
        if typed.words[0] == "no":
            left = [each for each in held if not (each == line or each.startswith(f"{line} "))]
            if len(left) == len(held):
                return f"ERROR: {line} is not configured"
            held[:] = left
        elif line not in held:
            if len(held) >= _MOST_TEXT:
                return FULL
            held.append(line)
        shell.changed()
        return ""

    return keep


for _words in _KNOWN:
    _does = _kept(_words)
    COMMANDS.add(f"[no] {_words} [<rest...>]", CONFIGURATION)(_does)


@COMMANDS.add("username <name> password <password> [encrypted|pbkdf2] [privilege <level>]", CONFIGURATION)
def _username(shell: CommandLine, typed: Typed) -> None:
    # The password is not kept: nothing here logs in by it, and a configuration never shows it.
    level = typed.values.get("level", "2")
    held = shell.machine.running.text
    line = f"username {typed.values['name']} password ***** pbkdf2 privilege {level}"
    held[:] = [*(each for each in held if not each.startswith(f"username {typed.values['name']} ")), line]
    shell.changed()


@COMMANDS.add("no username <name>", CONFIGURATION)
def _no_username(shell: CommandLine, typed: Typed) -> None:
    held = shell.machine.running.text
    held[:] = [each for each in held if not each.startswith(f"username {typed.values['name']} ")]
    shell.changed()


@COMMANDS.add("enable password <password> [encrypted|pbkdf2] [level <level>]", CONFIGURATION)
def _enable_password(shell: CommandLine, _: Typed) -> None:
    held = shell.machine.running.text
    held[:] = [
        "enable password ***** pbkdf2",
        *(each for each in held if not each.startswith("enable password")),
    ]
    shell.changed()
