"""``show call-home`` of the ASA, and ``show call-home smart-licensing`` of IOS-XE: settings as the device sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import CallHomeConfig, CallHomeProfile
from anchorwatch.devices.screen import Found, label
from anchorwatch.devices.span import Seen

_HEAD = re.compile(
    r"^\s*Current (?:Smart )?(?:Call-?Home|smart-licensing transport) settings\s?:", re.IGNORECASE
)
_PROFILE = re.compile(
    r"^\s*Profile(?: Name)?\s?:\s?\"?(?P<name>[\w.-]{1,64})\"?\s*(?:\(status\s?:\s?(?P<status>\w{1,20})\))?\s*$"
)
_URL = re.compile(r"(?P<url>https?://\S{1,500})")
_REACH = 120


def parse(lines: Sequence[Line]) -> tuple[Found[CallHomeConfig], ...]:
    """Find each screen; it starts with its heading, or with a profile's name where the heading was cut off."""
    found: list[Found[CallHomeConfig]] = []
    index = 0
    while index < len(lines):
        text = lines[index].text
        if _HEAD.match(text) or (text.lstrip().startswith("Profile Name") and _PROFILE.match(text)):
            screen = _screen(lines, index)
            found.append(screen)
            index = screen.lines[-1] + 1
        else:
            index += 1
    return tuple(found)


def _screen(lines: Sequence[Line], start: int) -> Found[CallHomeConfig]:
    service: Seen[bool] | None = None
    proxy: Seen[str] | None = None
    profiles: list[CallHomeProfile] = []
    used = [start]
    for index in range(start, min(start + _REACH, len(lines))):
        line = lines[index]
        if index > start and _HEAD.match(line.text):
            break
        profile = _PROFILE.match(line.text)
        if profile:
            status = profile["status"]
            profiles.append(
                CallHomeProfile(
                    name=Seen(profile["name"], line.whole),
                    active=Seen(status.upper() == "ACTIVE", line.whole) if status else None,
                )
            )
            used.append(index)
            continue
        part = label(line)
        if part is None:
            continue
        match part.key:
            case "smartcallhomefeature" | "callhomefeature" | "smartlicensemessages":
                service = Seen(part.value.lower().startswith("enable"), line.whole)
            case "httpproxy":
                proxy = _proxy(part.value, line)
            case "profilestatus" if profiles:
                active = Seen(part.value.upper().startswith("ACTIVE"), line.whole)
                profiles[-1] = CallHomeProfile(name=profiles[-1].name, active=active, urls=profiles[-1].urls)
            case "httpaddresses" | "destinationurls" if profiles:
                url = _URL.search(part.value)
                if url:
                    urls = (*profiles[-1].urls, Seen(url["url"], line.whole))
                    profiles[-1] = CallHomeProfile(
                        name=profiles[-1].name, active=profiles[-1].active, urls=urls
                    )
            case _:
                continue
        used.append(index)
    fact = CallHomeConfig(
        shown=Seen(lines[start].text.strip(), lines[start].whole),
        service=service,
        proxy=proxy,
        profiles=tuple(profiles),
    )
    return Found(fact=fact, lines=tuple(dict.fromkeys(used)))


def _proxy(value: str, line: Line) -> Seen[str] | None:
    """A proxy as shown; "Not yet set up" and the like are none."""
    if not value or value.lower().startswith(("not ", "none", "n/a", "<")):
        return None
    return Seen(value, line.whole)


def render(config: CallHomeConfig) -> str:
    """Print ``show call-home`` as far as it tells about licences."""
    lines = ["Current Smart Call-Home settings:"]
    if config.service is not None:
        lines.append(f" Smart Call-Home feature : {'enable' if config.service.value else 'disable'}")
    lines.append(f" HTTP proxy: {config.proxy or 'Not yet set up'}")
    for profile in config.profiles:
        lines += ["", f"Profile Name: {profile.name}"]
        if profile.active is not None:
            lines.append(f"  Profile status: {'ACTIVE' if profile.active.value else 'INACTIVE'}")
        lines += [f"  HTTP address(es): {url}" for url in profile.urls]
    return "\n".join(lines)
