"""The registration machine of an agent: an identity certificate, obtained with a token, renewed, lost.

The way back to "not registered" is narrow on purpose: only the operator, the end of the certificate in server-confirmed
time, or a revocation signed by the portal for this very request leads there. What merely answers 401 does not.
"""

from __future__ import annotations

from enum import StrEnum

from anchorwatch.licensing.machine import STAYS, Arrow, Table, arrows
from anchorwatch.licensing.status import RegistrationState as S


class RegistrationEvent(StrEnum):
    """What happens to a registration."""

    REGISTER = "register"
    CERTIFICATE = "certificate"
    PENDING = "pending"
    RETRYABLE = "retryable-failure"
    RETRY = "retry-due"
    PERMANENT = "signed-refusal"
    RENEWED = "renewed"
    ID_ENDED = "id-ended"
    CLOCK_LOST = "clock-lost"
    DEREGISTER = "deregister"
    RELEASED = "released"
    REVOKED = "signed-revocation"


_E = RegistrationEvent
STATES = (
    S.NOT_REGISTERED,
    S.IN_PROGRESS,
    S.RETRYING,
    S.FAILED,
    S.REGISTERED,
    S.EXPIRED,
    S.DEREGISTERING,
)

TABLE: Table[S, RegistrationEvent] = Table(
    name="registration",
    states=STATES,
    events=tuple(RegistrationEvent),
    initial=S.NOT_REGISTERED,
    arrows=(
        *arrows(
            (S.NOT_REGISTERED, S.IN_PROGRESS, S.RETRYING, S.FAILED, S.EXPIRED, S.REGISTERED),
            _E.REGISTER,
            S.IN_PROGRESS,
            "write down the intent, then the first packet",
        ),
        Arrow(S.IN_PROGRESS, _E.CERTIFICATE, S.REGISTERED, "store certificate and key, erase the token"),
        Arrow(S.RETRYING, _E.CERTIFICATE, S.REGISTERED, "a late answer counts"),
        Arrow(S.IN_PROGRESS, _E.PENDING, S.IN_PROGRESS, "wait as long as the portal asks (approval)"),
        *arrows(
            (S.IN_PROGRESS, S.RETRYING), _E.RETRYABLE, S.RETRYING, "classify, keep evidence, arm the timer"
        ),
        Arrow(S.RETRYING, _E.RETRY, S.IN_PROGRESS, "the same request under the same key"),
        *arrows((S.IN_PROGRESS, S.RETRYING), _E.PERMANENT, S.FAILED, "keep the reason, stop"),
        Arrow(S.REGISTERED, _E.RENEWED, S.REGISTERED, "keep the old key until the new one was used"),
        Arrow(S.REGISTERED, _E.ID_ENDED, S.EXPIRED, "rights go on as the grant says; register again"),
        Arrow(
            S.REGISTERED, _E.CLOCK_LOST, S.NOT_REGISTERED, "the policy cisco only: an hour outside the dates"
        ),
        *arrows(
            (S.REGISTERED,), _E.DEREGISTER, S.DEREGISTERING, "ask until the portal has forgotten the device"
        ),
        *arrows(
            (S.NOT_REGISTERED, S.IN_PROGRESS, S.RETRYING, S.FAILED, S.EXPIRED),
            _E.DEREGISTER,
            S.NOT_REGISTERED,
            "nothing to give back",
        ),
        Arrow(S.DEREGISTERING, _E.RELEASED, S.NOT_REGISTERED, "wipe keys and certificates"),
        *arrows((S.REGISTERED, S.DEREGISTERING), _E.REVOKED, S.NOT_REGISTERED, "wipe, keep the reason"),
        Arrow(S.DEREGISTERING, _E.ID_ENDED, S.NOT_REGISTERED, "nothing left to sign with"),
    ),
    otherwise={
        _E.REGISTER: "the device is being deregistered; wait until that is done",
        _E.CERTIFICATE: STAYS,
        _E.PENDING: STAYS,
        _E.RETRYABLE: STAYS,
        _E.RETRY: STAYS,
        _E.PERMANENT: STAYS,
        _E.RENEWED: STAYS,
        _E.ID_ENDED: STAYS,
        _E.CLOCK_LOST: STAYS,
        _E.DEREGISTER: STAYS,
        _E.RELEASED: STAYS,
        _E.REVOKED: STAYS,
    },
)
