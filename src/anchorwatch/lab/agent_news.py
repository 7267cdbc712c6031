"""What a licensing agent logs, told from how its state moved.

Every message follows from the difference between two states that were written one after the other, so nothing is
logged that did not happen, and nothing that happened is forgotten by whoever did it. Mnemonics and severities are
those of the manuals (domain 3.4); the ASA wraps them into numbers of its own, the FXOS logs them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.devices.log_detail import AgentEvent
from anchorwatch.licensing import instance
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.state import AgentState, Attempt
from anchorwatch.licensing.status import AuthorizationState, RegistrationState

_PORTAL = "the Cisco Smart Software Manager (CSSM)"
_ASA_CODES = {2: "444302", 3: "444303", 4: "444304", 5: "444305", 6: "444306", 7: "444307"}


def asa_code(event: AgentEvent) -> str:
    """The number under which an ASA logs what the agent says: one for each severity."""
    return _ASA_CODES[event.severity]


def started() -> tuple[AgentEvent, ...]:
    """What an agent says when it starts."""
    return (
        AgentEvent(severity=6, mnemonic="AGENT_READY", text="Smart Agent for Licensing is initialized"),
        AgentEvent(severity=6, mnemonic="AGENT_ENABLED", text="Smart Agent for Licensing is enabled"),
    )


def clock_changed() -> AgentEvent:
    """What an agent says when somebody moved the clock."""
    return AgentEvent(
        severity=5,
        mnemonic="SYSTEM_CLOCK_CHANGED",
        text="Smart Agent for Licensing System clock has been changed",
    )


def news(
    policy: AgentPolicy, before: AgentState, after: AgentState, *, reason: str = ""
) -> tuple[AgentEvent, ...]:
    """What an agent logs when its state moved so, in order; mostly nothing.

    `reason` are the device's words for the failure, where the policy's are not the right ones.
    """
    said = reason or instance.describe(policy, after) or after.reason or "unknown"
    return tuple(_news(before, after, said))


def _news(before: AgentState, after: AgentState, reason: str) -> Iterator[AgentEvent]:
    who = f"for udi PID:{after.product.udi.pid},SN:{after.product.udi.sn}"
    yield from _registration(before, after, who, reason)
    yield from _communication(before, after, reason)
    if _failed(before.last_identity_renewal, after.last_identity_renewal):
        yield _say(3, "ID_CERT_RENEW_FAILED", f"ID certificate renewal failed: {reason} {who}")
    if _worked(before.last_identity_renewal, after.last_identity_renewal):
        yield _say(6, "ID_CERT_RENEW_SUCCESS", f"Identity certificate renewal successful {who}")
    if after.registration is RegistrationState.REGISTERED and _failed(
        before.last_authorization, after.last_authorization
    ):
        yield _say(3, "AUTH_RENEW_FAILED", f"Authorization renewal with {_PORTAL} : {reason} {who}")
    if _worked(before.last_authorization, after.last_authorization):
        yield _say(6, "AUTH_RENEW_SUCCESS", f"Authorization renewal with {_PORTAL} successful. {who}")
    yield from _authorization(before, after)


def _registration(before: AgentState, after: AgentState, who: str, reason: str) -> Iterator[AgentEvent]:
    if _failed(before.last_registration, after.last_registration) or (
        after.registration is RegistrationState.FAILED and before.registration is not RegistrationState.FAILED
    ):
        yield _say(
            3, "AGENT_REG_FAILED", f"Smart Agent for Licensing Registration with {_PORTAL} failed: {reason}"
        )
    if before.registration is after.registration:
        return
    was_under_way = before.registration in (RegistrationState.IN_PROGRESS, RegistrationState.RETRYING)
    match after.registration:
        case RegistrationState.REGISTERED if was_under_way:
            yield _say(
                6,
                "AGENT_REG_SUCCESS",
                f"Smart Agent for Licensing Registration with {_PORTAL} successful. {who}",
            )
        case RegistrationState.NOT_REGISTERED if before.registration is RegistrationState.DEREGISTERING:
            yield _say(
                6,
                "AGENT_DEREG_SUCCESS",
                f"Smart Agent for Licensing De-registration with {_PORTAL} successful. {who}",
            )
        case RegistrationState.EXPIRED:
            yield _say(
                3,
                "ID_CERT_EXPIRED",
                f"Identity certificate expired. Agent will transition to the unregistered state. {who}",
            )
        case RegistrationState.NOT_REGISTERED if before.outside_since is not None:
            yield _say(
                3,
                "REG_EXPIRED_CLOCK_CHANGE",
                "Smart Licensing registration has expired because the system time was changed outside the validity "
                "period of the registration period. The agent will transition to the un-registered state",
            )
        case _:
            return


def _communication(before: AgentState, after: AgentState, reason: str) -> Iterator[AgentEvent]:
    if _unreached(after) and not _unreached(before):
        yield _say(3, "COMM_FAILED", f"Communications failure with {_PORTAL} : {reason}")
    # A registration that is begun anew forgets the failure before, and has reached nobody yet.
    begun = after.intent is not None and after.intent != before.intent
    if _unreached(before) and not _unreached(after) and not begun:
        yield _say(5, "COMM_RESTORED", f"Communications with {_PORTAL} restored")
    if after.outside_since is not None and before.outside_since is None:
        yield clock_changed()
    grant, earlier = after.granted(), before.granted()
    if grant is not None and earlier is None:
        allowed = "allowed" if grant.export.allowed else "not allowed"
        yield _say(6, "EXPORT_CONTROLLED", f"Usage of export controlled features is {allowed}")


def _unreached(state: AgentState) -> bool:
    """Whether the last exchange failed before the portal said anything: a refusal of its own is no failure to reach it."""
    return state.failure is not None and state.failure.kind is not FailureClass.LICENCE_ERROR


def _authorization(before: AgentState, after: AgentState) -> Iterator[AgentEvent]:
    if before.authorization is after.authorization:
        return
    match after.authorization:
        case AuthorizationState.AUTHORIZED:
            yield _say(
                5, "IN_COMPLIANCE", "All entitlements and licenses in use on this device are authorized"
            )
        case AuthorizationState.OUT_OF_COMPLIANCE:
            yield _say(3, "OUT_OF_COMPLIANCE", "One or more entitlements are out of compliance")
        case AuthorizationState.OVERAGE:
            yield _say(4, "IN_OVERAGE", "One or more entitlements are in overage")
        case AuthorizationState.EXPIRED:
            yield _say(5, "AUTHORIZATION_EXPIRED", "Authorization period expired")
        case AuthorizationState.EVALUATION:
            yield _say(5, "EVAL_START", "Entering evaluation period")
        case AuthorizationState.EVALUATION_EXPIRED:
            yield _say(3, "EVAL_EXPIRED", "Evaluation period expired")
        case AuthorizationState.INVALID_TAG:
            yield _say(3, "INVALID_TAG", "The entitlement tag is invalid")
        case _:
            return


def _failed(before: Attempt | None, after: Attempt | None) -> bool:
    return after is not None and not after.worked and after != before


def _worked(before: Attempt | None, after: Attempt | None) -> bool:
    return after is not None and after.worked and after != before


def _say(severity: int, mnemonic: str, text: str) -> AgentEvent:
    return AgentEvent(severity=severity, mnemonic=mnemonic, text=text)
