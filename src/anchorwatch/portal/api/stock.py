"""`tags`, `lots`, `pools` and `ledger`: what can be licensed, what was bought, what is in use, and every change of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from anchorwatch.db.page import LEDGER, LOTS, POOLS, TAGS, VIRTUAL_ACCOUNTS
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.db.word import LotKind
from anchorwatch.licensing.claim import OnExpiry
from anchorwatch.licensing.seat import Column, EntryKind, Mode
from anchorwatch.portal import management, movement
from anchorwatch.portal.api.problem import Kind, Refusal
from anchorwatch.portal.api.question import Question, asked, chosen, members
from anchorwatch.portal.api.resource import Body, Flag, Moment, Page, Resource, Words
from anchorwatch.portal.api.visit import BASE, Admin, Outcome, Viewer, Visit, answers
from anchorwatch.portal.portal import Portal

routes = APIRouter(prefix=BASE, tags=["licenses"])

Tag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._~:@+/-]+$")]
Seats = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Note = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class TagShown(Resource):
    """Something that can be licensed. `mode` says what happens at the limit: report it, be out of compliance, refuse."""

    id: UUID
    tag: str
    name: str
    unit: str
    family: str
    rank: int
    restricted: bool
    mode: Mode
    on_expiry: OnExpiry


class NewTag(Body):
    """Something to license. `restricted` is export-controlled."""

    tag: Tag
    name: Words | None = None
    mode: Mode = Mode.LIMIT
    on_expiry: OnExpiry = OnExpiry.CONTINUE
    restricted: Flag = False


class TagChange(Body):
    """What is to be otherwise; what is absent stays."""

    name: Words | None = None
    mode: Mode | None = None
    on_expiry: OnExpiry | None = None
    restricted: Flag | None = None


class LotShown(Resource):
    """So many seats of a tag, from when to when. Never changed: a correction is another lot."""

    id: UUID
    virtual_account_id: UUID
    tag_id: UUID
    kind: LotKind
    quantity: int
    starts_at: Moment
    ends_at: Moment | None
    source: str
    parent_id: UUID | None
    created_at: Moment


class NewLot(Body):
    """What was bought; negative for a correction. Without dates from now, and for ever."""

    virtual_account_id: UUID
    tag: Tag
    quantity: Annotated[int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000)]
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    source: Note = ""


class PoolShown(Resource):
    """What a virtual account has of a tag. `room` is what can still be given away."""

    id: UUID
    virtual_account_id: UUID
    tag_id: UUID
    mode: Mode
    purchased: int
    in_use: int
    reserved: int
    leased: int
    overage_pct: int
    room: int


class PoolChange(Body):
    """How many percent above what was bought may be given away."""

    overage_pct: Annotated[int, Field(strict=True, ge=0, le=1000)]


class Transfer(Body):
    """Seats to move to another virtual account. `dry_run` tells what would be, and changes nothing."""

    virtual_account_id: UUID
    quantity: Seats
    dry_run: Flag = False


class Transferred(Resource):
    """Both pools after it."""

    dry_run: bool
    source: PoolShown
    target: PoolShown


class LedgerEntryShown(Resource):
    """One change of one counter of a pool."""

    id: UUID
    pool_id: UUID
    kind: EntryKind
    counter: Column
    delta: int
    device_id: UUID | None
    lot_id: UUID | None
    request_id: str
    at: Moment


@routes.get("/tags", **answers(Page[TagShown]))
def list_tags(visit: Viewer, question: Annotated[Question, Depends(asked(TAGS, TagShown))]) -> Response:
    """List what can be licensed."""
    return visit.listed(TAGS, TagShown.of, question)


@routes.post("/tags", **answers(TagShown, status=201, changes=True))
def add_tag(visit: Admin, body: NewTag) -> Response:
    """Define something that can be licensed."""

    def work(portal: Portal) -> Outcome:
        owner = visit.owner(portal)
        made = EntitlementTag(
            id=owner.id,
            account_id=owner.id,
            tag=body.tag,
            name=body.name or body.tag,
            mode=body.mode,
            on_expiry=body.on_expiry,
            restricted=body.restricted,
        )
        stored = management.add_tag(portal, owner, made)
        return Outcome(resource=TagShown.of(stored), status=201, location=f"{BASE}/tags/{stored.id}")

    return visit.change(work)


@routes.get("/tags/{tag_id}", **answers(TagShown, named=True))
def show_tag(visit: Viewer, tag_id: UUID, fields: Annotated[str | None, chosen(TagShown)] = None) -> Response:
    """Show a tag."""
    return visit.show(TagShown.of(visit.found(TAGS, tag_id)), members(fields))


@routes.patch("/tags/{tag_id}", **answers(TagShown, changes=True, named=True, known=True))
def change_tag(visit: Admin, tag_id: UUID, body: TagChange) -> Response:
    """Say something else of a tag, in its pools too. Needs If-Match."""

    def work(portal: Portal) -> Outcome:
        before = visit.locked(portal, TAGS, tag_id)
        after = replace(before, **{name: each for name, each in body if each is not None})
        return Outcome(resource=TagShown.of(management.change_tag(portal, after)))

    return visit.change(
        work, current=lambda portal: TagShown.of(visit.locked(portal, TAGS, tag_id)), known=True
    )


@routes.get("/lots", **answers(Page[LotShown]))
def list_lots(visit: Viewer, question: Annotated[Question, Depends(asked(LOTS, LotShown))]) -> Response:
    """List what was bought, moved and corrected."""
    return visit.listed(LOTS, LotShown.of, question)


@routes.post("/lots", **answers(LotShown, status=201, changes=True, named=True))
def add_lot(visit: Admin, body: NewLot) -> Response:
    """Enter what was bought."""
    if body.quantity == 0:
        raise Refusal(Kind.INVALID, "a lot is of at least one seat, bought or taken back")

    def work(portal: Portal) -> Outcome:
        place = visit.locked(portal, VIRTUAL_ACCOUNTS, body.virtual_account_id)
        stored = management.add_lot(
            portal,
            place,
            body.tag,
            body.quantity,
            starts=body.starts_at,
            ends=body.ends_at,
            source=body.source,
        )
        return Outcome(resource=LotShown.of(stored), status=201, location=f"{BASE}/lots/{stored.id}")

    return visit.change(work)


@routes.get("/lots/{lot_id}", **answers(LotShown, named=True))
def show_lot(visit: Viewer, lot_id: UUID, fields: Annotated[str | None, chosen(LotShown)] = None) -> Response:
    """Show a lot."""
    return visit.show(LotShown.of(visit.found(LOTS, lot_id)), members(fields))


@routes.get("/pools", **answers(Page[PoolShown]))
def list_pools(visit: Viewer, question: Annotated[Question, Depends(asked(POOLS, PoolShown))]) -> Response:
    """List what there is of each tag, and what of it is in use."""
    return visit.listed(POOLS, PoolShown.of, question)


@routes.get("/pools/{pool_id}", **answers(PoolShown, named=True))
def show_pool(
    visit: Viewer, pool_id: UUID, fields: Annotated[str | None, chosen(PoolShown)] = None
) -> Response:
    """Show a pool."""
    return visit.show(PoolShown.of(visit.found(POOLS, pool_id)), members(fields))


@routes.patch("/pools/{pool_id}", **answers(PoolShown, changes=True, named=True, known=True))
def change_pool(visit: Admin, pool_id: UUID, body: PoolChange) -> Response:
    """Allow some percent above what was bought. Needs If-Match, which every seat given away changes."""

    def work(portal: Portal) -> Outcome:
        after = management.set_overage(portal, visit.owner(portal), pool_id, body.overage_pct)
        return Outcome(resource=PoolShown.of(after))

    return visit.change(work, current=_current_pool(visit, pool_id), known=True)


@routes.post("/pools/{pool_id}:transfer", **answers(Transferred, changes=True, named=True))
def transfer_seats(visit: Admin, pool_id: UUID, body: Transfer) -> Response:
    """Move seats to another virtual account; those that end soonest go first."""

    def work(portal: Portal) -> Outcome:
        moved = movement.move_seats(
            portal,
            visit.owner(portal),
            pool_id,
            body.virtual_account_id,
            body.quantity,
            rehearse=body.dry_run,
        )
        after = Transferred(
            dry_run=body.dry_run, source=PoolShown.of(moved.source), target=PoolShown.of(moved.target)
        )
        return Outcome(resource=after)

    return visit.change(work, current=_current_pool(visit, pool_id))


@routes.get("/ledger", **answers(Page[LedgerEntryShown]))
def list_ledger(
    visit: Viewer, question: Annotated[Question, Depends(asked(LEDGER, LedgerEntryShown))]
) -> Response:
    """List every change of every pool, in the order it was made."""
    return visit.listed(LEDGER, LedgerEntryShown.of, question)


def _current_pool(visit: Visit, pool_id: UUID) -> Callable[[Portal], Resource]:
    return lambda portal: PoolShown.of(visit.locked(portal, POOLS, pool_id))
