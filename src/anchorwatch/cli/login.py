"""How one comes into a device: the options every command that connects has, and where its secrets come from.

A secret is looked up when a device asks for it: a file, the environment, the keyring, a prompt, in this order. Never an
argument: those stand in the list of processes and in the shell's history.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.base.secret import Secret
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.option_record import given_by
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, fail, printable

if TYPE_CHECKING:
    from anchorwatch.net.target import Access, Target

__all__ = ["USUAL", "Doors", "ask", "by_doors", "from_file", "target_of"]

PASSWORD = "ANCHORWATCH_PASSWORD"  # noqa: S105 - the name of a variable, not a password
ENABLE = "ANCHORWATCH_ENABLE_PASSWORD"
KEYRING = "anchorwatch"
"""The name under which a keyring holds passwords: for ``admin@asa-3``, and ``enable admin@asa-3``."""
_LARGEST_SECRET = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What the options say (`by_doors`), for any number of devices; a prompt is answered once for all of them."""

    accept_new_host_key: Annotated[
        bool,
        typer.Option(
            "--accept-new-host-key", help="Take and remember the host key of a device that is not known yet."
        ),
    ] = False
    known_hosts: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Known host keys, in place of ~/.ssh/known_hosts."),
    ] = None
    ssh_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="In place of ~/.ssh/config.", show_default=False)
    ] = None
    password_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The login password; else $ANCHORWATCH_PASSWORD, a prompt."),
    ] = None
    enable_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="The enable password; else $ANCHORWATCH_ENABLE_PASSWORD, a prompt."
        ),
    ] = None
    keyring: Annotated[
        bool,
        typer.Option("--keyring", help="Look up both in the keyring, as `anchorwatch` (needs keyring)."),
    ] = False
    allow_algorithm: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-algorithm",
            metavar="NAME",
            help="An old algorithm this device needs; may be given again.",
        ),
    ] = None
    _asked: dict[str, Secret | None] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def access(self, target: Target) -> Access:
        """How one comes into that device; an unknown algorithm ends with exit status 2."""
        from anchorwatch.net.ssh import OLD_ALGORITHMS
        from anchorwatch.net.target import Access

        algorithms = tuple(self.allow_algorithm or ())
        unknown = [name for name in algorithms if name not in OLD_ALGORITHMS]
        if unknown:
            raise typer.BadParameter(
                f"{printable(unknown[0])} is none of: {', '.join(OLD_ALGORITHMS)}",
                param_hint="--allow-algorithm",
            )
        who = f"{target.user or ''}@{target.host}".lstrip("@")
        # Files and the keyring's package are opened here, where a mistake can end the program with its sentence.
        password = from_file(self.password_file) if self.password_file is not None else None
        enable = from_file(self.enable_file) if self.enable_file is not None else None
        look_up = _keyring() if self.keyring else _nowhere
        return Access(
            password=lambda: password or self._secret("password", PASSWORD, who, look_up),
            enable=lambda: enable or self._secret("enable password", ENABLE, f"enable {who}", look_up),
            known_hosts=tuple(self.known_hosts or ()),
            config=self.ssh_config,
            accept_new=self.accept_new_host_key,
            algorithms=algorithms,
        )

    def _secret(
        self, what: str, variable: str, entry: str, look_up: Callable[[str, str], str | None]
    ) -> Secret | None:
        if os.environ.get(variable):
            return Secret(os.environ[variable])
        kept = look_up(KEYRING, entry)
        if kept is not None:
            return Secret(kept)
        with self._lock:
            if what not in self._asked:
                self._asked[what] = ask(f"{what} ({entry.removeprefix('enable ')})")
            return self._asked[what]


USUAL = Doors()
"""The user's own files, and secrets from the environment or a prompt."""

by_doors = given_by(Doors, "doors")
"""A command with the options of `Doors` in place of its parameter `doors`, which is made of them."""


def from_file(name: str) -> Secret:
    """A secret on the first line of a file; one that cannot be read ends with exit status 3."""
    try:
        data = read_bounded(name, _LARGEST_SECRET)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    return Secret(data.decode("utf-8", "replace").split("\n", 1)[0].rstrip("\r"))


def _keyring() -> Callable[[str, str], str | None]:
    try:
        get: Callable[[str, str], str | None] = importlib.import_module("keyring").get_password
    except ImportError:
        fail("--keyring needs the package keyring, which is not installed", ASKED_WRONGLY)
    return get


def _nowhere(_service: str, _entry: str) -> str | None:
    return None


def ask(what: str) -> Secret | None:
    """Ask a person; None where nobody sits at a terminal."""
    if not sys.stdin.isatty():
        return None
    if sys.stderr.isatty():
        # Off the line on which the progress stands.
        sys.stderr.write("\r\x1b[K")
    try:
        return Secret(getpass(f"{printable(what)}: ", stream=sys.stderr))
    except (EOFError, KeyboardInterrupt):
        return None


def target_of(text: str) -> Target:
    """A device as it was named; a bad name ends with exit status 2."""
    from anchorwatch.net.errors import BadEndpoint
    from anchorwatch.net.target import Target

    try:
        return Target.parse(text)
    except BadEndpoint as error:
        fail(printable(str(error)), ASKED_WRONGLY)
