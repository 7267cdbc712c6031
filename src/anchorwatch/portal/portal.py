"""A portal: its name, its clock, its keys and its database, held together."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import Secret
from anchorwatch.db.certificate import IdCertificate
from anchorwatch.db.database import Database
from anchorwatch.licensing import jws, wire
from anchorwatch.licensing.claim import TimeClaim
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.key import VerifyingKey
from anchorwatch.portal import key_ring
from anchorwatch.portal.kept import Kept
from anchorwatch.portal.key_ring import KeyRing, KeyRole

_NEVER = datetime.max.replace(tzinfo=UTC)
_CALLERS = 20_000
"""Devices whose certificate is remembered, some 1.5 kB each."""
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
    begins: Mapping[str, datetime | None] = field(default_factory=dict, repr=False)
    """From when each key for grants may sign, by its name: what the bundle in force says (None: from ever)."""
    bundle_seq: int = 0
    """The number of the bundle in force, as this program last saw it; what grants tell devices of it."""
    callers: Kept[str, tuple[IdCertificate, VerifyingKey]] = field(
        default_factory=lambda: Kept(_CALLERS), repr=False
    )
    """Certificates that signed lately, by the `keyid` that names them."""
    retired: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set while the portal says that it is not ready, so that a balancer sends no one here."""

    @property
    def host(self) -> str:
        """The name without its port: what a TLS certificate must say."""
        name, _, port = self.name.rpartition(":")
        return name if name and port.isdigit() else self.name

    def reread_keys(self) -> None:
        """Use what is in the folder of keys now. Raises `KeysRefused`, and then keeps what it has."""
        if key_ring.names(self.folder) != tuple(f"{held.role}-{held.number}" for held in self.ring.keys):
            self.ring = key_ring.load(self.folder, self.passphrase)

    def sign(self, kind: Kind, claims: object) -> str:
        """A signed object, by the newest key for grants whose time has come."""
        now, held = self.clock.now(), self.ring.all(KeyRole.GRANT)
        # A new key signs only when devices have had the time to hear of it; until the first bundle, the oldest does.
        known = [each for each in held if (self.begins.get(each.signing.public.kid, _NEVER) or now) <= now]
        return jws.sign(kind, wire.dump(claims), (known or held[:1])[-1].signing)

    def time(self, nonce: str) -> str:
        """Signed time for that nonce."""
        now = self.clock.now().replace(microsecond=0)
        claim = TimeClaim(iss=self.name, nonce=nonce, now=now, radius_ms=RADIUS // timedelta(milliseconds=1))
        return self.sign(Kind.TIME, claim)
