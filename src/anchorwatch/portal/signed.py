"""A signed request on its way to an answer."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.db import device
from anchorwatch.db.database import Transaction
from anchorwatch.db.device import Device
from anchorwatch.db.renewal import Standing
from anchorwatch.portal.caller import Caller
from anchorwatch.portal.portal import Portal
from anchorwatch.portal.reply import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed request within its transaction, its device locked: as it is `stored`, and as this request has `seen` it.

    `digest` is SHA-256 of all that matters in the request.
    """

    portal: Portal
    tx: Transaction
    stored: Device
    seen: Device
    standing: Standing
    who: Caller
    request: Request
    digest: bytes

    def noted(self) -> Device:
        """The device, its row brought up to what was seen."""
        device.save(self.tx, self.stored, self.seen)
        return self.seen
