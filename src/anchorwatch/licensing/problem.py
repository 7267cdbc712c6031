"""Problems (RFC 9457): the closed list of what a portal may answer instead, and what a client may do then.

An unsigned problem informs and schedules. Only with a signed object inside (`signed`: a grant, a time or a revocation)
may it change what a device holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.error import MalformedMessageError
from anchorwatch.licensing.wire import Compact, Identifier, Key, Text, Whole, Words, dump, parse

BASE = "https://anchorwatch.invalid/problems/"
"""What the types begin with. They are names, not addresses: nobody fetches them."""
MEDIA_TYPE = "application/problem+json"


class Retry(StrEnum):
    """What may help: nothing, time, or a person."""

    NEVER = "never"
    AFTER = "after"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one type: the status, whether to try again, a title."""

    status: int
    retry: Retry
    title: str


class Type(StrEnum):
    """The problem types."""

    TOKEN_INVALID = "token-invalid"  # noqa: S105 - a name
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - a name
    TOKEN_EXHAUSTED = "token-exhausted"  # noqa: S105 - a name
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - a name
    TOKEN_CONSTRAINT = "token-constraint"  # noqa: S105 - a name
    UDI_CONFLICT = "udi-conflict"
    EXPORT_NOT_ALLOWED = "export-not-allowed"
    APPROVAL_PENDING = "approval-pending"
    REQUEST_REFUSED = "certificate-request-refused"
    IDENTITY_UNKNOWN = "identity-unknown"
    IDENTITY_REVOKED = "identity-revoked"
    IDENTITY_SUPERSEDED = "identity-superseded"
    SIGNATURE_INVALID = "signature-invalid"
    DIGEST_MISMATCH = "digest-mismatch"
    REPLAY = "replay"
    CREATED_OUT_OF_WINDOW = "created-out-of-window"
    STALE_SEQUENCE = "stale-sequence"
    SEQUENCE_FORK = "sequence-fork"
    DEVICE_SUSPENDED = "device-suspended"
    HISTORY_LOST = "history-lost"
    INSUFFICIENT_LICENSES = "insufficient-licenses"
    TAG_UNKNOWN = "tag-unknown"
    MESSAGE_MALFORMED = "message-malformed"
    REQUEST_IN_FLIGHT = "request-in-flight"
    KEY_REUSE = "idempotency-key-reuse"
    KEY_MISSING = "idempotency-key-missing"
    RATE_LIMITED = "rate-limited"
    OVERLOADED = "overloaded"
    MAINTENANCE = "maintenance"
    NOT_ACCEPTABLE_VERSION = "not-acceptable-version"


_N, _A, _O = Retry.NEVER, Retry.AFTER, Retry.OPERATOR
MEANINGS: dict[Type, Meaning] = {
    Type.TOKEN_INVALID: Meaning(401, _N, "The ID token is not valid"),
    Type.TOKEN_EXPIRED: Meaning(401, _N, "The ID token has expired"),
    Type.TOKEN_EXHAUSTED: Meaning(403, _N, "The ID token has been used as often as it may be"),
    Type.TOKEN_REVOKED: Meaning(401, _N, "The ID token was revoked"),
    Type.TOKEN_CONSTRAINT: Meaning(403, _N, "The ID token is not for this device"),
    Type.UDI_CONFLICT: Meaning(409, _O, "A device with this identifier is registered with another key"),
    Type.EXPORT_NOT_ALLOWED: Meaning(403, _O, "Export-controlled functionality is not allowed"),
    Type.APPROVAL_PENDING: Meaning(202, _A, "Somebody has to approve this device first"),
    Type.REQUEST_REFUSED: Meaning(400, _N, "The certificate request cannot be granted"),
    Type.IDENTITY_UNKNOWN: Meaning(401, _A, "The ID certificate is not known here"),
    Type.IDENTITY_REVOKED: Meaning(401, _N, "The ID certificate was revoked"),
    Type.IDENTITY_SUPERSEDED: Meaning(401, _A, "A newer ID certificate is in use"),
    Type.SIGNATURE_INVALID: Meaning(401, _A, "The signature of the request does not hold"),
    Type.DIGEST_MISMATCH: Meaning(401, _A, "The body is not the one that was signed"),
    Type.REPLAY: Meaning(401, _A, "This request was seen before"),
    Type.CREATED_OUT_OF_WINDOW: Meaning(401, _A, "The request was made too long ago or ahead"),
    Type.STALE_SEQUENCE: Meaning(409, _A, "The device knows an older grant than the portal"),
    Type.SEQUENCE_FORK: Meaning(409, _O, "Two agents speak with one identity"),
    Type.DEVICE_SUSPENDED: Meaning(403, _O, "The operator has suspended this device"),
    Type.HISTORY_LOST: Meaning(409, _A, "The portal wants to see the device's last grant"),
    Type.INSUFFICIENT_LICENSES: Meaning(409, _O, "There are not enough licenses"),
    Type.TAG_UNKNOWN: Meaning(422, _O, "The entitlement is not known here"),
    Type.MESSAGE_MALFORMED: Meaning(400, _N, "The message is not what it should be"),
    Type.REQUEST_IN_FLIGHT: Meaning(409, _A, "The same request is being worked on"),
    Type.KEY_REUSE: Meaning(422, _N, "The idempotency key was used for another request"),
    Type.KEY_MISSING: Meaning(400, _N, "The request has no idempotency key"),
    Type.RATE_LIMITED: Meaning(429, _A, "Too many requests"),
    Type.OVERLOADED: Meaning(503, _A, "The portal has too much to do"),
    Type.MAINTENANCE: Meaning(503, _A, "The portal is being maintained"),
    Type.NOT_ACCEPTABLE_VERSION: Meaning(406, _N, "This version of the protocol is not spoken here"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem document. `nonce` repeats that of a request whose time was wrong; `fits` says what would fit."""

    type: Annotated[str, Text(200, r"https://[a-z0-9./-]+")]
    title: Words
    status: Annotated[int, Whole(200, 599)]
    retry: Retry
    detail: Words = ""
    signed: Compact | None = None
    nonce: Annotated[str, Text(64, r"[A-Za-z0-9_-]+")] | None = None
    fits: Annotated[int, Whole(0, 1_000_000_000)] | None = None
    trace: Annotated[Identifier, Key("instance")] | None = None

    @property
    def kind(self) -> Type | None:
        """The type where it is one of ours, None for a stranger's."""
        name = self.type.removeprefix(BASE)
        return Type(name) if name in Type._value2member_map_ and name != self.type else None


def problem(
    kind: Type,
    detail: str = "",
    *,
    signed: str | None = None,
    nonce: str | None = None,
    fits: int | None = None,
) -> Problem:
    """A problem of one of our types."""
    meaning = MEANINGS[kind]
    return Problem(
        type=BASE + kind,
        title=meaning.title,
        status=meaning.status,
        retry=meaning.retry,
        detail=detail,
        signed=signed,
        nonce=nonce,
        fits=fits,
    )


def write(content: Problem) -> bytes:
    """The document."""
    return dump(content)


def read(octets: bytes) -> Problem | None:
    """A problem document, None where the octets are none: an error page of something between us is not the portal."""
    try:
        return parse(Problem, octets)
    except MalformedMessageError:
        return None
