"""The keys of devices that one knows, and what is said about one that is not among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import asyncssh

from anchorwatch.disk import file as disk
from anchorwatch.net.errors import DeviceUnreachable, HostKeyRefused

_SSH_PORT = 22
_LARGEST_FILE = 16 << 20


class KnownKeys:
    """The keys of some ``known_hosts`` files; a new one is remembered in the first, when somebody said so.

    Raises `DeviceUnreachable` where a file cannot be read: then it is not known whom to trust.
    """

    def __init__(self, files: Sequence[Path], *, accept_new: bool) -> None:
        self._file = files[0]
        self._accept_new = accept_new
        self.refusal: HostKeyRefused | None = None
        """Why the key of the last connection was refused."""
        texts = []
        for file in files:
            try:
                if file.exists():
                    with file.open("rb") as opened:
                        texts.append(opened.read(_LARGEST_FILE).decode("utf-8", "replace"))
            except OSError as error:
                raise DeviceUnreachable(f"{file}: {disk.reason(error)}; no host key can be checked") from None
        try:
            self.known = asyncssh.import_known_hosts("\n".join(texts) + "\n")
        except ValueError as error:
            names = ", ".join(map(str, files))
            raise DeviceUnreachable(f"{names}: {error}; no host key can be checked") from None

    def judges(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether a key that was not known may be taken; else `refusal` says why not and what to do."""
        fingerprint = key.get_fingerprint()
        shown = f"{key.get_algorithm()} {fingerprint}"
        trusted = self._keys(host, addr, port)
        name = _name(host, port)
        if trusted:
            known = ", ".join(f"{each.get_algorithm()} {each.get_fingerprint()}" for each in trusted)
            self.refusal = HostKeyRefused(
                f"the key of {name} has changed: it shows {shown}, and {known} is known",
                "find out why before you connect: a device that was replaced or wiped has a new key, and so has "
                "whoever stands in its place",
                f"if the new key is right, forget the old one: ssh-keygen -R '{name}' -f {self._file}",
                fingerprint=fingerprint,
            )
            return False
        if not self._accept_new:
            self.refusal = HostKeyRefused(
                f"nobody has vouched for the key of {name}: it shows {shown}",
                "compare the fingerprint with what the device's own console shows",
                f"if it is the same, say --accept-new-host-key once; {self._file} then remembers it",
                fingerprint=fingerprint,
            )
            return False
        try:
            self._remember(name, key)
        except OSError as error:
            self.refusal = HostKeyRefused(
                f"{self._file}: {disk.reason(error)}; the key of {name} could not be remembered",
                fingerprint=fingerprint,
            )
            return False
        return True

    def algorithms(self, host: str, port: int) -> tuple[str, ...]:
        """The algorithms of the keys known for a host, so that it shows one of these; empty for a new one."""
        names = (each for key in self._keys(host, "", port) for each in key.sig_algorithms)
        return tuple(dict.fromkeys(name.decode("ascii") for name in names))

    def _keys(self, host: str, addr: str, port: int) -> list[asyncssh.SSHKey]:
        found = asyncssh.match_known_hosts(self.known, host, addr, None if port == _SSH_PORT else port)
        return list(found[0])

    def _remember(self, name: str, key: asyncssh.SSHKey) -> None:
        algorithm, octets = key.export_public_key().decode("ascii").split()[:2]
        file = self._file.resolve()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = file.read_bytes() if file.exists() else b""
        gap = b"" if before.endswith(b"\n") or not before else b"\n"
        disk.write(file, before + gap + f"{name} {algorithm} {octets}\n".encode(), private=True)


def _name(host: str, port: int) -> str:
    """A host as `known_hosts` writes it."""
    return host if port == _SSH_PORT else f"[{host}]:{port}"
