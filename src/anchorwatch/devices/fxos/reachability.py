"""``ping`` from the management side of an FXOS chassis, which prints what the ping of a Unix system prints.

A name that has no address is told instead of the first line. An echo that does not come back proves nothing about TCP, unless somebody says that there is no way to the net: that
holds for whatever is sent there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import PingResult
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

_SENT = re.compile(r"^\s{0,4}PING (?P<target>[\w.:-]{1,253}) \((?P<address>[0-9A-Fa-f.:]{2,45})\)")
_COUNTED = re.compile(
    r"^\s{0,4}(?P<sent>\d{1,6}) packets transmitted, (?P<received>\d{1,6})(?: packets)? received\b"
)
_UNKNOWN = re.compile(
    r"^\s{0,4}(?:ping: unknown host (?P<host>[\w.:-]{1,253})|ping: (?P<name>[\w.:-]{1,253}): (?:Name or service not known|Temporary failure in name resolution))\s*$"
)
_NO_WAY = re.compile(r"(?:Destination )?Net(?:work)? (?:is )?unreachable|No route to host", re.IGNORECASE)
_REACH = 2_000


def parse(lines: Sequence[Line]) -> tuple[Found[PingResult], ...]:
    """Find each ping; a name without an address is one that did not start."""
    found: list[Found[PingResult]] = []
    for index, line in enumerate(lines):
        text = line.text
        if "ping:" in text and (unknown := _UNKNOWN.match(text[:400])):
            name = unknown["host"] or unknown["name"]
            fact = PingResult(target=Seen(name, line.whole), unresolved=Seen(text.strip(), line.whole))
            found.append(Found(fact=fact, lines=(index,)))
        elif "PING " in text and (sent := _SENT.match(text[:400])):
            found.append(_ping(lines, index, sent))
    return tuple(found)


def _ping(lines: Sequence[Line], start: int, sent: re.Match[str]) -> Found[PingResult]:
    target = Seen(sent["target"], lines[start].whole)
    used = [start]
    no_way: Seen[str] | None = None
    for index in range(start + 1, min(start + _REACH, len(lines))):
        text = lines[index].text
        if _SENT.match(text[:400]):
            break
        counted = _COUNTED.match(text)
        if counted:
            used.append(index)
            share = 100 * int(counted["received"]) // max(int(counted["sent"]), 1)
            fact = PingResult(target=target, success=Seen(min(share, 100), lines[index].whole), no_way=no_way)
            return Found(fact=fact, lines=tuple(used))
        said = _NO_WAY.search(text[:400])
        if said is not None and no_way is None:
            no_way = Seen(said[0], lines[index].whole)
        if said is not None or "bytes from" in text or text.startswith("From ") or "ping statistics" in text:
            used.append(index)
    return Found(fact=PingResult(target=target, no_way=no_way), lines=tuple(used))


def render(target: str, address: str, *, source: str, sent: int, received: int, words: str = "") -> str:
    """Print a ping; `words` are what is said of each echo that did not come back, mostly nothing."""
    lines = [f"PING {target} ({address}) from {source} eth0: 56(84) bytes of data."]
    for number in range(1, sent + 1):
        if number <= received:
            lines.append(f"64 bytes from {address}: icmp_seq={number} ttl=64")
        elif words:
            lines.append(f"From {source} icmp_seq={number} {words}")
    lost = 100 * (sent - received) // max(sent, 1)
    return "\n".join(
        [
            *lines,
            "",
            f"--- {target} ping statistics ---",
            f"{sent} packets transmitted, {received} received, {lost}% packet loss",
        ]
    )


def render_unknown(target: str) -> str:
    """Print that a name has no address."""
    return f"ping: unknown host {target}"
