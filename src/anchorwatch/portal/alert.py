"""Alerts: what of an account an operator should look at now. Opened and closed by rules, never by hand.

There is no table of them. An alert is open while its rule holds, so none is forgotten and none outlives its cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from anchorwatch.db import page
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.lot import Lot
from anchorwatch.db.pool import Pool
from anchorwatch.licensing import account
from anchorwatch.licensing.account import DeviceState, Severity
from anchorwatch.portal.portal import Portal

ENDS_SOON = timedelta(days=30)
REPEATED = 3
"""Adoptions of an older grant: one is a restored backup, several are two clones that alternate."""
MOST = 10_000
"""Devices, pools and lots that are looked at, of each."""


class Kind(StrEnum):
    """What is the matter."""

    DEVICE_OVERDUE = "device-overdue"
    AUTHORIZATION_EXPIRED = "authorization-expired"
    IDENTITY_EXPIRED = "identity-expired"
    IDENTITY_CONFLICT = "identity-conflict"
    CLONES_SUSPECTED = "clones-suspected"
    APPROVAL_WAITING = "approval-waiting"
    OUT_OF_COMPLIANCE = "out-of-compliance"
    LOT_ENDING = "lot-ending"


_BY_STATE = {
    DeviceState.OVERDUE: Kind.DEVICE_OVERDUE,
    DeviceState.AUTH_EXPIRED: Kind.AUTHORIZATION_EXPIRED,
    DeviceState.ID_EXPIRED: Kind.IDENTITY_EXPIRED,
    DeviceState.CONFLICT: Kind.IDENTITY_CONFLICT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An open alert. `subject` is what it is about, by its id; `due` is when something happens by itself, or did."""

    kind: Kind
    severity: Severity
    subject_kind: str
    subject: UUID
    sentence: str
    due: datetime | None = None

    @property
    def id(self) -> str:
        """The same for as long as it is open."""
        return f"{self.kind}:{self.subject}"


def alerts(portal: Portal, account_id: UUID) -> tuple[Alert, ...]:
    """Those that are open in an account, by id."""
    now = portal.clock.now()

    def look(tx: Transaction) -> tuple[Alert, ...]:
        found = [
            *of_devices(_every(tx, page.DEVICES, account_id, {"live": "true"})),
            *of_pools(_every(tx, page.POOLS, account_id, {})),
            *of_lots(_every(tx, page.LOTS, account_id, {}), now),
        ]
        return tuple(sorted(found, key=lambda each: each.id))

    return portal.database.read(look)


def of_devices(found: Iterator[Device] | tuple[Device, ...]) -> Iterator[Alert]:
    """Those about devices."""
    for each in found:
        name = f"{each.pid} {each.sn}"
        if each.state in _BY_STATE:
            due = each.id_ends if each.state is DeviceState.ID_EXPIRED else each.deadline
            kind = _BY_STATE[each.state]
            yield _device(each, kind, account.ALERTS[each.state], f"{name} is {each.state}", due)
        if each.state is DeviceState.PENDING:
            yield _device(each, Kind.APPROVAL_WAITING, Severity.MINOR, f"{name} waits for approval", None)
        if each.adoptions >= REPEATED:
            sentence = f"{name} came back with an older grant {each.adoptions} times"
            yield _device(each, Kind.CLONES_SUSPECTED, Severity.MAJOR, sentence, None)


def of_pools(found: Iterator[Pool] | tuple[Pool, ...]) -> Iterator[Alert]:
    """Those about pools that give away more than was bought, by more than is allowed."""
    for each in found:
        over = each.counters.taken - each.counters.capacity
        if over > 0:
            yield Alert(
                kind=Kind.OUT_OF_COMPLIANCE,
                severity=Severity.MAJOR,
                subject_kind="pool",
                subject=each.id,
                sentence=f"{each.counters.taken} seats are in use, {over} more than there are",
            )


def of_lots(found: Iterator[Lot] | tuple[Lot, ...], now: datetime) -> Iterator[Alert]:
    """Those about what was bought and ends soon."""
    for each in found:
        if each.quantity > 0 and each.ends_at is not None and now < each.ends_at <= now + ENDS_SOON:
            yield Alert(
                kind=Kind.LOT_ENDING,
                severity=Severity.MINOR,
                subject_kind="lot",
                subject=each.id,
                sentence=f"{each.quantity} seats end on {each.ends_at:%Y-%m-%d}",
                due=each.ends_at,
            )


def _device(found: Device, kind: Kind, severity: Severity, sentence: str, due: datetime | None) -> Alert:
    return Alert(
        kind=kind, severity=severity, subject_kind="device", subject=found.id, sentence=sentence, due=due
    )


def _every(
    tx: Transaction, listing: page.Listing[page.T], account_id: UUID, equal: dict[str, str]
) -> Iterator[page.T]:
    yield from page.page(tx, listing, account_id, equal=equal, limit=MOST)
