"""``crypto ca authenticate``: what the device says about a pasted CA, and whether it was taken.

The fingerprint is the MD5 of the DER; IOS-XE prints SHA-1 besides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """A pasted CA: its fingerprints in lower-case hex, and whether it was accepted (None: not shown)."""

    md5: Seen[str] | None = None
    sha1: Seen[str] | None = None
    accepted: Seen[bool] | None = None
    error: Seen[str] | None = None


_ATTRIBUTES = re.compile(r"Certificate has the following attributes", re.IGNORECASE)
_FINGERPRINT = re.compile(
    r"^\s*Fingerprint(?: (?P<kind>MD5|SHA1))?\s?:\s*(?P<hex>[0-9A-Fa-f]{4,}[0-9A-Fa-f :]{12,120})\s*$"
)
_ACCEPTED = re.compile(r"Trustpoint CA certificate accepted|Certificate successfully imported", re.IGNORECASE)
_REFUSED = re.compile(
    r"(?:ERROR|%|INFO)\s?:?\s?.{0,40}(?:Failed to parse or verify imported certificate|Error in (?:saving|receiving) certificate"
    r"|certificate.{0,40}(?:not accepted|invalid)|Unable to (?:parse|verify) .{0,40}certificate)",
    re.IGNORECASE,
)
_REACH = 16


def parse(lines: Sequence[Line]) -> tuple[Found[Authenticated], ...]:
    """Find each answer to a paste."""
    found: list[Found[Authenticated]] = []
    index = 0
    while index < len(lines):
        text = lines[index].text
        if "ertificate" in text and _ATTRIBUTES.search(text):
            answer = _answer(lines, index)
            found.append(answer)
            index = answer.lines[-1] + 1
            continue
        refused = _REFUSED.search(text) if "ertificate" in text else None
        if refused:
            seen = Seen(text.strip(), lines[index].whole)
            fact = Authenticated(accepted=Seen(False, lines[index].whole), error=seen)
            found.append(Found(fact=fact, lines=(index,)))
        index += 1
    return tuple(found)


def _answer(lines: Sequence[Line], start: int) -> Found[Authenticated]:
    md5, sha1 = None, None
    accepted: Seen[bool] | None = None
    used = [start]
    for index in range(start + 1, min(start + _REACH, len(lines))):
        line = lines[index]
        if _ATTRIBUTES.search(line.text):
            break
        fingerprint = _FINGERPRINT.match(line.text)
        if fingerprint:
            digits = re.sub(r"[\s:]", "", fingerprint["hex"]).lower()
            if fingerprint["kind"] == "SHA1" or len(digits) == 40:
                sha1 = Seen(digits, line.whole)
            else:
                md5 = Seen(digits, line.whole)
            used.append(index)
        elif _ACCEPTED.search(line.text):
            accepted = accepted or Seen(True, line.whole)
            used.append(index)
    return Found(fact=Authenticated(md5=md5, sha1=sha1, accepted=accepted), lines=tuple(used))


def render(answer: Authenticated) -> str:
    """Print the answer as the ASA does; the SHA-1 line is IOS-XE's."""
    if answer.error:
        return str(answer.error)
    lines = ["INFO: Certificate has the following attributes:"]
    if answer.md5:
        digits = answer.md5.value
        lines.append("Fingerprint:     " + " ".join(digits[at : at + 8] for at in range(0, len(digits), 8)))
    if answer.sha1:
        digits = answer.sha1.value.upper()
        lines.append("Fingerprint SHA1: " + " ".join(digits[at : at + 8] for at in range(0, len(digits), 8)))
    lines.append("Do you accept this certificate? [yes/no]: yes")
    if answer.accepted and answer.accepted.value:
        lines += ["Trustpoint CA certificate accepted.", "", "% Certificate successfully imported"]
    return "\n".join(lines)
