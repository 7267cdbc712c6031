"""Lines of debugs, and the words of TLS libraries in them.

A debug has no header that could be relied on, and its words change with every release. What can be told is which
step failed: the certificate was not accepted, or the two ends found no common protocol, or the answer was no TLS.
The same words stand in message 725014.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.devices.capture import Line
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen


class Trouble(StrEnum):
    """What a TLS library, or the code around it, complains of."""

    NO_ANCHOR = "no-anchor"
    NOT_VERIFIED = "not-verified"
    EXPIRED = "expired"
    WRONG_NAME = "wrong-name"
    NO_COMMON_PROTOCOL = "no-common-protocol"
    WEAK = "weak"
    NOT_TLS = "not-tls"
    REFUSED_BY_PEER = "refused-by-peer"


# In order: the first expression that is found decides.
_WORDS: tuple[tuple[Trouble, re.Pattern[str]], ...] = tuple(
    (trouble, re.compile(words, re.IGNORECASE))
    for trouble, words in (
        (Trouble.EXPIRED, r"certificate (?:has )?expired|certificate is not yet valid"),
        (Trouble.WEAK, r"(?:dh|ee|ca) key too small|ca md too weak"),
        (Trouble.WRONG_NAME, r"host ?name mismatch|server identity check (?:has )?failed"),
        (Trouble.REFUSED_BY_PEER, r"alert unknown ca|alert bad certificate|alert certificate (?:unknown|expired)"),
        (
            Trouble.NO_COMMON_PROTOCOL,
            (r"unsupported protocol|alert protocol version|no ciphers available|no shared cipher|handshake failure"
            r"|wrong version number|wrong ssl version|unsupported ssl version"),
        ),
        (Trouble.NOT_TLS, r"unknown protocol|(?:\b|_)http request|https proxy request"),
        (
            Trouble.NO_ANCHOR,
            (r"no suitable trust ?points? (?:was |were )?found|unable to get local issuer certificate"
            r"|self.signed certificate in (?:certificate )?chain|unable to get issuer certificate"
            r"|no trust point for cert issuer|unable to locate cert record by issuername"),
        ),
        (
            Trouble.NOT_VERIFIED,
            (r"certificate verify failed|peer certificate cannot be authenticated"
            r"|SSL certificate problem"),
        ),
    )
)  # fmt: skip
TRACE = "711001"
"""The message in which an ASA sends the lines of a debug to its log and to whoever looks on."""
_SPEAKS = re.compile(
    r"-711001:|CRYPTO_PKI|PKI\[\d|CERT_API|error:[0-9A-F]{8}:|SSL routines|SSL certificate|^\s*\(\w{1,12}\)\s+No suitable",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugLine:
    """A debug line that complains, as printed, and of what."""

    trouble: Trouble
    text: Seen[str]


def complaint(text: str) -> Trouble | None:
    """What the words of a TLS library complain of; None for words that are not known."""
    text = text[:2000]
    return next((trouble for trouble, words in _WORDS if words.search(text)), None)


def parse(lines: Sequence[Line]) -> tuple[Found[DebugLine], ...]:
    """Find each line of a debug that complains."""
    found = []
    for index, line in enumerate(lines):
        if len(line.text) < 12 or not _SPEAKS.search(line.text[:400]):
            continue
        trouble = complaint(line.text)
        if trouble:
            fact = DebugLine(trouble=trouble, text=Seen(line.text.strip(), line.whole))
            found.append(Found(fact=fact, lines=(index,)))
    return tuple(found)


def render(line: DebugLine) -> str:
    """Print a debug line as it was."""
    return str(line.text)
