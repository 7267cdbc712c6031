"""One request of an operator: who asks, and the ways in which everything is answered.

Whatever changes something goes through `Visit.change`: one transaction in which stand, in this order, the idempotency
key, the row as it is and whether the asker knows it so (If-Match), and the work, which is the function that the
command line calls too. A repeated request gets the stored answer; a refused one left nothing behind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar, get_type_hints
from uuid import UUID

from fastapi import Depends, Header, Request
from starlette.responses import Response

from anchorwatch.db import account, idempotency
from anchorwatch.db.account import SmartAccount
from anchorwatch.db.database import Transaction
from anchorwatch.db.fence import Fenced
from anchorwatch.db.joined import Joined
from anchorwatch.db.page import Listing, one, page, place
from anchorwatch.db.word import OperatorRole
from anchorwatch.portal.api.problem import MEANINGS, Kind, Refusal
from anchorwatch.portal.api.question import Question
from anchorwatch.portal.api.resource import Resource
from anchorwatch.portal.operator import Operator
from anchorwatch.portal.portal import Portal

T = TypeVar("T")
BASE = "/api/v1"
JSON = "application/json"
KEY = r"^[A-Za-z0-9._~-]{8,64}$"
_TAGS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a change. `once` are members that are shown to who asked and kept nowhere: a token's text."""

    resource: Resource | None
    status: int = 200
    location: str | None = None
    once: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request whose API key was recognised and has the role that is needed."""

    portal: Portal
    operator: Operator
    request: Request
    body: bytes = field(default=b"", repr=False)

    @property
    def account_id(self) -> UUID:
        """The account this key is fenced into. Raises `Refusal` for a key of the portal itself."""
        if self.operator.account_id is None:
            raise Refusal(
                Kind.NOT_ALLOWED, "this is a key of the portal; what is inside an account needs one of it"
            )
        return self.operator.account_id

    def owner(self, portal: Portal) -> SmartAccount:
        """The account itself, as `portal` sees it."""
        which = self.account_id
        return portal.database.read(lambda tx: account.get(tx, which))

    # --- looking --------------------------------------------------------------------------------------------------

    def listed(self, listing: Listing[T], shown: Callable[[T], Resource], asked: Question) -> Response:
        """A page of rows of this account."""
        fence = self.operator.account_id if listing.fence in (None, "id") else self.account_id
        rows = self.portal.database.read(
            lambda tx: page(
                tx, listing, fence, equal=dict(asked.equal), after=asked.after, limit=asked.limit + 1
            )
        )
        return self._page([(place(listing, row), shown(row)) for row in rows], asked)

    def sliced(self, found: Sequence[tuple[str, Resource]], asked: Question) -> Response:
        """A page of what is computed as a whole, in the order of its names."""
        rest = [
            ((name,), each) for name, each in sorted(found, key=lambda it: it[0]) if (name,) > asked.after
        ]
        return self._page(rest[: asked.limit + 1], asked)

    def found(self, listing: Listing[T], *key: object) -> T:
        """A row of this account. Raises `NotThere`."""
        fence = self.operator.account_id if listing.fence in (None, "id") else self.account_id
        return self.portal.database.read(lambda tx: one(tx, listing, fence, *key))

    def show(self, resource: Resource, fields: frozenset[str] = frozenset()) -> Response:
        """One thing, or 304 where the asker has it already."""
        tag = resource.etag
        if _names(self.request.headers.get("if-none-match"), tag, weak=True):
            return Response(status_code=304, headers={"etag": tag})
        return Response(_written(resource, fields), media_type=JSON, headers={"etag": tag})

    def _page(self, rows: Sequence[tuple[tuple[str, ...], Resource]], asked: Question) -> Response:
        items = [
            each.model_dump(mode="json", include=set(asked.fields) or None) for _, each in rows[: asked.limit]
        ]
        last = rows[asked.limit - 1][0] if len(rows) > asked.limit else None
        document = {"items": items, "next": asked.cursor(last) if last is not None else None}
        body = json.dumps(document, separators=(",", ":")).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if _names(self.request.headers.get("if-none-match"), tag, weak=True):
            return Response(status_code=304, headers={"etag": tag})
        return Response(body, media_type=JSON, headers={"etag": tag})

    # --- changing -------------------------------------------------------------------------------------------------

    def locked(self, portal: Portal, listing: Listing[T], *key: object) -> T:
        """A row of this account that nobody else changes until the transaction of `portal` ends. Raises `NotThere`."""
        which = self.account_id
        return portal.database.read(lambda tx: one(tx, listing, which, *key, lock=True))

    def change(
        self,
        work: Callable[[Portal], Outcome],
        *,
        current: Callable[[Portal], Resource] | None = None,
        known: bool = False,
    ) -> Response:
        """Do it, once. `current` shows what is to be changed; `known` insists that the asker says how they know it."""
        key = self.request.headers["idempotency-key"]
        wanted = self.request.headers.get("if-match")
        if known and wanted is None:
            raise Refusal(Kind.PRECONDITION_MISSING)
        digest = hashlib.sha256(
            b"\0".join((self.request.method.encode(), str(self.request.url.path).encode(), self.body))
        ).hexdigest()
        principal, now = f"api-key:{self.operator.prefix}", self.portal.clock.now()

        def transaction(tx: Transaction) -> tuple[idempotency.Answer, dict[str, str], bool]:
            match idempotency.claim(tx, principal, key, digest, now=now):
                case idempotency.Replayed(answer=kept):
                    return kept, {}, True
                case idempotency.InFlight():
                    raise Refusal(Kind.REQUEST_IN_FLIGHT)
                case idempotency.OtherBody():
                    raise Refusal(Kind.KEY_REUSE)
                case idempotency.Claimed():
                    pass
            inside = replace(self.portal, database=Joined(self.portal.database, tx))
            if current is not None:
                tag = current(inside).etag
                if wanted is not None and not _names(wanted, tag, weak=False):
                    raise Refusal(Kind.PRECONDITION_FAILED, etag=tag)
            done = work(inside)
            headers = {"content-type": JSON} if done.resource is not None else {}
            if done.resource is not None:
                headers["etag"] = done.resource.etag
            if done.location is not None:
                headers["location"] = done.location
            body = _written(done.resource) if done.resource is not None else b""
            kept = idempotency.Answer(done.status, tuple(headers.items()), body)
            idempotency.finish(tx, principal, key, kept)
            return kept, done.once, False

        answer, once, replayed = self.portal.database.write(transaction)
        headers = dict(answer.headers)
        if replayed:
            headers["idempotency-replayed"] = "true"
        body = answer.body
        if once:
            body = json.dumps({**json.loads(body), **once}).encode()
        media_type = headers.pop("content-type", None)
        return Response(body, status_code=answer.status, media_type=media_type, headers=headers)


async def changing(
    idempotency_key: Annotated[
        str, Header(pattern=KEY, description="A word of your own for this request; a UUID.")
    ],
    if_match: Annotated[
        str | None, Header(max_length=_TAGS, description="Only if it is still this one.")
    ] = None,
) -> None:
    """What every request that changes something has in its head."""


async def looking(
    if_none_match: Annotated[
        str | None, Header(max_length=_TAGS, description="Only if it is not this one any more.")
    ] = None,
) -> None:
    """What every request that looks may have in its head."""


def visitor(role: OperatorRole) -> Callable[[Request], Any]:
    """The dependency that lets in a key of this role or a higher one."""

    async def enter(request: Request) -> Visit:
        state = request.scope["state"]
        operator: Operator = state["operator"]
        path: str = request.scope["route"].path_format
        state["endpoint"] = f"{request.method} {path}"
        if not operator.may(role):
            raise Refusal(Kind.NOT_ALLOWED, f"this needs the role {role}; the key has {operator.role}")
        unknown = set(request.query_params) - _known(request, path)
        if unknown:
            # A filter that is misspelled would else show, or hide, what nobody meant.
            raise Refusal(Kind.MESSAGE_MALFORMED, f"there is no parameter {min(unknown)[:40]!a} here")
        portal: Portal = request.app.state.portal
        if operator.account_id is not None:
            portal = replace(portal, database=Fenced(portal.database, operator.account_id))
        return Visit(portal=portal, operator=operator, request=request, body=await request.body())

    return enter


def _known(request: Request, path: str) -> frozenset[str]:
    """The query parameters that the OpenAPI document names for a request."""
    operation = request.app.openapi()["paths"][path][request.method.lower()]
    return frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")


def _written(resource: Resource, fields: frozenset[str] = frozenset()) -> bytes:
    return resource.model_dump_json(include=set(fields) or None).encode()


def _names(header: str | None, tag: str, *, weak: bool) -> bool:
    """Whether a list of entity tags names this one (RFC 9110 section 13.1)."""
    if header is None:
        return False
    given = [each.strip() for each in header[:_TAGS].split(",")]
    return "*" in given or tag in given or (weak and f"W/{tag}" in given)


# --- what the OpenAPI document says of it --------------------------------------------------------------------------

_ALWAYS = (400, 401, 403, 413, 422, 503)


def _problem(status: int) -> dict[str, Any]:
    titles = [meaning.title for meaning in MEANINGS.values() if meaning.status == status]
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": "; or: ".join(titles),
        "content": {"application/problem+json": {"schema": reference}},
    }


def answers(
    model: Any,
    *,
    status: int = 200,
    changes: bool = False,
    named: bool = False,
    known: bool = False,
) -> dict[str, Any]:
    """For a route: what it answers. `named` where a thing is named that may not be there."""
    refusals = [
        *_ALWAYS,
        *((404,) if named else ()),
        *((409, 412, 415) if changes else ()),
        *((428,) if known else ()),
    ]
    found: dict[int | str, dict[str, Any]] = {each: _problem(each) for each in sorted(refusals)}
    if not changes:
        found[304] = {"description": "The asker has it already (If-None-Match)"}
    done: dict[str, Any] = {"description": "Done" if changes else "As asked"}
    if model is not None:
        done |= {"model": model}
        done["headers"] = {"ETag": {"description": "Of all that is shown", "schema": {"type": "string"}}}
    found[status] = done
    return {
        "status_code": status,
        "responses": found,
        "response_class": Response,
        "response_model": None,
        "dependencies": [Depends(changing if changes else looking)],
    }


Viewer = Annotated[Visit, Depends(visitor(OperatorRole.VIEWER))]
Worker = Annotated[Visit, Depends(visitor(OperatorRole.OPERATOR))]
Admin = Annotated[Visit, Depends(visitor(OperatorRole.ADMIN))]


def role_of(endpoint: Callable[..., Any]) -> OperatorRole:
    """The least role that an operation asks for."""
    asked = get_type_hints(endpoint, include_extras=True)["visit"]
    return {Viewer: OperatorRole.VIEWER, Worker: OperatorRole.OPERATOR, Admin: OperatorRole.ADMIN}[asked]
