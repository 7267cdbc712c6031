"""What an answer of the portal does to an agent. Only signed objects give or take a right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from anchorwatch.licensing import (
    clock,
    deadline,
    enrolment,
    granting,
    jws,
    problem,
    retry,
    settle,
    trust_bundle,
    window,
    wire,
)
from anchorwatch.licensing.claim import Receipt, Revocation, Revoked, TimeClaim
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.enrolment import Identity
from anchorwatch.licensing.error import (
    BundleRefusedError,
    LicensingError,
    MalformedMessageError,
    SignatureRefusedError,
)
from anchorwatch.licensing.event import (
    Action,
    Answered,
    Entropy,
    EraseToken,
    PromoteKey,
    Tell,
    WipeKeys,
)
from anchorwatch.licensing.failure import Evidence, Failure, FailureClass, noted
from anchorwatch.licensing.message import (
    DeviceAnswer,
    EntitlementRequest,
    IncidentReport,
    RenewalInfo,
)
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.problem import Problem, Retry, Type
from anchorwatch.licensing.registration import TABLE as REGISTRATION
from anchorwatch.licensing.registration import RegistrationEvent
from anchorwatch.licensing.state import AgentState, Attempt, Exchange, Slot, Step
from anchorwatch.licensing.trust import BUNDLE_TABLE, PEER_TABLE, BundleEvent, PeerEvent

Outcome = tuple[AgentState, tuple[Action, ...]]
UNSIGNED_REFUSAL = timedelta(hours=1)
"""How long after a 4xx that nobody signed, such as a captive portal's page."""
_NOT_OFFERED = (404, 405, 501)


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """An answer, what it answers, and when: by the device's clocks, and by the best guess at the time."""

    exchange: Exchange
    event: Answered
    policy: AgentPolicy
    now: Reading
    at: datetime


def taken(
    policy: AgentPolicy, state: AgentState, event: Answered, now: Reading, entropy: Entropy, at: datetime
) -> Outcome:
    """The state after an answer. One that belongs to nothing in flight, late or repeated, changes nothing."""
    exchange = next((each for each in state.exchanges if each.number == event.number), None)
    if exchange is None or state.in_flight != event.number:
        return state, ()
    state = replace(state, in_flight=None)
    if event.inspected is not None and exchange.step is not Step.INCIDENT:
        state = _watched(state, event.inspected, entropy, at)
    try:
        if event.status in (200, 204) or (exchange.step is Step.INCIDENT and event.status == 202):
            state, actions = _HANDLERS[exchange.step](
                state, Got(exchange=exchange, event=event, policy=policy, now=now, at=at)
            )
            return _proven(state, exchange, actions)
        if event.status == 202 and exchange.step is Step.ENROL:
            timer = retry.armed(retry.Purpose.REGISTRATION, now.boot, now.mono)
            wait = event.retry_after or timedelta(minutes=5)
            target = REGISTRATION.target(state.registration, RegistrationEvent.PENDING)
            state = replace(state, registration=target)
            return state.with_timer(Step.ENROL, retry.waited(timer, now.mono, wait)), ()
        if event.status in (404, 410) and exchange.step is Step.REMOVE:
            return _gone(state)
        if event.status in _NOT_OFFERED and exchange.step in (Step.INFO, Step.RECOVER):
            # A portal need not offer these; nobody has to mend anything.
            state = settle.worked(state, exchange.step, "answer")
            return replace(state, recover=False, info_at=at + window.BOUNDS[1]), ()
        if event.status == 304 and exchange.step is Step.TRUST and state.bundle is not None:
            return bundle(settle.worked(state, Step.TRUST, "bundle"), state.bundle, at, now)
        return _refused(policy, state, exchange, event, now, entropy, at)
    except BundleRefusedError as error:
        failure = Failure(kind=FailureClass.BODY_SIGNATURE, sentence=str(error))
        state = _rollback(state, error)
        return settle.failed(policy, state, exchange.step, failure, now, entropy, at), (
            Tell(code=f"bundle-{error.code}", sentence=str(error)),
        )
    except LicensingError as error:
        failure = Failure(kind=FailureClass.BODY_SIGNATURE, sentence=str(error)[:1024])
        return settle.failed(policy, state, exchange.step, failure, now, entropy, at), ()


def _watched(state: AgentState, seen: Failure, entropy: Entropy, at: datetime) -> AgentState:
    """Somebody looks on and is let: an incident for the portal, once a day."""
    if state.inspected_at is not None and at - state.inspected_at < window.PERIOD:
        return state
    incidents = noted(state.incidents, seen, at, settle.fresh_key(entropy))
    return replace(state, incidents=incidents, inspected_at=at)


def _proven(state: AgentState, exchange: Exchange, actions: tuple[Action, ...]) -> Outcome:
    """After the new key was used once with success, the old one goes."""
    signed = exchange.step in (Step.DEVICE, Step.ENTITLE, Step.RECOVER, Step.INFO, Step.INCIDENT)
    if state.successor is None or exchange.signer is not Slot.NEXT or not signed:
        return state, actions
    return replace(state, identity=state.successor, successor=None), (*actions, PromoteKey())


def _rollback(state: AgentState, error: BundleRefusedError) -> AgentState:
    if error.code not in (trust_bundle.Objection.ROLLBACK, trust_bundle.Objection.FORKED):
        return state
    return replace(state, bundle_state=BUNDLE_TABLE.target(state.bundle_state, BundleEvent.OLDER_SEEN))


# --- trust and time ----------------------------------------------------------------------------------------


def bundle(state: AgentState, text: str, at: datetime, now: Reading) -> Outcome:
    """The state after a bundle came, from the portal or by hand. Raises `BundleRefusedError`."""
    intent = state.intent
    if state.bundle is None and intent is not None:
        trust_bundle.accept(text, held=None, pin=intent.pin, token_seq=intent.bundle_seq)
        return replace(state, intent=replace(intent, candidate=text)), ()
    before = state.trust()
    accepted = trust_bundle.accept(text, held=state.bundle)
    state = replace(
        state,
        bundle=text,
        bundle_at=at,
        bundle_is_newest=True,
        trust_check_at=None,
        heal=False,
        bundle_state=BUNDLE_TABLE.target(state.bundle_state, BundleEvent.ACCEPTED),
    )
    if before is not None and accepted.seq > before.seq:
        timers = tuple(replace(each, timer=retry.nudged(each.timer, now.mono)) for each in state.timers)
        peer = PEER_TABLE.target(state.peer, PeerEvent.REPAIRED)
        return replace(state, timers=timers, peer=peer), (
            Tell(code="bundle-accepted", sentence=f"the trust bundle {accepted.seq} was accepted"),
        )
    return state, ()


def _trust(state: AgentState, got: Got) -> Outcome:
    text = got.event.body.decode("ascii", "replace").strip()
    state, actions = bundle(state, text, got.at, got.now)
    return settle.worked(state, got.exchange.step, "bundle"), actions


def _timed(state: AgentState, text: str, exchange: Exchange, now: Reading) -> AgentState:
    claim = wire.parse(TimeClaim, granting.checked(state, text, jws.Kind.TIME))
    if claim.nonce != exchange.nonce:
        raise SignatureRefusedError("the signed time is for another request")
    return replace(state, time=clock.signed(state.time, now, claim.now, "signed-time"))


def _time(state: AgentState, got: Got) -> Outcome:
    state = _timed(state, got.event.body.decode("ascii", "replace").strip(), got.exchange, got.now)
    state = settle.worked(state, got.exchange.step, "time")
    intent = state.intent
    if intent is None:
        return state, ()
    signed_at = clock.scheduled(state.time, got.now)
    if state.bundle is None and intent.candidate is not None:
        try:
            trust_bundle.first_contact(trust_bundle.read(intent.candidate), signed_at)
        except BundleRefusedError:
            state = replace(state, intent=replace(intent, candidate=None))
            failure = Failure(
                kind=FailureClass.BODY_SIGNATURE, sentence="the first trust bundle had already ended"
            )
            armed = retry.armed(retry.Purpose.REGISTRATION, got.now.boot, got.now.mono)
            return replace(state, failure=failure).with_timer(
                Step.TRUST, retry.failed(armed, got.now.mono, 1.0)
            ), (Tell(code="bundle-expired", sentence=failure.sentence),)
        state = replace(
            state,
            bundle=intent.candidate,
            bundle_at=signed_at,
            bundle_state=BUNDLE_TABLE.target(state.bundle_state, BundleEvent.ACCEPTED),
        )
    return replace(state, intent=replace(intent, ready=True, candidate=None)), ()


# --- identity ----------------------------------------------------------------------------------------------


def _identity(state: AgentState, body: bytes, spki_sha256: bytes | None) -> Identity:
    believed = state.trust()
    if believed is None or spki_sha256 is None:
        raise SignatureRefusedError("there is nothing to check an ID certificate by")
    return enrolment.issued(body, spki_sha256, believed)


def _enrolled(state: AgentState, got: Got) -> Outcome:
    identity = _identity(state, got.event.body, state.intent.spki_sha256 if state.intent else None)
    state = settle.worked(state, got.exchange.step, "registration")
    return replace(
        state,
        registration=REGISTRATION.target(state.registration, RegistrationEvent.CERTIFICATE),
        identity=identity,
        successor=None,
        intent=None,
        seq=0,
        grant=None,
        device_id=None,
        announced_seq=None,
        asked_anew=True,
        registered_at=got.at,
        last_registration=Attempt(at=got.at, worked=True),
        renew_identity_at=got.at + deadline.ID_RENEWAL,
    ), (PromoteKey(), EraseToken(), Tell(code="registered", sentence="the agent is registered"))


def _renewed(state: AgentState, got: Got) -> Outcome:
    identity = _identity(state, got.event.body, state.rekeying.spki_sha256 if state.rekeying else None)
    state = settle.worked(state, got.exchange.step, "renewal")
    return replace(
        state,
        registration=REGISTRATION.target(state.registration, RegistrationEvent.RENEWED),
        successor=identity,
        rekeying=None,
        announced_seq=None,
        last_identity_renewal=Attempt(at=got.at, worked=True),
        renew_identity_at=got.at + deadline.ID_RENEWAL,
    ), (Tell(code="id-renewed", sentence="the ID certificate was renewed"),)


def _gone(state: AgentState) -> Outcome:
    target = REGISTRATION.target(state.registration, RegistrationEvent.RELEASED)
    state = replace(settle.forgotten(replace(state, registration=target), "deregistered"), grant=None)
    return state, (WipeKeys(), Tell(code="deregistered", sentence="the portal has released the device"))


def _removed(state: AgentState, got: Got) -> Outcome:
    if got.event.status == 200:
        wire.parse(
            Receipt,
            granting.checked(state, got.event.body.decode("ascii", "replace").strip(), jws.Kind.RECEIPT),
        )
    return _gone(state)


def _device(state: AgentState, got: Got) -> Outcome:
    told = wire.parse(DeviceAnswer, got.event.body)
    state = settle.worked(state, got.exchange.step, "device")
    believed = state.trust()
    state = replace(
        state,
        device_id=told.device_id,
        va=told.va,
        announced_seq=believed.seq if believed is not None else None,
    )
    if not got.policy.follows_windows:
        return state, ()
    if told.renewal_info is not None:
        state = window.informed(state, told.renewal_info, got.at)
    return replace(state, info_at=got.at + window.PERIOD), ()


def _info(state: AgentState, got: Got) -> Outcome:
    """L3: the portal may move its herd, and call a device earlier before a change."""
    info = wire.parse(RenewalInfo, got.event.body)
    state = settle.worked(state, got.exchange.step, "renewal-info")
    wait = got.event.retry_after or window.PERIOD
    state = replace(state, info_at=got.at + min(max(wait, window.BOUNDS[0]), window.BOUNDS[1]))
    return window.informed(state, info, got.at), () if info.why is None else (
        Tell(code="renewal-info", sentence=info.why),
    )


def _delivered(state: AgentState, got: Got) -> Outcome:
    sent = {incident.id for incident in wire.parse(IncidentReport, got.exchange.octets).incidents}
    state = settle.worked(state, got.exchange.step, "incident")
    return replace(state, incidents=tuple(each for each in state.incidents if each.id not in sent)), ()


# --- grants ------------------------------------------------------------------------------------------------


def _entitled(state: AgentState, got: Got) -> Outcome:
    text = got.event.body.decode("ascii", "replace").strip()
    grant = granting.believed(state, text)
    if grant.seq != got.exchange.seq:
        raise SignatureRefusedError(f"the grant is number {grant.seq}, and {got.exchange.seq} was asked for")
    return granting.adopted(
        got.policy, settle.worked(state, got.exchange.step, "grant"), grant, text, got.now, got.at
    ), ()


def _recovered(state: AgentState, got: Got) -> Outcome:
    """L2: the last grant, where the portal gave one that is not here."""
    told = got.event.body.decode("ascii", "replace").strip()
    grant = granting.own(state, told) if got.event.status == 200 else None
    state = replace(settle.worked(state, got.exchange.step, "grant"), recover=False)
    if grant is None or grant.seq < state.seq or (grant.seq == state.seq and state.grant is not None):
        return state, ()
    if not granting.is_bound(state, grant):
        # Given to a certificate that is gone; the next request will be answered with one for this.
        return state, ()
    return granting.taken_up(got.policy, state, grant, told, got.now, got.at)


# --- refusals ----------------------------------------------------------------------------------------------


def _refused(
    policy: AgentPolicy,
    state: AgentState,
    exchange: Exchange,
    event: Answered,
    now: Reading,
    entropy: Entropy,
    at: datetime,
) -> Outcome:
    found = problem.read(event.body)
    kind = found.kind if found is not None else None
    if found is not None and kind is not None:
        helped = _helped(policy, state, exchange, found, kind, now, at)
        if helped is not None:
            return helped
    wait = event.retry_after
    if 400 <= event.status < 500 and event.status not in (408, 409, 425, 429):
        wait = max(wait or timedelta(0), UNSIGNED_REFUSAL)
    if found is not None and found.retry is Retry.OPERATOR:
        wait = max(wait or timedelta(0), timedelta(hours=6))
    failure = _of_problem(event.status, found, kind)
    state = _marked(state, exchange, corrected=False)
    if kind in (Type.KEY_REUSE, Type.MESSAGE_MALFORMED, Type.SEQUENCE_FORK):
        # The same request can never do better.
        state = replace(state.without_exchange(exchange.step), asked_anew=exchange.step is Step.ENTITLE)
    if kind in (Type.SEQUENCE_FORK, Type.STALE_SEQUENCE):
        # Once a person has said which of two lives, that one goes on from the grant the portal knows.
        state = replace(state, recover=True)
    return settle.failed(policy, state, exchange.step, failure, now, entropy, at, retry_after=wait), ()


def _helped(
    policy: AgentPolicy,
    state: AgentState,
    exchange: Exchange,
    found: Problem,
    kind: Type,
    now: Reading,
    at: datetime,
) -> Outcome | None:
    """What a problem with a signed object inside changes; None where it brings nothing one may act on."""
    if kind is Type.HISTORY_LOST and state.grant is not None and exchange.step is Step.ENTITLE:
        if wire.parse(EntitlementRequest, exchange.octets).grant is not None:
            # It was shown already; whoever still asks is answered by the timer, not by a loop.
            return None
        return replace(state.without_exchange(Step.ENTITLE), show_grant=True), ()
    if kind in (Type.IDENTITY_UNKNOWN, Type.IDENTITY_SUPERSEDED) and state.successor is not None:
        if exchange.signer is Slot.ACTIVE:
            return replace(state, identity=state.successor, successor=None), (PromoteKey(),)
        return None
    if found.signed is None:
        return None
    try:
        if kind is Type.CREATED_OUT_OF_WINDOW and found.nonce == exchange.nonce:
            if exchange.corrected:
                # Once at once; a second time it is a failure like others, else two clocks could chase each other.
                return None
            state = _timed(state, found.signed, exchange, now)
            return _marked(state, exchange, corrected=True).with_timer(exchange.step, None), ()
        if kind is Type.STALE_SEQUENCE:
            grant = granting.believed(state, found.signed)
            if grant.seq <= state.seq:
                return None
            return granting.taken_up(
                policy, settle.worked(state, exchange.step, "grant"), grant, found.signed, now, at
            )
        return _revoked(state, exchange, found.signed, kind)
    except (SignatureRefusedError, MalformedMessageError):
        return None


def _marked(state: AgentState, exchange: Exchange, *, corrected: bool) -> AgentState:
    marked = tuple(
        replace(each, corrected=corrected) if each.number == exchange.number else each
        for each in state.exchanges
    )
    return replace(state, exchanges=marked)


def _revoked(state: AgentState, exchange: Exchange, text: str, kind: Type) -> Outcome | None:
    told = wire.parse(Revocation, granting.checked(state, text, jws.Kind.REVOKE))
    if told.req != exchange.key or told.problem != kind:
        return None
    if told.what is Revoked.TOKEN and state.intent is not None and told.sub == state.intent.token_id:
        target = REGISTRATION.target(state.registration, RegistrationEvent.PERMANENT)
        meaning = problem.MEANINGS[kind].title
        failure = Failure(
            kind=FailureClass.LICENCE_ERROR,
            sentence=meaning,
            evidence=Evidence(problem=str(kind), words=meaning),
        )
        state = replace(
            state.without_exchange(Step.ENROL),
            registration=target,
            intent=None,
            failure=failure,
            reason=meaning,
            timers=(),
        )
        return state, (EraseToken(), Tell(code="registration-failed", sentence=meaning))
    signer = state.successor if exchange.signer is Slot.NEXT else state.identity
    if told.what is Revoked.IDENTITY and signer is not None and told.sub == signer.x5t:
        target = REGISTRATION.target(state.registration, RegistrationEvent.REVOKED)
        state = replace(settle.forgotten(replace(state, registration=target), settle.REVOKED), grant=None)
        return state, (WipeKeys(), Tell(code="revoked", sentence="the portal has revoked the identity"))
    return None


def _of_problem(status: int, found: Problem | None, kind: Type | None) -> Failure:
    if found is None or kind is None:
        return Failure(
            kind=FailureClass.HTTP_ERROR,
            sentence=f"the answer was HTTP status {status}",
            evidence=Evidence(status=min(max(status, 100), 599)),
        )
    return Failure(
        kind=FailureClass.LICENCE_ERROR,
        sentence=problem.MEANINGS[kind].title,
        evidence=Evidence(status=found.status, problem=str(kind), words=found.detail or found.title),
    )


_Handler = Callable[[AgentState, Got], Outcome]
_HANDLERS: dict[Step, _Handler] = {
    Step.TRUST: _trust,
    Step.TIME: _time,
    Step.ENROL: _enrolled,
    Step.REENROL: _renewed,
    Step.DEVICE: _device,
    Step.ENTITLE: _entitled,
    Step.RECOVER: _recovered,
    Step.INFO: _info,
    Step.REMOVE: _removed,
    Step.INCIDENT: _delivered,
}
