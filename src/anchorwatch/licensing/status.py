"""The words for the state of a licence: one home for those that machines use and those that devices print.

Registration (an identity certificate was obtained) and authorization (the right to use each entitlement) are two
independent machines. The authoritative lists are CISCO-SMART-LIC-MIB and cisco-smart-license.yang; every release
prints other words for the same state, and `registration_state` and `authorization_state` turn them into one vocabulary.
``UNREGISTERED`` contains ``REGISTERED``: nothing here looks for substrings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RegistrationState(StrEnum):
    """The registration machine."""

    NOT_REGISTERED = "not-registered"
    IN_PROGRESS = "in-progress"
    RETRYING = "retrying"
    FAILED = "failed"
    REGISTERED = "registered"
    EXPIRED = "expired"
    DEREGISTERING = "deregistering"
    NOT_NEEDED = "not-needed"
    UNKNOWN = "unknown"


class AuthorizationState(StrEnum):
    """The authorization machine, overall or of one entitlement."""

    NOTHING_REQUESTED = "nothing-requested"
    WAITING = "waiting"
    AUTHORIZED = "authorized"
    OUT_OF_COMPLIANCE = "out-of-compliance"
    OVERAGE = "overage"
    EVALUATION = "evaluation"
    EVALUATION_EXPIRED = "evaluation-expired"
    EXPIRED = "expired"
    GRACE_EXPIRED = "grace-expired"
    RESERVED = "reserved"
    INVALID_TAG = "invalid-tag"
    NOT_AUTHORIZED = "not-authorized"
    DISABLED = "disabled"
    IN_USE = "in-use"
    NOT_IN_USE = "not-in-use"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One state elsewhere: number of the MIB, identity of the YANG model (None where it has none), printed words."""

    mib: int | None
    yang: str | None
    printed: str


REGISTRATION_WORDS: dict[RegistrationState, Words] = {
    RegistrationState.NOT_REGISTERED: Words(mib=1, yang="reg-state-not-registered", printed="UNREGISTERED"),
    RegistrationState.IN_PROGRESS: Words(mib=2, yang="reg-state-in-progress", printed="REGISTERING"),
    RegistrationState.RETRYING: Words(mib=4, yang="reg-state-retry", printed="REGISTERING"),
    RegistrationState.FAILED: Words(
        mib=3, yang="reg-state-failed", printed="UNREGISTERED - REGISTRATION FAILED"
    ),
    RegistrationState.REGISTERED: Words(mib=5, yang="reg-state-complete", printed="REGISTERED"),
    RegistrationState.EXPIRED: Words(mib=None, yang=None, printed="UNREGISTERED - REGISTRATION EXPIRED"),
    RegistrationState.DEREGISTERING: Words(mib=None, yang=None, printed="REGISTERED"),
}
"""What the screens of the later agents print; the first agents have their own, `FIRST_AGENT_WORDS`."""

FIRST_AGENT_WORDS: dict[RegistrationState, str] = {
    RegistrationState.NOT_REGISTERED: "Not Registered",
    RegistrationState.IN_PROGRESS: "In Progress",
    RegistrationState.RETRYING: "Retry In Progress",
    RegistrationState.FAILED: "Failed",
    RegistrationState.REGISTERED: "Registered",
    RegistrationState.EXPIRED: "Expired",
    RegistrationState.DEREGISTERING: "Registered",
}
"""What ``show license registration`` of the agents 1.x prints after ``Registration Status:``."""

AUTHORIZATION_WORDS: dict[AuthorizationState, Words] = {
    AuthorizationState.NOTHING_REQUESTED: Words(mib=1, yang="auth-state-none", printed="No Licenses in Use"),
    AuthorizationState.WAITING: Words(mib=2, yang="enforcement-waiting", printed="PENDING"),
    AuthorizationState.AUTHORIZED: Words(mib=3, yang="auth-state-authorized", printed="AUTHORIZED"),
    AuthorizationState.OUT_OF_COMPLIANCE: Words(
        mib=4, yang="auth-state-out-of-compliance", printed="OUT OF COMPLIANCE"
    ),
    AuthorizationState.OVERAGE: Words(mib=5, yang=None, printed="OVERAGE"),
    AuthorizationState.EVALUATION: Words(mib=6, yang="auth-state-eval", printed="EVAL MODE"),
    AuthorizationState.EVALUATION_EXPIRED: Words(
        mib=7, yang="auth-state-eval-expired", printed="EVAL EXPIRED"
    ),
    AuthorizationState.EXPIRED: Words(
        mib=8, yang="auth-state-authorization-expired", printed="AUTHORIZATION EXPIRED"
    ),
    AuthorizationState.GRACE_EXPIRED: Words(mib=9, yang=None, printed="GRACE PERIOD EXPIRED"),
    AuthorizationState.DISABLED: Words(mib=10, yang=None, printed="DISABLED"),
    AuthorizationState.RESERVED: Words(
        mib=11, yang="auth-state-authorized-reservation", printed="AUTHORIZED - RESERVED"
    ),
    AuthorizationState.INVALID_TAG: Words(mib=12, yang=None, printed="INVALID TAG"),
    AuthorizationState.NOT_AUTHORIZED: Words(mib=13, yang=None, printed="NOT AUTHORIZED"),
    AuthorizationState.IN_USE: Words(mib=15, yang=None, printed="IN USE"),
    AuthorizationState.NOT_IN_USE: Words(mib=16, yang=None, printed="NOT IN USE"),
}

# In order: the first pattern whose words the text starts with decides, so longer forms stand before shorter ones.
_REGISTRATION: tuple[tuple[str, RegistrationState], ...] = (
    ("unregistered - registration failed", RegistrationState.FAILED),
    ("unregistered - registration expired", RegistrationState.EXPIRED),
    ("unregistered - registering", RegistrationState.IN_PROGRESS),
    ("unregistered", RegistrationState.NOT_REGISTERED),
    ("unidentified", RegistrationState.NOT_REGISTERED),
    ("not registered", RegistrationState.NOT_REGISTERED),
    ("registration failed", RegistrationState.FAILED),
    ("registration expired", RegistrationState.EXPIRED),
    ("registration pending", RegistrationState.IN_PROGRESS),
    ("registering", RegistrationState.IN_PROGRESS),
    ("registration in progress", RegistrationState.IN_PROGRESS),
    ("in progress", RegistrationState.IN_PROGRESS),
    ("pending", RegistrationState.IN_PROGRESS),
    ("retry in progress", RegistrationState.RETRYING),
    ("retry", RegistrationState.RETRYING),
    ("registered", RegistrationState.REGISTERED),
    ("registration completed", RegistrationState.REGISTERED),
    ("completed", RegistrationState.REGISTERED),
    ("failed", RegistrationState.FAILED),
    ("expired", RegistrationState.EXPIRED),
    ("not applicable", RegistrationState.NOT_NEEDED),
)
_AUTHORIZATION: tuple[tuple[str, AuthorizationState], ...] = (
    ("no licenses in use", AuthorizationState.NOTHING_REQUESTED),
    ("init", AuthorizationState.NOTHING_REQUESTED),
    ("pending", AuthorizationState.WAITING),
    ("waiting", AuthorizationState.WAITING),
    ("authorized - reserved", AuthorizationState.RESERVED),
    ("reserved", AuthorizationState.RESERVED),
    ("authorization expired", AuthorizationState.EXPIRED),
    ("auth expired", AuthorizationState.EXPIRED),
    ("authorized", AuthorizationState.AUTHORIZED),
    ("in compliance", AuthorizationState.AUTHORIZED),
    ("incompliance", AuthorizationState.AUTHORIZED),
    ("out of compliance", AuthorizationState.OUT_OF_COMPLIANCE),
    ("outofcompliance", AuthorizationState.OUT_OF_COMPLIANCE),
    ("ooc", AuthorizationState.OUT_OF_COMPLIANCE),
    ("overage", AuthorizationState.OVERAGE),
    ("eval mode expired", AuthorizationState.EVALUATION_EXPIRED),
    ("eval expired", AuthorizationState.EVALUATION_EXPIRED),
    ("evaluation expired", AuthorizationState.EVALUATION_EXPIRED),
    ("evaluation period expired", AuthorizationState.EVALUATION_EXPIRED),
    ("eval", AuthorizationState.EVALUATION),
    ("grace period expired", AuthorizationState.GRACE_EXPIRED),
    ("invalid tag", AuthorizationState.INVALID_TAG),
    ("not authorized", AuthorizationState.NOT_AUTHORIZED),
    ("disabled", AuthorizationState.DISABLED),
    ("in use", AuthorizationState.IN_USE),
    ("not in use", AuthorizationState.NOT_IN_USE),
)


def registration_state(words: str) -> RegistrationState:
    """Read the words of a registration status; unknown words are UNKNOWN, never guessed."""
    plain = _plain(words)
    return next((state for start, state in _REGISTRATION if _starts(plain, start)), RegistrationState.UNKNOWN)


def authorization_state(words: str) -> AuthorizationState:
    """Read the words of an authorization status, overall or of one entitlement."""
    plain = _plain(words)
    return next(
        (state for start, state in _AUTHORIZATION if _starts(plain, start)), AuthorizationState.UNKNOWN
    )


def _plain(words: str) -> str:
    return " ".join(words.lower().replace("_", " ").replace("–", "-").rstrip(". ").split())


def _starts(words: str, start: str) -> bool:
    return words == start or words.startswith(
        (start + " ", start + ".", start + ",", start + "(", start + ":")
    )
