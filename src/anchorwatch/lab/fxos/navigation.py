"""Going through the objects and changing them: scope, enter, create, delete, set, up, top, and the buffer."""

from __future__ import annotations

from collections.abc import Callable

from anchorwatch.lab.fxos.objects import (
    TOP,
    Assign,
    CommitRefusedError,
    Create,
    Delete,
    Name,
    ObjectError,
    Path,
)
from anchorwatch.lab.fxos.pending import configuration
from anchorwatch.lab.fxos.schema import CALL_HOME_PATH, Kind, Property, defaults, scopes
from anchorwatch.lab.fxos.session import DIALECT, Commands, Does, FxosSession, error
from anchorwatch.lab.grammar import Grammar
from anchorwatch.lab.shell import LeaveError, Says, Typed

COMMANDS = Commands()
_NAME = "name"
_INVALID = "Error: Invalid value for"


def teach(built: dict[str, Grammar[Callable[..., Says]]]) -> None:
    """Teach every scope what the table of kinds says of it."""
    for kind, above in scopes():
        grammar = built[kind.mode]
        for property_ in kind.properties:
            values = "{" + "|".join(property_.values) + "}" if property_.values else "<value>"
            grammar.add(f"set {property_.word} {values}", _set(property_), help_="Set property values")
        known: set[str] = set()
        for height, owner in enumerate((kind, *reversed(above))):
            for below in owner.below:
                if below.word in known:
                    continue
                known.add(below.word)
                _teach_object(grammar, below, height)


def _teach_object(grammar: Grammar[Callable[..., Says]], kind: Kind, height: int) -> None:
    """The words for an object of a kind that lies `height` scopes above the present one."""
    tail = f" <{_NAME}>" if kind.named else ""
    if kind.mode:
        grammar.add(f"scope {kind.word}{tail}", _scope(kind, height), help_="Changes the current mode")
    if height or not kind.named:
        return
    grammar.add(f"create {kind.word}{tail}", _create(kind), help_="Create managed objects")
    grammar.add(f"enter {kind.word}{tail}", _enter(kind), help_="Enters a managed object")
    grammar.add(f"delete {kind.word}{tail}", _delete(kind), help_="Delete managed objects")


def _path(shell: FxosSession, kind: Kind, typed: Typed, height: int = 0) -> Path:
    base = shell.path[: len(shell.path) - height]
    return (*base, Name(kind.word, typed.values.get(_NAME, "")))


def _scope(kind: Kind, height: int) -> Does:
    def does(shell: FxosSession, typed: Typed) -> str:
        path = _path(shell, kind, typed, height)
        if not shell.buffer.view.holds(path):
            return error("missing")
        shell.path = path
        return ""

    return does


def _create(kind: Kind) -> Does:
    def does(shell: FxosSession, typed: Typed) -> str:
        path = _path(shell, kind, typed)
        if not kind.form.fullmatch(path[-1].name):
            return f"{_INVALID} {kind.word}: {path[-1].name}"
        try:
            shell.buffer.add(Create(path))
        except ObjectError as problem:
            return error(problem.fault)
        return _begin(shell, kind, path)

    return does


def _enter(kind: Kind) -> Does:
    def does(shell: FxosSession, typed: Typed) -> str:
        path = _path(shell, kind, typed)
        if not kind.form.fullmatch(path[-1].name):
            return f"{_INVALID} {kind.word}: {path[-1].name}"
        try:
            made = shell.buffer.enter(path)
        except ObjectError as problem:
            return error(problem.fault)
        if made:
            return _begin(shell, kind, path)
        if kind.mode:
            shell.path = path
        return ""

    return does


def _begin(shell: FxosSession, kind: Kind, path: Path) -> str:
    """A new object has its defaults, and one stands in it where it is a scope; what is printed, mostly nothing."""
    if kind.mode:
        shell.path = path
    return "\n".join(
        filter(None, (_assign(shell, path, word, value) for word, value in defaults(kind).items()))
    )


def _delete(kind: Kind) -> Does:
    def does(shell: FxosSession, typed: Typed) -> str:
        try:
            shell.buffer.add(Delete(_path(shell, kind, typed)))
        except ObjectError as problem:
            return error(problem.fault)
        return ""

    return does


def _set(property_: Property) -> Does:
    def does(shell: FxosSession, typed: Typed) -> str:
        value = typed.values.get("value") or typed.words[-1]
        if not property_.takes(value):
            return f"{_INVALID} {property_.word}: {value}"
        return assign(shell, property_.word, value)

    return does


def assign(shell: FxosSession, word: str, value: str) -> str:
    """Note a new value of the object one stands in; what is printed, mostly nothing."""
    return _assign(shell, shell.path, word, value)


def _assign(shell: FxosSession, path: Path, word: str, value: str) -> str:
    try:
        shell.buffer.add(Assign(path, word, value))
    except ObjectError as problem:
        return error(problem.fault)
    return ""


@COMMANDS.add("enable", "callhome", help_="Enables call-home")
@COMMANDS.add("disable", "callhome", help_="Disables call-home")
def _switch(shell: FxosSession, typed: Typed) -> str:
    return _assign(shell, CALL_HOME_PATH, "enabled", "on" if typed.has("enable") else "off")


@COMMANDS.add("up", help_="Goes up one mode")
def _up(shell: FxosSession, _: Typed) -> None:
    shell.path = shell.path[:-1]


@COMMANDS.add("top", help_="Goes to the top mode")
def _top(shell: FxosSession, _: Typed) -> None:
    shell.path = TOP


@COMMANDS.add("exit", help_="Exits from the current mode")
async def _exit(shell: FxosSession, _: Typed) -> str:
    if shell.path:
        shell.path = shell.path[:-1]
        return ""
    if shell.buffer.pending:
        question = next(each for each in DIALECT.dialogs if each.name == "commit-first")
        if (await shell.ask_line(f"There are uncommitted changes. {question.text} ")).lower() not in (
            "y",
            "yes",
        ):
            return ""
    raise LeaveError


@COMMANDS.add("commit-buffer", help_="Commits the pending transaction")
def _commit(shell: FxosSession, _: Typed) -> str:
    try:
        shell.machine.commit(shell.buffer)
    except ObjectError as problem:
        return error(problem.fault)
    except CommitRefusedError as refused:
        return f"Error: Update failed: [{refused}]"
    _stand_somewhere(shell)
    return ""


@COMMANDS.add("discard-buffer", help_="Discards the pending transaction")
def _discard(shell: FxosSession, _: Typed) -> str:
    shell.buffer.discard()
    _stand_somewhere(shell)
    return ""


def _stand_somewhere(shell: FxosSession) -> None:
    """Whoever stood in an object that is gone stands in the next one above that is there."""
    while not shell.buffer.view.holds(shell.path):
        shell.path = shell.path[:-1]


@COMMANDS.add("show configuration [pending]", help_="Show system information")
def _configuration(shell: FxosSession, typed: Typed) -> str:
    committed, view = shell.machine.tree, shell.buffer.view
    if typed.has("pending"):
        return configuration(shell.path, committed, view) if shell.buffer.pending else ""
    return configuration(shell.path, committed, committed)


@COMMANDS.add("terminal length <lines>", help_="Set terminal line parameters")
def _length(shell: FxosSession, typed: Typed) -> str:
    lines = typed.values["lines"]
    if not (lines.isdigit() and len(lines) < 4):
        return f"{_INVALID} length: {lines}"
    shell.terminal.page = int(lines)
    return ""
