"""Call-home of an FXOS chassis, as ``show configuration`` prints it in its scope: the commands that make it.

Where messages go stands in a destination of a profile; a proxy and whether call-home is on stand beside the profiles.
Lines of a transaction carry a plus or a minus before them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import CallHomeConfig, CallHomeProfile
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

_COMMAND = re.compile(r"^[ ]?\s{0,24}(?P<words>\S.{0,600}?)\s*$")
_PROFILE = re.compile(r"(?:enter|create|scope) profile (?P<name>[\w.:-]{1,64})")
_ADDRESS = re.compile(r"set address \"?(?P<url>https?://[^\s\"]{1,500})\"?")
_PROXY = re.compile(r"set http-proxy-server-(?P<what>enable|url|port) \"?(?P<value>[^\s\"]{1,260})\"?")
_KNOWN = re.compile(r"(?:enter|create|scope|set|enable|disable|exit)\b")
_SCOPE = "scope callhome"
_REACH = 200


def parse(lines: Sequence[Line]) -> tuple[Found[CallHomeConfig], ...]:
    """Find each listing of the scope; it starts with the scope's own line and ends with what is no command."""
    found: list[Found[CallHomeConfig]] = []
    index = 0
    while index < len(lines):
        # At the end of a prompt the same words were typed: there nothing is listed.
        if "callhome" in lines[index].text and lines[index].text.strip() == _SCOPE:
            listing = _listing(lines, index)
            if listing is not None:
                found.append(listing)
                index = listing.lines[-1]
        index += 1
    return tuple(found)


def _listing(lines: Sequence[Line], start: int) -> Found[CallHomeConfig] | None:
    profiles: list[CallHomeProfile] = []
    proxy: dict[str, Seen[str]] = {}
    service: Seen[bool] | None = None
    used = [start]
    for index in range(start + 1, min(start + _REACH, len(lines))):
        line = lines[index]
        match = _COMMAND.match(line.text)
        if match is None or not _KNOWN.match(words := match["words"]):
            break
        used.append(index)
        if profile := _PROFILE.match(words):
            profiles.append(CallHomeProfile(name=Seen(profile["name"], line.whole)))
        elif (address := _ADDRESS.match(words)) and profiles:
            urls = (*profiles[-1].urls, Seen(address["url"], line.whole))
            profiles[-1] = replace(profiles[-1], urls=urls)
        elif part := _PROXY.match(words):
            proxy[part["what"]] = Seen(part["value"], line.whole)
        elif words in ("enable", "disable"):
            service = Seen(words == "enable", line.whole)
    if len(used) < 2:
        return None
    fact = CallHomeConfig(
        shown=Seen(_SCOPE, lines[start].whole),
        service=service,
        proxy=_proxy(proxy),
        profiles=tuple(profiles),
    )
    return Found(fact=fact, lines=tuple(used))


def _proxy(parts: dict[str, Seen[str]]) -> Seen[str] | None:
    """Host and port of a proxy that is switched on."""
    switch, url = parts.get("enable"), parts.get("url")
    if url is None or switch is None or switch.value != "on":
        return None
    port = parts.get("port")
    return Seen(f"{url.value} {port.value}" if port is not None else url.value, url.span)
