"""`tokens`: ID tokens, with which devices register."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field
from starlette.responses import Response

from anchorwatch.db.page import TOKENS, VIRTUAL_ACCOUNTS
from anchorwatch.db.word import OperatorRole, TokenMode
from anchorwatch.portal import management
from anchorwatch.portal.api.problem import Kind, Refusal
from anchorwatch.portal.api.question import Question, asked, chosen, members
from anchorwatch.portal.api.resource import Body, Flag, Moment, Page, Resource
from anchorwatch.portal.api.visit import BASE, Outcome, Viewer, Worker, answers
from anchorwatch.portal.portal import Portal

routes = APIRouter(prefix=BASE, tags=["tokens"])


class Token(Resource):
    """An ID token by its public beginning. Nothing of it is here that one could register with."""

    id: UUID
    virtual_account_id: UUID
    prefix: str
    mode: TokenMode
    created_at: Moment
    expires_at: Moment
    max_uses: int
    uses: int
    export_allowed: bool
    force_allowed: bool
    approval_required: bool
    serial_pattern: str | None
    network: str | None
    note: str
    revoked_at: Moment | None


class MadeToken(Token):
    """A token that was just made: `token` is its text, in this answer and never again, also not when it is repeated."""

    token: str | None = None


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


class NewToken(Body):
    """What a token allows. `basic` is for plain EST clients only. `export` and `force` need the role admin."""

    virtual_account_id: UUID
    days: Annotated[int, Field(strict=True, ge=1, le=3650)] = 30
    uses: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1
    basic: Flag = False
    export: Flag = False
    force: Flag = False
    approval: Flag = False
    serials: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/+*-]{1,100}$")] | None = None
    network: Annotated[str, Field(max_length=64), AfterValidator(_network)] | None = None
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")] = ""


@routes.get("/tokens", **answers(Page[Token]))
def list_tokens(visit: Viewer, question: Annotated[Question, Depends(asked(TOKENS, Token))]) -> Response:
    """List the ID tokens."""
    return visit.listed(TOKENS, Token.of, question)


@routes.post("/tokens", **answers(MadeToken, status=201, changes=True, named=True))
def make_token(visit: Worker, body: NewToken) -> Response:
    """Make an ID token and show it, this once."""
    if (body.export or body.force) and not visit.operator.may(OperatorRole.ADMIN):
        raise Refusal(Kind.NOT_ALLOWED, "a token that allows export or force needs the role admin")
    terms = management.TokenTerms(
        life=timedelta(days=body.days),
        uses=body.uses,
        basic=body.basic,
        export=body.export,
        force=body.force,
        approval=body.approval,
        serials=body.serials,
        network=body.network,
        note=body.note,
    )

    def work(portal: Portal) -> Outcome:
        place = visit.locked(portal, VIRTUAL_ACCOUNTS, body.virtual_account_id)
        stored, text = management.make_token(portal, place, terms)
        return Outcome(
            resource=Token.of(stored),
            status=201,
            location=f"{BASE}/tokens/{stored.id}",
            once={"token": text.reveal()},
        )

    return visit.change(work)


@routes.get("/tokens/{token_id}", **answers(Token, named=True))
def show_token(
    visit: Viewer, token_id: UUID, fields: Annotated[str | None, chosen(Token)] = None
) -> Response:
    """Show an ID token."""
    return visit.show(Token.of(visit.found(TOKENS, token_id)), members(fields))


@routes.post("/tokens/{token_id}:revoke", **answers(Token, changes=True, named=True))
def revoke_token(visit: Worker, token_id: UUID) -> Response:
    """Revoke an ID token; devices that used it stay."""

    def shown(portal: Portal) -> Token:
        return Token.of(visit.locked(portal, TOKENS, token_id))

    def work(portal: Portal) -> Outcome:
        found = visit.locked(portal, TOKENS, token_id)
        management.revoke_token(portal, visit.owner(portal), found.prefix)
        return Outcome(resource=shown(portal))

    return visit.change(work, current=shown)
