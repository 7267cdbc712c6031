"""`devices`, `certificates`, `grants`, `incidents` and `alerts`: product instances, what they hold, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from anchorwatch.db.device import Device
from anchorwatch.db.page import CERTIFICATES, DEVICES, GRANTS, INCIDENTS
from anchorwatch.db.word import CertificateStatus
from anchorwatch.licensing.account import DeviceEvent, DeviceState, Severity
from anchorwatch.portal import alert, management, movement
from anchorwatch.portal.api.question import Question, asked, chosen, members
from anchorwatch.portal.api.resource import Body, Moment, Page, Resource
from anchorwatch.portal.api.visit import BASE, Admin, Outcome, Viewer, Visit, Worker, answers
from anchorwatch.portal.portal import Portal

routes = APIRouter(prefix=BASE, tags=["devices"])


class DeviceShown(Resource):
    """A product instance. `deadline` ends its authorization, `id_ends` its identity."""

    id: UUID
    virtual_account_id: UUID
    pid: str
    sn: str
    uuid: str
    live: bool
    state: DeviceState
    ha_group: str
    software: str
    agent: str
    export_allowed: bool
    created_at: Moment
    last_seen: Moment | None
    deadline: Moment | None
    id_ends: Moment | None
    skew_ms: int | None
    trust_seq: int
    grant_seq: int
    adoptions: int
    last_failure: str


class Destination(Body):
    """The virtual account to move to."""

    virtual_account_id: UUID


class Certificate(Resource):
    """An ID certificate of a device."""

    id: UUID
    device_id: UUID
    sha256: str
    serial: str
    spki_sha256: str
    not_before: Moment
    not_after: Moment
    status: CertificateStatus
    predecessor_id: UUID | None
    token_id: UUID | None
    issued_at: Moment
    first_used_at: Moment | None
    retired_at: Moment | None


class GrantShown(Resource):
    """A grant as the portal remembers it, without its signature."""

    device_id: UUID
    seq: int
    jti: str
    previous_jti: str | None
    issued_at: Moment
    refresh_at: Moment
    deadline: Moment
    grace_end: Moment
    acked_at: Moment | None


class IncidentShown(Resource):
    """Failures of one class that a device told of when it could. `evidence` is the device's own."""

    id: UUID
    device_id: UUID
    failure: str
    evidence: dict[str, Any]
    first_at: Moment
    last_at: Moment
    count: int
    repaired_by: str


class AlertShown(Resource):
    """Something to look at. It is open while its cause lasts, and nobody can close it by hand."""

    id: str
    kind: alert.Kind
    severity: Severity
    subject_kind: str
    subject: UUID
    sentence: str
    due: Moment | None


@routes.get("/devices", **answers(Page[DeviceShown]))
def list_devices(
    visit: Viewer, question: Annotated[Question, Depends(asked(DEVICES, DeviceShown))]
) -> Response:
    """List the devices, removed ones too; `filter=live:true` leaves those out."""
    return visit.listed(DEVICES, DeviceShown.of, question)


@routes.get("/devices/{device_id}", **answers(DeviceShown, named=True))
def show_device(
    visit: Viewer, device_id: UUID, fields: Annotated[str | None, chosen(DeviceShown)] = None
) -> Response:
    """Show a device."""
    return visit.show(DeviceShown.of(visit.found(DEVICES, device_id)), members(fields))


@routes.post("/devices/{device_id}:approve", **answers(DeviceShown, changes=True, named=True))
def approve_device(visit: Worker, device_id: UUID) -> Response:
    """Approve a device that waits for it; its next enrolment gets a certificate."""
    return _moved(visit, device_id, lambda _: DeviceEvent.APPROVED)


@routes.post("/devices/{device_id}:suspend", **answers(DeviceShown, changes=True, named=True))
def suspend_device(visit: Worker, device_id: UUID) -> Response:
    """Give a device no new grants; it keeps its seats."""
    return _moved(visit, device_id, lambda _: DeviceEvent.SUSPENDED)


@routes.post("/devices/{device_id}:release", **answers(DeviceShown, changes=True, named=True))
def release_device(visit: Worker, device_id: UUID) -> Response:
    """End what holds a device back: its suspension, or a conflict that was looked into."""

    def event(found: Device) -> DeviceEvent:
        return DeviceEvent.RESOLVED if found.state is DeviceState.CONFLICT else DeviceEvent.RESUMED

    return _moved(visit, device_id, event)


@routes.post("/devices/{device_id}:revoke", **answers(DeviceShown, changes=True, named=True))
def revoke_device(visit: Admin, device_id: UUID) -> Response:
    """Take a device's identity back for good; its seats return."""
    return _moved(visit, device_id, lambda _: DeviceEvent.REVOKED)


@routes.post("/devices/{device_id}:remove", **answers(DeviceShown, changes=True, named=True))
def remove_device(visit: Admin, device_id: UUID) -> Response:
    """Remove a device; its seats return and its history stays."""
    return _moved(visit, device_id, lambda _: DeviceEvent.REMOVED)


@routes.post("/devices/{device_id}:transfer", **answers(DeviceShown, changes=True, named=True))
def transfer_device(visit: Worker, device_id: UUID, body: Destination) -> Response:
    """Move a device, and the seats it holds, to another virtual account."""

    def work(portal: Portal) -> Outcome:
        moved = movement.move_device(portal, visit.owner(portal), device_id, body.virtual_account_id)
        return Outcome(resource=DeviceShown.of(moved))

    return visit.change(work, current=lambda portal: DeviceShown.of(visit.locked(portal, DEVICES, device_id)))


def _moved(visit: Visit, device_id: UUID, event: Callable[[Device], DeviceEvent]) -> Response:
    def work(portal: Portal) -> Outcome:
        found = visit.locked(portal, DEVICES, device_id)
        moved = management.move_device(portal, visit.owner(portal), device_id, event(found))
        return Outcome(resource=DeviceShown.of(moved))

    return visit.change(work, current=lambda portal: DeviceShown.of(visit.locked(portal, DEVICES, device_id)))


@routes.get("/certificates", **answers(Page[Certificate]))
def list_certificates(
    visit: Viewer, question: Annotated[Question, Depends(asked(CERTIFICATES, Certificate))]
) -> Response:
    """List the ID certificates of devices."""
    return visit.listed(CERTIFICATES, Certificate.of, question)


@routes.get("/certificates/{certificate_id}", **answers(Certificate, named=True))
def show_certificate(
    visit: Viewer, certificate_id: UUID, fields: Annotated[str | None, chosen(Certificate)] = None
) -> Response:
    """Show an ID certificate."""
    return visit.show(Certificate.of(visit.found(CERTIFICATES, certificate_id)), members(fields))


@routes.post("/certificates/{certificate_id}:revoke", **answers(Certificate, changes=True, named=True))
def revoke_certificate(visit: Admin, certificate_id: UUID) -> Response:
    """Revoke one ID certificate; its device has to register again."""

    def shown(portal: Portal) -> Resource:
        return Certificate.of(visit.locked(portal, CERTIFICATES, certificate_id))

    def work(portal: Portal) -> Outcome:
        management.revoke_certificate(portal, visit.owner(portal), certificate_id)
        return Outcome(resource=shown(portal))

    return visit.change(work, current=shown)


@routes.get("/grants", **answers(Page[GrantShown]))
def list_grants(visit: Viewer, question: Annotated[Question, Depends(asked(GRANTS, GrantShown))]) -> Response:
    """List the grants that are kept, device by device, the oldest first."""
    return visit.listed(GRANTS, GrantShown.of, question)


@routes.get("/incidents", **answers(Page[IncidentShown]))
def list_incidents(
    visit: Viewer, question: Annotated[Question, Depends(asked(INCIDENTS, IncidentShown))]
) -> Response:
    """List what devices told of their failures, device by device."""
    return visit.listed(INCIDENTS, IncidentShown.of, question)


@routes.get("/alerts", **answers(Page[AlertShown]))
def list_alerts(
    visit: Viewer, question: Annotated[Question, Depends(asked("alert", AlertShown))]
) -> Response:
    """List the alerts that are open now."""
    found = alert.alerts(visit.portal, visit.account_id)
    return visit.sliced([(each.id, AlertShown.of(each)) for each in found], question)
