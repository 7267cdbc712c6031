"""`trust` and `health`: what devices are told to believe, whether they are ready for another root, and how all is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.responses import Response

from anchorwatch.db import migration
from anchorwatch.db.page import BUNDLES
from anchorwatch.db.trust import TrustBundle as Stored
from anchorwatch.formats import bundle as certificates
from anchorwatch.licensing.claim import Planned, Role
from anchorwatch.pki.certificate import Certificate
from anchorwatch.portal import publication, readiness
from anchorwatch.portal.api.problem import Kind, Refusal
from anchorwatch.portal.api.question import Question, asked, chosen, members
from anchorwatch.portal.api.resource import Body, Moment, Page, Resource, Sha256
from anchorwatch.portal.api.visit import BASE, Admin, Outcome, Viewer, Visit, answers
from anchorwatch.portal.portal import Portal

routes = APIRouter(prefix=BASE, tags=["trust"])
_SEQ = 2**53


class Anchor(Resource):
    """A root that devices believe, and for which host names."""

    role: Role
    sha256: str
    subject: str | None
    not_after: Moment
    names: list[str]


class PlannedRoot(Resource):
    """A root that will be used, by its key, and from when."""

    role: Role
    spki_sha256: str
    switch_after: Moment


class Bundle(Resource):
    """A trust bundle as it was published."""

    seq: int
    issued_at: Moment
    expires_at: Moment
    anchors: list[Anchor]
    planned: list[PlannedRoot]


class Ready(Resource):
    """How many live devices hold a root. `waiting` are the first hundred that do not, as far as one knows."""

    root: str
    since: int
    devices: int
    ready: int
    behind: int
    missing: int
    waiting: list[UUID]


class NewRoot(Body):
    """A root to come, in PEM, and the moment from which it may be used."""

    certificate: Annotated[str, Field(min_length=1, max_length=65_536)]
    switch_after: Moment


class Switch(Body):
    """The planned root that is in use from now on. `leave_behind` says how many devices may be locked out by it."""

    root: Sha256
    retire: Annotated[tuple[Sha256, ...], Field(max_length=16)] = ()
    leave_behind: Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)] = 0


class Health(Resource):
    """How the portal is."""

    name: str
    now: Moment
    ready: bool
    database: str
    database_version: str
    revision: str | None
    bundle: int | None
    bundle_expires_at: Moment | None


def _bundle(row: Stored) -> Bundle:
    claims = readiness.claims(row)
    return Bundle(
        seq=row.seq,
        issued_at=row.issued_at,
        expires_at=row.expires_at,
        anchors=[
            Anchor(
                role=each.role,
                sha256=each.sha256.hex(),
                subject=Certificate.from_der(each.x5c).subject.text if each.x5c is not None else None,
                not_after=each.not_after,
                names=list(each.names),
            )
            for each in claims.anchors
        ],
        planned=[
            PlannedRoot(role=each.role, spki_sha256=each.spki_sha256.hex(), switch_after=each.switch_after)
            for each in claims.planned
        ],
    )


@routes.get("/trust/bundles", **answers(Page[Bundle]))
def list_bundles(visit: Viewer, question: Annotated[Question, Depends(asked(BUNDLES, Bundle))]) -> Response:
    """List the trust bundles that were published; the last one is in force."""
    return visit.listed(BUNDLES, _bundle, question)


@routes.get("/trust/bundles/{seq}", **answers(Bundle, named=True))
def show_bundle(
    visit: Viewer,
    seq: Annotated[int, Path(ge=1, le=_SEQ)],
    fields: Annotated[str | None, chosen(Bundle)] = None,
) -> Response:
    """Show a trust bundle."""
    return visit.show(_bundle(visit.found(BUNDLES, seq)), members(fields))


@routes.get("/trust/readiness", **answers(Ready, named=True))
def show_readiness(
    visit: Viewer,
    root: Annotated[str, Query(pattern=r"^[0-9a-f]{64}$", description="Its SHA-256.")],
    fields: Annotated[str | None, chosen(Ready)] = None,
) -> Response:
    """Tell how ready the devices of the key's account (of all, for a key of the portal) are for a root."""
    found = readiness.readiness(visit.portal, root, visit.operator.account_id)
    shown = Ready(
        root=found.root,
        since=found.since,
        devices=found.devices,
        ready=found.ready,
        behind=found.behind,
        missing=found.missing,
        waiting=list(found.waiting),
    )
    return visit.show(shown, members(fields))


@routes.post("/trust:plan-root", **answers(Bundle, status=201, changes=True))
def plan_root(visit: Admin, body: NewRoot) -> Response:
    """Publish a root for TLS before it is used. Needs a key of the portal."""
    _of_the_portal(visit)
    found = certificates.read(body.certificate.encode("utf-8", "replace"), source="certificate").certificates
    if len(found) != 1:
        raise Refusal(Kind.INVALID, f"the request holds {len(found)} certificates, not one")
    planned = Planned(
        role=Role.TLS,
        spki_sha256=bytes.fromhex(found[0].spki_sha256),
        switch_after=_whole_second(body.switch_after),
    )

    def work(portal: Portal) -> Outcome:
        return _published(readiness.plan_root(portal, found[0].der, planned))

    return _heeded(visit, visit.change(work, current=_in_force))


@routes.post("/trust:switch", **answers(Bundle, status=201, changes=True, named=True))
def switch_root(visit: Admin, body: Switch) -> Response:
    """Publish that a planned root is in use, and withdraw others. Refused while devices are not ready for it.

    Needs a key of the portal. The chain itself is moved on the portal's disk, before this.
    """
    _of_the_portal(visit)

    def work(portal: Portal) -> Outcome:
        stored = readiness.switch(
            portal, body.root, retire=tuple(dict.fromkeys(body.retire)), leave_behind=body.leave_behind
        )
        return _published(stored)

    return _heeded(visit, visit.change(work, current=_in_force))


@routes.get("/health", **answers(Health))
def show_health(visit: Viewer, fields: Annotated[str | None, chosen(Health)] = None) -> Response:
    """Tell how the portal is."""
    health = migration.check(visit.portal.database)
    stored = publication.in_force(visit.portal)
    shown = Health(
        name=visit.portal.name,
        now=visit.portal.clock.now(),
        ready=health.ready and stored is not None and not visit.portal.retired.is_set(),
        database=health.kind,
        database_version=health.version,
        revision=health.revision,
        bundle=stored.seq if stored is not None else None,
        bundle_expires_at=stored.expires_at if stored is not None else None,
    )
    return visit.show(shown, members(fields))


def _of_the_portal(visit: Visit) -> None:
    if visit.operator.account_id is not None:
        raise Refusal(Kind.NOT_ALLOWED, "what all devices believe is changed with a key of the portal")


def _in_force(portal: Portal) -> Resource:
    return _bundle(publication.ensured(portal))


def _published(stored: Stored) -> Outcome:
    return Outcome(resource=_bundle(stored), status=201, location=f"{BASE}/trust/bundles/{stored.seq}")


def _heeded(visit: Visit, answer: Response) -> Response:
    """The change is kept: from here on the portal itself goes by it."""
    publication.ensured(visit.portal)
    return answer


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
