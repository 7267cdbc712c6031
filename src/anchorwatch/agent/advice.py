"""What to do next about a failure, in one sentence for a person: the likeliest first, and nothing that cannot help."""

from __future__ import annotations

from anchorwatch.licensing.failure import Failure, FailureClass
from anchorwatch.licensing.problem import Type
from anchorwatch.licensing.trust import BundleState

STEPS: dict[FailureClass, str] = {
    FailureClass.DNS: "ask the name service for the portal's name, or give --address HOST[:PORT]",
    FailureClass.TCP_REFUSED: "nobody listens there: is the portal running, and is the port right (--address)?",
    FailureClass.TCP_TIMEOUT: "something between drops the packets: a firewall, a route, or a proxy that is wanted (--proxy)",
    FailureClass.PROXY_REFUSED: "the proxy does not let this name or port through; ask who runs it, or leave --proxy out",
    FailureClass.PROXY_AUTH: "give the proxy's user in --proxy USER@HOST:PORT and its password in --proxy-password-file",
    FailureClass.TLS_VERSION: "the portal speaks no version of TLS that is still safe; mend it there",
    FailureClass.TLS_ALERT: "the other end broke the handshake off; is it the portal, or something else at that port?",
    FailureClass.TLS_INTERCEPTED: (
        "the portal's newest signed bundle does not lead to this chain: either somebody inspects TLS here (have this "
        "name let through), or the portal has moved and not published its root (`anchorwatch portal trust`)"
    ),
    FailureClass.UNKNOWN_ROOT: (
        "the agent looks for a newer signed bundle by itself; where none can be had, take it from a file: "
        "`anchorwatch agent trust import FILE`"
    ),
    FailureClass.MISSING_INTERMEDIATE: "the portal does not send its intermediate certificate; mend its chain there",
    FailureClass.LEAF_EXPIRED: "the portal's certificate is over by the right time: renew it there",
    FailureClass.LEAF_NOT_YET_VALID: "the portal's certificate is not valid yet by the right time: mend it there",
    FailureClass.NAME_MISMATCH: "another server answers, or the portal's certificate is for another name",
    FailureClass.WEAK_ALGORITHM: "the portal's chain uses a key or a digest that nobody should trust any more",
    FailureClass.REVOKED: "the portal's certificate was revoked; it needs another",
    FailureClass.HTTP_ERROR: "what answered is not the portal: a captive page, a proxy's page, or another service",
    FailureClass.BODY_SIGNATURE: "an answer was not signed as it must be; look at what stands between, and at the portal",
    FailureClass.LICENCE_ERROR: "the portal was reached and has refused; its operator can say more",
}
"""One for each class."""

PROBLEMS: dict[Type, str] = {
    Type.TOKEN_INVALID: "ask for another ID token: `anchorwatch portal token create`",
    Type.TOKEN_EXPIRED: "ask for another ID token: `anchorwatch portal token create`",
    Type.TOKEN_EXHAUSTED: "ask for another ID token: `anchorwatch portal token create`",
    Type.TOKEN_REVOKED: "ask for another ID token: `anchorwatch portal token create`",
    Type.TOKEN_CONSTRAINT: "the ID token is for other devices; ask for one that is for this serial number and network",
    Type.UDI_CONFLICT: "a device with this serial number is registered; remove it there, or take a token that may force",
    Type.IDENTITY_UNKNOWN: "the portal does not know this device (any more): register it again",
    Type.IDENTITY_SUPERSEDED: "this folder is older than the device's newest key: use the newer one, or register again",
    Type.SEQUENCE_FORK: "two devices speak with one identity: stop one of them, then have the portal's operator resolve it",
    Type.INSUFFICIENT_LICENSES: "there are too few licences: buy or move some at the portal, or want less",
    Type.TAG_UNKNOWN: "no licence of that name is known at the portal",
    Type.EXPORT_NOT_ALLOWED: "this account may not use what is export-controlled; ask for a token that allows it",
    Type.DEVICE_SUSPENDED: "the portal's operator has suspended this device: `anchorwatch portal device set resume` ends it",
    Type.APPROVAL_PENDING: "somebody has to approve this device at the portal",
    Type.RATE_LIMITED: "nothing has to be done: the agent comes again when the portal asks it to",
    Type.OVERLOADED: "nothing has to be done: the agent comes again when the portal asks it to",
    Type.MAINTENANCE: "nothing has to be done: the agent comes again when the portal asks it to",
}
"""More exactly, where the portal has said why."""
BUSY = frozenset({Type.RATE_LIMITED, Type.OVERLOADED, Type.MAINTENANCE})
"""These refuse nothing: the portal was reached and had no time."""

ROLLBACK = "an older trust bundle was shown: find out by whom, then `anchorwatch agent trust clear`"


def next_step(failure: Failure) -> str:
    """What to do about it."""
    known = _problem(failure)
    return PROBLEMS[known] if known in PROBLEMS else STEPS[failure.kind]


def refuses(failure: Failure) -> bool:
    """Whether the portal has decided something, so that more attempts alone help nothing."""
    return failure.kind is FailureClass.LICENCE_ERROR and _problem(failure) not in BUSY


def _problem(failure: Failure) -> Type | None:
    name = failure.evidence.problem
    return Type(name) if name is not None and name in Type._value2member_map_ else None


def about_bundle(state: BundleState) -> str | None:
    """What to do about the bundle, None where nothing has to be done."""
    return ROLLBACK if state is BundleState.ROLLBACK_SUSPECTED else None
