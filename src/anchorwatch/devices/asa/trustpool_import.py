"""The dialog of ``crypto ca trustpool import``: the signature, the question, the counters.

The counters say that the import ran, not that the pool is mended: a bundle may hold nothing that was missing.
attempted = installed + duplicates + expired + failed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import ImportReport
from anchorwatch.devices.screen import Found, integer, label
from anchorwatch.devices.span import Seen

_COUNTERS = ("attempted", "installed", "duplicates", "expired", "failed")
_SIGNATURE = re.compile(
    r"^\s*Root\s?file\s?signature\s?(?P<not>not\s|could\s?not\s|in)?(?:be\s?)?verified", re.IGNORECASE
)
_FILE = re.compile(r"with\s?the\s?(?P<size>\d{1,12})\s?byte\s?file\s?at\s?(?P<url>\S{1,500})", re.IGNORECASE)
_START = re.compile(r"^\s*Trustpool\s?import\s?:\s*$", re.IGNORECASE)
_QUESTION = re.compile(
    r"about\s?to\s?update\s?the\s?current\s?trusted|Do\s?you\s?want\s?to\s?continue", re.IGNORECASE
)


def parse(lines: Sequence[Line]) -> tuple[Found[ImportReport], ...]:
    """Find each import: counters below ``Trustpool import:``, with the dialog that stood above them."""
    found = []
    previous = -1
    for index, line in enumerate(lines):
        if "mport" not in line.text or not _START.match(line.text):
            continue
        used = [index]
        values: dict[str, Seen[int]] = {}
        for later in range(index + 1, min(index + 16, len(lines))):
            counter = label(lines[later])
            if counter and counter.key in _COUNTERS:
                number = integer(counter.value)
                if number is not None and counter.key not in values:
                    values[counter.key] = Seen(number, lines[later].whole)
                used.append(later)
            elif lines[later].text.strip():
                break
        signature, size, url = None, None, None
        for earlier in range(index - 1, max(previous, index - 12), -1):
            text = lines[earlier].text
            signed, file = _SIGNATURE.match(text), _FILE.search(text)
            if signed:
                signature = Seen(not signed["not"], lines[earlier].whole)
            if file:
                size, url = (
                    Seen(int(file["size"]), lines[earlier].whole),
                    Seen(file["url"], lines[earlier].whole),
                )
            if signed or file or _QUESTION.search(text):
                used.append(earlier)
        previous = index
        fact = ImportReport(**values, signature_verified=signature, size=size, url=url)
        found.append(Found(fact=fact, lines=tuple(sorted(used))))
    return tuple(found)


def render(report: ImportReport) -> str:
    """Print the dialog as the device does; the question appears when the size and address of the file are known."""
    lines = []
    if report.signature_verified and report.signature_verified.value:
        lines.append("Root file signature verified.")
    if report.size and report.url:
        lines.append("You are about to update the current trusted certificate pool")
        lines.append(f"with the {report.size} byte file at {report.url}")
        lines.append("Do you want to continue? (y/n)")
    lines.append("Trustpool import:")
    for name in _COUNTERS:
        counter = getattr(report, name)
        if counter is not None:
            lines.append(f"  {name}: {counter}")
    return "\n".join(lines)
