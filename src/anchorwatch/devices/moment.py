"""Times as devices print them.

A printed time is a wall clock and a label.
The label is free text: a device configured with ``clock timezone GMT +8`` prints ``GMT`` behind times that are eight
hours off, so a label alone never becomes an offset.
Only `DeviceTime.utc` turns one into an instant, and it wants to be told the offset that the configuration gives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# A zone label: letters mostly, but "GMT+8", "<+08>" and "CEDT" occur; never a number that could be a year.
_ZONE = r"[A-Za-z<][A-Za-z0-9+<>/_-]{0,11}"
_MONTH = r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?"


class Style(StrEnum):
    """The orders in which the parts of a time are printed."""

    LICENSE = "Mon DD HH:MM:SS YYYY ZONE"
    YEAR_FIRST = "Mon DD YYYY HH:MM:SS ZONE"
    CERTIFICATE = "HH:MM:SS ZONE Mon D YYYY"
    CLOCK = "HH:MM:SS ZONE Dow Mon D YYYY"
    MAIL = "Dow, DD Mon YYYY HH:MM:SS ZONE"
    ISO = "YYYY-MM-DDTHH:MM:SSZ"
    SHORT = "Mon DD HH:MM:SS"


_PATTERNS: tuple[tuple[Style, re.Pattern[str]], ...] = tuple(
    (style, re.compile(r"(?P<mark>[*.]?)" + pattern, re.IGNORECASE))
    for style, pattern in (
        (
            Style.LICENSE,
            rf"{_MONTH} +(?P<day>\d{{1,2}}) +{_CLOCK} +(?P<year>\d{{4}})(?![\d:])(?: +(?P<zone>{_ZONE}))?",
        ),
        (
            Style.YEAR_FIRST,
            rf"{_MONTH} +(?P<day>\d{{1,2}})(?:,)? +(?P<year>\d{{4}}) +{_CLOCK}(?: +(?P<zone>{_ZONE}))?",
        ),
        (
            Style.CLOCK,
            (
                rf"{_CLOCK}(?: +(?P<zone>{_ZONE}))?? +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}} +{_MONTH}"
                r" +(?P<day>\d{1,2}) +(?P<year>\d{4})"
            ),
        ),
        (
            Style.CERTIFICATE,
            rf"{_CLOCK}(?: +(?P<zone>{_ZONE}))?? +{_MONTH} +(?P<day>\d{{1,2}}) +(?P<year>\d{{4}})",
        ),
        (
            Style.MAIL,
            (
                rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +(?P<day>\d{{1,2}}) +{_MONTH} +(?P<year>\d{{4}}) +{_CLOCK}"
                rf"(?: +(?P<zone>{_ZONE}))?"
            ),
        ),
        (
            Style.ISO,
            rf"(?P<year>\d{{4}})-(?P<mon>\d{{2}})-(?P<day>\d{{2}})[T ]{_CLOCK}(?P<zone>Z|[+-]\d{{2}}:?\d{{2}})?",
        ),
        (Style.SHORT, rf"{_MONTH} +(?P<day>\d{{1,2}}) +{_CLOCK}(?: +(?P<zone>[A-Z]{{2,5}})(?=:))?"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTime:
    """A wall clock as printed, with its zone label as printed.

    `zone` is a label, never an offset; empty where none stood there.
    `mark` is ``*`` (clock never set), ``.`` (NTP lost) or empty. `style` says in which order the parts stood.
    Where no year was printed (`style` SHORT) the year of `wall` is 1904, a leap year long before any device.
    """

    wall: datetime
    zone: str = "UTC"
    mark: str = ""
    style: Style = Style.LICENSE
    digits: int = 0

    @property
    def has_year(self) -> bool:
        """Whether a year was printed."""
        return self.style is not Style.SHORT

    def utc(self, offset: timedelta = timedelta(0)) -> datetime:
        """The instant, for a device whose clock runs `offset` ahead of UTC (east is positive)."""
        return (self.wall - offset).replace(tzinfo=UTC)

    def __str__(self) -> str:
        return render(self)


def parse(text: str) -> DeviceTime | None:
    """Find the first time in a text, in any of the known styles; None when there is none."""
    found = find(text)
    return found[0] if found else None


def find(text: str) -> tuple[DeviceTime, int, int] | None:
    """Find the first time in a text with its place (start and end); an impossible date is no time."""
    if not text or not any(c.isdigit() for c in text):
        return None
    text = text[:2000]
    best: tuple[DeviceTime, int, int] | None = None
    for style, pattern in _PATTERNS:
        match = pattern.search(text)
        if match is None or (best and match.start() >= best[1] and match.end() <= best[2]):
            continue
        time = _build(style, match)
        if time and (best is None or match.start() < best[1]):
            best = (time, match.start(), match.end())
    return best


def _build(style: Style, match: re.Match[str]) -> DeviceTime | None:
    part = match.groupdict()
    month = int(part["mon"]) if part.get("mon") else MONTHS.index(part["month"].title()) + 1
    fraction = part["fraction"] or ""
    try:
        wall = datetime(  # noqa: DTZ001 - a wall clock: the label behind it is no zone
            int(part["year"]) if part.get("year") else 1904,
            month,
            int(part["day"]),
            int(part["hour"]),
            int(part["minute"]),
            int(part["second"]),
            int(fraction.ljust(6, "0")) if fraction else 0,
        )
    except ValueError:
        return None
    zone = part["zone"] or ""
    return DeviceTime(wall=wall, zone=zone, mark=part["mark"], style=style, digits=len(fraction))


def render(time: DeviceTime) -> str:
    """Print a time the way its style prints it."""
    wall, month = time.wall, MONTHS[time.wall.month - 1]
    clock = f"{wall:%H:%M:%S}"
    if time.digits:
        clock += "." + f"{wall.microsecond:06d}"[: time.digits]
    zone = f" {time.zone}" if time.zone else ""
    match time.style:
        case Style.LICENSE:
            text = f"{month} {wall.day:02d} {clock} {wall.year:04d}{zone}"
        case Style.YEAR_FIRST:
            text = f"{month} {wall.day:02d} {wall.year:04d} {clock}{zone}"
        case Style.CERTIFICATE:
            text = f"{clock}{zone} {month} {wall.day} {wall.year:04d}"
        case Style.CLOCK:
            text = f"{clock}{zone} {DAYS[wall.weekday()]} {month} {wall.day} {wall.year:04d}"
        case Style.MAIL:
            text = f"{DAYS[wall.weekday()]}, {wall.day:02d} {month} {wall.year:04d} {clock}{zone}"
        case Style.ISO:
            text = f"{wall:%Y-%m-%d}T{clock}{time.zone}"
        case Style.SHORT:
            text = f"{month} {wall.day:02d} {clock}{zone}"
    return time.mark + text
