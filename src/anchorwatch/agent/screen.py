"""What an agent says of itself: the screen ``show license all`` of its kind, and the same as a document."""

from __future__ import annotations

from datetime import datetime

from anchorwatch.agent import advice
from anchorwatch.base.schema import Schema
from anchorwatch.devices import license as screen
from anchorwatch.devices.license_fact import Attempt as Outcome
from anchorwatch.devices.license_fact import Authorization, Entitlement, LicenseReport, Registration
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen
from anchorwatch.licensing import instance
from anchorwatch.licensing.failure import Failure
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Attempt
from anchorwatch.licensing.status import (
    AUTHORIZATION_WORDS,
    REGISTRATION_WORDS,
    AuthorizationState,
    RegistrationState,
)
from anchorwatch.licensing.trust import BundleState

SCHEMA = Schema("licence-agent-status", 1)
_EVALUATED = (AuthorizationState.EVALUATION, AuthorizationState.EVALUATION_EXPIRED)
_OVER = (AuthorizationState.EXPIRED, AuthorizationState.GRACE_EXPIRED)


def well(state: AgentState) -> bool:
    """Whether there is nothing for a person to do: registered, and everything wanted is authorized."""
    fine = (AuthorizationState.AUTHORIZED, AuthorizationState.NOTHING_REQUESTED, AuthorizationState.RESERVED)
    return (
        state.registration is RegistrationState.REGISTERED
        and state.authorization in fine
        and state.failure is None
        and state.bundle_state is not BundleState.ROLLBACK_SUSPECTED
    )


def render(policy: AgentPolicy, state: AgentState) -> str:
    """The screen, its times in UTC; the failure reason in the words of the policy's device."""
    return screen.render(report(policy, state)) + "\n"


def report(policy: AgentPolicy, state: AgentState) -> LicenseReport:
    """The facts on the screen."""
    product = state.product
    udi = f"PID:{product.udi.pid},SN:{product.udi.sn}"
    return LicenseReport(
        enabled=Seen(True),
        registration=_registration(policy, state),
        authorization=_authorization(policy, state),
        usage_shown=True,
        entitlements=_entitlements(state),
        udi=Seen(udi + (f",UUID:{product.udi.uuid}" if product.udi.uuid else "")),
        agent_version=Seen(product.agent),
        sections=("title", "enabled", "registration", "authorization", "usage", "product", "agent"),
    )


def document(state: AgentState) -> dict[str, object]:
    """The same for programs: states by their one vocabulary, times in RFC 3339; nothing secret is in it."""
    grant, bundle, failure = state.granted(), state.trust(), state.failure
    return {
        "registration": str(state.registration),
        "authorization": str(state.authorization),
        "portal": state.product.portal,
        "device": {"product": state.product.udi.pid, "serial": state.product.udi.sn, "id": state.device_id},
        "virtual_account": state.va,
        "identity": None
        if state.identity is None
        else {"not_after": _rfc3339(state.identity.not_after), "renew_at": _rfc3339(state.renew_identity_at)},
        "grant": None
        if grant is None
        else {
            "sequence": grant.seq,
            "renew_at": _rfc3339(state.renew_authorization_at),
            "deadline": _rfc3339(grant.exp),
            "grace_end": _rfc3339(grant.grace),
            "entitlements": [
                {"tag": each.tag, "count": each.n, "status": str(each.status)} for each in grant.ent
            ],
        },
        "trust": {
            "bundle": None if bundle is None else bundle.seq,
            "state": str(state.bundle_state),
            "peer": str(state.peer),
        },
        "clock": str(state.time.state),
        "clock_skew_seconds": None if state.time.skew is None else int(state.time.skew.total_seconds()),
        "evaluation_used_seconds": int(state.evaluation_used.total_seconds()),
        "failure": None if failure is None else _failure(failure),
        "incidents": [
            {
                **_failure(each.failure),
                "first": _rfc3339(each.first),
                "last": _rfc3339(each.last),
                "count": each.count,
                "over": each.repaired_by is not None,
            }
            for each in state.incidents
        ],
        "reason": state.reason,
    }


def _failure(failure: Failure) -> dict[str, object]:
    return {
        "class": str(failure.kind),
        "sentence": failure.sentence,
        "problem": failure.evidence.problem,
        "presented": list(failure.evidence.presented),
        "missing": list(failure.evidence.missing),
        "next_step": advice.next_step(failure),
    }


def _registration(policy: AgentPolicy, state: AgentState) -> Registration:
    identity, grant = state.identity, state.granted()
    initial = state.last_registration
    if state.registered_at is not None and (initial is None or initial.worked):
        initial = Attempt(at=state.registered_at, worked=True)
    return Registration(
        status=Seen(REGISTRATION_WORDS[state.registration].printed),
        smart_account=Seen(grant.acct.sa) if grant is not None and identity is not None else None,
        virtual_account=Seen(state.va) if state.va is not None and identity is not None else None,
        export_controlled=Seen("Allowed" if grant is not None and grant.export.allowed else "Not Allowed"),
        initial=_attempt(policy, state, initial),
        last_renewal=_attempt(policy, state, state.last_identity_renewal) or Outcome(outcome=Seen("None")),
        next_renewal=_seen(state.renew_identity_at) if identity is not None else None,
        expires=_seen(identity.not_after) if identity is not None else None,
    )


def _authorization(policy: AgentPolicy, state: AgentState) -> Authorization:
    grant = state.granted()
    last = _attempt(policy, state, state.last_authorization)
    over = state.authorization in _OVER
    return Authorization(
        status=Outcome(
            outcome=Seen(AUTHORIZATION_WORDS[state.authorization].printed),
            time=_time(grant.iat) if grant is not None else None,
        ),
        last_communication=last or Outcome(outcome=Seen("None")),
        next_communication=_seen(state.renew_authorization_at) if state.identity is not None else None,
        deadline=_seen(grant.exp) if grant is not None and not over else None,
        deadline_exceeded=Seen("DEADLINE EXCEEDED") if over else None,
        evaluation_remaining=_remaining(policy, state),
    )


def _remaining(policy: AgentPolicy, state: AgentState) -> Seen[str] | None:
    """What is left of the evaluation, as devices print it; counted up to the last look at the clock."""
    if state.authorization is not AuthorizationState.EVALUATION:
        return None
    left = policy.evaluation - state.evaluation_used
    minutes, seconds = divmod(left.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return Seen(f"{left.days} days, {hours} hours, {minutes} minutes, {seconds} seconds")


def _entitlements(state: AgentState) -> tuple[Entitlement, ...]:
    grant = state.granted()
    if grant is None or state.authorization in _EVALUATED:
        waiting = AUTHORIZATION_WORDS[AuthorizationState.WAITING].printed
        if state.authorization in _EVALUATED:
            waiting = AUTHORIZATION_WORDS[state.authorization].printed
        found = [(each.tag, each.count, waiting) for each in state.wanted]
    else:
        found = [(each.tag, each.n, AUTHORIZATION_WORDS[each.status].printed) for each in grant.ent]
    return tuple(
        Entitlement(tag=Seen(tag), count=Seen(count), status=Seen(status)) for tag, count, status in found
    )


def _attempt(policy: AgentPolicy, state: AgentState, attempt: Attempt | None) -> Outcome | None:
    if attempt is None:
        return None
    if attempt.worked:
        return Outcome(outcome=Seen("SUCCEEDED"), time=_time(attempt.at))
    said = instance.describe(policy, state) or attempt.reason or "unknown"
    return Outcome(outcome=Seen("FAILED"), time=_time(attempt.at), reason=Seen(said))


def _seen(moment: datetime | None) -> Seen[DeviceTime] | None:
    return None if moment is None else Seen(_time(moment))


def _time(moment: datetime) -> DeviceTime:
    return DeviceTime(wall=moment.replace(tzinfo=None, microsecond=0))


def _rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
