"""How an agent behaves, as a record: ours heals itself, a device of the document does not.

`cisco` is the lab's: nothing is faked by blocking it, it simply has no such habit. Its texts are those of the agents
of three generations (the failure a person reads on the screen), by class of failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum

from anchorwatch.licensing.deadline import CLOCK_GRACE, EVALUATION
from anchorwatch.licensing.failure import Failure, FailureClass


class Generation(StrEnum):
    """Whose words a device uses."""

    ASA = "asa"
    FXOS = "fxos"
    IOS_XE = "ios-xe"


_SEND = "Communication message send error"
_RESPONSE = "Communication message send response error"
_SERVER = "Failed to authenticate server"
_CALL_HOME = "Fail to send out Call Home HTTP message."
_RESOLVE = "Unable to resolve server hostname/domain name"
_BACK_END = "Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT"

_TRUST = (
    FailureClass.TLS_INTERCEPTED,
    FailureClass.UNKNOWN_ROOT,
    FailureClass.MISSING_INTERMEDIATE,
    FailureClass.LEAF_EXPIRED,
    FailureClass.LEAF_NOT_YET_VALID,
    FailureClass.NAME_MISMATCH,
    FailureClass.WEAK_ALGORITHM,
    FailureClass.REVOKED,
)
_TRANSPORT = (
    FailureClass.TCP_REFUSED,
    FailureClass.TCP_TIMEOUT,
    FailureClass.PROXY_REFUSED,
    FailureClass.PROXY_AUTH,
)
_TLS = (FailureClass.TLS_VERSION, FailureClass.TLS_ALERT)


def _texts(*, trust: str, transport: str, tls: str, dns: str) -> dict[FailureClass, str]:
    return (
        dict.fromkeys(_TRUST, trust)
        | dict.fromkeys(_TRANSPORT, transport)
        | dict.fromkeys(_TLS, tls)
        | {FailureClass.DNS: dns, FailureClass.HTTP_ERROR: _BACK_END, FailureClass.BODY_SIGNATURE: _RESPONSE}
    )


TEXTS: Mapping[Generation, Mapping[FailureClass, str]] = {
    Generation.ASA: _texts(trust=_RESPONSE, transport=_SEND, tls=_RESPONSE, dns=_SEND),
    Generation.FXOS: _texts(trust=_SERVER, transport=_SEND, tls=_SEND, dns=_SEND),
    Generation.IOS_XE: _texts(trust=_CALL_HOME, transport=_CALL_HOME, tls=_CALL_HOME, dns=_RESOLVE),
}
"""What a device prints for a class of failure; for `licence_error` it prints the portal's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPolicy:
    """Every habit in which agents differ."""

    name: str
    heals_through_bundle: bool
    """Fetches the signed bundle when the server is not believed, over plain HTTP too, and uses its TLS anchors."""
    rights_by_signed_time: bool
    """Rights end by signed and monotonic time; otherwise by the device's clock, as it stands."""
    clock_grace: timedelta | None
    """How long a moved clock may stand outside the certificate's dates before the registration is lost."""
    auto_import: time | None
    """When, by the device's local clock, the trust pool is imported; None where never or by hand."""
    delivers_incidents: bool
    follows_windows: bool
    """Asks the portal when it would like to be called (L3), and keeps to it within the signed dates."""
    evaluates_again: bool
    """Whether an agent that lost its registration goes back to what is left of its evaluation."""
    evaluation: timedelta = EVALUATION
    """How long something may be used without a registration; counted while it is used."""
    tolerates_interception: bool = False
    """Speaks to the portal also where somebody between ends TLS, and reports it. What is signed stays so either way:
    requests by the device, grants, receipts and the time by the portal; certificates are checked by key and authority."""
    texts: Mapping[FailureClass, str] = field(default_factory=dict)

    def text(self, failure: Failure) -> str:
        """What the device says about a failure."""
        said = self.texts.get(failure.kind)
        return said or failure.evidence.words or failure.sentence


SL1 = AgentPolicy(
    name="sl1",
    heals_through_bundle=True,
    rights_by_signed_time=True,
    clock_grace=None,
    auto_import=None,
    delivers_incidents=True,
    follows_windows=True,
    evaluates_again=False,
)


def cisco(generation: Generation, *, auto_import: bool = True) -> AgentPolicy:
    """The policy of the document's devices; FXOS has no automatic import."""
    return AgentPolicy(
        name="cisco",
        heals_through_bundle=False,
        rights_by_signed_time=False,
        clock_grace=CLOCK_GRACE,
        auto_import=time(22, 0) if auto_import and generation is not Generation.FXOS else None,
        delivers_incidents=False,
        follows_windows=False,
        evaluates_again=True,
        texts=TEXTS[generation],
    )
