"""A portal: its name, its clock, its keys and its database, held together."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.db.database import Database
from anchorwatch.licensing import jws, wire
from anchorwatch.licensing.claim import TimeClaim
from anchorwatch.licensing.jws import Kind
from anchorwatch.portal import key_ring
from anchorwatch.portal.key_ring import KeyRing, KeyRole

RADIUS = timedelta(milliseconds=500)
"""How far signed time may be from true time: a portal's own clock is kept by its operator."""


@dataclass(slots=True, kw_only=True)
class Portal:
    """What every answer is made from. `name` is host, or host:port, as devices address it.

    The ring may be exchanged while the portal runs (`reread_keys`); a request uses the one it began with.
    """

    name: str
    database: Database
    clock: Clock
    folder: Path
    passphrase: Secret | None = field(default=None, repr=False)
    ring: KeyRing = field(repr=False)
    label: str = "sl1"
    retired: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set while the portal says that it is not ready, so that a balancer sends no one here."""

    @property
    def host(self) -> str:
        """The name without its port: what a TLS certificate must say."""
        name, _, port = self.name.rpartition(":")
        return name if name and port.isdigit() else self.name

    def reread_keys(self) -> None:
        """Use what is in the folder of keys now. Raises `KeysRefused`, and then keeps what it has."""
        self.ring = key_ring.load(self.folder, self.passphrase)

    def sign(self, kind: Kind, claims: object) -> str:
        """A signed object, by the newest key for grants."""
        return jws.sign(kind, wire.dump(claims), self.ring.newest(KeyRole.GRANT).signing)

    def time(self, nonce: str) -> str:
        """Signed time for that nonce."""
        now = self.clock.now().replace(microsecond=0)
        claim = TimeClaim(iss=self.name, nonce=nonce, now=now, radius_ms=RADIUS // timedelta(milliseconds=1))
        return self.sign(Kind.TIME, claim)
