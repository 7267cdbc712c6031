"""`accounts` and `virtual-accounts`: tenants, and the parts of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from anchorwatch.db.page import ACCOUNTS, VIRTUAL_ACCOUNTS
from anchorwatch.portal import management
from anchorwatch.portal.api.problem import Kind, Refusal
from anchorwatch.portal.api.question import Question, asked, chosen, members
from anchorwatch.portal.api.resource import VISIBLE, Body, Moment, Page, Resource, Words
from anchorwatch.portal.api.visit import BASE, Admin, Outcome, Viewer, Visit, answers
from anchorwatch.portal.portal import Portal

routes = APIRouter(prefix=BASE, tags=["accounts"])


class Account(Resource):
    """A smart account: a tenant."""

    id: UUID
    domain: str
    name: str
    created_at: Moment


class NewAccount(Body):
    """A smart account to make, with its default virtual account."""

    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
    name: Words


class VirtualAccountShown(Resource):
    """A part of a smart account, with pools and devices of its own. `tags` are the operator's own notes."""

    id: UUID
    name: str
    is_default: bool
    tags: dict[str, str]
    created_at: Moment


class NewVirtualAccount(Body):
    """A virtual account to make."""

    name: Words


Note = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
NoteName = Annotated[str, Field(min_length=1, max_length=64, pattern=VISIBLE)]


class VirtualAccountChange(Body):
    """What is to be otherwise; what is absent stays. `tags` replaces all of them."""

    name: Words | None = None
    tags: Annotated[dict[NoteName, Note], Field(max_length=50)] | None = None


@routes.get("/accounts", **answers(Page[Account]))
def list_accounts(
    visit: Viewer, question: Annotated[Question, Depends(asked(ACCOUNTS, Account))]
) -> Response:
    """List the smart accounts: all of them for a key of the portal, its own for any other."""
    return visit.listed(ACCOUNTS, Account.of, question)


@routes.post("/accounts", **answers(Account, status=201, changes=True))
def add_account(visit: Admin, body: NewAccount) -> Response:
    """Make a smart account. Needs a key of the portal."""
    if visit.operator.account_id is not None:
        raise Refusal(Kind.NOT_ALLOWED, "accounts are made with a key of the portal")

    def work(portal: Portal) -> Outcome:
        made, _ = management.add_account(portal, body.domain, body.name)
        return Outcome(resource=Account.of(made), status=201, location=f"{BASE}/accounts/{made.id}")

    return visit.change(work)


@routes.get("/accounts/{account_id}", **answers(Account, named=True))
def show_account(
    visit: Viewer, account_id: UUID, fields: Annotated[str | None, chosen(Account)] = None
) -> Response:
    """Show a smart account."""
    return visit.show(Account.of(visit.found(ACCOUNTS, account_id)), members(fields))


@routes.get("/virtual-accounts", **answers(Page[VirtualAccountShown]))
def list_virtual_accounts(
    visit: Viewer, question: Annotated[Question, Depends(asked(VIRTUAL_ACCOUNTS, VirtualAccountShown))]
) -> Response:
    """List the virtual accounts."""
    return visit.listed(VIRTUAL_ACCOUNTS, VirtualAccountShown.of, question)


@routes.post("/virtual-accounts", **answers(VirtualAccountShown, status=201, changes=True))
def add_virtual_account(visit: Admin, body: NewVirtualAccount) -> Response:
    """Make a virtual account."""

    def work(portal: Portal) -> Outcome:
        made = management.add_virtual(portal, visit.owner(portal), body.name)
        return Outcome(
            resource=VirtualAccountShown.of(made), status=201, location=f"{BASE}/virtual-accounts/{made.id}"
        )

    return visit.change(work)


@routes.get("/virtual-accounts/{virtual_account_id}", **answers(VirtualAccountShown, named=True))
def show_virtual_account(
    visit: Viewer,
    virtual_account_id: UUID,
    fields: Annotated[str | None, chosen(VirtualAccountShown)] = None,
) -> Response:
    """Show a virtual account."""
    return visit.show(
        VirtualAccountShown.of(visit.found(VIRTUAL_ACCOUNTS, virtual_account_id)), members(fields)
    )


@routes.patch(
    "/virtual-accounts/{virtual_account_id}",
    **answers(VirtualAccountShown, changes=True, named=True, known=True),
)
def change_virtual_account(visit: Admin, virtual_account_id: UUID, body: VirtualAccountChange) -> Response:
    """Rename a virtual account, or replace its tags. Needs If-Match."""

    def work(portal: Portal) -> Outcome:
        before = visit.locked(portal, VIRTUAL_ACCOUNTS, virtual_account_id)
        after = replace(
            before,
            name=body.name if body.name is not None else before.name,
            tags=dict(body.tags) if body.tags is not None else before.tags,
        )
        return Outcome(resource=VirtualAccountShown.of(management.change_virtual(portal, after)))

    return visit.change(work, current=_current(visit, virtual_account_id), known=True)


@routes.delete(
    "/virtual-accounts/{virtual_account_id}", **answers(None, status=204, changes=True, named=True)
)
def remove_virtual_account(visit: Admin, virtual_account_id: UUID) -> Response:
    """Remove a virtual account that is empty and not the default one."""

    def work(portal: Portal) -> Outcome:
        management.remove_virtual(portal, visit.owner(portal), virtual_account_id)
        return Outcome(resource=None, status=204)

    return visit.change(work, current=_current(visit, virtual_account_id))


def _current(visit: Visit, virtual_account_id: UUID) -> Callable[[Portal], Resource]:
    return lambda portal: VirtualAccountShown.of(visit.locked(portal, VIRTUAL_ACCOUNTS, virtual_account_id))
