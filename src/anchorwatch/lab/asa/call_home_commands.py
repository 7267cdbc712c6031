"""Commands about call-home: its test, its settings, its profiles."""

from __future__ import annotations

from anchorwatch.devices.asa import call_home as test_screen
from anchorwatch.devices.asa import call_home_settings
from anchorwatch.devices.fact import CallHomeConfig, CallHomeProfile, CallHomeTest
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa import call_home
from anchorwatch.lab.asa import url as urls
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.settings import AsaSettings, CallHome, Profile
from anchorwatch.lab.shell import Typed

COMMANDS = Commands()
_MOST = 10
MODE, PROFILE = "call-home", "call-home-profile"


@COMMANDS.add("call-home test profile <profile>", PRIVILEGED, CONFIGURATION, help_="Smart Call-Home")
async def _test(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    settings, name = machine.running.call_home, typed.values["profile"]
    profile = settings.profiles.get(name)
    if profile is None:
        return f"ERROR: Profile {name} does not exist"
    if not settings.service:
        return "ERROR: Call-Home is not enabled"
    if not profile.active:
        return f"ERROR: Profile {name} is not active"
    if not profile.urls:
        return f"ERROR: Profile {name} has no destination address"
    first = test_screen.render(CallHomeTest(url=Seen(profile.urls[0])))
    await shell.terminal.write(first)
    outcome = await shell.threaded(call_home.test, machine, profile)
    return test_screen.render(outcome).partition("\n")[2]


@COMMANDS.add("show call-home [detail]")
@COMMANDS.add("show call-home profile all")
def _show(shell: CommandLine, _: Typed) -> str:
    return call_home_settings.render(facts(shell.machine.running.call_home))


@COMMANDS.add("show call-home profile <profile>")
def _show_profile(shell: CommandLine, typed: Typed) -> str:
    name = typed.values["profile"]
    whole = facts(shell.machine.running.call_home)
    wanted = tuple(each for each in whole.profiles if each.name.value == name)
    if not wanted:
        return f"ERROR: Profile {name} does not exist"
    return call_home_settings.render(CallHomeConfig(shown=whole.shown, profiles=wanted)).partition("\n\n")[2]


@COMMANDS.add("show call-home statistics")
def _statistics(shell: CommandLine, _: Typed) -> str:
    counts = shell.machine.call_homes
    lines = [f"{'Message Types':<26}{'Total':>8}{'Email':>8}{'HTTP':>8}", "-" * 50]
    for title, number in (
        ("Total Success", counts["succeeded"]),
        ("Total In-Queue", 0),
        ("Total Failed", counts["failed"]),
        ("Total Ratelimit -dropped", 0),
    ):
        lines.append(f"{title:<26}{number:>8}{0:>8}{number:>8}")
    return "\n".join(lines)


def facts(settings: CallHome) -> CallHomeConfig:
    """Call-home as ``show call-home`` tells it."""
    return CallHomeConfig(
        shown=Seen("Current Smart Call-Home settings:"),
        service=Seen(settings.service),
        proxy=Seen(settings.proxy.replace(" port ", ":")) if settings.proxy else None,
        profiles=tuple(
            CallHomeProfile(
                name=Seen(name), active=Seen(profile.active), urls=tuple(Seen(url) for url in profile.urls)
            )
            for name, profile in settings.profiles.items()
        ),
    )


@COMMANDS.add("show running-config [all] call-home")
def _running(shell: CommandLine, _: Typed) -> str:
    return configured(shell.machine.running)


def configured(settings: AsaSettings) -> str:
    """Call-home as the configuration shows it."""
    held = settings.call_home
    lines = [
        "call-home reporting anonymous" if settings.reporting == "yes" else "no call-home reporting anonymous"
    ]
    if not held.service:
        lines.append("no service call-home")
    lines.append("call-home")
    if held.contact:
        lines.append(f" contact-email-addr {held.contact}")
    if held.source_interface:
        lines.append(f" source-interface {held.source_interface}")
    if held.proxy:
        lines.append(f" http-proxy {held.proxy}")
    for name, profile in held.profiles.items():
        lines.append(f" profile {name}")
        if not profile.active:
            lines.append("  no active")
        lines += [f"  destination address http {url}" for url in profile.urls]
        lines += [f"  destination address email {address}" for address in profile.email]
        lines.append("  destination transport-method http")
        lines += [f"  subscribe-to-alert-group {group}" for group in profile.alerts]
    return "\n".join(lines)


# --------------------------------------------------------------------------------------------- configuring


@COMMANDS.add("call-home", CONFIGURATION)
def _enter(shell: CommandLine, _: Typed) -> None:
    shell.enter(MODE)


@COMMANDS.add("[no] service call-home", CONFIGURATION)
def _service(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.call_home.service = not typed.has("no")
    shell.changed()


@COMMANDS.add("[no] call-home reporting anonymous", CONFIGURATION)
def _reporting(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    machine.running.reporting = "no" if typed.has("no") else "yes"
    shell.changed()
    return "" if typed.has("no") else installed(machine.recreate())


def installed(names: tuple[str, ...]) -> str:
    """What is printed when the device puts its factory trustpoints back."""
    return "\n".join(
        line
        for name in names
        for line in (
            f'Creating trustpoint "{name}" and installing certificate...',
            "",
            "Trustpoint CA certificate accepted.",
        )
    )


@COMMANDS.add("http-proxy <host> port <port>", MODE)
def _proxy(shell: CommandLine, typed: Typed) -> str:
    port = typed.values["port"]
    if not (port.isdigit() and 1 <= int(port[:6]) <= 65_535):
        return DIALECT.errors["invalid"]
    shell.machine.running.call_home.proxy = f"{typed.values['host']} port {port}"
    shell.changed()
    return ""


@COMMANDS.add("no http-proxy [<host> port <port>]", MODE)
def _no_proxy(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.call_home.proxy = ""
    shell.changed()


@COMMANDS.add("source-interface <interface>", MODE)
def _source(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.call_home.source_interface = typed.values["interface"]
    shell.changed()


@COMMANDS.add("no source-interface [<interface>]", MODE)
def _no_source(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.call_home.source_interface = ""
    shell.changed()


@COMMANDS.add("contact-email-addr <address>", MODE)
def _contact(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.call_home.contact = typed.values["address"]
    shell.changed()


@COMMANDS.add("no contact-email-addr [<address>]", MODE)
def _no_contact(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.call_home.contact = ""
    shell.changed()


@COMMANDS.add("profile <profile>", MODE)
def _profile(shell: CommandLine, typed: Typed) -> str:
    name, profiles = typed.values["profile"], shell.machine.running.call_home.profiles
    if name not in profiles:
        if len(profiles) >= _MOST:
            return FULL
        profiles[name] = Profile()
        shell.changed()
    shell.enter(PROFILE, name)
    return ""


@COMMANDS.add("no profile <profile>", MODE)
def _no_profile(shell: CommandLine, typed: Typed) -> str:
    if shell.machine.running.call_home.profiles.pop(typed.values["profile"], None) is None:
        return f"ERROR: Profile {typed.values['profile']} does not exist"
    shell.changed()
    return ""


def _here(shell: CommandLine) -> Profile:
    return shell.machine.running.call_home.profiles.setdefault(shell.subject, Profile())


@COMMANDS.add("[no] active", PROFILE)
def _active(shell: CommandLine, typed: Typed) -> None:
    _here(shell).active = not typed.has("no")
    shell.changed()


@COMMANDS.add("destination address http <url>", PROFILE)
def _address(shell: CommandLine, typed: Typed) -> str:
    url = typed.values["url"]
    parts = urls.read(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.host:
        return DIALECT.errors["invalid"]
    profile = _here(shell)
    # The newest counts; an address that is there already stays where it is.
    profile.urls = [url, *(each for each in profile.urls if each != url)][:_MOST]
    shell.changed()
    return ""


@COMMANDS.add("no destination address http [<url>]", PROFILE)
def _no_address(shell: CommandLine, typed: Typed) -> None:
    profile = _here(shell)
    profile.urls = [each for each in profile.urls if each != typed.values.get("url", each)]
    shell.changed()


@COMMANDS.add("destination address email <address>", PROFILE)
def _email(shell: CommandLine, typed: Typed) -> None:
    profile = _here(shell)
    if typed.values["address"] not in profile.email and len(profile.email) < _MOST:
        profile.email.append(typed.values["address"])
    shell.changed()


@COMMANDS.add("no destination address email [<address>]", PROFILE)
def _no_email(shell: CommandLine, typed: Typed) -> None:
    profile = _here(shell)
    profile.email = [each for each in profile.email if each != typed.values.get("address", each)]
    shell.changed()


@COMMANDS.add("[no] destination transport-method {http|email}", PROFILE)
def _method(shell: CommandLine, _: Typed) -> None:
    shell.changed()


@COMMANDS.add("subscribe-to-alert-group <group...>", PROFILE)
def _subscribe(shell: CommandLine, typed: Typed) -> None:
    profile = _here(shell)
    if typed.values["group"] not in profile.alerts and len(profile.alerts) < _MOST:
        profile.alerts.append(typed.values["group"])
    shell.changed()


@COMMANDS.add("no subscribe-to-alert-group <group...>", PROFILE)
def _unsubscribe(shell: CommandLine, typed: Typed) -> None:
    profile = _here(shell)
    profile.alerts = [each for each in profile.alerts if not each.startswith(typed.values["group"])]
    shell.changed()
