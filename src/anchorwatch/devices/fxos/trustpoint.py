"""Trustpoints of the FXOS: the dialog of ``set certchain``, and ``show trustpoint``.

Each pasted line is prompted with ``>``, and only a line that is exactly ``ENDOFBUF`` ends the paste: with anything
behind it the chassis takes it for one more line of the certificate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found, label
from anchorwatch.devices.span import Seen

END = "ENDOFBUF"
_ASKED = re.compile(r"^\s*Enter\s?lines\s?one\s?at\s?a\s?time\.", re.IGNORECASE)
_CHAIN = re.compile(r"^\s*Trustpoint\s?Certificate\s?Chain\s?:", re.IGNORECASE)
_END = re.compile(r"^\s*>?\s*ENDOFBUF\b(?P<rest>.*)$")
# A chain of ten certificates of 8 kB each has some 1,300 lines.
_LONGEST_PASTE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpointPaste:
    """A chain that was pasted; `ended` is False where the last line has more on it than the word that ends it."""

    shown: Seen[str]
    ended: Seen[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChassisTrustpoint:
    """A trustpoint as ``show trustpoint`` lists it; `status` is as printed (``Valid``, ``Expired`` …)."""

    name: Seen[str]
    status: Seen[str] | None = None


def parse_paste(lines: Sequence[Line]) -> tuple[Found[TrustpointPaste], ...]:
    """Find each paste: from the chassis' request to the line that ends it."""
    found: list[Found[TrustpointPaste]] = []
    index = 0
    while index < len(lines):
        if not (lines[index].text and _ASKED.match(lines[index].text)):
            index += 1
            continue
        used, ended = [index], None
        for later in range(index + 1, min(index + _LONGEST_PASTE, len(lines))):
            text = lines[later].text
            end = _END.match(text) if END in text else None
            if end:
                ended = Seen(not end["rest"].strip(), lines[later].whole)
                used.append(later)
                break
            if _ASKED.match(text):
                break
            if _CHAIN.match(text) or text.strip() == ">":
                used.append(later)
        fact = TrustpointPaste(shown=Seen(lines[index].text.strip(), lines[index].whole), ended=ended)
        found.append(Found(fact=fact, lines=tuple(used)))
        index = used[-1] + 1
    return tuple(found)


def render_paste(pem: str) -> str:
    """Print the dialog of a paste of PEM text, as the chassis echoes it."""
    return "\n".join(
        [
            "Enter lines one at a time. Enter ENDOFBUF to finish. Press ^C to abort.",
            "Trustpoint Certificate Chain:",
            *(f">{line}" for line in [*pem.strip().split("\n"), END]),
        ]
    )


def parse(lines: Sequence[Line]) -> tuple[Found[ChassisTrustpoint], ...]:
    """Find each listed trustpoint: its name, and the status that stands below its chain."""
    found: list[Found[ChassisTrustpoint]] = []
    for index, line in enumerate(lines):
        if "rustpoint" not in line.text:
            continue
        named = label(line)
        if named is None or named.key != "trustpointname" or not named.value:
            continue
        used, status = [index], None
        for later in range(index + 1, min(index + _LONGEST_PASTE, len(lines))):
            part = label(lines[later])
            if part is None:
                continue
            if part.key == "trustpointname":
                break
            if part.key == "trustpointcertificatechain":
                used.append(later)
            elif part.key == "certstatus":
                status = part.seen()
                used.append(later)
                break
        found.append(Found(fact=ChassisTrustpoint(name=named.seen(), status=status), lines=tuple(used)))
    return tuple(found)


def render(trustpoint: ChassisTrustpoint, pem: str = "") -> str:
    """Print one entry of ``show trustpoint``."""
    lines = [f"Trustpoint Name: {trustpoint.name}"]
    if pem:
        lines += [f"Trustpoint certificate chain: {pem.strip()}"]
    if trustpoint.status:
        lines.append(f"Cert Status: {trustpoint.status}")
    return "\n".join(lines)
