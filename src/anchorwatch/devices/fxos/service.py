"""Time and names of an FXOS chassis: ``show ntp-server``, ``show dns`` and ``show timezone`` in its services.

The servers stand in a table, or below each other with ``detail``; which of them the clock follows is said in words.
A time zone is named as the tz database names it, and what that means for the wall clock depends on the date: only
zones at a fixed distance tell it by their name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import ClockZone, DnsConfig, NtpAssociation, NtpStatus
from anchorwatch.devices.screen import Found, label
from anchorwatch.devices.span import Seen

FOLLOWED = "Time Synchronized"
"""What stands beside the server that the clock follows."""
_TITLE = "NTP server hostname"
_NAMES = "Domain Name Servers"
_ROW = re.compile(
    r"^\s{0,8}(?P<name>[A-Za-z0-9][\w.:-]{0,252})\s{2,200}(?P<status>[A-Z][A-Za-z ]{2,60}?)\s*$"
)
_FOLLOWED = re.compile(r"\btime\s?synchronized\b", re.IGNORECASE)
_FIXED = re.compile(r"Etc/GMT(?P<west>[+-])(?P<hours>\d{1,2})")
_ZERO = (
    "UTC",
    "Etc/UTC",
    "Etc/GMT",
    "GMT",
    "Etc/Universal",
    "Etc/Zulu",
    "Etc/Greenwich",
    "Universal",
    "Zulu",
)
_MOST_SERVERS = 24
_WIDTHS = (64, 34)


def parse(
    lines: Sequence[Line],
) -> tuple[Found[NtpStatus | NtpAssociation | DnsConfig | ClockZone], ...]:
    """Find each listing of time servers and of name servers, and each time zone."""
    found: list[Found[NtpStatus | NtpAssociation | DnsConfig | ClockZone]] = []
    for index, line in enumerate(lines):
        part = label(line) if ":" in line.text[:80] else None
        if part is None:
            continue
        match part.key:
            case "ntpserverhostname" if not part.value:
                found += _time_servers(lines, index)
            case "domainnameservers" if not part.value:
                found.append(_name_servers(lines, index))
            case "timezone":
                minutes = minutes_of(part.value)
                if minutes is not None:
                    found.append(Found(fact=ClockZone(label=part.seen(), minutes=minutes), lines=(index,)))
            case _:
                pass
    return tuple(found)


def minutes_of(zone: str) -> int | None:
    """How far a named zone is ahead of UTC, in minutes; None where that depends on the date."""
    name = zone.split(" ", maxsplit=1)[0]
    if name in _ZERO:
        return 0
    fixed = _FIXED.fullmatch(name)
    if fixed is None:
        return None
    # These names count westward: Etc/GMT-8 is eight hours ahead.
    return int(fixed["hours"]) * (60 if fixed["west"] == "-" else -60)


def _time_servers(
    lines: Sequence[Line], start: int
) -> list[Found[NtpStatus | NtpAssociation | DnsConfig | ClockZone]]:
    servers: list[Found[NtpAssociation]] = []
    used = [start]
    named: Seen[str] | None = None
    for index in range(start + 1, min(start + 4 * _MOST_SERVERS, len(lines))):
        line = lines[index]
        if not line.text.strip():
            continue
        part = label(line)
        if part is not None and part.key == "name" and part.value:
            named = part.seen()
            used.append(index)
        elif part is not None and part.key == "timesyncstatus" and named is not None:
            servers.append(_server(named, part.value, (index,)))
            named = None
        elif part is not None and part.value:
            break
        elif row := _ROW.match(line.text):
            if row["name"] == "Name":
                used.append(index)
            else:
                servers.append(_server(Seen(row["name"], line.whole), row["status"], (index,)))
        elif set(line.text.strip()) - {"-", " "}:
            break
        else:
            used.append(index)
    if not servers:
        return []
    status = NtpStatus(
        synchronized=Seen(any(each.fact.mark == "*" for each in servers), servers[0].fact.address.span)
    )
    return [
        Found(fact=status, lines=tuple(used)),
        *(Found(fact=each.fact, lines=each.lines) for each in servers),
    ]


def _server(address: Seen[str], status: str, used: tuple[int, ...]) -> Found[NtpAssociation]:
    mark = "*" if _FOLLOWED.search(status) else " "
    return Found(fact=NtpAssociation(address=address, mark=mark), lines=used)


def _name_servers(
    lines: Sequence[Line], start: int
) -> Found[NtpStatus | NtpAssociation | DnsConfig | ClockZone]:
    servers: list[Seen[str]] = []
    used = [start]
    for index in range(start + 1, min(start + _MOST_SERVERS, len(lines))):
        part = label(lines[index])
        if part is None or part.key != "ipaddress":
            if lines[index].text.strip():
                break
            continue
        servers.append(part.seen())
        used.append(index)
    return Found(fact=DnsConfig(servers=tuple(servers)), lines=tuple(used))


def render_time_servers(servers: Iterable[tuple[str, str]], *, detail: bool = False) -> str:
    """Print time servers, each with what is said of it; nothing where there are none."""
    rows = list(servers)
    if not rows:
        return ""
    lines = ["", f"{_TITLE}:"]
    if detail:
        for name, status in rows:
            lines += [f"    Name: {name}", f"    Time Sync Status: {status}"]
        return "\n".join(lines)
    first, second = _WIDTHS
    lines += [f"    {'Name':<{first}} Time Sync Status", f"    {'-' * first} {'-' * second}"]
    return "\n".join([*lines, *(f"    {name:<{first}} {status}" for name, status in rows)])


def render_name_servers(addresses: Iterable[str]) -> str:
    """Print name servers; the heading alone where there are none."""
    return "\n".join([f"{_NAMES}:", *(f"    IP Address: {address}" for address in addresses)])


def render_zone(zone: str) -> str:
    """Print a time zone by its name."""
    return f"Timezone: {zone}"
