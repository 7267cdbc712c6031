"""What an undo types, told by the configuration as it was before the step.

A configuration is lines in blocks, told apart by how far they are indented: so print an ASA, IOS-XE and FXOS theirs. A
line that a device printed is typed again as it stood and not otherwise, and only if a step may type it at all: what
holds a secret, which a record must not hold, or cannot be typed, is not restored by a program, and that is said before
anything is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from anchorwatch.devices.redaction import redact
from anchorwatch.devices.step import AsRecorded, BadStep, Typed, Undo

# FXOS prints an object with another verb than it was made with.
_VERB = re.compile(r"^(?:scope|enter|create) ")
_NO = "no "


class CannotRestore(ValueError):
    """What stands in the configuration cannot be put back by a program; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A line as it stood, its words to be compared, and the heads of the blocks it stands in, the inner last."""

    text: str
    words: str
    under: tuple[str, ...]


def lines_of(undo: Undo, configuration: Iterable[str], filled: Callable[[Typed], Typed]) -> tuple[Typed, ...]:
    """What takes a step back; `configuration` are the printed lines, in order, `filled` fills in a line's blanks.

    Raises `CannotRestore`, and whatever `filled` raises.
    """
    held = tuple(_settings(configuration))
    return tuple(_lines(undo, held, filled))


def _lines(undo: Undo, held: Sequence[_Setting], filled: Callable[[Typed], Typed]) -> Iterator[Typed]:
    for line in undo.lines:
        if isinstance(line, Typed):
            yield filled(line)
            continue
        stood = _stood(line, held, filled)
        if stood is None:
            if line.otherwise:
                yield filled(Typed(text=line.otherwise))
            continue
        yield from map(_again, stood)


def _stood(
    line: AsRecorded, held: Sequence[_Setting], filled: Callable[[Typed], Typed]
) -> tuple[_Setting, ...] | None:
    """What is to be typed as it stood, nothing where it still stands; None where it did not stand at all."""
    under = tuple(_words(head) for head in line.under)
    setting = _words(filled(Typed(text=line.setting)).text)
    place = [each for each in held if (each.under[-len(under) :] if under else each.under) == under]
    stood = tuple(each for each in place if _begins(each.words, setting, listed=line.stays))
    against = tuple(each for each in place if _begins(each.words, _NO + setting, listed=False))
    if stood:
        return () if line.stays else stood
    return against or None


def _begins(words: str, setting: str, *, listed: bool) -> bool:
    """Whether a line is the setting; one of several values may stand anywhere behind the words before it."""
    if words == setting:
        return True
    head, space, last = setting.rpartition(" ")
    if listed:
        return bool(space) and words.startswith(f"{head} ") and last in words[len(head) :].split()
    return words.startswith(f"{setting} ")


def _again(setting: _Setting) -> Typed:
    if redact(setting.text).text != setting.text:
        # The line itself is not told.
        what = " ".join(setting.words.split()[:2])
        raise CannotRestore(f"`{what} …` is set and holds a secret, so no record can put it back")
    try:
        return Typed(text=setting.text)
    except BadStep as error:
        raise CannotRestore(
            f"`{setting.words[:60]}` is set and could not be put back: {str(error)[:200]}"
        ) from None


def _settings(configuration: Iterable[str]) -> Iterator[_Setting]:
    blocks: list[tuple[int, str]] = []
    for line in configuration:
        text = line.strip()
        if not text or text in ("!", "exit"):
            continue
        depth = len(line) - len(line.lstrip())
        while blocks and blocks[-1][0] >= depth:
            blocks.pop()
        words = _words(text)
        yield _Setting(text, words, tuple(head for _, head in blocks))
        blocks.append((depth, words))


def _words(text: str) -> str:
    """A line for comparison: one space between words, no quotation marks, no capitals, no verb that only enters."""
    return _VERB.sub("", " ".join(text.replace('"', "").split()).lower())
