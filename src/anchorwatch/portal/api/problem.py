"""What the management API answers instead (RFC 9457): a closed list, and what of our errors becomes which."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from anchorwatch.db.error import (
    AlreadyThere,
    ConstraintBroken,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnreachable,
    NotThere,
)
from anchorwatch.db.page import NoSuchQuestion
from anchorwatch.licensing.problem import BASE, MEDIA_TYPE, Retry
from anchorwatch.portal.error import PortalError

_LONGEST = 1000


class Kind(StrEnum):
    """The problem types. Those that devices meet too have the same name and meaning there."""

    MESSAGE_MALFORMED = "message-malformed"
    KEY_MISSING = "idempotency-key-missing"
    API_KEY_REFUSED = "api-key-refused"
    NOT_ALLOWED = "not-allowed"
    TLS_REQUIRED = "tls-required"
    NOT_THERE = "not-there"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    CONFLICT = "conflict"
    REQUEST_IN_FLIGHT = "request-in-flight"
    PRECONDITION_FAILED = "precondition-failed"
    TOO_LARGE = "too-large"
    MEDIA_TYPE = "media-type"
    INVALID = "invalid"
    KEY_REUSE = "idempotency-key-reuse"
    PRECONDITION_MISSING = "precondition-missing"
    MISTAKE = "mistake"
    OVERLOADED = "overloaded"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of one type."""

    status: int
    retry: Retry
    title: str


_N, _A, _O = Retry.NEVER, Retry.AFTER, Retry.OPERATOR
_log = logging.getLogger("anchorwatch.portal")
MEANINGS: dict[Kind, Meaning] = {
    Kind.MESSAGE_MALFORMED: Meaning(400, _N, "The request is not what it should be"),
    Kind.KEY_MISSING: Meaning(400, _N, "A request that changes something has an Idempotency-Key"),
    Kind.API_KEY_REFUSED: Meaning(401, _O, "No API key, or one that is not valid here"),
    Kind.NOT_ALLOWED: Meaning(403, _O, "This API key may not do that"),
    Kind.TLS_REQUIRED: Meaning(403, _N, "The management API answers over TLS only"),
    Kind.NOT_THERE: Meaning(404, _N, "There is no such thing"),
    Kind.METHOD_NOT_ALLOWED: Meaning(405, _N, "This cannot be done to that"),
    Kind.CONFLICT: Meaning(409, _O, "It cannot be done as things stand"),
    Kind.REQUEST_IN_FLIGHT: Meaning(409, _A, "The same request is being worked on"),
    Kind.PRECONDITION_FAILED: Meaning(412, _N, "It has changed since"),
    Kind.TOO_LARGE: Meaning(413, _N, "The request is too large"),
    Kind.MEDIA_TYPE: Meaning(415, _N, "The body is JSON"),
    Kind.INVALID: Meaning(422, _N, "Something in the request is not valid"),
    Kind.KEY_REUSE: Meaning(422, _N, "The idempotency key was used for another request"),
    Kind.PRECONDITION_MISSING: Meaning(428, _N, "Say with If-Match what is to be changed"),
    Kind.MISTAKE: Meaning(500, _A, "The portal made a mistake; its log says more"),
    Kind.OVERLOADED: Meaning(503, _A, "The portal has too much to do"),
}


class Problem(BaseModel):
    """A problem document. `retry` says what may help: nothing, time, or a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    title: str
    status: int
    retry: Retry
    detail: str
    instance: str


class Refusal(Exception):
    """A request that is refused. Raised in a transaction it takes back all that was done there."""

    def __init__(self, kind: Kind, detail: str = "", **headers: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def response(refusal: Refusal, request_id: str) -> Response:
    """The answer with a problem."""
    meaning = MEANINGS[refusal.kind]
    document: dict[str, Any] = {
        "type": BASE + refusal.kind,
        "title": meaning.title,
        "status": meaning.status,
        "retry": meaning.retry,
        "detail": refusal.detail[:_LONGEST],
        "instance": f"urn:sl:request:{request_id}",
    }
    headers = dict(refusal.headers)
    if meaning.status == 401:
        headers["www-authenticate"] = 'Bearer realm="management"'
    if meaning.retry is Retry.AFTER and meaning.status != 500:
        headers.setdefault("retry-after", "1")
    return Response(
        json.dumps(document).encode(), status_code=meaning.status, media_type=MEDIA_TYPE, headers=headers
    )


def of(error: PortalError | DatabaseError) -> Refusal:
    """What one of our errors means to who asked."""
    match error:
        case NoSuchQuestion():
            return Refusal(Kind.MESSAGE_MALFORMED, str(error))
        case NotThere():
            return Refusal(Kind.NOT_THERE, str(error))
        case AlreadyThere():
            return Refusal(Kind.CONFLICT, str(error))
        case DatabaseBusy():
            return Refusal(Kind.OVERLOADED)
        case DatabaseUnreachable():
            # As at the desk: only the log says that a disk is full.
            _log.error("a request failed: %s", error)
            return Refusal(Kind.OVERLOADED)
        case ConstraintBroken():
            return Refusal(Kind.INVALID, "the request holds what cannot be kept")
        case PortalError():
            return Refusal(Kind.CONFLICT, str(error))
        case _:
            return Refusal(Kind.MISTAKE)
