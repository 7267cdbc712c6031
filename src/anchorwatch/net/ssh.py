"""An SSH connection to a device's command line: the wire around `devices.session`.

Host keys are checked before anything is sent that could be stolen; ``~/.ssh/config`` counts as it does for OpenSSH
(HostName, Port, User, IdentityFile, ProxyJump). Algorithms that are no longer trusted are used only where somebody
named them, here or there. A password is sent once: whoever mistypes it is not locked out by a program that tries again.

Nothing is configured in order to read: no width, no prompt. One connection carries one conversation.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh

from anchorwatch.base.secret import Secret
from anchorwatch.devices.dialect import Dialect
from anchorwatch.disk import file as disk
from anchorwatch.net.console import Console, Wire
from anchorwatch.net.errors import DeviceUnreachable, HostKeyRefused, LoginRefused
from anchorwatch.net.host_key import KnownKeys
from anchorwatch.net.target import Access, Patience, Target

# By the option that sets them; AES-GCM first, because it costs a third less than this library's default.
_TRUSTED: dict[str, tuple[str, ...]] = {
    "encryption_algs": (
        "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "aes256-ctr",
        "aes192-ctr",
        "aes128-ctr",
    ),
    "kex_algs": (
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group-exchange-sha256",
    ),
    "mac_algs": (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    ),
    "server_host_key_algs": (
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
    ),
}
_OLD: dict[str, tuple[str, ...]] = {
    "kex_algs": (
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group1-sha1",
    ),
    "encryption_algs": ("aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"),
    "mac_algs": ("hmac-sha1", "hmac-sha1-96"),
    "server_host_key_algs": ("ssh-rsa",),
}
OLD_ALGORITHMS = tuple(name for names in _OLD.values() for name in names)
"""Algorithms that somebody may name for an old device."""
_CONFIGURED = {
    "encryption_algs": "Ciphers",
    "kex_algs": "KexAlgorithms",
    "mac_algs": "MACs",
    "server_host_key_algs": "HostKeyAlgorithms",
}
# Wide enough that a device which heeds it folds nothing.
_SCREEN = (511, 1000)


class _Client(asyncssh.SSHClient):
    """Whom to trust, and what to say at the door: the password once, whichever way it is asked for."""

    def __init__(self, password: Callable[[], Awaitable[Secret | None]], keys: KnownKeys) -> None:
        self._password = password
        self._keys = keys
        self.spent = False
        self.given = False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._keys.judges(host, addr, port, key)

    async def password_auth_requested(self) -> str | None:
        if self.spent:
            return None
        self.spent = True
        word = await self._password()
        self.given = word is not None
        return word.reveal() if word is not None else None

    def kbdint_auth_requested(self) -> str | None:
        return None if self.spent else ""

    async def kbdint_challenge_received(
        self,
        name: str,  # noqa: ARG002 - the library's signature
        instructions: str,  # noqa: ARG002 - the library's signature
        lang: str,  # noqa: ARG002 - the library's signature
        prompts: Any,  # pairs of a prompt and whether to echo
    ) -> list[str] | None:
        if not prompts:
            return []
        # A second factor is asked of a person at a terminal, not of a program.
        if len(prompts) != 1 or prompts[0][1]:
            return None
        word = await self.password_auth_requested()
        return None if word is None else [word]


async def connect(
    target: Target,
    access: Access,
    speaks: Dialect,
    *,
    patience: Patience | None = None,
    hear: Callable[[str], None] = lambda _: None,
) -> Console:
    """Connect, log in and open the command line; nothing has been read yet.

    Raises `HostKeyRefused`, `LoginRefused` and `DeviceUnreachable`, each with one sentence and hints.
    """
    patience = patience or Patience()
    where = str(target)
    config: Any = [str(access.config)] if access.config is not None else ()
    named: dict[str, Any] = {"port": target.port or (), "username": target.user or (), "config": config}
    try:
        told = await asyncssh.SSHClientConnectionOptions.construct(None, host=target.host, **named)
    except (OSError, ValueError, asyncssh.Error) as error:
        raise DeviceUnreachable(
            f"{where}: {_words(error)}", "the reason lies in ~/.ssh/config or a file it names"
        ) from None
    keys = KnownKeys(_known_files(access, told), accept_new=access.accept_new)
    client: list[_Client] = []

    async def password() -> Secret | None:
        return await asyncio.to_thread(access.password)

    def door() -> _Client:
        client.append(_Client(password, keys))
        return client[-1]

    name = told.host_key_alias or told.host
    connecting = asyncssh.connect(
        target.host,
        client_factory=door,
        known_hosts=keys.known,
        gss_host=None,
        agent_forwarding=False,
        keepalive_interval=20,
        login_timeout=None,
        **named,
        **_algorithms(access, told, keys.algorithms(name, told.port)),
    )
    try:
        connection = await asyncio.wait_for(connecting, patience.connect.total_seconds())
    except (TimeoutError, OSError, ValueError, asyncssh.Error) as error:
        if keys.refusal is not None:
            raise keys.refusal from None
        raise _refusal(error, where, given=bool(client and client[-1].given)) from None
    wire = Wire()
    try:
        channel, _ = await asyncio.wait_for(
            connection.create_session(
                lambda: wire, term_type="vt100", term_size=_SCREEN, encoding=None, env=(), send_env=()
            ),
            patience.connect.total_seconds(),
        )
    except (TimeoutError, OSError, asyncssh.Error) as error:
        connection.abort()
        raise DeviceUnreachable(
            f"{where} accepted the login and opened no command line: {_words(error)}",
            "an ASA serves five sessions at a time; somebody may have left some open",
        ) from None
    return Console(connection, channel, wire, speaks, patience=patience, hear=hear)


def _known_files(access: Access, told: asyncssh.SSHClientConnectionOptions) -> tuple[Path, ...]:
    """Where known keys stand: the files given, those of the configuration, or the user's own."""
    if access.known_hosts:
        return access.known_hosts
    named = told.known_hosts if isinstance(told.known_hosts, list) else []
    files = tuple(Path(os.fspath(each)).expanduser() for each in named if isinstance(each, str | os.PathLike))
    return files or (Path("~/.ssh/known_hosts").expanduser(),)


def _algorithms(
    access: Access, told: asyncssh.SSHClientConnectionOptions, known: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """What may be negotiated: what is trusted today, what was named, or what the configuration says."""
    chosen = {}
    for option, trusted in _TRUSTED.items():
        named = tuple(each for each in _OLD[option] if each in access.algorithms)
        if told.config.get(_CONFIGURED[option]) is not None and not named:
            continue
        names = trusted + named
        if option == "server_host_key_algs" and known:
            # A device with several keys shows one that is known, and another one only in its place.
            names = (
                *(each for each in names if each in known),
                *(each for each in names if each not in known),
            )
        chosen[option] = names
    return chosen


def _refusal(
    error: Exception, where: str, *, given: bool
) -> DeviceUnreachable | HostKeyRefused | LoginRefused:
    """Why no connection came about, in our words."""
    match error:
        case TimeoutError():
            return DeviceUnreachable(
                f"{where} did not answer in time",
                "is SSH allowed from here? On an ASA: show running-config ssh",
            )
        case asyncssh.PermissionDenied():
            why = (
                "it did not accept the password" if given else "it accepted no key, and no password was given"
            )
            return LoginRefused(
                f"{where}: {why}",
                "nothing is tried a second time, so that no account is locked",
                "the password comes from a prompt, ANCHORWATCH_PASSWORD, --password-file or --keyring",
            )
        case asyncssh.HostKeyNotVerifiable():
            return HostKeyRefused(f"{where}: {_words(error)}", "a jump host's key must be in known_hosts too")
        case asyncssh.KeyExchangeFailed():
            offered = tuple(each for each in OLD_ALGORITHMS if each in str(error))
            hints = (
                *(
                    f"if this device is too old for better, name it: --allow-algorithm {each}"
                    for each in offered
                ),
            )
            return DeviceUnreachable(
                f"{where} and this program have no algorithm in common: {_words(error)}", *hints
            )
        case asyncssh.Error():
            return DeviceUnreachable(f"{where}: {_words(error)}")
        case OSError():
            return DeviceUnreachable(f"{where}: {disk.reason(error)}")
        case _:
            return DeviceUnreachable(f"{where}: {_words(error)}")


def _words(error: Exception) -> str:
    said = str(error).strip()
    return (said[:1].lower() + said[1:])[:500] if said else type(error).__name__
