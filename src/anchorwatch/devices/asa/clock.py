"""``show clock``, ``show ntp status`` and ``show ntp associations``.

A clock's screen is one line that is nothing but a time, so it is only read where the command was seen, where a
``Time source is`` stands below it, or where the line is starred.
IOS-XE may print it above every output (``terminal exec prompt timestamp``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import ClockReading, NtpAssociation, NtpStatus
from anchorwatch.devices.moment import DeviceTime, Style
from anchorwatch.devices.screen import Found, next_word_line
from anchorwatch.devices.span import Seen

_SOURCE = re.compile(
    r"^\s*Time source is (?P<source>[^,]{1,60}?)(?:,\s*(?P<time>[*.]?\d{1,2}:\d\d:\d\d.{0,60}))?\s*$",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"^\s*Clock is (?P<word>synchronized|unsynchronized)(?:, stratum (?P<stratum>\d{1,2}))?"
    r"(?:, (?:reference is (?P<reference>\S{1,64})|(?P<none>no reference clock)))?",
    re.IGNORECASE,
)
_ASSOCIATION = re.compile(
    r"^\s{0,4}(?P<mark>[*#+~o.x -]{0,3})(?P<address>(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]{3,45}:[0-9A-Fa-f:]{0,40})\s+\S{1,45}\s+\d{1,2}\s+\S{1,8}\s+"
    r"\d{1,6}\s+(?P<reach>[0-7]{1,3})\s"
)


def parse_clock(lines: Sequence[Line]) -> tuple[Found[ClockReading], ...]:
    """Find each clock: a line that is one time, where something says that it is a clock's."""
    found: list[Found[ClockReading]] = []
    for index, line in enumerate(lines):
        text = line.text.strip()
        source = _SOURCE.match(text) if "ime source" in text else None
        if source and source["time"]:
            time = moment.parse(source["time"])
            if time:
                fact = ClockReading(
                    time=Seen(time, line.whole), source=Seen(source["source"].strip(), line.whole)
                )
                found.append(Found(fact=fact, lines=(index,)))
            continue
        reading = _whole_line(text)
        if reading is None:
            continue
        below = next_word_line(lines, index)
        said = _SOURCE.match(lines[below].text) if below is not None else None
        fact = ClockReading(
            time=Seen(reading, line.whole),
            source=Seen(said["source"].strip(), lines[below].whole) if said and below is not None else None,
        )
        found.append(Found(fact=fact, lines=(index, below) if said and below is not None else (index,)))
    return tuple(found)


def _whole_line(text: str) -> DeviceTime | None:
    """The time that a line consists of; None when it holds anything else."""
    if not 20 <= len(text) <= 60 or text[:1] not in "*.0123456789":
        return None
    found = moment.find(text)
    if found is None or found[1] != 0 or found[2] != len(text) or found[0].style is not Style.CLOCK:
        return None
    return found[0]


def render_clock(reading: ClockReading) -> str:
    """Print ``show clock``; with a source, ``show clock detail``."""
    text = moment.render(reading.time.value)
    return f"{text}\nTime source is {reading.source}" if reading.source else text


def parse_ntp(lines: Sequence[Line]) -> tuple[Found[NtpStatus | NtpAssociation], ...]:
    """Find the status line and each association."""
    found: list[Found[NtpStatus | NtpAssociation]] = []
    for index, line in enumerate(lines):
        status = _STATUS.match(line.text) if "lock is" in line.text else None
        if status:
            fact: NtpStatus | NtpAssociation = NtpStatus(
                synchronized=Seen(status["word"].lower() == "synchronized", line.whole),
                stratum=Seen(int(status["stratum"]), line.whole) if status["stratum"] else None,
                reference=Seen(status["reference"], line.whole) if status["reference"] else None,
            )
            found.append(Found(fact=fact, lines=(index,)))
            continue
        association = _ASSOCIATION.match(line.text[:160]) if line.text[:40].strip() else None
        if association:
            fact = NtpAssociation(
                address=Seen(association["address"], line.whole),
                mark=association["mark"].strip(),
                reach=int(association["reach"], 8),
            )
            found.append(Found(fact=fact, lines=(index,)))
    return tuple(found)


def render_ntp_status(status: NtpStatus) -> str:
    """Print the first line of ``show ntp status``."""
    if not status.synchronized.value:
        return "Clock is unsynchronized, no reference clock"
    stratum = f", stratum {status.stratum}" if status.stratum else ""
    reference = f", reference is {status.reference}" if status.reference else ""
    return f"Clock is synchronized{stratum}{reference}"


def render_ntp_associations(associations: Sequence[NtpAssociation]) -> str:
    """Print ``show ntp associations``; columns that tell nothing about whom the clock follows are blank or zero."""
    lines = ["      address         ref clock     st  when  poll reach  delay  offset    disp"]
    for each in associations:
        reach = each.reach or 0
        stratum = 2 if reach else 16
        lines.append(
            f"{each.mark:<2}{each.address!s:<18}{'.STEP.':<14}{stratum:>4}{'-':>6}{64:>6}{reach:>6o}{0:>7.1f}{0:>8.2f}{0:>8.1f}"
        )
    lines.append(" * master (synced), # master (unsynced), + selected, - candidate, ~ configured")
    return "\n".join(lines)
