"""What time alone does to an agent: a bundle ages, a grant and a certificate end, an evaluation is used up.

By which clock is the policy's to say: ours counts by signed and monotonic time, a device of the document believes its
own wall clock.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.licensing import clock, deadline, settle
from anchorwatch.licensing.authorization import TABLE as AUTHORIZATION
from anchorwatch.licensing.authorization import AuthorizationEvent, of_time
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.enrolment import Identity
from anchorwatch.licensing.event import Action, Tell, WipeKeys
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.registration import TABLE as REGISTRATION
from anchorwatch.licensing.registration import RegistrationEvent
from anchorwatch.licensing.state import AgentState
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.licensing.trust import BUNDLE_TABLE, BundleEvent


def rights(policy: AgentPolicy, state: AgentState, now: Reading) -> datetime | None:
    """The time by which rights end: signed time, or under the other policy the device's clock. None: not known."""
    return state.time.high_water if policy.rights_by_signed_time else now.wall


def scheduled(policy: AgentPolicy, state: AgentState, now: Reading) -> datetime:
    """The time by which things are planned and requests are dated."""
    return clock.scheduled(state.time, now) if policy.rights_by_signed_time else now.wall


def ended(
    policy: AgentPolicy, state: AgentState, now: Reading, *, stepped: bool
) -> tuple[AgentState, tuple[Action, ...]]:
    """What is over by now: the bundle's freshness, the grant, the certificate. `stepped`: the wall was just moved."""
    state = _aged(state, scheduled(policy, state, now))
    at = rights(policy, state, now)
    identity = state.identity
    if at is None or identity is None:
        return state, ()
    told: list[Action] = []
    grant = state.granted()
    ended = of_time(grant, at) if grant is not None else None
    if ended is not None:
        target = AUTHORIZATION.target(state.authorization, ended)
        if target is not state.authorization:
            state = replace(state, authorization=target)
            told.append(Tell(code=str(target), sentence="the portal was not reached for too long"))
    state, lost = _identity_ended(policy, state, identity, at, now, stepped)
    return state, (*told, *lost)


def evaluated(
    policy: AgentPolicy, state: AgentState, passed: timedelta
) -> tuple[AgentState, tuple[Action, ...]]:
    """Count what is used without a registration; begin, go on or end."""
    if state.authorization is AuthorizationState.EVALUATION:
        state = replace(state, evaluation_used=min(state.evaluation_used + passed, policy.evaluation))
    elif _may_evaluate(policy, state):
        begun = AUTHORIZATION.target(state.authorization, AuthorizationEvent.EVALUATION)
        state = replace(state, authorization=begun)
    if state.authorization is not AuthorizationState.EVALUATION or state.evaluation_used < policy.evaluation:
        return state, ()
    target = AUTHORIZATION.target(state.authorization, AuthorizationEvent.EVALUATION_END)
    days = policy.evaluation.days
    told = Tell(code=str(target), sentence=f"the {days} days of use without a registration are over")
    return replace(state, authorization=target), (told,)


def _may_evaluate(policy: AgentPolicy, state: AgentState) -> bool:
    return (
        state.identity is None
        and bool(state.wanted)
        and (state.registered_at is None or policy.evaluates_again)
        and state.reason != settle.REVOKED
        and state.authorization
        in (
            AuthorizationState.NOTHING_REQUESTED,
            AuthorizationState.WAITING,
            AuthorizationState.NOT_AUTHORIZED,
        )
    )


def _aged(state: AgentState, at: datetime) -> AgentState:
    bundle = state.trust()
    if bundle is None or state.bundle_at is None:
        return state
    if not deadline.is_stale(state.bundle_at, bundle.refresh_hint, at) and at < bundle.exp:
        return state
    return replace(state, bundle_state=BUNDLE_TABLE.target(state.bundle_state, BundleEvent.AGED))


def _identity_ended(
    policy: AgentPolicy, state: AgentState, identity: Identity, at: datetime, now: Reading, stepped: bool
) -> tuple[AgentState, tuple[Action, ...]]:
    early = not policy.rights_by_signed_time and at < identity.not_before
    if at < identity.not_after and not early:
        return replace(state, outside_since=None), ()
    event = RegistrationEvent.ID_ENDED
    if policy.clock_grace is not None and (stepped or state.outside_since is not None):
        since = now.mono if state.outside_since is None else state.outside_since
        state = replace(state, outside_since=since)
        if now.mono - since < policy.clock_grace:
            return state, ()
        event = RegistrationEvent.CLOCK_LOST
    elif early:
        return state, ()
    target = REGISTRATION.target(state.registration, event)
    if target is state.registration:
        return state, ()
    state = settle.forgotten(replace(state, registration=target), f"the ID certificate: {event}")
    return state, (WipeKeys(), Tell(code=str(event), sentence="the agent has to be registered again"))
