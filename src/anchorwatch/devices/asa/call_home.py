"""``call-home test profile``: the shortest test of the connection to the portal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import CallHomeTest
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

_SENDING = re.compile(
    r"Sending\s?test\s?message\s?to\s?(?P<url>https?://\S{1,500}?)(?:\.{2,}|…|\s|$)", re.IGNORECASE
)
_FAILED = re.compile(r"ERROR\s?:\s?Failed\s?:\s?(?P<word>[A-Z][A-Z0-9_]{2,40})(?:\((?P<number>\d{1,6})\))?")
_SUCCEEDED = re.compile(r"INFO\s?:\s?Succeeded", re.IGNORECASE)


def parse(lines: Sequence[Line]) -> tuple[Found[CallHomeTest], ...]:
    """Find each test: the line that names the address, and the answer within a dozen lines below it."""
    found = []
    for index, line in enumerate(lines):
        url = _url(lines, index) if "ending" in line.text else None
        if url is None:
            continue
        fact = CallHomeTest(url=url)
        used: tuple[int, ...] = (index,)
        for later in range(index + 1, min(index + 13, len(lines))):
            failed = _FAILED.search(lines[later].text)
            if failed:
                fact = CallHomeTest(
                    url=url,
                    succeeded=Seen(False, lines[later].whole),
                    failure=Seen(failed["word"], lines[later].whole),
                    number=int(failed["number"]) if failed["number"] else None,
                )
            elif _SUCCEEDED.search(lines[later].text):
                fact = CallHomeTest(url=url, succeeded=Seen(True, lines[later].whole))
            else:
                continue
            used = (index, later)
            break
        found.append(Found(fact=fact, lines=used))
    return tuple(found)


def _url(lines: Sequence[Line], index: int) -> Seen[str] | None:
    """The address a test is sent to, on the line that says so or folded onto the next."""
    text = lines[index].text
    if text.rstrip().endswith("message to") and index + 1 < len(lines):
        text = f"{text.rstrip()} {lines[index + 1].text.strip()}"
    found = _SENDING.search(text)
    return Seen(found["url"], lines[index].whole) if found else None


def render(test: CallHomeTest) -> str:
    """Print a test and its answer; without an answer only the first line."""
    lines = [f"INFO: Sending test message to {test.url}..."]
    if test.succeeded and test.succeeded.value:
        lines.append("INFO: Succeeded")
    elif test.failure:
        number = f"({test.number})" if test.number is not None else ""
        lines.append(f"ERROR: Failed: {test.failure}{number}")
    return "\n".join(lines)
