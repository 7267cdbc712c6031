"""``ping`` and ``ping tcp``, and what a device says to a name it cannot resolve.

``ping tcp tools.cisco.com 443`` resolves the name first, so one command tells DNS, route and port apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import CommandRefused, PingResult
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

_SENDING = re.compile(
    r"Sending \d{1,6}(?:, \d{1,6}-byte)? (?P<kind>TCP SYN requests|ICMP Echos) to (?P<target>[\w.:-]{1,253}?)(?: port (?P<port>\d{1,5}))?(?:,|\s|$)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"^\s*(?P<marks>[!?.UNRQMA&]{1,200})\s*$")
_RATE = re.compile(r"Success rate is (?P<rate>\d{1,3}) percent", re.IGNORECASE)
_UNRESOLVED = re.compile(
    r"ERROR: % ?Invalid (?:Hostname|input.{0,40}hostname)|% ?Unrecognized host or address|[Bb]ad IP address or host ?name"
    r"|Translating \"(?P<name>[^\"]{1,253})\"",
)
# A token that is refused where it is typed was not sent to anybody.
_NO_TOKEN = re.compile(r"\s*(?:ERROR|Error): .*\b[Tt]oken\b")
_REFUSED = re.compile(
    r"^\s*(?:ERROR: ?)?% ?(?:Invalid input detected|Incomplete command|Ambiguous command|Invalid command)|^\s*Command authorization failed"
)


def parse(lines: Sequence[Line]) -> tuple[Found[PingResult], ...]:
    """Find each ping; a name that was not resolved is one that did not start."""
    found: list[Found[PingResult]] = []
    for index, line in enumerate(lines):
        text = line.text
        sending = _SENDING.search(text) if "ending" in text else None
        if sending:
            found.append(_ping(lines, index, sending))
            continue
        unresolved = _UNRESOLVED.search(text) if len(text) < 300 else None
        if unresolved and not unresolved["name"]:
            found.append(Found(fact=PingResult(unresolved=Seen(text.strip(), line.whole)), lines=(index,)))
    return tuple(found)


def _ping(lines: Sequence[Line], index: int, sending: re.Match[str]) -> Found[PingResult]:
    marks: Seen[str] | None = None
    rate: Seen[int] | None = None
    used = [index]
    for later in range(index + 1, min(index + 12, len(lines))):
        line = lines[later]
        shown, counted = _MARKS.match(line.text), _RATE.search(line.text)
        if shown and marks is None:
            marks = Seen(shown["marks"], line.whole)
            used.append(later)
        if counted:
            rate = Seen(int(counted["rate"]), line.whole)
            used.append(later)
            break
        if _SENDING.search(line.text):
            break
    fact = PingResult(
        target=Seen(sending["target"], lines[index].whole),
        port=int(sending["port"]) if sending["port"] else None,
        tcp=sending["kind"].upper().startswith("TCP"),
        marks=marks,
        success=rate,
    )
    return Found(fact=fact, lines=tuple(used))


def render(ping: PingResult) -> str:
    """Print a ping as the ASA does."""
    if ping.unresolved:
        return str(ping.unresolved)
    port = f" port {ping.port}" if ping.port is not None else ""
    kind = "5 TCP SYN requests" if ping.tcp else "5, 100-byte ICMP Echos"
    lines = [
        "Type escape sequence to abort.",
        f"Sending {kind} to {ping.target}{port}, timeout is 2 seconds:",
    ]
    if ping.marks:
        lines.append(str(ping.marks))
    if ping.success is not None:
        answered = round(5 * ping.success.value / 100)
        lines.append(f"Success rate is {ping.success} percent ({answered}/5)")
    return "\n".join(lines)


def parse_refusal(lines: Sequence[Line]) -> tuple[Found[CommandRefused], ...]:
    """Find each sentence with which a device refuses a command, with the line above it that points at the fault."""
    return tuple(
        Found(
            fact=CommandRefused(text=Seen(line.text.strip(), line.whole)),
            lines=(index, index - 1) if index and lines[index - 1].text.strip() == "^" else (index,),
        )
        for index, line in enumerate(lines)
        if (("%" in line.text or "authorization" in line.text) and _REFUSED.match(line.text))
        or ("token" in line.text and _NO_TOKEN.match(line.text))
    )
