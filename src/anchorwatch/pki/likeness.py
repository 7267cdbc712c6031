"""What two names have in common: the nearest of many, and the words in which two differ.

A store seldom lacks *everything*: it holds last year's CA of the same owner. Saying which one, and in which words it
differs from the one that is needed, is what lets a person see the cause.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from anchorwatch.pki.distinguished_name import COMMON_NAME, SHORT_NAMES, Name, shown

_WORDS = re.compile(r"\w+(?:[.'’-]\w+)*|[^\w\s]")


def difference(one: Name, other: Name) -> str:
    """Say in words how `other` differs from `one`; the empty string for the same name.

    The attribute a person recognises a CA by comes first and word by word, the rest only by what it is:
    `two words differ: "VeriSign" instead of "Symantec", "G3" instead of "G4"; so do O, OU`.
    """
    if one == other:
        return ""
    kinds = dict.fromkeys(oid for oid, _ in (*reversed(one.attributes), *reversed(other.attributes)))
    differing = [kind for kind in kinds if _folded(one, kind) != _folded(other, kind)]
    if not differing:
        return "the same attributes in another order or grouping"
    differing.sort(key=lambda kind: kind != COMMON_NAME)
    first, *others = differing
    short = SHORT_NAMES.get(first, first)
    also = ", ".join(SHORT_NAMES.get(kind, kind) for kind in others)
    rest = f"; so do {also}" if also else ""
    ours, theirs = one.values(first), other.values(first)
    if not ours or not theirs:
        return f"{short} {' and '.join(map(_quoted, ours or theirs))} {'missing' if ours else 'added'}{rest}"
    words, count = [], 0
    for left, right in _paired(ours, theirs):
        for gone, come in _replacements(left, right):
            count += max(len(gone), len(come))
            words.append(_change(gone, come))
    if not words:
        return f"{short} is encoded in another way{rest}"
    place = "" if first == COMMON_NAME else f" in {short}"
    verb = "word differs" if count == 1 else "words differ"
    return f"{_number(count)} {verb}{place}: {', '.join(words)}{rest}"


def _folded(name: Name, kind: str) -> list[str]:
    return [" ".join(value.casefold().split()) for value in name.values(kind)]


def _number(count: int) -> str:
    names = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return names[count] if count < len(names) else str(count)


def _paired(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[str, str]]:
    left = [value for value in ours if value not in theirs]
    right = [value for value in theirs if value not in ours]
    return zip_longest(left, right, fillvalue="")


def _replacements(left: str, right: str) -> list[tuple[list[str], list[str]]]:
    """Runs of words of `left` and what stands in their place in `right`."""
    ours, theirs = _WORDS.findall(left)[:_MOST_WORDS], _WORDS.findall(right)[:_MOST_WORDS]
    matcher = difflib.SequenceMatcher(
        None, [w.casefold() for w in ours], [w.casefold() for w in theirs], autojunk=False
    )
    return [(ours[a:b], theirs[c:d]) for step, a, b, c, d in matcher.get_opcodes() if step != "equal"]


# Words of a value that are compared; the longest attribute of 1,458 real certificates has 30. Keeps hostile names,
# for which the comparison would be quadratic, cheap.
_MOST_WORDS = 64


def _change(gone: Sequence[str], come: Sequence[str]) -> str:
    if not gone:
        return f"{_quoted(' '.join(come))} added"
    if not come:
        return f"{_quoted(' '.join(gone))} missing"
    return f"{_quoted(' '.join(come))} instead of {_quoted(' '.join(gone))}"


def _quoted(value: str) -> str:
    return f'"{shown(value if len(value) <= 80 else value[:79] + "…")}"'


def likeness(one: Name, other: Name) -> float:
    """How alike two names are, from 0.0 (no word in common) to 1.0 (the same name).

    Words of the common name weigh double: an operator recognises a CA by it.
    """
    if one == other:
        return 1.0
    ours, theirs = _weighed(one), _weighed(other)
    shared = sum(min(weight, theirs.get(word, 0)) for word, weight in ours.items())
    total = sum(ours.values()) + sum(theirs.values())
    return 2 * shared / total if total else 0.0


def _weighed(name: Name) -> dict[str, int]:
    weights: dict[str, int] = {}
    for oid, value in name.attributes:
        weight = 2 if oid == COMMON_NAME else 1
        for word in _WORDS.findall(value)[:_MOST_WORDS]:
            weights[word.casefold()] = weights.get(word.casefold(), 0) + weight
    return weights


def nearest(name: Name, candidates: Iterable[Name]) -> Name | None:
    """The candidate most alike to `name` that is not the same name; None where no candidate shares a word.

    Of equally near ones the first given wins.
    """
    best: Name | None = None
    score = 0.0
    for candidate in candidates:
        if candidate == name:
            continue
        alike = likeness(name, candidate)
        if alike > score:
            best, score = candidate, alike
    return best
