"""What several events do to an agent's state alike: a failure, a lost identity, a fresh key."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.licensing import clock, enrolment, retry
from anchorwatch.licensing.authorization import TABLE as AUTHORIZATION
from anchorwatch.licensing.authorization import AuthorizationEvent
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.event import Entropy
from anchorwatch.licensing.failure import (
    ABOUT_TIME,
    CURABLE_BY_BUNDLE,
    PEER_UNTRUSTED,
    Failure,
    FailureClass,
    noted,
    repaired,
)
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.registration import TABLE as REGISTRATION
from anchorwatch.licensing.registration import RegistrationEvent
from anchorwatch.licensing.retry import Purpose
from anchorwatch.licensing.state import AgentState, Attempt, Step
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.licensing.trust import PEER_TABLE, PeerEvent

REGISTERING = (RegistrationState.IN_PROGRESS, RegistrationState.RETRYING)
_OWN_END = (Step.ENTITLE, Step.REENROL, Step.REMOVE)
"""Steps whose refusal matters to a person until the very step works."""

_BUSY = frozenset({Type.RATE_LIMITED, Type.OVERLOADED, Type.MAINTENANCE, Type.REQUEST_IN_FLIGHT})
_HELPING = (Step.TRUST, Step.TIME, Step.RECOVER, Step.INFO, Step.INCIDENT)

REVOKED = "revoked"
"""The reason of a registration that the portal revoked."""


def refused(sentence: str, state: AgentState) -> EventRefusedError:
    """The error for an operator's wish that has no meaning now."""
    return EventRefusedError(sentence, machine="registration", state=state.registration, event="")


def fresh_key(entropy: Entropy) -> str:
    """A random UUID (RFC 9562) for `Idempotency-Key`."""
    return str(uuid.UUID(bytes=entropy.octets(16), version=4))


def position(*parts: object) -> float:
    """A place from 0 to 1 in a window, the same whenever it is asked for, and another for another device."""
    told = " ".join(str(each) for each in parts)
    return int.from_bytes(hashlib.sha256(told.encode()).digest()[:4]) / 2**32


def request_body(csr: bytes | None) -> bytes:
    """The body of E3 and E4."""
    return enrolment.encode(csr or b"")


def purpose(state: AgentState, step: Step) -> Purpose:
    """Which schedule a step follows."""
    if state.registration in REGISTERING:
        return Purpose.REGISTRATION
    return Purpose.RENEWAL if step in (Step.ENTITLE, Step.REENROL, Step.REMOVE) else Purpose.SIDE


def time_left(state: AgentState, step: Step, at: datetime) -> timedelta | None:
    """What is left to the deadline that a step must meet, None where it has none."""
    if step is Step.REENROL and state.identity is not None:
        return state.identity.not_after - at
    grant = state.granted() if step is Step.ENTITLE else None
    return grant.exp - at if grant is not None else None


def failed(
    policy: AgentPolicy,
    state: AgentState,
    step: Step,
    failure: Failure,
    now: Reading,
    entropy: Entropy,
    at: datetime,
    *,
    retry_after: timedelta | None = None,
) -> AgentState:
    """The state after a failure that may pass: evidence kept, timer armed, and a look for help where it may help."""
    timer = state.timer(step) or retry.armed(purpose(state, step), now.boot, now.mono)
    timer = retry.failed(
        timer, now.mono, entropy.fraction(), left=time_left(state, step, at), retry_after=retry_after
    )
    seen = replace(failure.evidence, clock=str(state.time.state), skew=state.time.skew)
    failure = replace(failure, evidence=seen)
    state = replace(state.with_timer(step, timer), in_flight=None)
    if not _only_help(state, step, failure):
        state = replace(state, failure=failure, failed_step=step)
    state = replace(state, incidents=noted(state.incidents, failure, at, fresh_key(entropy)))
    state = _attempted(state, step, Attempt(at=at, worked=False, reason=failure.sentence))
    if state.registration in REGISTERING:
        state = replace(
            state, registration=REGISTRATION.target(state.registration, RegistrationEvent.RETRYABLE)
        )
    if failure.kind in PEER_UNTRUSTED:
        state = replace(state, peer=PEER_TABLE.target(state.peer, PeerEvent.REFUSED), bundle_is_newest=False)
    if policy.heals_through_bundle and failure.kind in CURABLE_BY_BUNDLE and step is not Step.TRUST:
        state = replace(state, heal=True)
    if policy.rights_by_signed_time and failure.kind in ABOUT_TIME:
        # The next thing to do is to ask for signed time: after a restart a clock may be years off and not know it.
        state = replace(state, time=clock.doubted(state.time))
        if state.intent is not None:
            state = replace(state, intent=replace(state.intent, ready=False))
    return state


def _only_help(state: AgentState, step: Step, failure: Failure) -> bool:
    """Whether what failed was to help other steps, whose own failures are what a person has to read.

    A page in place of a bundle, as in a network in which the bundle comes by file, is none: it makes the bundle stale.
    Nor is a portal that has too much to do to answer what no right depends on.
    """
    if step not in _HELPING or failure.kind in PEER_UNTRUSTED:
        return False
    busy = failure.evidence.problem in _BUSY
    if (
        busy or failure.kind is FailureClass.HTTP_ERROR
    ) and state.registration is RegistrationState.REGISTERED:
        return True
    return state.failure is not None and state.failed_step not in (None, *_HELPING)


def _attempted(state: AgentState, step: Step, attempt: Attempt) -> AgentState:
    if state.registration in REGISTERING:
        return replace(state, last_registration=attempt)
    match step:
        case Step.ENTITLE:
            return replace(state, last_authorization=attempt)
        case Step.REENROL:
            return replace(state, last_identity_renewal=attempt)
        case _:
            return state


def worked(state: AgentState, step: Step, by: str) -> AgentState:
    """The state after an exchange got the answer it was for.

    That the portal was reached ends every failure to reach it; what it refused stays refused until that very step works.
    """
    state = state.without_exchange(step).with_timer(step, None)
    if step in (Step.TRUST, Step.TIME):
        # Those two are believed whoever carries them.
        return state
    refused = state.failure is not None and state.failure.kind is FailureClass.LICENCE_ERROR
    stays = refused and state.failed_step in _OWN_END and step not in (state.failed_step, Step.ENROL)
    return replace(
        state,
        peer=PEER_TABLE.target(state.peer, PeerEvent.ANSWERED),
        incidents=repaired(state.incidents, by, but=FailureClass.LICENCE_ERROR if stays else None),
        failure=state.failure if stays else None,
        failed_step=state.failed_step if stays else None,
        heal=False,
    )


def forgotten(state: AgentState, reason: str | None) -> AgentState:
    """The state after the identity is gone. The last grant stays, for what it says about use after its end."""
    return replace(
        state,
        identity=None,
        successor=None,
        rekeying=None,
        intent=None,
        device_id=None,
        announced_seq=None,
        seq=0,
        renew_authorization_at=None,
        renew_identity_at=None,
        exchanges=(),
        in_flight=None,
        timers=(),
        outside_since=None,
        reason=reason,
        asked_anew=bool(state.wanted),
        recover=False,
        info_at=None,
        trust_check_at=None,
        authorization=AUTHORIZATION.target(state.authorization, AuthorizationEvent.IDENTITY_LOST),
    )
