"""A licensing portal's stock to order: an account with tags, lots and devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from anchorwatch.db import account, device, lot, pool, tag
from anchorwatch.db.account import SmartAccount, VirtualAccount
from anchorwatch.db.database import Database
from anchorwatch.db.device import Device
from anchorwatch.db.identifier import new_id
from anchorwatch.db.lot import Lot
from anchorwatch.db.pool import Pool
from anchorwatch.db.tag import EntitlementTag
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.seat import Mode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stock:
    """A stored account, its default virtual account, and the database they are in."""

    database: Database
    account: SmartAccount
    virtual: VirtualAccount

    @classmethod
    def of(cls, database: Database, domain: str = "harbour.example") -> Stock:
        smart = SmartAccount(id=new_id(NOW), domain=domain, name="Harbour", created_at=NOW)
        return cls(database, smart, database.write(lambda tx: account.add(tx, smart)))

    def tag(self, name: str = "base", mode: Mode = Mode.LIMIT) -> EntitlementTag:
        """A stored tag."""
        made = EntitlementTag(
            id=new_id(NOW), account_id=self.account.id, tag=f"urn:example:{name}", name=name, mode=mode
        )
        self.database.write(lambda tx: tag.add(tx, made))
        return made

    def lot(
        self,
        of: EntitlementTag,
        quantity: int,
        *,
        starts_at: datetime = NOW,
        ends_at: datetime | None = None,
        where: VirtualAccount | None = None,
    ) -> Lot:
        """A lot of a tag, stored but not posted."""
        made = Lot(
            id=new_id(NOW),
            account_id=self.account.id,
            virtual_account_id=(where or self.virtual).id,
            tag_id=of.id,
            quantity=quantity,
            starts_at=starts_at,
            ends_at=ends_at,
            source="order 1",
            created_at=NOW,
        )
        self.database.write(lambda tx: lot.add(tx, made))
        return made

    def pool(self, seats: int, mode: Mode = Mode.LIMIT, name: str = "base") -> Pool:
        """The pool of a new tag of which so many seats were bought for ever (0: an empty pool)."""
        of = self.tag(name, mode)
        if seats:
            self.lot(of, seats)
            self.database.write(lambda tx: lot.post(tx, now=NOW))
        return self.database.write(
            lambda tx: pool.ensure(tx, self.account.id, self.virtual.id, of.id, now=NOW)
        )

    def device(self, sn: str = "9A1", deadline: datetime | None = None) -> Device:
        """A stored device."""
        made = Device(
            id=new_id(NOW),
            account_id=self.account.id,
            virtual_account_id=self.virtual.id,
            pid="ASAv",
            sn=sn,
            state=DeviceState.ACTIVE,
            created_at=NOW,
            last_seen=NOW,
            deadline=deadline,
        )
        self.database.write(lambda tx: device.add(tx, made))
        return made

    def look(self, pool_id: UUID) -> Pool:
        """A pool as it is now."""
        return self.database.read(lambda tx: pool.get(tx, self.account.id, pool_id))
