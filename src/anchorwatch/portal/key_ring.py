"""The keys of a portal, in a folder of its own: nothing of them is in the database.

There are four roles. `root` is what devices pin and signs the trust bundle; `id` issues ID certificates; `grant` signs
grants, times and receipts; `bundle` signs the PKCS#7 form of the bundle, by a certificate of the root. Each role has
generations, numbered from 1: the highest one signs, the earlier ones stay to be published and believed. A generation is
never replaced, so that rotation is an addition, and a folder copied in between is whole.

The licensing root changes hand over hand. Beside the earlier one the later is published and signs nothing; once devices
have heard of it the earlier is retired, and only then does the later sign. So the earliest root that is not retired is
the one in charge. Roots and authorities for identities promise their successors, whose keys lie beside them as
``.next.pem`` and may be kept elsewhere until they are needed.

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
_CALLED = {"root": "licensing root", "id": "identities", "bundle": "bundle signer"}


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

    @property
    def root(self) -> Held:
        """The licensing root in charge: devices pin it, and it signs. Raises `KeysRefused` without any."""
        self.newest(KeyRole.ROOT)
        return self.all(KeyRole.ROOT)[0]

    @property
    def bundle_signer(self) -> Held:
        """The newest key for PKCS#7 whose certificate is by the root in charge. Raises `KeysRefused` without any."""
        root = self.root.certified
        for held in reversed(self.all(KeyRole.BUNDLE)):
            if held.certified.issuer == root.subject:
                return held
        raise KeysRefused("there is no bundle key by the licensing root in charge")


def create(folder: Path, title: str, now: datetime, passphrase: Secret | None = None) -> KeyRing:
    """Make the first generation of every role. Raises `KeysRefused` where there are keys already."""
    key_file.folder(folder)
    if any(_NAME.fullmatch(path.name) for path in folder.iterdir()):
        raise KeysRefused(f"{folder} holds keys already")
    made = _Maker(folder, title, now - _BACKDATED, passphrase)
    root, root_certificate = made.authority(KeyRole.ROOT, 1, None)
    made.authority(KeyRole.ID, 1, None)
    _save(folder, KeyRole.GRANT, 1, authority.new_key(), passphrase, None)
    made.bundle_signer(1, root_certificate, root)
    return load(folder, passphrase)


def rotate(
    folder: Path, role: KeyRole, title: str, now: datetime, passphrase: Secret | None = None
) -> KeyRing:
    """Add a generation; publish a trust bundle after it. Raises `KeysRefused`.

    A second licensing root waits until the first is retired; a third is refused before that.
    """
    ring = load(folder, passphrase)
    old = ring.newest(role)
    number = old.number + 1
    made = _Maker(folder, title, now - _BACKDATED, passphrase)
    match role:
        case KeyRole.ROOT:
            if old is not ring.root:
                raise KeysRefused("the licensing root is changing already; retire the earlier one first")
            made.authority(role, number, old)
        case KeyRole.ID:
            made.authority(role, number, old)
        case KeyRole.GRANT:
            _save(folder, role, number, authority.new_key(), passphrase, None)
        case KeyRole.BUNDLE:
            made.bundle_signer(number, ring.root.certified, ring.root.key)
    return load(folder, passphrase)


def retire_root(folder: Path, title: str, now: datetime, passphrase: Secret | None = None) -> KeyRing:
    """Put the later licensing root in charge; the files of the earlier are renamed. Raises `KeysRefused`.

    Devices that have not heard of the later one believe no bundle from then on.
    """
    ring = load(folder, passphrase)
    earlier, later = ring.root, ring.newest(KeyRole.ROOT)
    if earlier is later:
        raise KeysRefused("there is one licensing root only; make the next one first")
    # The signer first: until the root itself is gone the one before it is used, whatever happens in between.
    number = ring.newest(KeyRole.BUNDLE).number + 1
    _Maker(folder, title, now - _BACKDATED, passphrase).bundle_signer(number, later.certified, later.key)
    for end in ("key.pem", "crt.pem"):
        key_file.rename(folder / f"{earlier.role}-{earlier.number}.{end}", "retired")
    return load(folder, passphrase)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes generations in a folder, from one moment on."""

    folder: Path
    title: str
    start: datetime
    passphrase: Secret | None

    def authority(
        self, role: KeyRole, number: int, old: Held | None
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A generation that signs itself, by the key the one before promised; it promises another."""
        promised = self.folder / f"{role}-{number}.next.pem"
        key = self._to_come(promised, old)
        following = self._to_come(self.folder / f"{role}-{number + 1}.next.pem", None)
        name = f"{self.title} {_CALLED[role]} {number}"
        certificate = authority.self_signed(name, key, self.start, following.public_key())
        crossed: tuple[x509.Certificate, ...] = ()
        if old is not None:
            crossed = (
                authority.cross_signed(old.certified, certificate, key, self.start),
                authority.cross_signed(certificate, old.certified, old.key, self.start),
            )
        _save(self.folder, role, number, key, self.passphrase, certificate, crossed)
        promised.unlink(missing_ok=True)
        return key, certificate

    def bundle_signer(self, number: int, root: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        """A key for PKCS#7 with a certificate by that root."""
        own = authority.new_key()
        name = f"{self.title} {_CALLED[KeyRole.BUNDLE]} {number}"
        certificate = authority.bundle_signer(name, own.public_key(), root, key, self.start)
        _save(self.folder, KeyRole.BUNDLE, number, own, self.passphrase, certificate)

    def _to_come(self, path: Path, old: Held | None) -> ec.EllipticCurvePrivateKey:
        """The key of a generation to come, made now where nobody promised one."""
        if not path.exists():
            key = authority.new_key()
            if old is not None and authority.promises(old.certified, key.public_key()) is not None:
                raise KeysRefused(f"{path.name} is not there: {old.role}-{old.number} promised that key")
            key_file.write(path, _pem(key, self.passphrase))
            return key
        key = _key(path, self.passphrase)
        if old is not None and authority.promises(old.certified, key.public_key()) is False:
            raise KeysRefused(f"{path.name} is not the key that {old.role}-{old.number} promised")
        return key


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
    key_file.write(folder / f"{role}-{number}.key.pem", _pem(key, passphrase))


def _pem(key: ec.EllipticCurvePrivateKey, passphrase: Secret | None) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase:
        encryption = BestAvailableEncryption(passphrase.reveal().encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


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
