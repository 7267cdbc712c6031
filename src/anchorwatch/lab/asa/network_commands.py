"""Commands about the net around: reaching others, names, routes, interfaces."""

from __future__ import annotations

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor

from anchorwatch.devices.asa import reachability, routing
from anchorwatch.devices.fact import PingResult
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa import url
from anchorwatch.lab.asa.command_line import CONFIGURATION, DIALECT, FULL, PRIVILEGED, CommandLine, Commands
from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.asa.settings import AsaSettings, Interface
from anchorwatch.lab.shell import Typed
from anchorwatch.net.endpoint import Endpoint

COMMANDS = Commands()
DNS, INTERFACE = "dns", "interface"
_INVALID_HOST = "ERROR: % Invalid Hostname"
_PINGS = 5
_MOST_SERVERS, _MOST_ROUTES = 6, 1_000
_PATIENCE = 1.0


# ------------------------------------------------------------------------------------------------ reaching


@COMMANDS.add("ping tcp <first> <second> [<third>]", PRIVILEGED, help_="Send echo messages")
async def _ping_tcp(shell: CommandLine, typed: Typed) -> str:
    host, port = _ends(typed)
    if not (port.isdigit() and 0 < int(port[:6]) < 65_536):
        return _caret(shell, typed, port)
    address = await shell.threaded(shell.machine.address_of, host)
    if address is None:
        return _INVALID_HOST
    marks = await shell.threaded(_knock, shell.machine, host, int(port))
    return reachability.render(_result(address, marks, port=int(port)))


def _ends(typed: Typed) -> tuple[str, str]:
    # An interface may stand before the host; what was typed last is the port.
    words = typed.line.split()
    return words[-2], words[-1]


def _knock(machine: Asa, host: str, port: int) -> str:
    """Five marks for five connections: answered, reset, or nothing."""
    found = machine.find(host, port)
    if not isinstance(found, Endpoint):
        return ("R" if found.stage == "tcp" and not found.timed_out else "?") * _PINGS
    with ThreadPoolExecutor(_PINGS) as crowd:
        return "".join(crowd.map(_mark, [found] * _PINGS))


def _mark(place: Endpoint) -> str:
    try:
        socket.create_connection((place.host, place.port), timeout=_PATIENCE).close()
    except ConnectionRefusedError:
        return "R"
    except OSError:
        return "?"
    return "!"


@COMMANDS.add("ping <host>", PRIVILEGED)
@COMMANDS.add("ping <host> <option...>", PRIVILEGED)
async def _ping(shell: CommandLine, typed: Typed) -> str:
    machine, host = shell.machine, typed.values["host"]
    address = await shell.threaded(machine.address_of, host)
    if address is None:
        return _INVALID_HOST
    answers = machine.way_out(address) is not None and machine.network.echo(host) is None
    return reachability.render(_result(address, ("!" if answers else "?") * _PINGS))


def _result(address: str, marks: str, *, port: int | None = None) -> PingResult:
    success = 100 * marks.count("!") // len(marks)
    return PingResult(
        target=Seen(address), port=port, tcp=port is not None, marks=Seen(marks), success=Seen(success)
    )


# --------------------------------------------------------------------------------------------------- names


@COMMANDS.add("[no] dns domain-lookup <interface>", CONFIGURATION)
def _lookup(shell: CommandLine, typed: Typed) -> str:
    name, settings = typed.values["interface"], shell.machine.running
    if name not in {each.nameif for each in settings.interfaces.values()} - {""}:
        return _caret(shell, typed, name)
    settings.dns_lookups = [each for each in settings.dns_lookups if each != name]
    if not typed.has("no"):
        settings.dns_lookups.append(name)
    shell.changed()
    return ""


@COMMANDS.add("dns server-group <group>", CONFIGURATION)
def _group(shell: CommandLine, typed: Typed) -> None:
    shell.enter(DNS, typed.values["group"])


@COMMANDS.add("name-server <address> [<interface>]", DNS)
@COMMANDS.add("dns name-server <address> [<interface>]", CONFIGURATION)
def _name_server(shell: CommandLine, typed: Typed) -> str:
    address = typed.values["address"]
    if not _is_address(address):
        return _caret(shell, typed, address)
    servers = shell.machine.running.name_servers
    if address not in servers:
        if len(servers) >= _MOST_SERVERS:
            return FULL
        servers.append(address)
    shell.changed()
    return ""


@COMMANDS.add("no name-server <address> [<interface>]", DNS)
@COMMANDS.add("no dns name-server <address> [<interface>]", CONFIGURATION)
def _no_name_server(shell: CommandLine, typed: Typed) -> str:
    address, settings = typed.values["address"], shell.machine.running
    if address not in settings.name_servers:
        return f"ERROR: name-server {address} is not configured"
    settings.name_servers.remove(address)
    shell.changed()
    if not settings.name_servers:
        shell.machine.tell("120011", 4, "To ensure Smart Call Home can properly communicate with Cisco, use the command dns name-server to configure at least one DNS server.")  # fmt: skip
    return ""


@COMMANDS.add("domain-name <domain>", DNS, CONFIGURATION)
def _domain(shell: CommandLine, typed: Typed) -> None:
    shell.machine.running.domain = typed.values["domain"]
    shell.changed()


@COMMANDS.add("no domain-name [<domain>]", DNS, CONFIGURATION)
def _no_domain(shell: CommandLine, _: Typed) -> None:
    shell.machine.running.domain = ""
    shell.changed()


@COMMANDS.add("show running-config [all] dns [server-group]")
def _running_dns(shell: CommandLine, _: Typed) -> str:
    return configured_dns(shell.machine.running)


def configured_dns(settings: AsaSettings) -> str:
    """Name resolution as the configuration shows it."""
    lines = [f"dns domain-lookup {name}" for name in settings.dns_lookups]
    lines.append("DNS server-group DefaultDNS")
    lines += [f" name-server {server}" for server in settings.name_servers]
    if settings.domain:
        lines.append(f" domain-name {settings.domain}")
    return "\n".join(lines)


@COMMANDS.add("show dns [<host>]")
async def _show_dns(shell: CommandLine, typed: Typed) -> str:
    machine = shell.machine
    hosts = [typed.values["host"]] if "host" in typed.values else _named(machine)
    blocks = []
    for host in hosts:
        address = await shell.threaded(machine.address_of, host)
        if address is not None:
            blocks.append(f"Name: {host}\n Address: {address}")
    return "\n\n".join(blocks)


def _named(machine: Asa) -> list[str]:
    """The hosts that the device has reason to look up by itself."""
    written = [text for each in machine.running.call_home.profiles.values() for text in each.urls]
    found = [url.read(each) for each in (*written, machine.running.pool.url)]
    hosts = [each.host for each in found if each is not None]
    return [host for host in dict.fromkeys(hosts) if host]


# -------------------------------------------------------------------------------------- routes, interfaces


@COMMANDS.add("route <interface> <network> <mask> <gateway> [<metric>]", CONFIGURATION)
def _route(shell: CommandLine, typed: Typed) -> str:
    line = _route_line(shell, typed)
    if line.startswith(" "):
        return line
    routes = shell.machine.running.routes
    if line in routes:
        return "ERROR: Cannot add route, route already exists"
    if len(routes) >= _MOST_ROUTES:
        return FULL
    routes.append(line)
    shell.changed()
    return ""


@COMMANDS.add("no route <interface> <network> <mask> [<gateway> [<metric>]]", CONFIGURATION)
def _no_route(shell: CommandLine, typed: Typed) -> str:
    values = typed.values
    start = f"{values['interface']} {_zero(values['network'])} {_zero(values['mask'])} {values.get('gateway', '')}"
    routes = shell.machine.running.routes
    kept = [each for each in routes if not each.startswith(start.rstrip() + " ")]
    if len(kept) == len(routes):
        return "ERROR: Cannot remove route, route doesn't exist"
    routes[:] = kept
    shell.changed()
    return ""


def _route_line(shell: CommandLine, typed: Typed) -> str:
    """A route as the configuration keeps it; an error starts with blanks."""
    values = typed.values
    network, mask, gateway = _zero(values["network"]), _zero(values["mask"]), values["gateway"]
    names = {each.nameif for each in shell.machine.running.interfaces.values()} - {""}
    if values["interface"] not in names:
        return _caret(shell, typed, values["interface"])
    try:
        ipaddress.ip_network(f"{network}/{mask}")
    except ValueError:
        return _caret(shell, typed, values["network"])
    metric = values.get("metric", "1")
    if not _is_address(gateway) or not metric.isdigit():
        return _caret(shell, typed, gateway)
    return f"{values['interface']} {network} {mask} {gateway} {metric}"


def _zero(word: str) -> str:
    return "0.0.0.0" if word == "0" else word  # noqa: S104 - a network, not a place to listen


@COMMANDS.add("show route")
def _show_route(shell: CommandLine, _: Typed) -> str:
    settings, network = shell.machine.running, shell.machine.network
    up = [each for each in settings.interfaces.values() if each.nameif and each.address and not each.shutdown]
    routes = []
    for route in settings.routes:
        name, net, mask, gateway, metric = route.split()
        if name in {each.nameif for each in up} and network.routed(net):
            routes.append(
                routing.Route(net=net, mask=mask, interface=name, gateway=gateway, metric=int(metric))
            )
    for each in up:
        held = ipaddress.ip_network(f"{each.address}/{each.mask}", strict=False)
        routes += [
            routing.Route(net=str(held.network_address), mask=each.mask, interface=each.nameif),
            routing.Route(net=each.address, mask=routing.HOST, interface=each.nameif),
        ]
    return routing.render(routes)


@COMMANDS.add("show running-config [all] route")
def _running_route(shell: CommandLine, _: Typed) -> str:
    return "\n".join(f"route {each}" for each in shell.machine.running.routes)


@COMMANDS.add("show interface ip brief")
def _brief(shell: CommandLine, _: Typed) -> str:
    lines = [f"{'Interface':<27}{'IP-Address':<16}OK? Method Status                Protocol"]
    for name, each in shell.machine.running.interfaces.items():
        state = "administratively down" if each.shutdown else "up"
        method = "manual" if each.address else "unset "
        lines.append(
            f"{name:<27}{each.address or 'unassigned':<16}YES {method} {state:<22}{'down' if each.shutdown else 'up'}"
        )
    return "\n".join(lines)


@COMMANDS.add("show running-config [all] interface [<interface>]")
def _running_interface(shell: CommandLine, typed: Typed) -> str:
    wanted = typed.values.get("interface")
    return "\n".join(
        configured_interface(name, each)
        for name, each in shell.machine.running.interfaces.items()
        if wanted in (None, name)
    )


def configured_interface(name: str, held: Interface) -> str:
    """An interface as the configuration shows it."""
    lines = [f"interface {name}", *(f" {line}" for line in held.lines)]
    if held.shutdown:
        lines.append(" shutdown")
    lines.append(f" nameif {held.nameif}" if held.nameif else " no nameif")
    lines.append(f" security-level {held.security}" if held.nameif else " no security-level")
    lines.append(f" ip address {held.address} {held.mask}" if held.address else " no ip address")
    return "\n".join([*lines, "!"])


@COMMANDS.add("interface <interface>", CONFIGURATION)
def _interface(shell: CommandLine, typed: Typed) -> str:
    name = typed.values["interface"]
    known = next((each for each in shell.machine.running.interfaces if each.lower() == name.lower()), None)
    if known is None:
        return _caret(shell, typed, name)
    shell.enter(INTERFACE, known)
    return ""


def _here(shell: CommandLine) -> Interface:
    return shell.machine.running.interfaces[shell.subject]


@COMMANDS.add("nameif <name>", INTERFACE)
def _nameif(shell: CommandLine, typed: Typed) -> str:
    held = _here(shell)
    held.nameif = typed.values["name"]
    held.security = 100 if held.nameif == "inside" else 0
    shell.changed()
    return f'INFO: Security level for "{held.nameif}" set to {held.security} by default.'


@COMMANDS.add("no nameif [<name>]", INTERFACE)
def _no_nameif(shell: CommandLine, _: Typed) -> None:
    _here(shell).nameif = ""
    shell.changed()


@COMMANDS.add("security-level <level>", INTERFACE)
def _security(shell: CommandLine, typed: Typed) -> str:
    level = typed.values["level"]
    if not (level.isdigit() and int(level[:4]) <= 100):
        return _caret(shell, typed, level)
    _here(shell).security = int(level)
    shell.changed()
    return ""


@COMMANDS.add("ip address <address> <mask>", INTERFACE)
def _address(shell: CommandLine, typed: Typed) -> str:
    try:
        ipaddress.ip_network(f"{typed.values['address']}/{typed.values['mask']}", strict=False)
    except ValueError:
        return _caret(shell, typed, typed.values["address"])
    held = _here(shell)
    held.address, held.mask = typed.values["address"], typed.values["mask"]
    shell.changed()
    return ""


@COMMANDS.add("no ip address", INTERFACE)
def _no_address(shell: CommandLine, _: Typed) -> None:
    held = _here(shell)
    held.address = held.mask = ""
    shell.changed()


@COMMANDS.add("[no] shutdown", INTERFACE)
def _shutdown(shell: CommandLine, typed: Typed) -> None:
    _here(shell).shutdown = not typed.has("no")
    shell.changed()


@COMMANDS.add("description <text...>", INTERFACE)
def _description(shell: CommandLine, typed: Typed) -> None:
    held = _here(shell)
    held.lines = [
        *(each for each in held.lines if not each.startswith("description")),
        f"description {typed.values['text']}",
    ]
    shell.changed()


@COMMANDS.add("show failover")
def _failover(_shell: CommandLine, _: Typed) -> str:
    return "Failover Off\nFailover unit Secondary\nFailover LAN Interface: not Configured"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _caret(shell: CommandLine, typed: Typed, word: str) -> str:
    return " " * (len(shell.prompt) + typed.line.rfind(word)) + "^\n" + DIALECT.errors["invalid"]
