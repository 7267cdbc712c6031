"""``show license all`` of the first agents (1.0 to 1.4), and of the ASA application on a 4100/9300.

A flat list: three sentences about the whole, then a block for each entitlement that starts with its tag.
The application on a chassis prints only the blocks, because registration belongs to the chassis.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.license_fact import Entitlement, LicenseReport
from anchorwatch.devices.screen import Found, Label, integer, key, label
from anchorwatch.devices.span import Seen

_WHOLE = {
    "smartlicensingenabled": "enabled",
    "compliancestatus": "compliance",
    "overalllicensedstatus": "overall_status",
}
_ENTRY = {
    "tag": "tag",
    "version": "version",
    "enforcemode": "status",
    "enforcementmode": "status",
    "handle": "handle",
    "requestedtime": "requested_time",
    "requestedcount": "count",
    "requeststatus": "request_status",
    "vendorstring": "vendor_string",
}
_TITLES = ("Feature tier", "Throughput level", "Strong encryption", "Carrier", "Context", "Security Plus")
_NAMES = {key(title) for title in _TITLES}
_MOST_STRANGERS = 4


@dataclass(slots=True)
class _Open:
    values: dict[str, Any] = field(default_factory=dict)
    entries: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""
    lines: list[int] = field(default_factory=list)
    strangers: int = 0

    def close(self) -> Found[LicenseReport]:
        entitlements = tuple(Entitlement(**entry) for entry in self.entries)
        fact = LicenseReport(**self.values, entitlements=entitlements, sections=("flat",))
        return Found(fact=fact, lines=tuple(self.lines))


def parse(lines: Sequence[Line]) -> tuple[Found[LicenseReport], ...]:
    """Find each flat screen; its first line is one of the three sentences, or an entitlement's tag."""
    found: list[Found[LicenseReport]] = []
    current: _Open | None = None
    for index, line in enumerate(lines):
        if not line.text.strip():
            continue
        part = label(line)
        if current is None:
            if part is None or not _begins(lines, index, part):
                continue
            current = _Open()
        if part is not None and _take(current, part):
            current.lines.append(index)
            current.strangers = 0
            continue
        current.strangers += 1
        if current.strangers > _MOST_STRANGERS:
            found.append(current.close())
            current = None
    if current:
        found.append(current.close())
    return tuple(found)


def _begins(lines: Sequence[Line], index: int, part: Label) -> bool:
    if part.key in _WHOLE and part.value:
        return True
    if part.key != "tag" or not part.value:
        return False
    below = [label(line) for line in lines[index + 1 : index + 6]]
    return any(each is not None and each.key in {"enforcemode", "enforcementmode"} for each in below)


def _take(current: _Open, part: Label) -> bool:
    seen = Seen(part.value, part.line.whole)
    if part.key in _WHOLE:
        name = _WHOLE[part.key]
        value: object = Seen(part.value.lower() == "yes", part.line.whole) if name == "enabled" else seen
        current.values.setdefault(name, value)
        return True
    if part.key == "entitlements":
        return True
    if part.key in _NAMES and not part.value:
        current.name = next(title for title in _TITLES if key(title) == part.key)
        return True
    if part.key not in _ENTRY:
        return False
    name = _ENTRY[part.key]
    if name == "tag":
        current.entries.append({"tag": seen, "name": current.name})
        current.name = ""
    elif current.entries:
        value = _value(name, part)
        if value is not None:
            current.entries[-1].setdefault(name, value)
    return True


def _value(name: str, part: Label) -> object:
    if name == "count":
        number = integer(part.value)
        return None if number is None else Seen(number, part.line.whole)
    if name == "requested_time":
        time = moment.parse(part.value)
        return None if time is None else Seen(time, part.line.whole)
    return Seen(re.sub(r"\s+", " ", part.value), part.line.whole)


def render(report: LicenseReport) -> str:
    """Print the flat screen."""
    lines: list[str] = []
    if report.enabled:
        lines += [f"Smart licensing enabled: {'Yes' if report.enabled.value else 'No'}", ""]
    if report.compliance:
        lines += [f"Compliance status: {report.compliance}", ""]
    if report.overall_status:
        lines += [f"Overall licensed status: {report.overall_status}", ""]
    if report.entitlements:
        lines += ["Entitlement(s):"]
    for entry in report.entitlements:
        lines.append("")
        if entry.name:
            lines.append(f"{entry.name}:")
        for title, value in (
            ("Tag", entry.tag),
            ("Version", entry.version),
            ("Enforce mode", entry.status),
            ("Handle", entry.handle),
            ("Requested time", entry.requested_time),
            ("Requested count", entry.count),
            ("Request status", entry.request_status),
            ("Vendor string", entry.vendor_string),
        ):
            if value is not None:
                lines.append(f"\t{title}: {value}")
    return "\n".join(lines)
