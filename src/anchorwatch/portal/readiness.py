"""Whether devices are ready for another root in TLS, and the step onto it that waits until they are.

A device that says it holds a trust bundle with the root is ready, unless its canary connection found the root missing
all the same. What a device never said counts as not ready: to lock a device out takes one wrong guess.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

from anchorwatch.db import trust
from anchorwatch.db.database import Transaction
from anchorwatch.db.error import NotThere
from anchorwatch.db.trust import Heard
from anchorwatch.db.trust import TrustBundle as Stored
from anchorwatch.licensing import trust_bundle
from anchorwatch.licensing.claim import Planned, Role, TrustBundle
from anchorwatch.pki.certificate import Certificate
from anchorwatch.portal import publication
from anchorwatch.portal.error import NotDone
from anchorwatch.portal.portal import Portal

MOST_NAMED = 100
"""Devices that a report lists by name; the numbers count all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Of live devices for one root: `since` is the bundle that brought it. Numbers add up to `devices`."""

    root: str
    since: int
    devices: int
    ready: int
    behind: int
    """They hold an older bundle, or never said which."""
    missing: int
    """They hold the bundle, and their canary connection did not believe the root."""
    waiting: tuple[UUID, ...]
    """The first of those that are not ready."""

    @property
    def unready(self) -> int:
        """How many would be locked out, as far as one knows."""
        return self.behind + self.missing


def plan_root(portal: Portal, der: bytes, planned: Planned) -> Stored:
    """Publish a root for TLS, and that it will be used from a date on."""
    claim = publication.anchor(der, Role.TLS, (portal.host,))
    return publication.publish(
        portal, lambda bundle: publication.with_planned(publication.with_anchor(bundle, claim), planned)
    )


def readiness(portal: Portal, sha256: str, account_id: UUID | None) -> Readiness:
    """How ready the live devices of an account (None: of all) are for a root. `NotThere` for one not published."""
    return portal.database.read(lambda tx: _readiness(tx, sha256, account_id))


def _readiness(tx: Transaction, sha256: str, account_id: UUID | None) -> Readiness:
    since = trust.first_with(tx, Role.TLS, sha256)
    if since is None:
        raise NotThere("root for TLS in the trust bundle", sha256[:16])
    heard = trust.heard(tx, since, sha256, account_id)
    counts = Counter(each.state for each in heard)
    waiting = [each.device_id for each in heard if each.state is not Heard.READY]
    return Readiness(
        root=sha256,
        since=since,
        devices=len(heard),
        ready=counts[Heard.READY],
        behind=counts[Heard.BEHIND],
        missing=counts[Heard.MISSING],
        waiting=tuple(waiting[:MOST_NAMED]),
    )


def switch(portal: Portal, sha256: str, *, retire: tuple[str, ...] = (), leave_behind: int = 0) -> Stored:
    """Publish that a planned root is the one in use, and withdraw others; the chain itself is moved on disk.

    Raises `NotDone` before its date, and while devices are not ready for it: unless `leave_behind` names how many,
    so that nobody locks out more than they knew of. A root that is not planned, or is itself withdrawn, is refused.
    `NotThere` for one that was never published.
    """
    found = readiness(portal, sha256, None)
    if found.unready > leave_behind:
        raise NotDone(f"{found.unready} of {found.devices} devices are not ready for this root")
    if sha256 in retire:
        raise NotDone("the root that is switched to cannot be withdrawn with the others")
    now = portal.clock.now()

    def change(bundle: TrustBundle) -> TrustBundle:
        claim = next(
            (each for each in bundle.anchors if each.role is Role.TLS and each.sha256.hex() == sha256), None
        )
        if claim is None or claim.x5c is None:
            raise NotDone("the trust bundle does not have this root for TLS")
        spki = bytes.fromhex(Certificate.from_der(claim.x5c).spki_sha256)
        planned = next((each for each in bundle.planned if each.spki_sha256 == spki), None)
        if planned is None:
            raise NotDone("this root is not planned")
        if planned.switch_after > now:
            raise NotDone(f"this root is planned for {planned.switch_after:%Y-%m-%d}, not before")
        after = replace(bundle, planned=tuple(each for each in bundle.planned if each is not planned))
        for old in retire:
            after = publication.without_anchor(after, bytes.fromhex(old))
        return after

    return publication.publish(portal, change)


def claims(stored: Stored) -> TrustBundle:
    """A stored bundle as its claims."""
    return trust_bundle.read(stored.jws)
