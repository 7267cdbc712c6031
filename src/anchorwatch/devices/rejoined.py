"""Lines that were run together, taken apart again.

A mail program or a converter fills paragraphs: it joins the lines of a screen and folds them anew at a width of its
own.
What survives are the labels, so a line that holds several of them is cut before each.
A label is only looked for among the words of our own screens.
Common words (``Status``, ``Count``) count only where the line has shown by other labels that it was filled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from anchorwatch.devices import prompt
from anchorwatch.devices.capture import Line

_LOGGED = re.compile(r"%[A-Z][A-Z0-9_]{1,40}-(?:[A-Za-z0-9_]{1,40}-){0,3}[0-7]-[A-Z0-9_]{2,60}")

# Labels that hardly occur in prose, longest first where one starts like another.
_TELLING = (
    "Smart Licensing Status", "Smart Licensing is ENABLED", "Smart Licensing is DISABLED",
    "Registration Status", "Registration Start Time", "Last Retry Start Time", "Next Scheduled Retry Time",
    "Number of Retries", "Last License Server response time", "Last License Server response message",
    "Smart Account", "Virtual Account", "Export-Controlled Functionality", "Initial Registration",
    "Last Renewal Attempt", "Next Renewal Attempt", "Registration Expires", "License Authorization",
    "Evaluation Period Remaining", "Last Communication Attempt", "Next Communication Attempt",
    "Communication Deadline", "Export Authorization Key", "Features Authorized", "Data Privacy",
    "Sending Hostname", "Callhome hostname privacy", "Smart Licensing hostname privacy", "Version privacy",
    "Smart Agent for Licensing", "License reservation", "Failure reason", "Certificate Serial Number",
    "Certificate Usage", "Public Key Type", "Signature Algorithm", "Issuer Name", "Subject Name", "OCSP AIA",
    "CRL Distribution Points", "Validity Date", "start date", "end date", "Associated Trustpoints",
    "Trustpool auto import statistics", "Last import result", "Next scheduled import at", "Trustpool Policy",
    "Trustpool revocation checking is", "CRL cache time", "CRL next update field",
    "Automatic import of trustpool certificates is", "Automatic import URL", "Download time", "Policy Overrides",
    "Trustpool import",
    "License mode", "ASAv Platform License State", "No active entitlement", "Licensed features for this platform",
    "Root file signature verified", "You are about to update the current trusted", "Do you want to continue",
    "INFO: Sending test message", "ERROR: Failed",
)  # fmt: skip
_COMMON = (
    "Registration",
    "Status",
    "Count",
    "Version",
    "Description",
    "Type",
    "URL",
    "Transport",
    "Utility",
    "attempted",
    "installed",
    "duplicates",
    "expired",
    "failed",
)
# Sentences that are labels without a colon.
_SENTENCES = {
    "Smart Licensing Status", "Smart Licensing is ENABLED", "Smart Licensing is DISABLED",
    "Next scheduled import at", "Trustpool revocation checking is", "Automatic import of trustpool certificates is",
    "Root file signature verified", "You are about to update the current trusted", "Do you want to continue",
    "INFO: Sending test message", "ERROR: Failed", "Trustpool Policy",
}  # fmt: skip


def _labels(names: Iterable[str]) -> str:
    forms = []
    for name in sorted(names, key=len, reverse=True):
        # A paragraph is also folded behind a hyphen.
        words = re.escape(name).replace(r"\ ", " +").replace(r"\-", "- ?")
        forms.append(words if name in _SENTENCES else words + r" ?:")
    return "|".join(forms)


_ANY_TELLING = re.compile(rf"(?<![\w-])(?:{_labels(_TELLING)})")
# One expression for all, longest first, so that "Initial Registration:" is not cut before its second word.
_ANY = re.compile(rf"(?<![\w-])(?:{_labels((*_TELLING, *_COMMON))})")
# Two things that stand on lines of their own, on one.
_PAIR = re.compile(
    r"(?:Smart Licensing Status|License Usage|Product Information|Agent Version) +={4}"
    r"|(?:Registration|License Authorization|Utility) ?: +Status ?:|Transport ?: +Type ?:"
)
_CUT_COUNT = re.compile(r"(?<=\S) +(?=\d{1,5} trustpool certificates installed)")
_ATTRIBUTE = re.compile(r"^\s*\*{0,2}(?:cn|ou|o)=", re.IGNORECASE)
_CUT_ATTRIBUTE = re.compile(r"(?<=[^\s,]) +(?=(?:cn|ou|o|l|st|c)=\S)", re.IGNORECASE)
_RULE = re.compile(r"(?<=[^ =]) +(?=={4})|(?<=====) +(?=[^ =])")
_CUT_PROMPT = re.compile(
    r"(?<=\S) +(?=[A-Za-z][\w.-]{1,62}(?:\([\w-]{1,40}\))?(?: /[\w/.*-]{1,80} )?# ?(?:show|sh|call-home|crypto|license|ping|scope) )"
)
# A paragraph that was filled is a screen or a few; what is longer is no paragraph.
_MOST_LINES = 400


def take_apart(lines: Iterable[Line]) -> Iterator[Line]:
    """Cut what was run together; the pieces know the line and column at which they began.

    A paragraph with a line that holds several labels was filled, so all of it is joined before it is cut: a label or
    a time may have been folded in the middle.
    """
    paragraph: list[Line] = []
    for line in lines:
        if line.text.strip() and len(paragraph) < _MOST_LINES:
            paragraph.append(line)
            continue
        yield from _paragraph(paragraph)
        paragraph = [line] if line.text.strip() else []
        if not paragraph:
            yield line
    yield from _paragraph(paragraph)


def _paragraph(lines: list[Line]) -> Iterator[Line]:
    filled = any(_was_filled(line.text) for line in lines) or _folded_in_a_label(lines)
    groups = [lines] if filled else [[line] for line in lines]
    for group in groups:
        text = " ".join(line.text.strip() if len(group) > 1 else line.text for line in group)
        cuts = sorted(_cuts(text, filled=filled))
        if not cuts:
            yield from group
        else:
            yield from _pieces(group, text, cuts)


def _pieces(group: list[Line], text: str, cuts: list[int]) -> Iterator[Line]:
    starts: list[tuple[int, Line, int]] = []  # where each line begins in the text, and its indentation
    place = 0
    for line in group:
        indent = len(line.text) - len(line.text.lstrip()) if len(group) > 1 else 0
        starts.append((place, line, indent))
        place += len(line.text.strip() if len(group) > 1 else line.text) + 1
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        piece = text[start:end]
        begin = start + (len(piece) - len(piece.lstrip(" ")) if start else 0)
        if not piece.strip():
            continue
        at, line, indent = next(each for each in reversed(starts) if each[0] <= begin)
        yield Line(
            source=line.source,
            number=line.number,
            text=text[begin:end].rstrip(),
            offset=line.offset + indent + begin - at,
        )


def _folded_in_a_label(lines: list[Line]) -> bool:
    """Whether a label begins on one line and ends on the next."""
    if len(lines) < 2 or any(_LOGGED.search(line.text) for line in lines):
        return False
    for above, below in pairwise(lines):
        head = above.text.rstrip()[-60:]
        joined = head + " " + below.text.strip()[:60]
        for found in _ANY_TELLING.finditer(joined):
            if found.start() < len(head) < found.end() - 1:
                return True
    return False


def _blank_before(text: str, start: int) -> int:
    """Where the blanks before a label begin; 0 when something else stands before it, or nothing."""
    begin = start
    while begin > 0 and text[begin - 1] == " ":
        begin -= 1
    return begin if begin < start else 0


def _was_filled(text: str) -> bool:
    """Whether a line holds what a screen prints on several."""
    words = text.strip()[:4000]
    if len(words) < 24 or _LOGGED.search(words):
        return False
    telling = [found.start() for found in _ANY_TELLING.finditer(words)]
    # One telling label, at the start, is how a line of a screen looks.
    if any(telling[1:]) or (telling and telling[0] > 0) or _PAIR.search(words):
        return True
    typed = prompt.recognise(text) if telling and "#" in text else None
    return typed is not None and prompt.is_command(typed.typed)


def _cuts(text: str, *, filled: bool) -> set[int]:
    """Where a text is to be cut: the places of the blanks before each label."""
    cuts: set[int] = set()
    if len(text) < 24:
        return cuts
    if filled:
        cuts |= {start for found in _ANY.finditer(text) if (start := _blank_before(text, found.start()))}
        cuts |= {found.start() for found in _RULE.finditer(text)} if "====" in text else set()
    if "#" in text:
        cuts |= {found.start() for found in _CUT_PROMPT.finditer(text)}
    if "trustpool certificates installed" in text:
        cuts |= {found.start() for found in _CUT_COUNT.finditer(text)}
    if filled or (_ATTRIBUTE.match(text) and "," not in text.replace("\\,", "")):
        cuts |= {found.start() for found in _CUT_ATTRIBUTE.finditer(text)}
    return cuts
