"""Which device is meant, and how one comes in: what a person says before an SSH connection is opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from anchorwatch.base.secret import Secret
from anchorwatch.net.errors import BadEndpoint

# `%` begins the zone of an IPv6 address.
_HOST = re.compile(r"[A-Za-z0-9_](?:[\w.:%-]{0,252}\w)?|::[\w.:%]{0,60}")
_USER = re.compile(r"[\w.@\\+-]{1,100}")
_FORM = "ssh://[user@]host[:port]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host name, an address or a name of ``~/.ssh/config``; port and user are None where that file decides."""

    host: str
    port: int | None = None
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``ssh://[user@]host[:port]``, or the same without ``ssh://``. Raises `BadEndpoint` with the reason."""
        try:
            parts = urlsplit(text if text.startswith("ssh://") else f"ssh://{text}")
            port = parts.port
        except ValueError:
            raise BadEndpoint(f"{text!r} names no device: {_FORM}") from None
        if parts.password is not None:
            raise BadEndpoint("a password never stands in an argument: it is asked for, or read from a file")
        if parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise BadEndpoint(f"{text!r} says more than a device: {_FORM}")
        # Not `hostname`, which makes letters small: a name of the configuration file keeps them.
        host = parts.netloc.rpartition("@")[2]
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        user = unquote(parts.username) if parts.username is not None else None
        if not _HOST.fullmatch(host) or (user is not None and not _USER.fullmatch(user)):
            raise BadEndpoint(f"{text!r} names no device: {_FORM}")
        if port == 0:
            raise BadEndpoint("a port lies between 1 and 65535, not 0")
        return cls(host=host, port=port, user=user)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{f'{self.user}@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"


def no_secret() -> Secret | None:
    """Nothing to say where a secret is asked for."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How one comes in.

    `password` and `enable` are called when the device asks for them, each at most once; they may be slow, and None
    gives up. `known_hosts` and `config` are files in place of the user's own. `accept_new` takes the key of a device
    that is not known yet, and remembers it; a person says so. `algorithms` are old ones that somebody named, of
    `ssh.OLD_ALGORITHMS`.
    """

    password: Callable[[], Secret | None] = no_secret
    enable: Callable[[], Secret | None] = no_secret
    known_hosts: tuple[Path, ...] = ()
    config: Path | None = None
    accept_new: bool = False
    algorithms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one waits: to connect and log in, for a moment's quiet, in silence, and for the whole of a command."""

    connect: timedelta = timedelta(seconds=30)
    moment: timedelta = timedelta(milliseconds=40)
    silence: timedelta = timedelta(seconds=30)
    command: timedelta = timedelta(minutes=10)
