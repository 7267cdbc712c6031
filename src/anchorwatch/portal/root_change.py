"""The licensing root changes hand over hand: what devices pin gives way to its successor without one being lost.

First the later root is published beside the earlier one, which goes on signing; devices that fetch the bundle hold both.
Then, once they do, the earlier one is retired and the later signs: a device that holds both believes it, one that holds
only the earlier believes nothing any more and has to be registered anew. So the second step counts first.
"""

from __future__ import annotations

from anchorwatch.db import trust
from anchorwatch.db.error import NotThere
from anchorwatch.db.trust import Heard
from anchorwatch.db.trust import TrustBundle as Stored
from anchorwatch.licensing.claim import Role
from anchorwatch.pki.certificate import Certificate
from anchorwatch.portal import authority, key_ring, publication
from anchorwatch.portal.error import NotDone
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.portal import Portal


def begin(portal: Portal) -> Stored:
    """Make the next licensing root and publish it beside the one in charge. Raises `KeysRefused` while one changes."""
    key_ring.rotate(portal.folder, KeyRole.ROOT, portal.name, portal.clock.now(), portal.passphrase)
    portal.reread_keys()
    return publication.publish(portal)


def unready(portal: Portal) -> int:
    """Live devices that have not said that they hold a bundle with the later root."""
    later = portal.ring.all(KeyRole.ROOT)[-1].certified
    sha256 = Certificate.from_der(authority.der(later)).sha256
    since = portal.database.read(lambda tx: trust.first_with(tx, Role.LICENSING, sha256))
    if since is None:
        raise NotThere("licensing root in the trust bundle", sha256[:16])
    heard = portal.database.read(lambda tx: trust.heard(tx, since, sha256, None))
    return sum(1 for each in heard if each.state is not Heard.READY)


def finish(portal: Portal, *, leave_behind: int = 0) -> Stored:
    """Retire the earlier root and publish with the later alone.

    Raises `NotDone` while more devices than `leave_behind` hold only the earlier one, so that nobody locks out more than
    they knew of, and `KeysRefused` where no root is changing.
    """
    if len(portal.ring.all(KeyRole.ROOT)) > 1:
        left = unready(portal)
        if left > leave_behind:
            raise NotDone(f"{left} devices have not heard of the next licensing root")
    key_ring.retire_root(portal.folder, portal.name, portal.clock.now(), portal.passphrase)
    portal.reread_keys()
    return publication.publish(portal)
