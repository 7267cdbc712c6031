"""The agent: four machines, one exchange at a time, every right by signed word only.

`receive` takes the state, an event, a look at the clocks and a source of chance, and gives the next state and what to
do, in order. What to do next is asked of the state alone (`_jobs`), so a crash loses no plan: whoever loads the state
and calls `receive` with `Started` goes on where it stopped, with the same request under the same key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from anchorwatch.licensing import answer, clock, deadline, lapse, retry, settle, wire
from anchorwatch.licensing.authorization import TABLE as AUTHORIZATION
from anchorwatch.licensing.authorization import AuthorizationEvent
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.error import BundleRefusedError
from anchorwatch.licensing.event import (
    Action,
    AlarmCleared,
    Answered,
    ArrangeKeys,
    Broke,
    BundleGiven,
    Deregister,
    Entropy,
    EraseToken,
    Event,
    KeyReady,
    LocalChange,
    MakeKey,
    Persist,
    Register,
    RenewAuthorization,
    RenewIdentity,
    Send,
    Started,
    Tell,
    Tick,
    Want,
    WipeKeys,
)
from anchorwatch.licensing.message import (
    DEFAULT_LABEL,
    ENTITLEMENTS,
    EST,
    INCIDENTS,
    JSON,
    PKCS10,
    RENEWAL_INFO,
    SELF,
    TIME,
    TRUST,
    ClockReport,
    DeviceInfo,
    EntitlementRequest,
    IncidentReport,
    TimeRequest,
)
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.registration import TABLE as REGISTRATION
from anchorwatch.licensing.registration import RegistrationEvent
from anchorwatch.licensing.state import AgentState, Exchange, Intent, Rekeying, Slot, Step, digest
from anchorwatch.licensing.status import AuthorizationState, RegistrationState
from anchorwatch.licensing.trust import BUNDLE_TABLE, BundleEvent

AT_LEAST_EVERY = timedelta(hours=6)
"""The agent looks at the clock so often, that the stored high-water mark does not fall far behind."""
SELDOM = timedelta(days=30)
"""As often where rights end by the device's own clock, and no mark has to follow."""
NOW = timedelta(0)
MOST_ENTITLEMENTS = 128
"""In one L1; more is no request that anybody could read."""


def receive(
    policy: AgentPolicy, state: AgentState, event: Event, now: Reading, entropy: Entropy
) -> tuple[AgentState, tuple[Action, ...]]:
    """What an event changes, and what to do about it, in order; `Persist` comes first where something changed.

    Raises `EventRefusedError` for what an operator cannot ask for in this state; nothing else.
    """
    before = state
    passed = clock.elapsed(state.time, now)
    state = replace(state, time=clock.observe(state.time, now))
    # Asked before the event: a signed time that comes with it explains a step, and would make it forgotten.
    stepped = state.time.stepped
    state, actions = _taken(policy, state, event, now, entropy)
    state, ended = lapse.ended(policy, state, now, stepped=stepped)
    state, evaluated = lapse.evaluated(policy, state, passed)
    state, started = _pursued(policy, state, now, entropy)
    done = (*actions, *ended, *evaluated, *started)
    return state, ((Persist(), *done) if state != before else done)


def next_wakeup(policy: AgentPolicy, state: AgentState, now: Reading) -> timedelta:
    """How long until `receive` wants a `Tick`, by the monotonic clock; never more than six hours (thirty days by the device's clock)."""
    passed = clock.elapsed(state.time, now)
    state = replace(state, time=clock.observe(state.time, now))
    waits = [AT_LEAST_EVERY if policy.rights_by_signed_time else SELDOM]
    if state.in_flight is None:
        waits += [wait for _, wait in _jobs(policy, state, now)]
    if state.outside_since is not None:
        waits.append(state.outside_since + deadline.CLOCK_GRACE - now.mono)
    if state.authorization is AuthorizationState.EVALUATION:
        waits.append(policy.evaluation - state.evaluation_used - passed)
    at = lapse.rights(policy, state, now)
    if at is not None:
        grant = state.granted()
        ends = [grant.exp, grant.grace] if grant is not None else []
        if state.identity is not None:
            ends.append(state.identity.not_after)
        waits += [end - at for end in ends if end > at]
        # What has ended and was not yet told is due at once: at its very instant an end no longer lies ahead.
        if lapse.ended(policy, state, now, stepped=False)[1]:
            waits.append(NOW)
    return max(NOW, min(waits))


def next_job(policy: AgentPolicy, state: AgentState, now: Reading) -> tuple[Step, timedelta] | None:
    """What is to be done next and in how long, None where nothing is. For people: `receive` decides by itself."""
    state = replace(state, time=clock.observe(state.time, now))
    return min(_jobs(policy, state, now), key=lambda job: job[1], default=None)


# --- events ------------------------------------------------------------------------------------------------


def _taken(
    policy: AgentPolicy, state: AgentState, event: Event, now: Reading, entropy: Entropy
) -> tuple[AgentState, tuple[Action, ...]]:
    match event:
        case Started():
            return _started(state, now, entropy)
        case Tick():
            return state, ()
        case Register():
            return _registering(state, event, entropy), ()
        case KeyReady():
            return _with_key(state, event), ()
        case Want():
            return _wanting(state, event), ()
        case RenewAuthorization():
            _must_be_registered(state, "renew the authorization")
            return replace(state, asked_anew=True).with_timer(Step.ENTITLE, None), ()
        case RenewIdentity():
            _must_be_registered(state, "renew the ID certificate")
            at = lapse.scheduled(policy, state, now)
            return replace(state, renew_identity_at=at).with_timer(Step.REENROL, None), ()
        case Deregister():
            return _leaving(state)
        case BundleGiven():
            return _given(state, event, lapse.scheduled(policy, state, now), now)
        case AlarmCleared() | LocalChange():
            return (_nudged(state, now) if isinstance(event, LocalChange) else _cleared(state)), ()
        case Answered():
            return answer.taken(policy, state, event, now, entropy, lapse.scheduled(policy, state, now))
        case Broke():
            return _broken(policy, state, event, now, entropy), ()


def _started(state: AgentState, now: Reading, entropy: Entropy) -> tuple[AgentState, tuple[Action, ...]]:
    timers = tuple(
        replace(each, timer=retry.restarted(each.timer, now.boot, now.mono, entropy.fraction()))
        for each in state.timers
    )
    # Whoever starts may stand on a backup of the disk: the portal is asked what it granted last before it is asked for
    # more, which it would have to take for a twin's request. One that is still unanswered is sent as it was.
    recover = state.device_id is not None and state.exchange(Step.ENTITLE) is None
    state = replace(state, in_flight=None, timers=timers, outside_since=None, recover=recover)
    return state, _tidied(state)


def _broken(
    policy: AgentPolicy, state: AgentState, event: Broke, now: Reading, entropy: Entropy
) -> AgentState:
    exchange = next((each for each in state.exchanges if each.number == event.number), None)
    if exchange is None or state.in_flight != event.number:
        return state
    at = lapse.scheduled(policy, state, now)
    return settle.failed(policy, state, exchange.step, event.failure, now, entropy, at)


def _cleared(state: AgentState) -> AgentState:
    return replace(state, bundle_state=BUNDLE_TABLE.target(state.bundle_state, BundleEvent.CLEARED))


def _given(
    state: AgentState, event: BundleGiven, at: datetime, now: Reading
) -> tuple[AgentState, tuple[Action, ...]]:
    try:
        return answer.bundle(state.with_timer(Step.TRUST, None), event.jws, at, now)
    except BundleRefusedError as error:
        return state, (Tell(code=f"bundle-{error.code}", sentence=str(error)),)


def _tidied(state: AgentState) -> tuple[Action, ...]:
    """What a crash may have left undone."""
    coming = state.successor or state.rekeying or state.intent
    keys = ArrangeKeys(
        active=state.identity.spki_sha256 if state.identity is not None else None,
        next=coming.spki_sha256 if coming is not None else None,
    )
    return (keys,) if state.intent is not None else (keys, EraseToken())


def _must_be_registered(state: AgentState, what: str) -> None:
    if state.registration is not RegistrationState.REGISTERED:
        raise settle.refused(f"cannot {what}: the agent is not registered", state)


def _registering(state: AgentState, event: Register, entropy: Entropy) -> AgentState:
    target = REGISTRATION.target(state.registration, RegistrationEvent.REGISTER)
    intent = Intent(
        token_id=event.token_id, pin=event.pin, bundle_seq=event.bundle_seq, key=settle.fresh_key(entropy)
    )
    state = replace(state, registration=target, intent=intent, rekeying=None, reason=None, failure=None)
    for step in (Step.ENROL, Step.REENROL, Step.TRUST, Step.TIME, Step.ENTITLE, Step.DEVICE):
        state = state.without_exchange(step).with_timer(step, None)
    return replace(state, in_flight=None)


def _with_key(state: AgentState, event: KeyReady) -> AgentState:
    if state.intent is not None and event.slot is Slot.NEXT:
        return replace(state, intent=replace(state.intent, csr=event.csr, spki_sha256=event.spki_sha256))
    if state.rekeying is not None and event.slot is Slot.NEXT:
        return replace(state, rekeying=replace(state.rekeying, csr=event.csr, spki_sha256=event.spki_sha256))
    return state


def _wanting(state: AgentState, event: Want) -> AgentState:
    tags = {each.tag for each in event.entitlements}
    if len(tags) != len(event.entitlements) or len(tags) > MOST_ENTITLEMENTS:
        raise settle.refused(f"each of at most {MOST_ENTITLEMENTS} entitlements can be wanted once", state)
    if event.entitlements == state.wanted:
        return state
    state = replace(state, wanted=event.entitlements, asked_anew=True)
    asked = AuthorizationEvent.ASKED
    if not event.entitlements and state.grant is None:
        asked = AuthorizationEvent.NOTHING_WANTED
    return replace(state, authorization=AUTHORIZATION.target(state.authorization, asked))


def _leaving(state: AgentState) -> tuple[AgentState, tuple[Action, ...]]:
    target = REGISTRATION.target(state.registration, RegistrationEvent.DEREGISTER)
    state = replace(state, registration=target, in_flight=None, exchanges=(), timers=())
    if target is RegistrationState.NOT_REGISTERED:
        return settle.forgotten(state, None), (WipeKeys(),)
    return state, ()


def _nudged(state: AgentState, now: Reading) -> AgentState:
    timers = tuple(replace(each, timer=retry.nudged(each.timer, now.mono)) for each in state.timers)
    return replace(state, timers=timers)


# --- what to do next ---------------------------------------------------------------------------------------


def _jobs(policy: AgentPolicy, state: AgentState, now: Reading) -> Iterator[tuple[Step, timedelta]]:
    """The steps that are wanted, the most urgent first, each with the wait until it may be tried."""
    at = lapse.scheduled(policy, state, now)

    def wait(step: Step, due: datetime | None = None) -> timedelta | None:
        timer = state.timer(step)
        if timer is not None:
            return None if timer.due is None else max(NOW, timer.due - now.mono)
        return NOW if due is None or due <= at else due - at

    for step, due in _wanted(policy, state):
        waits = wait(step, due)
        if waits is not None:
            yield step, waits


def _wanted(policy: AgentPolicy, state: AgentState) -> Iterator[tuple[Step, datetime | None]]:
    match state.registration:
        case RegistrationState.DEREGISTERING:
            yield Step.REMOVE, None
        case RegistrationState.IN_PROGRESS | RegistrationState.RETRYING if state.intent is not None:
            if state.bundle is None and state.intent.candidate is None:
                yield Step.TRUST, None
            elif not state.intent.ready:
                yield Step.TIME, None
            else:
                # Also without a key: its making is this step's first half.
                yield Step.ENROL, None
                if state.heal:
                    yield Step.TRUST, None
        case RegistrationState.REGISTERED:
            yield from _wanted_registered(policy, state)
        case _:
            return


def _wanted_registered(policy: AgentPolicy, state: AgentState) -> Iterator[tuple[Step, datetime | None]]:
    bundle = state.trust()
    if policy.rights_by_signed_time and clock.wants_signed_time(state.time):
        yield Step.TIME, None
    if state.heal:
        yield Step.TRUST, None
    elif bundle is not None and state.bundle_at is not None:
        hinted = state.bundle_at + bundle.refresh_hint
        yield Step.TRUST, min(hinted, state.trust_check_at or hinted)
    if bundle is not None and state.announced_seq != bundle.seq:
        yield Step.DEVICE, None
    if state.device_id is None:
        return
    if state.recover:
        yield Step.RECOVER, None
    if state.exchange(Step.ENTITLE) is not None or state.asked_anew or state.show_grant:
        yield Step.ENTITLE, None
    elif state.renew_authorization_at is not None:
        yield Step.ENTITLE, state.renew_authorization_at
    if state.successor is None and state.renew_identity_at is not None:
        yield Step.REENROL, state.renew_identity_at
    if policy.follows_windows and state.info_at is not None:
        yield Step.INFO, state.info_at
    if policy.delivers_incidents and any(each.repaired_by for each in state.incidents):
        yield Step.INCIDENT, None


def _pursued(
    policy: AgentPolicy, state: AgentState, now: Reading, entropy: Entropy
) -> tuple[AgentState, tuple[Action, ...]]:
    if state.in_flight is not None:
        return state, ()
    step = next((step for step, wait in _jobs(policy, state, now) if wait <= NOW), None)
    if step is None:
        return state, ()
    if state.registration is RegistrationState.RETRYING and (
        step is Step.ENROL or state.timer(Step.ENROL) is None
    ):
        # What is done meanwhile, to help, does not end the wait for the next attempt.
        target = REGISTRATION.target(state.registration, RegistrationEvent.RETRY)
        state = replace(state, registration=target)
    if step is Step.ENROL and (state.intent is None or state.intent.csr is None):
        return state, (MakeKey(Slot.NEXT),)
    if step is Step.REENROL and (state.rekeying is None or state.rekeying.csr is None):
        rekeying = state.rekeying or Rekeying(key=settle.fresh_key(entropy))
        return replace(state, rekeying=rekeying), (MakeKey(Slot.NEXT),)
    return _sent(policy, state, step, now, entropy)


def _sent(
    policy: AgentPolicy, state: AgentState, step: Step, now: Reading, entropy: Entropy
) -> tuple[AgentState, tuple[Action, ...]]:
    number = state.numbers + 1
    nonce = wire.base64url(entropy.octets(16))
    kept = state.exchange(step)
    signer = Slot.NEXT if state.successor is not None else Slot.ACTIVE
    if kept is not None and step is not Step.TIME:
        exchange = replace(kept, number=number, nonce=nonce, signer=signer)
    else:
        body = _body(policy, state, step, now, nonce)
        exchange = Exchange(
            number=number,
            step=step,
            key=_key(state, step) or settle.fresh_key(entropy),
            nonce=nonce,
            body=wire.base64url(body or b""),
            seq=state.seq + 1 if step is Step.ENTITLE else 0,
            signer=signer,
        )
    others = tuple(each for each in state.exchanges if each.step is not step)
    state = replace(
        state,
        exchanges=(*others, exchange),
        in_flight=number,
        numbers=number,
        asked_anew=state.asked_anew and step is not Step.ENTITLE,
        show_grant=state.show_grant and step is not Step.ENTITLE,
    )
    method, path, media = _TARGETS[step]
    signed = step not in (Step.TRUST, Step.TIME, Step.ENROL)
    return state, (
        Send(
            number=number,
            step=step,
            method=method,
            path=path,
            body=exchange.octets if media else None,
            content_type=media,
            idempotency_key=None if method == "GET" else exchange.key,
            signer=(Slot.ACTIVE if step is Step.REENROL else signer) if signed else None,
            token=step is Step.ENROL,
            # Also of an agent whose rights end by its own clock: the portal tells its time, and the date is of the wire.
            created=clock.scheduled(state.time, now),
            nonce=nonce,
            plain_http=policy.heals_through_bundle and step in (Step.TRUST, Step.TIME),
        ),
    )


_TARGETS: dict[Step, tuple[str, str, str | None]] = {
    Step.TRUST: ("GET", TRUST, None),
    Step.TIME: ("POST", TIME, JSON),
    Step.ENROL: ("POST", f"{EST}/{DEFAULT_LABEL}/simpleenroll", PKCS10),
    Step.REENROL: ("POST", f"{EST}/{DEFAULT_LABEL}/simplereenroll", PKCS10),
    Step.DEVICE: ("PUT", SELF, JSON),
    Step.ENTITLE: ("PUT", ENTITLEMENTS, JSON),
    Step.RECOVER: ("GET", ENTITLEMENTS, None),
    Step.INFO: ("GET", RENEWAL_INFO, None),
    Step.REMOVE: ("DELETE", SELF, None),
    Step.INCIDENT: ("POST", INCIDENTS, JSON),
}


def _key(state: AgentState, step: Step) -> str | None:
    if step is Step.ENROL and state.intent is not None:
        return state.intent.key
    if step is Step.REENROL and state.rekeying is not None:
        return state.rekeying.key
    return None


def _body(policy: AgentPolicy, state: AgentState, step: Step, now: Reading, nonce: str) -> bytes | None:
    bundle = state.trust()
    trust_seq = bundle.seq if bundle is not None else 0
    match step:
        case Step.TRUST | Step.REMOVE | Step.RECOVER | Step.INFO:
            return None
        case Step.TIME:
            return wire.dump(TimeRequest(nonce=nonce))
        case Step.ENROL:
            return settle.request_body(state.intent.csr if state.intent else None)
        case Step.REENROL:
            return settle.request_body(state.rekeying.csr if state.rekeying else None)
        case Step.DEVICE:
            product = state.product
            return wire.dump(
                DeviceInfo(
                    udi=product.udi, sw=product.sw, agent=product.agent, ha=product.ha, trust_seq=trust_seq
                )
            )
        case Step.ENTITLE:
            grant = state.granted()
            report = ClockReport(
                now=lapse.scheduled(policy, state, now).replace(microsecond=0),
                source=state.time.source or "device",
                mono_ms=max(0, now.mono // timedelta(milliseconds=1)),
                boot_id=now.boot,
            )
            return wire.dump(
                EntitlementRequest(
                    seq=state.seq + 1,
                    entitlements=state.wanted,
                    clock=report,
                    trust_seq=trust_seq,
                    last_jti=grant.jti if grant is not None else None,
                    grant=state.grant if state.show_grant else None,
                    state_sha256=digest(state),
                    adoptions=state.adoptions,
                )
            )
        case Step.INCIDENT:
            over = tuple(each for each in state.incidents if each.repaired_by)
            return wire.dump(IncidentReport(incidents=over))


def describe(policy: AgentPolicy, state: AgentState) -> str:
    """The last failure in the words of the device, empty where there is none."""
    return policy.text(state.failure) if state.failure is not None else ""
