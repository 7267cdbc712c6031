"""How a platform's command line speaks: its prompts, its pager, its questions, its errors.

A dialect is data (`dialects/*.toml`), and it serves both ends of a wire: whoever drives a device recognises with it
what a device of the lab rendered with it.
Modes are a graph: each is entered from its parent by a command and left by another, and each shows itself by its
prompt. In a prompt's template ``{host}`` stands for the name a device shows (with the context, the unit and its state
behind slashes, where it shows them) and ``{star}`` for the mark of uncommitted changes.
A device may have modes that stand in no file; their prompts have the same shape, see `devices.prompt`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from anchorwatch.devices import prompt
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.prompt import Prompt

_HOST = r"[A-Za-z0-9_][\w.-]{0,62}(?:/[\w.-]{1,40}){0,3}"
_LONGEST_PROMPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One mode of a command line.

    `prompt` is the template of its prompt, trailing blank included. `parent` is the mode it is entered from, "" for
    the one a login ends in. `enter` are the beginnings of the commands that lead here from the parent, the usual
    first; a name or number may follow. `leave` goes back to the parent, or logs out; `end` goes straight back to the
    ground, "" where nothing does. `inside` names the dialect of the other device that speaks here, mostly "".
    """

    name: str
    prompt: str
    parent: str = ""
    enter: tuple[str, ...] = ()
    leave: str = "exit"
    end: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """What stands at the end of a full screen, and the keys it knows.

    `wipe` is what the device sends to take the mark off again. `off` is the command that switches the pager off for
    this session alone; no configuration changes.
    """

    mark: str
    wipe: str
    next_page: str = " "
    next_line: str = "\r"
    stop: str = "q"
    off: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A question that the platform is known to ask.

    `text` is how its last line ends, without trailing blanks. `asked_by` are beginnings of the commands that lead to
    it, empty where any may. `safe` is the answer that changes and decides nothing, "" where there is none. `one_key`
    says that no line end follows the answer; `secret` that it is not echoed.
    """

    name: str
    text: str
    asked_by: tuple[str, ...] = ()
    safe: str = ""
    one_key: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paste:
    """A place where many lines are taken without a command prompt.

    `opened_by` are the beginnings of the commands that open it, `introduction` the lines printed then, `prompt` what
    stands before each line ("" nothing), `terminator` the line that ends it. `blank_ends` says that an empty line
    ends it too.
    """

    opened_by: tuple[str, ...]
    introduction: tuple[str, ...]
    terminator: str
    prompt: str = ""
    blank_ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a device waits for a command: the prompt as read, and the mode, None for one that no file knows."""

    prompt: Prompt
    mode: Mode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The command line of one platform, see the module's head.

    `ground` is the mode in which steps begin and end. `errors` are the lines printed for a command that is not taken,
    by what is wrong with it; `failures` the beginnings of all lines that mean that a command failed, these among
    them. `waiting` are endings of an unfinished line that make it a question, known or not. `notices` are lines thrown
    in anywhere, even into an echo. `gather` is what to type, in order, to see all that a diagnosis reads: navigation
    and read-only commands, ``{portal}`` for the host name of the portal.
    """

    name: str
    platform: Platform
    ground: str
    modes: tuple[Mode, ...]
    pager: Pager
    dialogs: tuple[Dialog, ...]
    pastes: tuple[Paste, ...]
    errors: Mapping[str, str]
    failures: tuple[str, ...]
    waiting: tuple[str, ...]
    notices: tuple[str, ...] = ()
    gather: tuple[str, ...] = ()
    _prompts: tuple[tuple[Mode, re.Pattern[str]], ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [mode.name for mode in self.modes]
        if len(names) != len(set(names)) or self.ground not in names:
            raise ValueError(f"the modes of {self.name} need names of their own, the ground among them")
        if any(mode.parent and mode.parent not in names for mode in self.modes):
            raise ValueError(f"a mode of {self.name} has a parent that is none")
        object.__setattr__(self, "_prompts", tuple((mode, _pattern(mode.prompt)) for mode in self.modes))

    def mode(self, name: str) -> Mode:
        """The mode of that name; `KeyError` where there is none."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        raise KeyError(name)

    def render(self, name: str, host: str, *, star: bool = False) -> str:
        """The prompt of a mode as the device prints it; `host` with context or unit behind slashes."""
        template = self.mode(name).prompt
        return template.replace("{host}", host).replace("{star}", "*" if star else "")

    def recognise(self, text: str) -> At | None:
        """Where the device waits, if an unfinished line is a prompt and nothing else; None when it is none."""
        bare = text.rstrip(" ")
        if not bare.endswith(("#", ">")) or len(text) > _LONGEST_PROMPT:
            return None
        for mode, pattern in self._prompts:
            match = pattern.fullmatch(bare)
            if match is not None:
                found = prompt.recognise(bare) if "host" in match.groupdict() else None
                return At(prompt=found or Prompt(host=bare[:-1]), mode=mode)
        found = prompt.recognise(bare)
        if found is None or found.typed or bare != bare.lstrip():
            return None
        return At(prompt=found, mode=None)

    def failure(self, line: str) -> str:
        """The mark with which a line says that a command failed; "" where it does not."""
        said = line.strip()
        return next((mark for mark in self.failures if said.startswith(mark)), "")

    def dialog(self, text: str) -> Dialog | None:
        """The question that an unfinished line ends with, None where it is none that we know."""
        said = text.rstrip()
        found = (dialog for dialog in self.dialogs if said.endswith(dialog.text))
        return max(found, key=lambda dialog: len(dialog.text), default=None)

    def waits(self, text: str) -> bool:
        """Whether an unfinished line looks like a question, known or not."""
        said = text.rstrip()
        return self.dialog(said) is not None or said.endswith(self.waiting)

    def paste(self, command: str) -> Paste | None:
        """The place that a command, typed in full words, opens for many lines; None for an ordinary one."""
        return next((each for each in self.pastes if command.startswith(each.opened_by)), None)

    def leads_away(self, command: str) -> bool:
        """Whether a command, in full words, leads to a command line that has a name of its own."""
        return any(
            command.startswith(mode.enter)
            for mode in self.modes
            if mode.enter and (mode.inside or "{host}" not in mode.prompt)
        )

    def block(self, portal: str) -> tuple[str, ...]:
        """What to type to gather, for that portal."""
        return tuple(line.replace("{portal}", portal) for line in self.gather)


def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template.rstrip(" "))
    host = escaped.replace(re.escape("{host}"), f"(?P<host>{_HOST})")
    return re.compile(host.replace(re.escape("{star}"), r"\*?"))


# The platforms whose command line we know; another has no dialect.
_FILES = {Platform.ASA: "asa", Platform.FXOS: "fxos", Platform.IOSXE: "iosxe"}


def platforms() -> Iterable[Platform]:
    """The platforms that have a dialect."""
    return tuple(_FILES)


@cache
def of(platform: Platform) -> Dialect:
    """The dialect of a platform; `KeyError` for one that has none."""
    file = resources.files("anchorwatch.devices") / "dialects" / f"{_FILES[platform]}.toml"
    return read(file.read_text(encoding="utf-8"))


def read(text: str) -> Dialect:
    """A dialect out of TOML; `TypeError`, `KeyError` or `ValueError` when the text is none (the files are ours)."""
    data: dict[str, Any] = tomllib.loads(
        text
    )  # Any: each record below takes what it knows and refuses the rest
    return Dialect(
        name=data.pop("name"),
        platform=Platform(data.pop("platform")),
        modes=tuple(Mode(**_frozen(each)) for each in data.pop("mode")),
        pager=Pager(**data.pop("pager")),
        dialogs=tuple(Dialog(**_frozen(each)) for each in data.pop("dialog")),
        pastes=tuple(Paste(**_frozen(each)) for each in data.pop("paste")),
        **_frozen(data),
    )


def _frozen(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
