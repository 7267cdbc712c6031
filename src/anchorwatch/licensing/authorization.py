"""The authorization machine of an agent: whether what it uses is granted, and what silence does to that."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from anchorwatch.licensing.claim import Grant
from anchorwatch.licensing.machine import STAYS, Arrow, Table, arrows
from anchorwatch.licensing.status import AuthorizationState as S


class AuthorizationEvent(StrEnum):
    """What happens to an authorization."""

    ASKED = "asked"
    NOTHING_WANTED = "nothing-wanted"
    GRANTED = "granted"
    SHORT = "granted-short"
    OVER = "granted-over"
    BAD_TAG = "bad-tag"
    DENIED = "denied"
    DEADLINE = "deadline"
    GRACE_END = "grace-end"
    IDENTITY_LOST = "identity-lost"
    EVALUATION = "evaluation-started"
    EVALUATION_END = "evaluation-ended"
    DISABLED = "disabled"


_E = AuthorizationEvent
STATES = (
    S.NOTHING_REQUESTED,
    S.WAITING,
    S.AUTHORIZED,
    S.OUT_OF_COMPLIANCE,
    S.OVERAGE,
    S.INVALID_TAG,
    S.NOT_AUTHORIZED,
    S.EXPIRED,
    S.GRACE_EXPIRED,
    S.EVALUATION,
    S.EVALUATION_EXPIRED,
    S.DISABLED,
)
_ANSWERED = (S.AUTHORIZED, S.OUT_OF_COMPLIANCE, S.OVERAGE, S.INVALID_TAG, S.NOT_AUTHORIZED)
_UNREGISTERED = (S.NOTHING_REQUESTED, S.WAITING, S.NOT_AUTHORIZED)

TABLE: Table[S, AuthorizationEvent] = Table(
    name="authorization",
    states=STATES,
    events=tuple(AuthorizationEvent),
    initial=S.NOTHING_REQUESTED,
    arrows=(
        *arrows(
            (S.NOTHING_REQUESTED, S.NOT_AUTHORIZED, S.EVALUATION, S.EVALUATION_EXPIRED, S.DISABLED),
            _E.ASKED,
            S.WAITING,
            "request sent, no answer yet",
        ),
        *arrows(STATES, _E.NOTHING_WANTED, S.NOTHING_REQUESTED),
        *arrows(STATES, _E.GRANTED, S.AUTHORIZED, "a signed grant: next refresh after 30 days"),
        *arrows(STATES, _E.SHORT, S.OUT_OF_COMPLIANCE, "a signed grant: ask again after 12 hours"),
        *arrows(STATES, _E.OVER, S.OVERAGE, "informational"),
        *arrows(STATES, _E.BAD_TAG, S.INVALID_TAG),
        *arrows(STATES, _E.DENIED, S.NOT_AUTHORIZED),
        *arrows(_ANSWERED, _E.DEADLINE, S.EXPIRED, "no contact for 90 days"),
        *arrows((*_ANSWERED, S.EXPIRED), _E.GRACE_END, S.GRACE_EXPIRED, "no contact for 180 days"),
        *arrows(
            (S.WAITING, *_ANSWERED, S.EXPIRED, S.GRACE_EXPIRED),
            _E.IDENTITY_LOST,
            S.NOT_AUTHORIZED,
            "what is in use goes on or ends as the last grant says",
        ),
        *arrows(_UNREGISTERED, _E.EVALUATION, S.EVALUATION, "counts while something is in use"),
        Arrow(S.EVALUATION, _E.EVALUATION_END, S.EVALUATION_EXPIRED, "90 days of use are over"),
        *arrows(STATES, _E.DISABLED, S.DISABLED),
    ),
    otherwise={
        _E.ASKED: STAYS,
        _E.DEADLINE: STAYS,
        _E.GRACE_END: STAYS,
        _E.IDENTITY_LOST: STAYS,
        _E.EVALUATION: STAYS,
        _E.EVALUATION_END: STAYS,
    },
)

_BY_STATUS = {
    S.AUTHORIZED: _E.GRANTED,
    S.RESERVED: _E.GRANTED,
    S.IN_USE: _E.GRANTED,
    S.OVERAGE: _E.OVER,
    S.OUT_OF_COMPLIANCE: _E.SHORT,
    S.INVALID_TAG: _E.BAD_TAG,
}
_WORST_FIRST = (_E.DENIED, _E.BAD_TAG, _E.SHORT, _E.OVER, _E.GRANTED)


def of_grant(grant: Grant) -> AuthorizationEvent:
    """What a grant means over all: its worst entitlement decides."""
    if not grant.ent:
        return AuthorizationEvent.NOTHING_WANTED
    found = {_BY_STATUS.get(each.status, AuthorizationEvent.DENIED) for each in grant.ent}
    return next(event for event in _WORST_FIRST if event in found)


def of_time(grant: Grant, rights: datetime) -> AuthorizationEvent | None:
    """What the time of rights does to a grant, None while nothing."""
    if rights >= grant.grace:
        return AuthorizationEvent.GRACE_END
    return AuthorizationEvent.DEADLINE if rights >= grant.exp else None
