"""What an agent keeps on disk: its state, two keys and, while it registers, the ID token.

    state.json     the document of `anchorwatch.licensing.state`; no secret is in it
    active.key     the key of the ID certificate in use (PKCS#8, PEM)
    next.key       the key of the one that is asked for, or that has not been used yet
    token-<id>     an ID token, by its public name: the token of a second registration never meets the state of the first
    lock           held while an agent works here
    .*.writing     a write that was cut off; erased at the next start

The folder is its owner's alone (0700), and so is every file (0600). Order of writing: a secret is on disk before the
state that names it, and is erased after the state that no longer does; whatever a crash leaves is put in order by
`arrange`, which the machine asks for at every start.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from anchorwatch.agent import file
from anchorwatch.agent.error import FolderRefusedError
from anchorwatch.agent.lock import Lock
from anchorwatch.base.schema import SchemaError
from anchorwatch.base.secret import Secret
from anchorwatch.disk.file import UNFINISHED, reason
from anchorwatch.licensing import state as document
from anchorwatch.licensing import token as id_token
from anchorwatch.licensing.clock import Timekeeping
from anchorwatch.licensing.error import LicensingError
from anchorwatch.licensing.key import SigningKey
from anchorwatch.licensing.state import AgentState, Product, Slot
from anchorwatch.licensing.token import IdToken

BUILD = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that shows an earlier time can be right: this program did not exist yet."""
_STATE = "state.json"
_LOCK = "lock"
_TOKEN = "token-"  # noqa: S105 - the beginning of a file's name


def look(path: Path) -> AgentState | None:
    """The state in a folder, without taking the folder; None where no agent ever worked there.

    Raises `FolderRefusedError` for a state that cannot be read or is damaged.
    """
    data = file.read(path / _STATE)
    if data is None:
        return None
    try:
        return document.read(data)
    except (SchemaError, LicensingError) as error:
        raise FolderRefusedError(f"{path / _STATE} cannot be used: {error}") from None


def fresh(product: Product, *, build: datetime = BUILD) -> AgentState:
    """The state of an agent that never did anything."""
    return AgentState(product=product, time=Timekeeping(build=build))


class Folder:
    """A folder that this agent alone works on, from its making until `close`; also a context manager."""

    def __init__(self, path: Path) -> None:
        """Makes the folder where there is none. Raises `FolderTakenError` and `FolderRefusedError`."""
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = path.stat().st_mode
        except OSError as error:
            raise FolderRefusedError(f"{path} cannot be made: {reason(error)}") from error
        if os.name != "nt" and mode & 0o022:
            raise FolderRefusedError(f"{path} can be written by others; its mode must be 0700")
        self._lock = Lock(path / _LOCK)
        try:
            for leftover in sorted(path.glob(f".*{UNFINISHED}")):
                # A write that was cut off: it never had its name, and a half key is nobody's business.
                file.erase(leftover)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the folder go."""
        self._lock.release()

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the state

    def read(self) -> AgentState | None:
        """As `look`."""
        return look(self.path)

    def write(self, state: AgentState) -> None:
        """Put the state on disk, whole. Raises `FolderRefusedError`; then the one before is still there."""
        file.write(self.path / _STATE, document.write(state).encode())

    # --- keys

    def key(self, slot: Slot) -> SigningKey | None:
        """The key of a slot, None where there is none. Raises `FolderRefusedError` for a damaged one."""
        native = self._native(slot)
        return None if native is None else SigningKey.of(native)

    def make_key(self, slot: Slot, product: Product) -> tuple[bytes, bytes]:
        """A request for a certificate (DER) by the slot's key, and SHA-256 of its SPKI; a missing key is made first."""
        native = self._native(slot)
        if native is None:
            native = ed25519.Ed25519PrivateKey.generate()
            pem = native.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            file.write(self._of(slot), pem)
        return _request(native, product), SigningKey.of(native).public.spki_sha256

    def promote_key(self) -> None:
        """The key of slot `next` takes the place of the active one, in one step."""
        file.move(self._of(Slot.NEXT), self._of(Slot.ACTIVE))

    def arrange(self, *, active: bytes | None, coming: bytes | None, token: str | None) -> None:
        """After a start: the keys with these SPKI hashes into their slots, all others and all other tokens erased."""
        if active is not None and not self._holds(Slot.ACTIVE, active) and self._holds(Slot.NEXT, active):
            self.promote_key()
        for slot, wanted in ((Slot.ACTIVE, active), (Slot.NEXT, coming)):
            if wanted is None or not self._holds(slot, wanted):
                file.erase(self._of(slot))
        self.erase_tokens(but=token)

    def wipe(self) -> None:
        """Erase both keys and every token."""
        for slot in Slot:
            file.erase(self._of(slot))
        self.erase_tokens(but=None)

    # --- the token

    def keep_token(self, token: IdToken) -> None:
        """Put a token on disk, before the state that names it."""
        file.write(self._token(token.id), token.text().reveal().encode("ascii"))

    def token(self, name: str) -> IdToken | None:
        """The token of that name, None where it is not here."""
        data = file.read(self._token(name))
        if data is None:
            return None
        try:
            return id_token.parse(Secret(data.decode("ascii", "replace")))
        except LicensingError as error:
            raise FolderRefusedError(f"the ID token on disk is damaged: {error}") from None

    def erase_tokens(self, *, but: str | None) -> None:
        """Erase every token, except the one of that name."""
        for path in sorted(self.path.glob(f"{_TOKEN}*")):
            if but is None or path.name != f"{_TOKEN}{but}":
                file.erase(path)

    # --- names

    def _of(self, slot: Slot) -> Path:
        return self.path / f"{slot}.key"

    def _token(self, name: str) -> Path:
        if not (name.isascii() and name.isalnum()):
            raise FolderRefusedError("an ID token's name has letters and digits only")
        return self.path / f"{_TOKEN}{name}"

    def _holds(self, slot: Slot, spki_sha256: bytes) -> bool:
        key = self.key(slot)
        return key is not None and key.public.spki_sha256 == spki_sha256

    def _native(self, slot: Slot) -> ed25519.Ed25519PrivateKey | None:
        path = self._of(slot)
        data = file.read(path)
        if data is None:
            return None
        try:
            native = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError):
            raise FolderRefusedError(f"{path.name} is damaged") from None
        if not isinstance(native, ed25519.Ed25519PrivateKey):
            raise FolderRefusedError(f"{path.name} is a key of another kind than the agent makes")
        return native


def _request(key: ed25519.Ed25519PrivateKey, product: Product) -> bytes:
    """PKCS#10; subject and alternative name say which device this is."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, product.udi.sn)])
    device = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(product.udi.uri)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(device, critical=False)
    request = builder.sign(key, None)
    return request.public_bytes(serialization.Encoding.DER)
