"""``show crypto ca trustpool policy``: how many anchors the pool holds, and how it renews itself.

The trap of this screen: the last import result speaks of the *automatic* import only.
It stays FAILED after a manual import has filled the pool.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices import moment
from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import TrustpoolPolicy
from anchorwatch.devices.screen import Found, integer, label
from anchorwatch.devices.span import Seen

_COUNT = re.compile(r"^\s*(?P<count>\d{1,6}|No)\s?trustpool\s?certificates\s?installed", re.IGNORECASE)
_NEXT = re.compile(r"Next\s?scheduled\s?import\s?at\s?(?P<time>.{1,80})", re.IGNORECASE)
_REVOCATION = re.compile(
    r"Trustpool\s?revocation\s?checking\s?is\s?(?P<word>enabled|disabled)", re.IGNORECASE
)
_AUTOMATIC = re.compile(
    r"Automatic\s?import\s?of\s?trustpool\s?certificates\s?is\s?(?P<word>enabled|disabled)", re.IGNORECASE
)
_TITLES = re.compile(r"^\s*(?:Trustpool\s?auto\s?import\s?statistics:|Trustpool\s?Policy)\s*$", re.IGNORECASE)
# The screen is some fifteen lines; a page may put prose or blank lines between them.
_REACH = 40


def parse(lines: Sequence[Line]) -> tuple[Found[TrustpoolPolicy], ...]:
    """Find each policy screen: it starts with the count, or with its title where the count was cut off."""
    found: list[Found[TrustpoolPolicy]] = []
    index = 0
    while index < len(lines):
        text = lines[index].text
        if "rustpool" in text and (_COUNT.match(text) or _AUTOMATIC.search(text) or _TITLES.match(text)):
            screen = _screen(lines, index)
            if screen:
                found.append(screen)
                index = screen.lines[-1] + 1
                continue
        index += 1
    return tuple(found)


def _screen(lines: Sequence[Line], start: int) -> Found[TrustpoolPolicy] | None:
    values: dict[str, Seen[object]] = {}
    used: list[int] = []
    strangers = 0
    overrides: list[str] = []
    in_overrides = False
    for index in range(start, min(start + _REACH, len(lines))):
        line = lines[index]
        text = line.text.strip()
        if not text:
            continue
        if values and _COUNT.match(text):
            break
        if _read(line, values):
            in_overrides = False
        elif label(line) is not None and text.lower().replace(" ", "") == "policyoverrides:":
            in_overrides = True
        elif in_overrides and line.text.startswith(" "):
            overrides.append(text)
        elif not _TITLES.match(text):
            strangers += 1
            in_overrides = False
            if strangers > 3:
                break
            continue
        strangers = 0
        used.append(index)
    if not values:
        return None
    return Found(
        fact=TrustpoolPolicy(**values, overrides=tuple(overrides)),  # type: ignore[arg-type]  # read by name below
        lines=tuple(used),
    )


def _read(line: Line, values: dict[str, Seen[object]]) -> bool:
    """Store what a line says; whether it said something."""
    text = line.text
    for name, pattern in (("revocation", _REVOCATION), ("automatic", _AUTOMATIC)):
        match = pattern.search(text)
        if match:
            values.setdefault(name, Seen(match["word"].lower() == "enabled", line.whole))
            return True
    match = _COUNT.match(text)
    if match:
        values.setdefault(
            "count", Seen(0 if match["count"].lower() == "no" else int(match["count"]), line.whole)
        )
        return True
    match = _NEXT.search(text)
    if match:
        time = moment.parse(match["time"])
        if time:
            values.setdefault("next_import", Seen(time, line.whole))
        return True
    part = label(line)
    if part is None:
        return False
    match part.key:
        case "lastimportresult":
            values.setdefault("last_result", Seen(part.value, line.whole))
        case "automaticimporturl":
            values.setdefault("url", Seen(part.value, line.whole))
        case "downloadtime":
            values.setdefault("download_time", Seen(part.value, line.whole))
        case "crlcachetime":
            seconds = integer(part.value)
            if seconds is not None:
                values.setdefault("crl_cache", Seen(seconds, line.whole))
        case "crlnextupdatefield":
            values.setdefault("crl_next_update", Seen(part.value, line.whole))
        case _:
            return False
    return True


def render(policy: TrustpoolPolicy) -> str:
    """Print the screen; a field that is not known leaves its line out."""

    def enabled(value: Seen[bool]) -> str:
        return "enabled" if value.value else "disabled"

    lines = []
    if policy.count:
        lines.append(f"{policy.count} trustpool certificates installed")
    if policy.last_result or policy.next_import:
        lines.append("Trustpool auto import statistics:")
    if policy.last_result:
        lines.append(f"  Last import result: {policy.last_result}")
    if policy.next_import:
        lines.append(f"  Next scheduled import at {policy.next_import}")
    lines.append("Trustpool Policy")
    if policy.revocation:
        lines.append(f"  Trustpool revocation checking is {enabled(policy.revocation)}")
    if policy.crl_cache:
        lines.append(f"  CRL cache time: {policy.crl_cache} seconds")
    if policy.crl_next_update:
        lines.append(f"  CRL next update field: {policy.crl_next_update}")
    if policy.automatic:
        lines.append(f"  Automatic import of trustpool certificates is {enabled(policy.automatic)}")
    if policy.url:
        lines.append(f"  Automatic import URL: {policy.url}")
    if policy.download_time:
        lines.append(f"  Download time: {policy.download_time}")
    if policy.overrides:
        lines.append("  Policy Overrides:")
        lines += [f"    {override}" for override in policy.overrides]
    return "\n".join(lines)
