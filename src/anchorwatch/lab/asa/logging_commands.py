"""Commands about the log: the buffer, where messages go, debugs, and a session that watches."""

from __future__ import annotations

import ipaddress

from anchorwatch.devices.asa import syslog
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.settings import AsaSettings, Logging
from anchorwatch.lab.shell import Typed

COMMANDS = Commands()
LEVELS = (
    "emergencies",
    "alerts",
    "critical",
    "errors",
    "warnings",
    "notifications",
    "informational",
    "debugging",
)
"""The words for the severities, 0 first."""
_MOST_HOSTS, _MOST_CODES = 16, 500


@COMMANDS.add("show logging")
def _show(shell: CommandLine, _: Typed) -> str:
    machine = shell.machine
    config = machine.running.logging

    def level(value: int | None) -> str:
        return "disabled" if value is None else f"level {_word(value)}"

    lines = [
        f"Syslog logging: {'enabled' if config.enabled else 'disabled'}",
        "    Facility: 20",
        f"    Timestamp logging: {'enabled' if config.timestamp else 'disabled'}",
        "    Hide Username logging: enabled",
        "    Standby logging: disabled",
        "    Debug-trace logging: disabled",
        "    Console logging: disabled",
        f"    Monitor logging: {level(config.monitor)}",
        f"    Buffer logging: {level(config.buffered)}, {machine.log.logged} messages logged",
        f"    Trap logging: {level(config.trap)}, facility 20, {machine.sent_away} messages logged",
        *(f"        Logging to {host}" for host in config.hosts),
        "    Permit-hostdown logging: disabled",
        "    History logging: disabled",
        "    Device ID: disabled",
        "    Mail logging: disabled",
        "    ASDM logging: disabled",
    ]
    return "\n".join([*lines, *(syslog.render(message) for message in machine.log)])


def _word(severity: int) -> str:
    return LEVELS[severity]


@COMMANDS.add("clear logging buffer")
def _clear(shell: CommandLine, _: Typed) -> None:
    shell.machine.log.clear()


@COMMANDS.add("show running-config [all] logging")
def _running(shell: CommandLine, _: Typed) -> str:
    return configured(shell.machine.running)


def configured(settings: AsaSettings) -> str:
    """Logging as the configuration shows it."""
    held = settings.logging
    lines = ["logging enable"] if held.enabled else []
    if held.timestamp:
        lines.append("logging timestamp")
    for word, level in (("buffered", held.buffered), ("monitor", held.monitor), ("trap", held.trap)):
        if level is not None:
            lines.append(f"logging {word} {_word(level)}")
    lines += [f"logging host {host}" for host in held.hosts]
    lines += [f"no logging message {code}" for code in held.silenced]
    lines += [f"logging message {code} level {_word(level)}" for code, level in held.levels.items()]
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------- configuring


def _level(shell: CommandLine, typed: Typed) -> int | str:
    word = typed.values["level"].lower()
    if word.isdigit() and int(word[:3]) <= 7:
        return int(word)
    found = [number for number, each in enumerate(LEVELS) if each.startswith(word)]
    if len(found) != 1:
        return (
            " " * (len(shell.prompt) + typed.line.rfind(typed.values["level"]))
            + "^\n"
            + DIALECT.errors["invalid"]
        )
    return found[0]


def _config(shell: CommandLine) -> Logging:
    shell.changed()
    return shell.machine.running.logging


@COMMANDS.add("[no] logging {enable|on}", CONFIGURATION)
def _enable(shell: CommandLine, typed: Typed) -> None:
    _config(shell).enabled = not typed.has("no")


@COMMANDS.add("[no] logging timestamp", CONFIGURATION)
def _timestamp(shell: CommandLine, typed: Typed) -> None:
    _config(shell).timestamp = not typed.has("no")


@COMMANDS.add("logging buffered <level>", CONFIGURATION)
@COMMANDS.add("logging monitor <level>", CONFIGURATION)
@COMMANDS.add("logging trap <level>", CONFIGURATION)
def _leveled(shell: CommandLine, typed: Typed) -> str:
    level = _level(shell, typed)
    if isinstance(level, str):
        return level
    setattr(_config(shell), typed.words[1], level)
    return ""


@COMMANDS.add("no logging {buffered|monitor|trap} [<level>]", CONFIGURATION)
def _not_leveled(shell: CommandLine, typed: Typed) -> None:
    setattr(_config(shell), typed.words[2], None)


@COMMANDS.add("logging buffer-size <octets>", CONFIGURATION)
def _size(shell: CommandLine, _: Typed) -> None:
    shell.changed()


@COMMANDS.add("logging host <interface> <address>", CONFIGURATION)
def _host(shell: CommandLine, typed: Typed) -> str:
    address = typed.values["address"]
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return " " * (len(shell.prompt) + typed.line.rfind(address)) + "^\n" + DIALECT.errors["invalid"]
    hosts, host = _config(shell).hosts, f"{typed.values['interface']} {address}"
    if len(hosts) >= _MOST_HOSTS:
        return f"ERROR: No more than {_MOST_HOSTS} hosts can be configured"
    if host not in hosts:
        hosts.append(host)
    return ""


@COMMANDS.add("no logging host <interface> <address>", CONFIGURATION)
def _no_host(shell: CommandLine, typed: Typed) -> None:
    config = _config(shell)
    config.hosts = [
        each for each in config.hosts if each != f"{typed.values['interface']} {typed.values['address']}"
    ]


def _code(typed: Typed) -> str | None:
    code = typed.values["code"]
    return code if code.isdigit() and len(code) == 6 else None


@COMMANDS.add("logging message <code>", CONFIGURATION)
@COMMANDS.add("no logging message <code>", CONFIGURATION)
def _message(shell: CommandLine, typed: Typed) -> str:
    code = _code(typed)
    if code is None:
        return DIALECT.errors["invalid"]
    silenced = _config(shell).silenced
    silenced[:] = [each for each in silenced if each != code]
    if typed.has("no"):
        if len(silenced) >= _MOST_CODES:
            return FULL
        silenced.append(code)
    return ""


@COMMANDS.add("logging message <code> level <level>", CONFIGURATION)
def _message_level(shell: CommandLine, typed: Typed) -> str:
    code, level = _code(typed), _level(shell, typed)
    if code is None:
        return DIALECT.errors["invalid"]
    if isinstance(level, str):
        return level
    levels = _config(shell).levels
    if code not in levels and len(levels) >= _MOST_CODES:
        return FULL
    levels[code] = level
    return ""


@COMMANDS.add("no logging message <code> level [<level>]", CONFIGURATION)
def _no_message_level(shell: CommandLine, typed: Typed) -> None:
    _config(shell).levels.pop(typed.values["code"], None)


# --------------------------------------------------------------------------------------- watching, debugs


@COMMANDS.add("terminal monitor", PRIVILEGED)
@COMMANDS.add("terminal no monitor", PRIVILEGED)
def _monitor(shell: CommandLine, typed: Typed) -> str:
    shell.monitoring = not typed.has("no")
    return ""


@COMMANDS.add("debug license [<level>]")
@COMMANDS.add("debug ssl [<level>]")
@COMMANDS.add("debug crypto ca [<level>]")
@COMMANDS.add("debug crypto ca {messages|transactions} [<level>]")
@COMMANDS.add("debug license agent all")
def _debug(shell: CommandLine, typed: Typed) -> str:
    topic = _topic(typed)
    word = typed.values.get("level", "1")
    if not (word.isdigit() and 1 <= int(word[:4]) <= 255):
        return " " * (len(shell.prompt) + typed.line.rfind(word)) + "^\n" + DIALECT.errors["invalid"]
    shell.machine.debugs[topic] = int(word)
    shell.monitoring = True
    return f"debug {topic} enabled at level {word}"


@COMMANDS.add("no debug {license|ssl|crypto ca} [<level>]")
@COMMANDS.add("undebug {license|ssl|crypto ca}")
def _no_debug(shell: CommandLine, typed: Typed) -> None:
    shell.machine.debugs.pop(_topic(typed), None)


@COMMANDS.add("{undebug|no debug} all")
def _no_debugs(shell: CommandLine, _: Typed) -> None:
    shell.machine.debugs.clear()


@COMMANDS.add("show debug")
def _show_debug(shell: CommandLine, _: Typed) -> str:
    return "\n".join(
        f"debug {topic} enabled at level {level}" for topic, level in shell.machine.debugs.items()
    )


def _topic(typed: Typed) -> str:
    return next(
        each for each in ("license", "ssl", "crypto ca") if f" {each} " in f" {' '.join(typed.words)} "
    )
