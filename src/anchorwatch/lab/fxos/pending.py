"""``show configuration [pending]``: the objects below a scope as the commands that make them.

What a transaction adds stands behind a plus, what it takes away behind a minus, the rest as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.lab.fxos.objects import Path, Tree
from anchorwatch.lab.fxos.schema import CALL_HOME_PATH, kind_of

_STEP = "    "
Row = tuple[str, int, str]


def configuration(path: Path, committed: Tree, view: Tree) -> str:
    """Print what is below a path, as it would be after the transaction that leads from one tree to the other."""
    rows = [*_object(path, committed, view, 0)]
    return "\n".join(f"{mark}{_STEP * depth}{text}" for mark, depth, text in rows)


def _object(path: Path, committed: Tree, view: Tree, depth: int) -> Iterator[Row]:
    kind = kind_of(path)
    mark = _mark(was=committed.holds(path), stays=view.holds(path))
    inner = depth
    if path:
        word = "scope" if not kind.named else "enter" if kind.mode else "create"
        if mark == "-":
            yield "-", depth, f"delete {path[-1]}"
            return
        yield mark, depth, f"{word} {path[-1]}"
        inner = depth + 1
    yield from _properties(path, committed, view, inner)
    seen = dict.fromkeys((*committed.below(path), *view.below(path)))
    for below in seen:
        yield from _object(below, committed, view, inner)
    if path and kind.mode:
        yield mark, depth, "exit"


def _properties(path: Path, committed: Tree, view: Tree, depth: int) -> Iterator[Row]:
    kind = kind_of(path)
    now, then = view.properties(path), committed.properties(path)
    words = [each.word for each in kind.properties]
    for word in words:
        if word in now:
            yield " " if then.get(word) == now[word] else "+", depth, f"set {word} {now[word]}"
    for word in kind.pasted:
        if now.get(word):
            mark = " " if then.get(word) == now[word] else "+"
            yield mark, depth, f"set {word}"
            for line in now[word].splitlines():
                yield mark, depth, line
            yield mark, depth, "ENDOFBUF"
    if path == CALL_HOME_PATH and "enabled" in now:
        mark = " " if then.get("enabled") == now["enabled"] else "+"
        yield mark, depth, "enable" if now["enabled"] == "on" else "disable"


def _mark(*, was: bool, stays: bool) -> str:
    if was and not stays:
        return "-"
    return " " if was else "+"
