"""A request as it reached the desk, and what the desk answers; neither knows of a socket."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from anchorwatch.db.database import Transaction
from anchorwatch.licensing import problem
from anchorwatch.licensing.problem import Retry, Type

_LATER = timedelta(seconds=30)
_chance = secrets.SystemRandom()
"""Those who are refused together should not come back together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` as it was sent, without its query; field names in lower case, repeated ones joined by commas.

    `peer` is the address of the connection's other end. `client_certificate` is the DER of the certificate that TLS
    proved; never what a header says.
    """

    method: str
    path: str
    query: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    peer: str | None = None
    client_certificate: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `headers` in lower case; length and date are added by whoever sends it."""

    status: int = 200
    media_type: str = ""
    body: bytes = field(default=b"", repr=False)
    headers: tuple[tuple[str, str], ...] = ()


Task = Callable[[Transaction], Reply]
"""What is left to do for an answer: everything that touches the database, in one transaction."""


class Refused(Exception):
    """A request that is refused with a problem. Raised in a transaction it takes back all that was done there."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"refused with status {reply.status}")
        self.reply = reply


def refusal(
    kind: Type,
    detail: str = "",
    *,
    signed: str | None = None,
    nonce: str | None = None,
    fits: int | None = None,
    retry_after: timedelta | None = None,
) -> Reply:
    """The answer with a problem (RFC 9457); those where time may help name a time where the status asks for one."""
    found = problem.problem(kind, detail, signed=signed, nonce=nonce, fits=fits)
    headers: tuple[tuple[str, str], ...] = ()
    if retry_after is None and found.status in (202, 429, 503) and found.retry is Retry.AFTER:
        retry_after = _LATER * _chance.uniform(0.5, 1.5)
    if retry_after is not None:
        headers = (("retry-after", str(max(int(retry_after.total_seconds()), 1))),)
    if found.status == 401:
        headers = (*headers, ("www-authenticate", 'SL-Token realm="licensing"'))
    return Reply(
        status=found.status, media_type=problem.MEDIA_TYPE, body=problem.write(found), headers=headers
    )
