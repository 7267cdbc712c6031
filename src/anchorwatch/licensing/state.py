"""Everything an agent knows, as one frozen value and one versioned document.

No secret is in it: keys and the ID token live in files of their own, and are named here by slot. The agent writes the
document atomically before it does what `receive` asked for, so that kill -9 at any moment loses nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from anchorwatch.base import schema
from anchorwatch.base.schema import Schema
from anchorwatch.licensing import trust_bundle, wire
from anchorwatch.licensing.claim import Grant, TrustBundle
from anchorwatch.licensing.clock import Timekeeping
from anchorwatch.licensing.enrolment import Identity
from anchorwatch.licensing.error import MalformedMessageError
from anchorwatch.licensing.failure import Failure, Incident
from anchorwatch.licensing.jws import unverified_payload
from anchorwatch.licensing.message import Nonce, Software, Udi, Wanted
from anchorwatch.licensing.retry import Timer
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.licensing.trust import BundleState, PeerState
from anchorwatch.licensing.wire import Compact, Identifier, Many, Name, Octets, Sequence, Text, Words

SCHEMA = Schema("licence-agent", 1)


class Step(StrEnum):
    """One exchange with the portal, by its endpoint."""

    TRUST = "T1"
    TIME = "T2"
    ENROL = "E3"
    REENROL = "E4"
    DEVICE = "D1"
    ENTITLE = "L1"
    RECOVER = "L2"
    INFO = "L3"
    REMOVE = "L5"
    INCIDENT = "L6"


class Slot(StrEnum):
    """Which key: the one in use, or the one that will be."""

    ACTIVE = "active"
    NEXT = "next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What the agent runs on."""

    udi: Udi
    sw: Software
    agent: Name
    portal: Annotated[str, Text(253)]
    ha: Identifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A registration that was begun: written down before its first packet."""

    token_id: Identifier
    pin: Annotated[bytes, Octets(16, 16)]
    bundle_seq: Sequence
    key: Identifier
    """Idempotency key of its E3, the same however often it is sent."""
    candidate: Compact | None = None
    """The bundle of the first contact until signed time has shown that it has not ended."""
    ready: bool = False
    csr: Annotated[bytes, Octets()] | None = None
    spki_sha256: Annotated[bytes, Octets(32, 32)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeying:
    """A renewal of the ID certificate that was begun."""

    key: Identifier
    csr: Annotated[bytes, Octets()] | None = None
    spki_sha256: Annotated[bytes, Octets(32, 32)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request without an answer yet; sent again, its key and body are the same and its nonce is new."""

    number: Sequence
    step: Step
    key: Identifier
    nonce: Nonce
    body: Annotated[str, Text(wire.MAX_BODY, r"[A-Za-z0-9_-]*", low=0)] = ""
    seq: Sequence = 0
    signer: Slot = Slot.ACTIVE
    corrected: bool = False
    """Sent again at once, after the portal told the time; a second time it is a failure like others."""

    @property
    def octets(self) -> bytes:
        """The body."""
        return wire.from_base64url(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimer:
    """When a step that failed is tried again."""

    step: Step
    timer: Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The last outcome of one kind of exchange, for the screens."""

    at: datetime
    worked: bool
    reason: Words = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentState:
    """The four machines and what they stand on. `seq` is that of the last grant; `numbers` counts exchanges."""

    product: Product
    time: Timekeeping
    registration: RegistrationState = RegistrationState.NOT_REGISTERED
    authorization: AuthorizationState = AuthorizationState.NOTHING_REQUESTED
    bundle_state: BundleState = BundleState.NONE
    peer: PeerState = PeerState.UNKNOWN
    wanted: Annotated[tuple[Wanted, ...], Many(128)] = ()
    asked_anew: bool = False
    """What is wanted changed, or a grant must be asked for whatever the dates say."""
    show_grant: bool = False
    bundle: Compact | None = None
    bundle_at: datetime | None = None
    bundle_is_newest: bool = False
    """The bundle was fetched after the server was last not believed."""
    heal: bool = False
    intent: Intent | None = None
    rekeying: Rekeying | None = None
    identity: Identity | None = None
    successor: Identity | None = None
    device_id: Identifier | None = None
    va: Name | None = None
    announced_seq: int | None = None
    """The bundle number last told to the portal in D1."""
    grant: Compact | None = None
    seq: Sequence = 0
    adoptions: Sequence = 0
    renew_authorization_at: datetime | None = None
    renew_identity_at: datetime | None = None
    recover: bool = False
    """Whether to ask for the last grant before another: the portal may know one that is not here."""
    info_at: datetime | None = None
    """When to ask next what windows the portal suggests."""
    trust_check_at: datetime | None = None
    """When the portal would like the bundle to be asked for, where that is earlier than its own hint."""
    exchanges: Annotated[tuple[Exchange, ...], Many(16)] = ()
    in_flight: int | None = None
    numbers: Sequence = 0
    timers: Annotated[tuple[StepTimer, ...], Many(16)] = ()
    incidents: Annotated[tuple[Incident, ...], Many(64)] = ()
    inspected_at: datetime | None = None
    """When it was last noted that somebody between looks on, and is let."""
    failure: Failure | None = None
    failed_step: Step | None = None
    reason: Words | None = None
    """Why the registration failed or ended."""
    registered_at: datetime | None = None
    last_registration: Attempt | None = None
    last_identity_renewal: Attempt | None = None
    last_authorization: Attempt | None = None
    evaluation_used: timedelta = timedelta(0)
    """How long something was used without a registration."""
    outside_since: timedelta | None = None
    """Monotonic time since which a moved clock stands outside the certificate's dates (policy cisco)."""

    def trust(self) -> TrustBundle | None:
        """The bundle that is believed."""
        return None if self.bundle is None else trust_bundle.read(self.bundle)

    def granted(self) -> Grant | None:
        """The last grant that was accepted."""
        return None if self.grant is None else _grant(self.grant)

    def exchange(self, step: Step) -> Exchange | None:
        """The unanswered request of a step."""
        return next((each for each in self.exchanges if each.step is step), None)

    def timer(self, step: Step) -> Timer | None:
        """The timer of a step that failed."""
        return next((each.timer for each in self.timers if each.step is step), None)

    def with_timer(self, step: Step, timer: Timer | None) -> AgentState:
        """The state with that timer, or without one."""
        kept = tuple(each for each in self.timers if each.step is not step)
        return replace(self, timers=kept if timer is None else (*kept, StepTimer(step=step, timer=timer)))

    def without_exchange(self, step: Step) -> AgentState:
        """The state after a step got its answer, or is given up."""
        gone = self.exchange(step)
        in_flight = None if gone is not None and gone.number == self.in_flight else self.in_flight
        kept = tuple(each for each in self.exchanges if each.step is not step)
        return replace(self, exchanges=kept, in_flight=in_flight)


@lru_cache(maxsize=64)
def _grant(text: str) -> Grant:
    return wire.parse(Grant, unverified_payload(text))


def digest(state: AgentState) -> bytes:
    """What L1 says of the state: a hash of what is held of grants and wanted."""
    told = wire.dump(state.wanted[0]) if state.wanted else b""
    return hashlib.sha256(told + (state.grant or "").encode("ascii")).digest()


def write(state: AgentState) -> str:
    """The document."""
    return schema.write(SCHEMA, wire.plain(state))


def read(text: str | bytes) -> AgentState:
    """Read the document. Raises `SchemaError` for another kind or version, `MalformedMessageError` for damage."""
    _, body = schema.read(text, SCHEMA)
    state = wire.read(AgentState, body)
    try:
        state.trust()
        state.granted()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, the document is damaged
        raise MalformedMessageError(f"the agent's state is damaged: {error}") from None
    return state
