"""``show version`` and ``show license features``: what the device is, and what it may do.

Only what tells about the platform and its licence is read; the list of interfaces is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import SoftwareVersion
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen
from anchorwatch.devices.version_number import parse as parse_version

_SOFTWARE = re.compile(
    r"Cisco\s?Adaptive\s?Security\s?Appliance\s?Software\s?Version\s?(?P<version>\d{1,3}\.\S{1,24})(?:\s?<(?P<context>[^<>]{1,64})>)?",
    re.IGNORECASE,
)
# The head of a saved configuration: comments about the device, then the version in short.
_SAVED = re.compile(r"^\s*ASA Version (?P<version>\d{1,3}\.\S{1,24})(?:\s?<(?P<context>[^<>]{1,64})>)?\s*$")
_COMMENT = re.compile(r"^\s*:\s*(?:Serial Number|Hardware):")
_HEAD = 12
_IOS = re.compile(
    r"Cisco IOS(?: XE)? Software.{0,120}?,? Version (?P<version>[\w.()]{3,40})|Cisco IOS XR Software, Version (?P<xr>[\w.]{3,40})"
)
_FTD = re.compile(
    r"Cisco (?:Firepower|Secure Firewall) .{0,60}Threat Defense .{0,60}Version (?P<version>[\d.]{3,20})"
)


def _word(match: re.Match[str]) -> object:
    return match["value"].strip().rstrip(",")


def _all(match: re.Match[str]) -> object:
    return match[0].strip()


_FIELDS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], object]], ...] = (
    (
        "operating_system",
        re.compile(
            r"(?:Firepower Extensible|SSP) Operating System Version (?P<value>\S{1,24})", re.IGNORECASE
        ),
        _word,
    ),
    ("hardware", re.compile(r"^[\s:]*Hardware:\s{1,8}(?P<value>[\w./-]{2,40})"), _word),
    ("model", re.compile(r"^\s*Model Id:\s{1,8}(?P<value>[\w./-]{2,40})"), _word),
    ("license_mode", re.compile(r"^\s*License mode:\s?(?P<value>\S.{0,60})"), _word),
    (
        "platform_license",
        re.compile(r"^\s*ASAv Platform License State:\s?(?P<value>\S.{0,60})", re.IGNORECASE),
        _word,
    ),
    (
        "entitlement",
        re.compile(r"^\s*Active entitlement:\s?(?P<value>\S{1,160}?),?\s?enforce mode:", re.IGNORECASE),
        _word,
    ),
    ("enforce_mode", re.compile(r"enforce mode:\s?(?P<value>\S.{0,60})", re.IGNORECASE), _word),
    (
        "no_entitlement",
        re.compile(r"^\s*No active entitlement:\s?(?P<value>\S.{0,200})", re.IGNORECASE),
        _word,
    ),
    (
        "throughput",
        re.compile(r"^\s*Firewall throughput limited to (?P<value>\S.{0,60})", re.IGNORECASE),
        _word,
    ),
    ("memory", re.compile(r"^\s*\*Memory resource allocation is .{1,80}", re.IGNORECASE), _all),
    (
        "activation_key",
        re.compile(r"^\s*(?P<value>Running (?:Permanent |Timebased )?Activation Key):", re.IGNORECASE),
        _word,
    ),
    ("serial", re.compile(r"^[\s:]*(?:Serial Number|Processor board ID):?\s?(?P<value>\w{6,20})\s*$"), _word),
    ("image", re.compile(r'^\s*System image file is "(?P<value>[^"]{1,200})"'), _word),
    (
        "uptime",
        re.compile(r"^\s*(?P<host>[\w.-]{1,64}) up (?P<value>\d{1,4} (?:year|day|hour|min|sec).{0,60})"),
        _word,
    ),
)
_UPTIME = re.compile(r"^\s*(?P<host>[\w.-]{1,64}) (?:up|uptime is) \d{1,4} (?:year|week|day|hour|min|sec)")
_MODIFIED = re.compile(
    r"^\s*Configuration (?:last modified by (?P<who>\S{1,64}) at (?P<time>.{1,60})|has not been modified)"
)
_FEATURES = re.compile(r"^\s*Licensed features for this (?:platform|user context):", re.IGNORECASE)
_FEATURE = re.compile(
    r"^(?P<name>[A-Z0-9][\w/ .()-]{2,40}?)\s*:\s(?P<value>[A-Za-z0-9][\w/ -]{0,40}?)(?:\s{2,}(?:perpetual|\d+ days?|time-based).{0,20})?\s*$"
)
# A whole `show version` of a chassis is some hundred lines.
_REACH = 160


def parse(lines: Sequence[Line]) -> tuple[Found[SoftwareVersion], ...]:
    """Find each screen: from the software's line on, or from the licence mode where only features were shown."""
    found: list[Found[SoftwareVersion]] = []
    index = 0
    while index < len(lines):
        text = lines[index].text
        if text and (
            _SOFTWARE.search(text)
            or _SAVED.match(text)
            or _COMMENT.match(text)
            or text.lstrip().startswith(("License mode:", "ASAv Platform License State:"))
            or _IOS.search(text)
            or _FTD.search(text)
        ):
            screen = _screen(lines, index)
            found.append(screen)
            index = screen.lines[-1] + 1
        else:
            index += 1
    return tuple(found)


def _screen(lines: Sequence[Line], start: int) -> Found[SoftwareVersion]:
    values: dict[str, Any] = {}
    features: list[tuple[str, str]] = []
    used: list[int] = []
    in_features = False
    reach = _HEAD if _SAVED.match(lines[start].text) or _COMMENT.match(lines[start].text) else _REACH
    for index in range(start, min(start + reach, len(lines))):
        line = lines[index]
        if index > start and _SOFTWARE.search(line.text):
            break
        if _FEATURES.match(line.text):
            in_features = True
            used.append(index)
        elif _take(values, line):
            in_features = False
            used.append(index)
        elif in_features and line.text.strip():
            feature = _FEATURE.match(line.text)
            in_features = feature is not None
            if feature:
                features.append((feature["name"].strip(), feature["value"]))
                used.append(index)
    return Found(fact=SoftwareVersion(**values, features=tuple(features)), lines=tuple(used or [start]))


def _take(values: dict[str, Any], line: Line) -> bool:
    """Store what a line says; whether it said something."""
    taken = False
    software = _SOFTWARE.search(line.text) or _SAVED.match(line.text)
    if software:
        values.setdefault("version", Seen(parse_version(software["version"]), line.whole))
        values.setdefault("software", Seen("ASA", line.whole))
        if software["context"]:
            values.setdefault("context", Seen(software["context"], line.whole))
        taken = True
    for name, pattern in (("IOS", _IOS), ("FTD", _FTD)):
        other = pattern.search(line.text)
        if other:
            number = other["version"] or other.groupdict().get("xr") or ""
            values.setdefault("version", Seen(parse_version(number), line.whole))
            values.setdefault("software", Seen(name, line.whole))
            taken = True
    for name, pattern, read in _FIELDS:
        match = pattern.search(line.text)
        if match:
            values.setdefault(name, Seen(read(match), line.whole))
            taken = True
    up = _UPTIME.match(line.text)
    if up:
        values.setdefault("hostname", Seen(up["host"], line.whole))
        taken = True
    modified = _MODIFIED.match(line.text)
    if modified:
        time = moment.parse(modified["time"] or "")
        if time:
            values.setdefault("modified", Seen(time, line.whole))
        taken = True
    return taken


def render(version: SoftwareVersion) -> str:
    """Print what tells about software and licence, in the order of ``show version``."""
    lines: list[str] = []
    if version.version:
        context = f" <{version.context}>" if version.context else ""
        lines.append(f"Cisco Adaptive Security Appliance Software Version {version.version}{context}")
    if version.operating_system:
        # The system below was renamed with 9.16.
        late = version.version is None or version.version.value.at_least(9, 16)
        system = "SSP" if late else "Firepower Extensible"
        lines.append(f"{system} Operating System Version {version.operating_system}")
    if version.image:
        lines.append(f'System image file is "{version.image}"')
    if version.hostname and version.uptime:
        lines += ["", f"{version.hostname} up {version.uptime}"]
    if version.hardware:
        lines += ["", f"Hardware:   {version.hardware},"]
    if version.model:
        lines.append(f"Model Id:   {version.model}")
    features = render_features(version)
    if features:
        lines += ["", features]
    if version.serial:
        lines += ["", f"Serial Number: {version.serial}"]
    if version.activation_key:
        lines.append(f"{version.activation_key}:")
    if version.modified:
        lines += ["", f"Configuration last modified by enable_15 at {version.modified}"]
    return "\n".join(lines)


def render_features(version: SoftwareVersion) -> str:
    """Print ``show license features``."""
    lines: list[str] = []
    for title, value in (
        ("License mode: {}", version.license_mode),
        ("ASAv Platform License State: {}", version.platform_license),
    ):
        if value:
            lines.append(title.format(value))
    if version.entitlement:
        lines.append(
            f"Active entitlement: {version.entitlement}, enforce mode: {version.enforce_mode or ''}".rstrip()
        )
    if version.no_entitlement:
        lines.append(f"No active entitlement: {version.no_entitlement}")
    if version.memory:
        lines.append(str(version.memory))
    if version.throughput:
        lines.append(f"Firewall throughput limited to {version.throughput}")
    if version.features:
        lines += ["", "Licensed features for this platform:"]
        lines += [f"{name:<34}: {value}" for name, value in version.features]
    return "\n".join(lines)
