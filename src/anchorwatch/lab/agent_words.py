"""Why an exchange with the portal failed, in the words of a device of the document.

A device repeats what its portal told it, and portals of that make have a vocabulary of their own (domain 2.13): where
ours answers with a problem of its own, the device says what it would have been told there.
"""

from __future__ import annotations

from anchorwatch.licensing import instance
from anchorwatch.licensing.failure import FailureClass
from anchorwatch.licensing.policy import AgentPolicy
from anchorwatch.licensing.problem import MEANINGS, Type
from anchorwatch.licensing.state import AgentState

_BACK_END = "Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT"
_GONE = (
    '{{"product_instance_identifier":["The identity for the instance {instance} is not valid.'
    'Please re-register the instance."]}}'
)
_SAID: dict[str, str] = {
    Type.TOKEN_INVALID: "The token is not valid",
    Type.TOKEN_EXPIRED: "The token has expired",
    Type.TOKEN_EXHAUSTED: "The token has exceeded maximum use count",
    Type.TOKEN_REVOKED: "The token has been revoked",
    Type.TOKEN_CONSTRAINT: "The token is not valid for this product",
    Type.UDI_CONFLICT: "The product PID:{pid},SN:{sn} has already been registered",
    Type.IDENTITY_UNKNOWN: _GONE,
    Type.IDENTITY_REVOKED: _GONE,
    Type.TAG_UNKNOWN: "The entitlement tag is not valid",
    Type.OVERLOADED: _BACK_END,
    Type.MAINTENANCE: _BACK_END,
    Type.RATE_LIMITED: _BACK_END,
}
_BY_TITLE = {MEANINGS[Type(kind)].title: said for kind, said in _SAID.items()}


def words(policy: AgentPolicy, state: AgentState) -> str:
    """The last failure as the device prints it; empty where there is none."""
    failure = state.failure
    if failure is None:
        return ""
    if failure.kind is FailureClass.HTTP_ERROR and failure.evidence.status is None:
        # Something answered that was no portal: the exchange failed, and no back end said so.
        return policy.texts.get(FailureClass.TLS_ALERT) or instance.describe(policy, state)
    said = _SAID.get(failure.evidence.problem or "")
    return _filled(said, state) if said else instance.describe(policy, state)


def refusal(state: AgentState) -> str:
    """Why the portal refused a registration for good, as the device prints it; empty where it did not."""
    said = _BY_TITLE.get(state.reason or "")
    return _filled(said, state) if said else state.reason or ""


def _filled(said: str, state: AgentState) -> str:
    udi = state.product.udi
    return said.format(pid=udi.pid, sn=udi.sn, instance=state.device_id or "unknown")
