"""Moving between the parts of an account: seats from pool to pool, and a device with what it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from anchorwatch.db import account, device, joined, lot, pool
from anchorwatch.db.account import SmartAccount
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.identifier import new_id
from anchorwatch.db.lot import Lot, NotCut, Short
from anchorwatch.db.pool import Full, Pool
from anchorwatch.portal import life
from anchorwatch.portal.error import NotDone
from anchorwatch.portal.portal import Portal


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Both pools after seats went from one to the other."""

    source: Pool
    target: Pool


def move_seats(
    portal: Portal, owner: SmartAccount, pool_id: UUID, target: UUID, quantity: int, *, rehearse: bool = False
) -> Moved:
    """Move so many seats of a pool to the virtual account `target`; those that end soonest go first.

    `rehearse` answers what would be, and changes nothing. Raises `NotDone` where there are not so many to move, or
    the devices of a `hard` pool hold them; then nothing is moved. `NotThere` for a pool or a part of another account.
    """
    now = portal.clock.now()

    def work(tx: Transaction) -> Moved:
        seen = pool.get(tx, owner.id, pool_id)
        if account.get_virtual(tx, owner.id, target).id == seen.virtual_account_id:
            raise NotDone("the seats are in this virtual account already")
        left = quantity
        for each in lot.in_pool(tx, seen, now=now):
            if left == 0:
                break
            left -= _cut(tx, each, target, left, now)
        if left:
            raise NotDone(f"there are {quantity - left} seats to move, not {quantity}")
        there = pool.ensure(tx, owner.id, target, seen.tag_id, now=now)
        return Moved(source=pool.get(tx, owner.id, pool_id), target=there)

    if rehearse:
        return portal.database.write(lambda tx: joined.rehearsed(tx, work))
    return portal.database.write(work)


def _cut(tx: Transaction, each: Lot, target: UUID, wanted: int, now: datetime) -> int:
    """Move what a lot has of `wanted`; how many that were. Raises `NotDone` where devices hold them."""

    def cut(quantity: int) -> NotCut | None:
        done = lot.transfer(
            tx, each, target, quantity, source="transfer", request_id=f"transfer {new_id(now)}", now=now
        )
        if isinstance(done, NotCut):
            return done
        short = next((answer for answer in done if isinstance(answer, Short)), None)
        if short is not None:
            raise NotDone(f"devices hold the seats: {short.by} must be returned first")
        return None

    refused = cut(wanted)
    if refused is None:
        return wanted
    if refused.left:
        cut(refused.left)
    return refused.left


def move_device(portal: Portal, owner: SmartAccount, device_id: UUID, target: UUID) -> Device:
    """Move a device, and the seats it holds, to another virtual account.

    Its grant goes on as it is; the next one names the new account. Raises `NotDone` where a `hard` pool there has no
    room, `NotThere` for a device or a part of another account; then nothing is moved.
    """
    now = portal.clock.now()

    def work(tx: Transaction) -> Device:
        device.get(tx, owner.id, device_id)
        place = account.get_virtual(tx, owner.id, target)
        found = life.aged(tx, device.lock(tx, device_id), now, "operator")
        if not found.live:
            raise NotDone("this device is not live any more")
        if found.virtual_account_id == place.id:
            raise NotDone("the device is in this virtual account already")
        after = replace(found, virtual_account_id=place.id)
        device.save(tx, found, after)
        wanted: dict[UUID, int] = {}
        for pool_id, seats in pool.holdings(tx, device_id).items():
            seen = pool.get(tx, owner.id, pool_id)
            there = pool.ensure(tx, owner.id, place.id, seen.tag_id, now=now)
            wanted |= {pool_id: 0, there.id: seats}
        request_id = f"move {new_id(now)}"
        for answer in pool.hold(tx, device_id, wanted, request_id=request_id, now=now).values():
            if isinstance(answer, Full):
                raise NotDone(
                    f"{place.name[:80]} has no room for {answer.wanted} seats that this device holds"
                )
        return after

    return portal.database.write(work)
