"""Blocks of a page that repeat an earlier one where something else must have stood.

A page that was translated, converted or edited loses outputs: a block is pasted over the next one, and below "this is
what the pool shows" stands the command of another paragraph. In a console capture the same is no sign of anything,
people type things twice. So only pages count: the copies must be parted by prose.

A page is cut at its prose into pieces of what a device said, and the prompts are taken off. Two pieces are the same
when all their lines are, in the order of the page. Of pasted certificates a third is enough: copies of one certificate
are damaged in different places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from anchorwatch.devices import prompt
from anchorwatch.devices.capture import Line
from anchorwatch.devices.span import Seen, Span
from anchorwatch.devices.transcript import Transcript

# Two damaged copies of one certificate, pasted, still share a third of their lines; two certificates share none.
_SAME_PASTE = 0.33
_PEM = "-----BEGIN"
# Pages are short; a log of a million lines is none.
_LONGEST_PAGE = 20_000
_WORD = re.compile(r"[A-Za-z]{2,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LABELLED = re.compile(r"^[\w /()'-]{2,50}\s?[:=]\s*\S")
_PUNCTUATION = re.compile(r"[.:!?…。：，！？]\s*$")
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A piece that repeats an earlier one: the place of its first line, and of the first line of the earlier one.

    `device` and `command` are those of the last prompt above it, empty where none stood there.
    """

    again: Seen[str]
    first: Span
    device: str = ""
    command: str = ""


def find(text: Transcript, understood: Iterable[int]) -> tuple[Repeated, ...]:
    """Find each repetition; `understood` are the numbers of the lines that some screen read."""
    known = set(understood)
    pieces: list[list[Line]] = [[]]
    for line in _lines(text):
        if line.number not in known and is_prose(line.text):
            pieces.append([])
        elif line.text.strip():
            pieces[-1].append(line)
    found: list[Repeated] = []
    seen: list[tuple[frozenset[str], Line]] = []
    echoes = [(block.echo.number, block) for block in text.blocks if block.echo is not None]
    for piece in pieces:
        body = frozenset(filter(None, (_bare(line.text) for line in piece)))
        if not body or not _speaks(piece, known):
            continue
        earlier = next((head for other, head in seen if _alike(body, other)), None)
        if earlier is None:
            seen.append((body, piece[0]))
        else:
            head = piece[0]
            above = next((block for line, block in reversed(echoes) if line <= head.number), None)
            found.append(
                Repeated(
                    again=Seen(head.text.strip()[:200], head.whole),
                    first=earlier.whole,
                    device=above.device if above else "",
                    command=above.command if above else "",
                )
            )
    return tuple(found)


def is_prose(text: str) -> bool:
    """Whether a line is a sentence or a heading for people: words enough, and neither a field nor a command."""
    text = text.strip()
    if text.startswith("#"):
        return True
    if len(text) > 3_000 or "%" in text[:40] or prompt.recognise(text):
        return False
    words = _WORD.findall(text)
    foreign = sum(1 for word in words if not word.isascii())
    if foreign >= 2:
        return True
    return len(words) >= _FEWEST_WORDS and bool(_PUNCTUATION.search(text)) and not _LABELLED.match(text)


def _lines(text: Transcript) -> list[Line]:
    lines = [line for block in text.blocks for line in (*((block.echo,) if block.echo else ()), *block.lines)]
    lines += [line for logged in text.logged for line in logged.lines]
    return sorted(lines, key=lambda line: line.number)[:_LONGEST_PAGE]


def _bare(text: str) -> str:
    """A line without its prompt and marks, to be compared."""
    found = prompt.recognise(text)
    typed = found.typed if found and prompt.is_command(found.typed) else text
    return " ".join(typed.replace("*", "").split())


def _speaks(piece: list[Line], known: set[int]) -> bool:
    """Whether a device says or is told something in a piece: a message, a screen, a command behind a prompt."""
    return any(line.number in known or "%" in line.text or prompt.recognise(line.text) for line in piece)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if one == other:
        return True
    if not all(any(line.startswith(_PEM) for line in piece) for piece in (one, other)):
        return False
    return len(one & other) >= _SAME_PASTE * max(len(one), len(other))
