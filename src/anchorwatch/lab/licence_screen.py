"""What a virtual device prints about its licence, as facts: the state of its agent in the words of its generation.

The agent is the same on every platform, so one function serves the ASA and the FXOS; they differ in the generation of
the screens (domain 2.3), in the rule under the title, and in how they print a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from anchorwatch.devices.license_fact import (
    Attempt,
    Authorization,
    Entitlement,
    LicenseReport,
    Privacy,
    Registration,
    Transport,
)
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen
from anchorwatch.licensing import state as agent
from anchorwatch.licensing.clock import Reading
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Step
from anchorwatch.licensing.status import (
    AUTHORIZATION_WORDS,
    REGISTRATION_WORDS,
    AuthorizationState,
    RegistrationState,
)

_B = ("title", "enabled", "registration", "authorization", "usage", "product", "agent")
_C = (
    "title", "enabled", "registration", "authorization", "export", "utility", "privacy", "transport", "usage",
    "product", "agent", "reservation",
)  # fmt: skip
_OVER = (AuthorizationState.EXPIRED, AuthorizationState.GRACE_EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """How a device prints: `when` makes its own times, `reasons` are its words for failures by what was attempted.

    `titles` are the names of what is licensed, by tag; `failed_at` is when the portal refused the registration for good;
    `latest` says that it is of the generation C; `privacy` are
    the words of ``privacy`` in its configuration.
    """

    policy: AgentPolicy
    now: Reading
    when: Callable[[datetime], DeviceTime]
    latest: bool
    reasons: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    failed_at: datetime | None = None
    privacy: tuple[str, ...] = ()
    transport: str = "Callhome"
    rule: str = "======================"


def whole(state: AgentState, by: Printed) -> LicenseReport:
    """All of ``show license all``."""
    hidden = "ENABLED" if "host-name" in by.privacy else "DISABLED"
    udi = state.product.udi
    return LicenseReport(
        enabled=Seen(True),
        registration=_registration(state, by),
        authorization=_authorization(state, by),
        export_features=Seen(("<none>",)) if by.latest else None,
        utility=Seen("DISABLED") if by.latest else None,
        privacy=Privacy(
            sending_hostname=Seen("no" if "host-name" in by.privacy else "yes"),
            call_home_hostname=Seen("DISABLED"),
            smart_hostname=Seen(hidden),
            version=Seen("ENABLED" if "version" in by.privacy else "DISABLED"),
        )
        if by.latest
        else None,
        transport=Transport(kind=Seen(by.transport)) if by.latest else None,
        usage_shown=True,
        entitlements=_entitlements(state, by),
        udi=Seen(f"PID:{udi.pid},SN:{udi.sn}"),
        agent_version=Seen(state.product.agent),
        reservation=Seen("DISABLED") if by.latest else None,
        sections=_C if by.latest else _B,
        rule=by.rule,
    )


def overall(state: AgentState) -> AuthorizationState:
    """The authorization as a whole; what was granted to an identity that is gone counts no more."""
    if state.identity is None and state.authorization in (
        AuthorizationState.WAITING,
        AuthorizationState.NOT_AUTHORIZED,
    ):
        return AuthorizationState.EVALUATION if state.wanted else AuthorizationState.NOTHING_REQUESTED
    return state.authorization


def _registration(state: AgentState, by: Printed) -> Registration:
    identity, grant = state.identity, state.granted()
    allowed = grant is not None and identity is not None and grant.export.allowed
    export = "Allowed" if allowed else "Not Allowed"
    initial = state.last_registration
    if identity is not None and state.registered_at is not None and (initial is None or initial.worked):
        initial = agent.Attempt(at=state.registered_at, worked=True)
    if identity is None and initial is not None and initial.worked:
        initial = None
    if state.registration is RegistrationState.FAILED and by.failed_at is not None:
        initial = agent.Attempt(at=by.failed_at, worked=False)
    under_way = state.registration in (RegistrationState.IN_PROGRESS, RegistrationState.RETRYING)
    renewal = _attempt(by, "identity", state.last_identity_renewal) or Attempt(outcome=Seen("None"))
    return Registration(
        status=Seen(REGISTRATION_WORDS[state.registration].printed),
        smart_account=Seen(grant.acct.sa) if grant is not None and identity is not None else None,
        virtual_account=Seen(state.va) if state.va is not None and identity is not None else None,
        export_controlled=Seen(export.upper() if by.latest else export),
        initial=_attempt(by, "registration", initial),
        last_renewal=renewal if identity is not None and not under_way else None,
        next_renewal=_next(by, state, Step.REENROL, state.renew_identity_at)
        if identity is not None
        else None,
        expires=_seen(by, identity.not_after) if identity is not None else None,
    )


def _authorization(state: AgentState, by: Printed) -> Authorization:
    found = overall(state)
    words = Seen(AUTHORIZATION_WORDS[found].printed)
    if state.identity is None:
        left = max(by.policy.evaluation - state.evaluation_used, timedelta(0))
        evaluating = found is AuthorizationState.EVALUATION
        return Authorization(
            status=Attempt(outcome=words), evaluation_remaining=Seen(_spelled(left)) if evaluating else None
        )
    grant, last = state.granted(), state.last_authorization
    since = last.at if last is not None and last.worked else grant.iat if grant is not None else None
    over = found in _OVER
    success = "SUCCEEDED" if by.latest else "SUCCESS"
    return Authorization(
        status=Attempt(outcome=words, time=by.when(since) if since is not None else None),
        last_communication=_attempt(by, "authorization", last, success=success)
        or Attempt(outcome=Seen("NONE")),
        next_communication=_next(by, state, Step.ENTITLE, state.renew_authorization_at),
        deadline=_seen(by, grant.exp) if grant is not None and not over else None,
        deadline_exceeded=Seen("DEADLINE EXCEEDED") if over else None,
    )


def _entitlements(state: AgentState, by: Printed) -> tuple[Entitlement, ...]:
    grant = state.granted()
    if grant is None or state.identity is None:
        status = AUTHORIZATION_WORDS[overall(state)].printed
        found = [(each.tag, each.count, "", status) for each in state.wanted]
    else:
        given = {each.tag: each for each in grant.ent}
        over = AUTHORIZATION_WORDS[state.authorization].printed if state.authorization in _OVER else ""
        waiting = AUTHORIZATION_WORDS[AuthorizationState.WAITING].printed
        found = [
            (
                each.tag,
                each.count,
                by.titles.get(each.tag, each.tag),
                over
                or (AUTHORIZATION_WORDS[given[each.tag].status].printed if each.tag in given else waiting),
            )
            for each in state.wanted
        ]
    return tuple(
        Entitlement(
            tag=Seen(tag),
            name=title,
            description=Seen(title),
            count=Seen(count),
            version=Seen("1.0"),
            status=Seen(status),
            export_status=Seen("NOT RESTRICTED") if by.latest else None,
        )
        for tag, count, title, status in found
    )


def _attempt(
    by: Printed, what: str, attempt: agent.Attempt | None, *, success: str = "SUCCEEDED"
) -> Attempt | None:
    if attempt is None:
        return None
    if attempt.worked:
        return Attempt(outcome=Seen(success), time=by.when(attempt.at))
    reason = by.reasons.get(what) or attempt.reason
    return Attempt(outcome=Seen("FAILED"), time=by.when(attempt.at), reason=Seen(reason) if reason else None)


def _next(by: Printed, state: AgentState, step: Step, planned: datetime | None) -> Seen[DeviceTime] | None:
    timer = state.timer(step)
    if timer is not None and timer.due is not None:
        return _seen(by, by.now.wall + max(timer.due - by.now.mono, timedelta(0)))
    return None if planned is None else _seen(by, planned)


def _seen(by: Printed, moment: datetime) -> Seen[DeviceTime]:
    return Seen(by.when(moment))


def _spelled(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} days, {hours} hours, {minutes} minutes, {seconds} seconds"
