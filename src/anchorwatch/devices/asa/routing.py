"""``show route``: where packets go, and whether any leads beyond the nets a device is connected to.

The line of the gateway of last resort stands above the table. The routes of management-only interfaces stand in a table
of their own, which this screen does not show.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

ANY = "0.0.0.0"  # noqa: S104 - a net, not a place to listen
HOST = "255.255.255.255"
_GATEWAY = re.compile(r"^\s?Gateway of last resort is (?P<gateway>not set|\S{2,45} to network \S{2,45})\s*$")
_ROUTE = re.compile(
    r"^(?P<code>[A-Z][A-Za-z0-9]{0,2}\*?(?: [A-Z0-9]{1,2})?)\s{1,10}(?P<net>\d[\d.]{6,14}) (?P<mask>\d[\d.]{6,14})(?P<rest>\s.{0,200})?$"
)
_MOST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route; `gateway` is "" for a net the device is connected to."""

    net: str
    mask: str
    interface: str = ""
    gateway: str = ""
    metric: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """A routing table. `gateway` is the line of the gateway of last resort, `beyond` whether any route leads further
    than the nets in `connected`.
    """

    gateway: Seen[str]
    beyond: bool
    connected: tuple[str, ...] = ()

    def reaches_directly(self, address: str) -> bool:
        """Whether an address lies in a net the device is connected to."""
        try:
            return any(ipaddress.ip_address(address) in ipaddress.ip_network(net) for net in self.connected)
        except ValueError:
            return False


def parse(lines: Sequence[Line]) -> tuple[Found[RoutingTable], ...]:
    """Find each table, from the line of the gateway to what is no route."""
    found: list[Found[RoutingTable]] = []
    for index, line in enumerate(lines):
        last = _GATEWAY.match(line.text) if "Gateway of last" in line.text[:40] else None
        if last:
            found.append(_table(lines, index, Seen(last["gateway"], line.whole)))
    return tuple(found)


def _table(lines: Sequence[Line], start: int, gateway: Seen[str]) -> Found[RoutingTable]:
    used, connected = [start], []
    beyond = gateway.value != "not set"
    for index in range(start + 1, min(start + _MOST, len(lines))):
        text = lines[index].text
        if not text.strip():
            continue
        route = _ROUTE.match(text)
        if route is None:
            # A long route goes on in a line of its own.
            if text.startswith("  ") and len(used) > 1:
                used.append(index)
                continue
            break
        used.append(index)
        if route["code"][0] not in "CL":
            beyond = True
        elif route["mask"] != HOST:
            connected += _net(route["net"], route["mask"])
    return Found(
        fact=RoutingTable(gateway=gateway, beyond=beyond, connected=tuple(connected)), lines=tuple(used)
    )


def _net(net: str, mask: str) -> list[str]:
    try:
        return [str(ipaddress.ip_network(f"{net}/{mask}", strict=False))]
    except ValueError:
        return []


def render(routes: Iterable[Route]) -> str:
    """Print a table; a static default route comes with its star."""
    rows = list(routes)
    default = next((each for each in rows if each.gateway and (each.net, each.mask) == (ANY, ANY)), None)
    lines = [
        "Codes: L - local, C - connected, S - static, * - candidate default",
        f"Gateway of last resort is {f'{default.gateway} to network {ANY}' if default else 'not set'}",
        "",
    ]
    for each in rows:
        if each.gateway:
            code = "S*" if each is default else "S"
            lines.append(
                f"{code:<9}{each.net} {each.mask} [{each.metric}/0] via {each.gateway}, {each.interface}"
            )
        else:
            code = "L" if each.mask == HOST else "C"
            lines.append(f"{code:<9}{each.net} {each.mask} is directly connected, {each.interface}")
    return "\n".join(lines)
