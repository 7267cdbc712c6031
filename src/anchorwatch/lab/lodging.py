"""What a town needs to know to be run again: its story, how many devices, where to knock, and who may come in.

All of it lies in the town's folder, made at the first start and kept: the story as it was given, the words to log in
with, a host key for each device, and what an SSH client wants to be told (`known_hosts`, `ssh_config`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from anchorwatch.base import schema
from anchorwatch.base.schema import Schema, SchemaError
from anchorwatch.base.secret import Secret
from anchorwatch.disk import file as disk
from anchorwatch.lab import story_file
from anchorwatch.lab.machine import Login
from anchorwatch.lab.story import Story, StoryError

SCHEMA = Schema("lab", 1)
STORY, TERMS, LOGIN, PID, LOG, LOCK = "story.toml", "lab.json", "login.json", "pid", "log", "lock"
KNOWN_HOSTS, SSH_CONFIG, STATE = "known_hosts", "ssh_config", "town.json"
USER = "admin"
_LARGEST = 4 * 1024 * 1024
_OURS = (STORY, TERMS, LOGIN, PID, LOG, LOCK, KNOWN_HOSTS, SSH_CONFIG, STATE, "clock", "control")
_FOLDERS = ("certificates", "devices", "portal")


class LodgingError(Exception):
    """The folder cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTerms:
    """How a lab is run. `listen` is an address that others can reach, "" for loopback alone; `count` None for the story's."""

    count: int | None = None
    port: int = 2222
    listen: str = ""


def exists(folder: Path) -> bool:
    """Whether a lab was made in that folder."""
    return (folder / TERMS).exists()


def establish(folder: Path, story: str, terms: LabTerms, *, keys: Iterable[str] = ()) -> None:
    """Make a folder for a lab, its story checked, with new words to log in. Raises `LodgingError`, `StoryError`."""
    story_file.read(story)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise LodgingError(f"{folder} is not empty, and no lab is in it")
        folder.chmod(0o700)
        words = {
            "user": USER,
            "password": secrets.token_urlsafe(9),
            "enable": secrets.token_urlsafe(9),
            "keys": list(keys),
        }
        disk.write(folder / STORY, story.encode("utf-8"), private=True)
        disk.write(folder / LOGIN, schema.write(SCHEMA, words).encode("utf-8"), private=True)
        keep_terms(folder, terms)
    except OSError as error:
        raise LodgingError(f"{folder} cannot be used: {disk.reason(error)}") from error


def keep_terms(folder: Path, terms: LabTerms) -> None:
    """Write how the lab is run: last, so that a folder which has it is whole. Raises `OSError`."""
    disk.write(folder / TERMS, schema.write(SCHEMA, terms).encode("utf-8"), private=True)


def terms(folder: Path) -> LabTerms:
    """How the lab of that folder is run. Raises `LodgingError`, also for a folder that somebody prepared."""
    _look_over(folder)
    kept = _document(folder, TERMS)
    try:
        return LabTerms(
            count=None if kept["count"] is None else int(kept["count"]),
            port=int(kept["port"]),
            listen=str(kept["listen"]),
        )
    except (KeyError, TypeError, ValueError):
        raise LodgingError(f"{folder / TERMS} is damaged") from None


def story_text(folder: Path) -> str:
    """The story as it was given. Raises `LodgingError`."""
    try:
        return story_file.read_file(folder / STORY)
    except StoryError as error:
        raise LodgingError(str(error)) from error


def story(folder: Path) -> Story:
    """The story. Raises `LodgingError`."""
    try:
        return story_file.read(story_text(folder))
    except StoryError as error:
        raise LodgingError(f"{folder / STORY}: {error}") from error


def login(folder: Path) -> Login:
    """Who may come in. Raises `LodgingError`."""
    kept = _document(folder, LOGIN)
    match kept:
        case {
            "user": str() as user,
            "password": str() as password,
            "enable": str() as enable,
            "keys": list() as keys,
        }:
            return Login(
                user=user,
                password=Secret(password),
                enable=Secret(enable),
                keys=tuple(str(each) for each in keys),
            )
        case _:
            raise LodgingError(f"{folder / LOGIN} is damaged")


def host_key(folder: Path, name: str) -> asyncssh.SSHKey:
    """The host key of a device, made when it is first asked for. Raises `OSError`."""
    path = folder / "devices" / name / "host_key"
    try:
        return asyncssh.import_private_key(disk.read_private(path, _LARGEST))
    except (FileNotFoundError, asyncssh.KeyImportError):
        key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.write(path, key.export_private_key(), private=True)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorplate:
    """Where a device is found: its name, address and port, and the public half of its host key."""

    name: str
    address: str
    port: int
    key: str


def put_up(folder: Path, plates: Iterable[Doorplate], login_: Login) -> None:
    """Write what SSH clients want to know of these devices. Raises `OSError`."""
    known, config = [], [f"# ssh -F {folder / SSH_CONFIG} NAME\n"]
    for plate in plates:
        where = plate.address if plate.port == 22 else f"[{plate.address}]:{plate.port}"
        known.append(f"{where} {plate.key.strip()}\n")
        config.append(
            f"\nHost {plate.name}\n"
            f"    HostName {plate.address}\n"
            f"    Port {plate.port}\n"
            f"    User {login_.user}\n"
            f'    UserKnownHostsFile "{folder / KNOWN_HOSTS}"\n'
            "    StrictHostKeyChecking yes\n"
        )
    disk.write(folder / KNOWN_HOSTS, "".join(known).encode("utf-8"), private=False)
    disk.write(folder / SSH_CONFIG, "".join(config).encode("utf-8"), private=False)


def erase(folder: Path) -> None:
    """Remove a lab's files and folders, and the folder where nothing else is in it. Raises `LodgingError`."""
    import shutil

    if not exists(folder):
        raise LodgingError(f"there is no lab in {folder}")
    try:
        for name in _FOLDERS:
            if (folder / name).is_dir() and not (folder / name).is_symlink():
                shutil.rmtree(folder / name)
        # The terms last: while they are there, a lab is there that can be erased again.
        for path in sorted(folder.iterdir(), key=lambda path: path.name == TERMS):
            if path.name in _OURS or path.name.startswith("shown-"):
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise LodgingError(f"{folder} cannot be removed: {disk.reason(error)}") from error


def _look_over(folder: Path) -> None:
    """A lab writes into its folder whatever is there: it is one's own, and no link leads out of it."""
    try:
        if folder.stat().st_uid != os.getuid():
            raise LodgingError(f"{folder} belongs to somebody else")
        for where, folders, files in os.walk(folder):
            for name in (*folders, *files):
                if (Path(where) / name).is_symlink():
                    raise LodgingError(
                        f"{Path(where) / name} is a link; a lab makes none, and follows none out of its folder"
                    )
    except OSError as error:
        raise LodgingError(f"{folder}: {disk.reason(error)}") from error


def _document(folder: Path, name: str) -> Mapping[str, Any]:
    path = folder / name
    try:
        return schema.read(disk.read_private(path, _LARGEST), SCHEMA)[1]
    except OSError as error:
        raise LodgingError(f"{path}: {disk.reason(error)}") from error
    except SchemaError as error:
        raise LodgingError(f"{path}: {error}") from None
