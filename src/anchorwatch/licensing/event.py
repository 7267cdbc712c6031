"""What goes into an agent's machine and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from anchorwatch.licensing.failure import Failure
from anchorwatch.licensing.message import Wanted
from anchorwatch.licensing.state import Slot, Step


class Entropy(Protocol):
    """Where chance comes from: the machine draws none itself."""

    def octets(self, count: int) -> bytes:
        """Octets nobody can guess."""
        ...

    def fraction(self) -> float:
        """A number from 0 to 1, for spreading; it need not be secret."""
        ...


@dataclass(frozen=True, slots=True)
class Started:
    """The agent's process began; what was in flight is lost."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time `next_wakeup` named has come, or somebody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The operator gave a token; what is public of it. The token itself is kept by the agent, mode 0600."""

    token_id: str
    pin: bytes
    bundle_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReady:
    """A key was made and stored in a slot; `csr` is the request (DER) it signed."""

    slot: Slot
    csr: bytes
    spki_sha256: bytes


@dataclass(frozen=True, slots=True)
class Want:
    """What the product uses."""

    entitlements: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class RenewAuthorization:
    """The operator asks to renew the authorization now."""


@dataclass(frozen=True, slots=True)
class RenewIdentity:
    """The operator asks to renew the ID certificate now."""


@dataclass(frozen=True, slots=True)
class Deregister:
    """The operator gives the device back."""


@dataclass(frozen=True, slots=True)
class BundleGiven:
    """A trust bundle came by a file, a relay or the operator."""

    jws: str


@dataclass(frozen=True, slots=True)
class AlarmCleared:
    """The operator has looked into an older bundle that was shown, and ends the alarm."""


@dataclass(frozen=True, slots=True)
class LocalChange:
    """Something here changed that may help: an interface, a proxy, a store, the clock; or the operator says so."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An HTTP answer came, over a connection that was believed (or that needs no belief: signed objects)."""

    number: int
    status: int
    body: bytes = field(repr=False)
    retry_after: timedelta | None = None
    inspected: Failure | None = None
    """Why the connection was not believed, where the policy lets somebody between look on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """There was no answer."""

    number: int
    failure: Failure


Event = (
    Started | Tick | Register | KeyReady | Want | RenewAuthorization | RenewIdentity | Deregister | BundleGiven
    | AlarmCleared | LocalChange | Answered | Broke
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Persist:
    """Write the state before anything else of this list is done."""


@dataclass(frozen=True, slots=True)
class MakeKey:
    """Make a key and a request for a certificate in a slot; keep one that is there already. Answer `KeyReady`."""

    slot: Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a request. `signer` None: unsigned (T1, T2), or proven by the ID token where `token` says so.

    `created` and `nonce` go into the signature; `plain_http` says that no TLS is needed, for the answer is signed.
    """

    number: int
    step: Step
    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    idempotency_key: str | None = None
    signer: Slot | None = None
    token: bool = False
    created: datetime
    nonce: str
    plain_http: bool = False


@dataclass(frozen=True, slots=True)
class EraseToken:
    """The token has done its work."""


@dataclass(frozen=True, slots=True)
class PromoteKey:
    """The key in slot `next` becomes `active`; the old one is erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrangeKeys:
    """After a start: the key with this SPKI hash belongs in slot `active`, that one in `next`; erase all others.

    A crash may have come between the state and what was to be done with the keys; None is an empty slot.
    """

    active: bytes | None
    next: bytes | None


@dataclass(frozen=True, slots=True)
class WipeKeys:
    """Erase both keys and the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Something a person or a log should hear: a code that is stable, and a sentence."""

    code: str
    sentence: str


Action = Persist | MakeKey | Send | EraseToken | PromoteKey | ArrangeKeys | WipeKeys | Tell
