"""A program that takes and returns seats until it is killed, and says on standard output what was acknowledged.

    python client.py ADDRESS POOL DEVICE…

Each line is written after the database gave its answer: `DEVICE SEATS GRANT`, the last grant's number with it. Whoever
reads it may hold the database to every line.
"""

from __future__ import annotations

import random
import sys
import threading
from datetime import timedelta
from functools import partial
from uuid import UUID

from anchorwatch.db import device, grant, pool
from anchorwatch.db.database import Database, Transaction
from anchorwatch.db.grant import Grant
from anchorwatch.db.identifier import new_id
from builders.stock import DAY, NOW


def turn(tx: Transaction, pool_id: UUID, device_id: UUID, seats: int) -> tuple[int, int]:
    """One renewal: the next grant of the device, then its seats; what it holds now, and the grant's number."""
    known = device.lock(tx, device_id)
    given = Grant(
        device_id=device_id,
        seq=known.grant_seq + 1,
        account_id=known.account_id,
        previous_seq=known.grant_seq,
        jti=str(new_id(NOW)),
        previous_jti=None,
        body_sha256="0" * 64,
        issued_at=NOW,
        refresh_at=NOW + 30 * DAY,
        deadline=NOW + 90 * DAY,
        grace_end=NOW + 180 * DAY,
        jws="e30.e30." + "A" * 1500,
    )
    assert grant.add(tx, given)
    answer = pool.hold(tx, device_id, {pool_id: seats}, request_id=given.jti, now=NOW)[pool_id]
    return answer.seats, given.seq


def main() -> None:
    """Run one client for each device named."""
    address, pool_id, *devices = sys.argv[1:]
    says = threading.Lock()

    def run(database: Database, device_id: UUID) -> None:
        chance = random.Random()
        while True:
            work = partial(turn, pool_id=UUID(pool_id), device_id=device_id, seats=chance.randrange(3))
            seats, seq = database.write(work)
            with says:
                sys.stdout.write(f"{device_id} {seats} {seq}\n")
                sys.stdout.flush()

    with Database.open(address, patience=timedelta(seconds=30)) as database:
        threads = [threading.Thread(target=run, args=(database, UUID(each)), daemon=True) for each in devices]
        for each in threads:
            each.start()
        for each in threads:
            each.join()


if __name__ == "__main__":
    main()
