"""Which signed words an agent takes as its own, and what a grant does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from anchorwatch.licensing import clock, deadline, jws, settle, trust_bundle, wire
from anchorwatch.licensing.authorization import TABLE as AUTHORIZATION
from anchorwatch.licensing.authorization import of_grant
from anchorwatch.licensing.claim import Grant
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.error import SignatureRefusedError
from anchorwatch.licensing.event import Action, Tell
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Attempt, Step

Outcome = tuple[AgentState, tuple[Action, ...]]


def checked(state: AgentState, text: str, kind: jws.Kind) -> bytes:
    """The payload of a signed object of the portal, by a grant key of the bundle."""
    held = state.bundle or (state.intent.candidate if state.intent is not None else None)
    if held is None:
        raise SignatureRefusedError("there is no trust bundle to check a signed object by")
    believed = trust_bundle.read(held)
    signed = jws.verify(text, (kind,), lambda header: trust_bundle.grant_key(believed, header.kid))
    return signed.payload


def own(state: AgentState, text: str) -> Grant:
    """A grant of this portal to this device. Raises `LicensingError` for anything else."""
    grant = wire.parse(Grant, checked(state, text, jws.Kind.GRANT))
    believed = state.trust()
    if believed is None or grant.iss != believed.iss:
        raise SignatureRefusedError("the grant is by another portal")
    if state.device_id is not None and grant.sub != state.device_id:
        raise SignatureRefusedError("the grant is for another device")
    return grant


def is_bound(state: AgentState, grant: Grant) -> bool:
    """Whether a grant is for a certificate that this agent holds."""
    names = {each.x5t for each in (state.identity, state.successor) if each is not None}
    return grant.cnf.x5t in names


def believed(state: AgentState, text: str) -> Grant:
    """As `own`, and bound to a certificate that this agent holds."""
    grant = own(state, text)
    if not is_bound(state, grant):
        raise SignatureRefusedError("the grant is bound to another certificate")
    return grant


def adopted(
    policy: AgentPolicy,
    state: AgentState,
    grant: Grant,
    text: str,
    now: Reading,
    at: datetime,
    *,
    earlier: bool = False,
) -> AgentState:
    """The state that stands on a grant from now on; `earlier` is one that was given before this request."""
    time = state.time
    if earlier:
        time = clock.past(time, grant.iat)
    elif time.high_water is None or grant.iat >= time.high_water:
        # It answers a request of just now: its date is signed time, unless it was issued before and lost.
        time = clock.signed(time, now, grant.iat, "grant")
    call = deadline.exactly(grant.ref)
    if not policy.follows_windows:
        # A device of the document counts the period from the answer, by its own clock.
        call = deadline.exactly(at + (grant.ref - grant.iat))
    elif grant.next_call is not None and grant.next_call.start <= grant.next_call.end:
        call = deadline.Window(grant.next_call.start, grant.next_call.end).clamped(grant.iat, grant.ref)
    return replace(
        state,
        time=time,
        grant=text,
        seq=grant.seq,
        authorization=AUTHORIZATION.target(state.authorization, of_grant(grant)),
        renew_authorization_at=call.pick(settle.position(grant.sub, grant.seq)),
        last_authorization=Attempt(at=at, worked=True),
    )


def taken_up(
    policy: AgentPolicy, state: AgentState, grant: Grant, text: str, now: Reading, at: datetime
) -> Outcome:
    """A grant that the portal gave before and this agent does not know: its own, from before a backup was restored."""
    state = adopted(policy, state.without_exchange(Step.ENTITLE), grant, text, now, at, earlier=True)
    held = {each.tag: each.n for each in grant.ent}
    return replace(
        state,
        adoptions=state.adoptions + 1,
        asked_anew=held != {each.tag: each.count for each in state.wanted},
    ), (Tell(code="grant-adopted", sentence="the portal knew a newer grant, which was adopted"),)
