"""The keys of a portal, in a folder of its own: nothing of them is in the database.

There are four roles. `root` is what devices pin and signs the trust bundle; `id` issues ID certificates; `grant` signs
grants, times and receipts; `bundle` signs the PKCS#7 form of the bundle, by a certificate of the root. Each role has
generations, numbered from 1: the highest one signs, the earlier ones stay to be published and believed. A generation is
never replaced, so that rotation is an addition, and a folder copied in between is whole.

Files are PKCS#8 in PEM of mode 0600, encrypted where a passphrase is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from anchorwatch.base.secret import Secret
from anchorwatch.disk.file import reason
from anchorwatch.licensing.key import SigningKey
from anchorwatch.portal import authority, key_file
from anchorwatch.portal.error import KeysRefused

_NAME = re.compile(r"(root|id|grant|bundle)-([1-9][0-9]{0,3})\.key\.pem")
_BACKDATED = timedelta(minutes=5)


class KeyRole(StrEnum):
    """What a key is for."""

    ROOT = "root"
    ID = "id"
    GRANT = "grant"
    BUNDLE = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One generation of a role. Keys for grants have no certificate; `crossed` are OldWithNew and NewWithOld."""

    role: KeyRole
    number: int
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate | None = None
    crossed: tuple[x509.Certificate, ...] = ()

    @property
    def signing(self) -> SigningKey:
        """The key as the protocol uses it."""
        return SigningKey.of(self.key)

    @property
    def certified(self) -> x509.Certificate:
        """Its certificate. Raises `KeysRefused` where the file is gone."""
        if self.certificate is None:
            raise KeysRefused(f"the certificate of {self.role}-{self.number} is not there")
        return self.certificate


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All keys, as they were when the folder was read."""

    keys: tuple[Held, ...]

    def all(self, role: KeyRole) -> tuple[Held, ...]:
        """The generations of a role, the newest last."""
        return tuple(held for held in self.keys if held.role is role)

    def newest(self, role: KeyRole) -> Held:
        """The generation that signs. Raises `KeysRefused` without any."""
        found = self.all(role)
        if not found:
            raise KeysRefused(f"there is no {role} key in the folder of keys")
        return found[-1]


def create(folder: Path, title: str, now: datetime, passphrase: Secret | None = None) -> KeyRing:
    """Make the first generation of every role. Raises `KeysRefused` where there are keys already."""
    key_file.folder(folder)
    if any(_NAME.fullmatch(path.name) for path in folder.iterdir()):
        raise KeysRefused(f"{folder} holds keys already")
    start = now - _BACKDATED
    root, identity, signer = authority.new_key(), authority.new_key(), authority.new_key()
    root_certificate = authority.self_signed(f"{title} licensing root 1", root, start)
    _save(folder, KeyRole.ROOT, 1, root, passphrase, root_certificate)
    _save(
        folder,
        KeyRole.ID,
        1,
        identity,
        passphrase,
        authority.self_signed(f"{title} identities 1", identity, start),
    )
    _save(folder, KeyRole.GRANT, 1, authority.new_key(), passphrase, None)
    certificate = authority.bundle_signer(
        f"{title} bundle signer 1", signer.public_key(), root_certificate, root, start
    )
    _save(folder, KeyRole.BUNDLE, 1, signer, passphrase, certificate)
    return load(folder, passphrase)


def rotate(
    folder: Path, role: KeyRole, title: str, now: datetime, passphrase: Secret | None = None
) -> KeyRing:
    """Add a generation to `id`, `grant` or `bundle`; publish a trust bundle after it. Raises `KeysRefused`.

    The licensing root does not turn over in this edition: devices in the field have it pinned in their tokens.
    """
    ring = load(folder, passphrase)
    old = ring.newest(role)
    number, start, key = old.number + 1, now - _BACKDATED, authority.new_key()
    match role:
        case KeyRole.ROOT:
            raise KeysRefused("the licensing root is not rotated in this edition")
        case KeyRole.GRANT:
            _save(folder, role, number, key, passphrase, None)
        case KeyRole.BUNDLE:
            root = ring.newest(KeyRole.ROOT)
            named = f"{title} bundle signer {number}"
            certificate = authority.bundle_signer(named, key.public_key(), root.certified, root.key, start)
            _save(folder, role, number, key, passphrase, certificate)
        case KeyRole.ID:
            certificate = authority.self_signed(f"{title} identities {number}", key, start)
            crossed = (
                authority.cross_signed(old.certified, certificate, key, start),
                authority.cross_signed(certificate, old.certified, old.key, start),
            )
            _save(folder, role, number, key, passphrase, certificate, crossed)
    return load(folder, passphrase)


def names(folder: Path) -> tuple[str, ...]:
    """The keys that are in the folder, in the order of a ring. Raises `KeysRefused`."""
    try:
        found = [match for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError as error:
        raise KeysRefused(f"{folder} cannot be read: {reason(error)}") from error
    ordered = sorted((KeyRole(match[1]), int(match[2])) for match in found)
    return tuple(f"{role}-{number}" for role, number in ordered)


def load(folder: Path, passphrase: Secret | None = None) -> KeyRing:
    """Read the folder. Raises `KeysRefused` for what is missing, open to others, damaged or otherwise encrypted."""
    found = []
    for name in names(folder):
        role, number = KeyRole(name.partition("-")[0]), int(name.partition("-")[2])
        certificates = _certificates(folder / f"{name}.crt.pem")
        found.append(
            Held(
                role=role,
                number=number,
                key=_key(folder / f"{name}.key.pem", passphrase),
                certificate=certificates[0] if certificates else None,
                crossed=certificates[1:],
            )
        )
    ring = KeyRing(tuple(found))
    for role in KeyRole:
        ring.newest(role)
    return ring


def _save(
    folder: Path,
    role: KeyRole,
    number: int,
    key: ec.EllipticCurvePrivateKey,
    passphrase: Secret | None,
    certificate: x509.Certificate | None,
    crossed: tuple[x509.Certificate, ...] = (),
) -> None:
    """The certificate first: a key that is there is whole."""
    if certificate is not None:
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *crossed))
        key_file.write(folder / f"{role}-{number}.crt.pem", pem)
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase:
        encryption = BestAvailableEncryption(passphrase.reveal().encode())
    key_file.write(
        folder / f"{role}-{number}.key.pem",
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
    )


def _key(path: Path, passphrase: Secret | None) -> ec.EllipticCurvePrivateKey:
    data = key_file.read(path)
    encrypted = b"ENCRYPTED" in data
    if encrypted and not passphrase:
        raise KeysRefused(f"{path.name} is encrypted, and no passphrase was given")
    try:
        key = load_pem_private_key(
            data, passphrase.reveal().encode() if encrypted and passphrase is not None else None
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeysRefused(f"{path.name} is no private key, or the passphrase is another one") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeysRefused(f"{path.name} is not a key on P-256")
    return key


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    if not path.exists():
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(key_file.read(path)))
    except ValueError:
        raise KeysRefused(f"{path.name} holds no certificate") from None
