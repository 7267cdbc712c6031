"""Publishing trust bundles: what devices may believe, signed twice over.

The bundle in force is the last one in the database. A new one is that one with a change, the keys of the ring as they
are, the next number, and the hash of the one before. The same anchors go out as signed PKCS#7 for clients that read
nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from cryptography import x509

from anchorwatch.db import trust
from anchorwatch.db.trust import TrustBundle as Stored
from anchorwatch.formats import signing
from anchorwatch.formats.signing import BundleSigner
from anchorwatch.licensing import jws, trust_bundle, wire
from anchorwatch.licensing.claim import AnchorClaim, Planned, PublicKeyClaim, Role, TrustBundle
from anchorwatch.licensing.jws import Kind
from anchorwatch.pki.certificate import Certificate
from anchorwatch.portal import authority
from anchorwatch.portal.error import NotDone
from anchorwatch.portal.key_ring import Held, KeyRing, KeyRole
from anchorwatch.portal.portal import Portal

LIFE = timedelta(days=365)
REFRESH_HINT = timedelta(days=7)
RENEWED_BEFORE = timedelta(days=180)
"""A bundle is published again this long before its end, so that a first contact never meets an expired one."""
_ATTEMPTS = 5

Change = Callable[[TrustBundle], TrustBundle]


def anchor(der: bytes, role: Role, names: tuple[str, ...] = ()) -> AnchorClaim:
    """A certificate as an anchor; with role tls, for these host names only. Raises `NotDone` for no certificate."""
    try:
        certificate = Certificate.from_der(der)
    except ValueError as error:
        raise NotDone(f"this is no certificate: {error}") from None
    return AnchorClaim(
        role=role,
        sha256=bytes.fromhex(certificate.sha256),
        not_after=certificate.not_after.replace(microsecond=0),
        x5c=der,
        names=names,
    )


def with_anchor(bundle: TrustBundle, claim: AnchorClaim) -> TrustBundle:
    """The bundle with one more anchor, or with the same anchor for other names."""
    others = tuple(each for each in bundle.anchors if (each.role, each.sha256) != (claim.role, claim.sha256))
    return replace(bundle, anchors=(*others, claim))


def without_anchor(bundle: TrustBundle, sha256: bytes) -> TrustBundle:
    """The bundle without that anchor for TLS; others are the portal's own. Raises `NotDone` where it has none."""
    kept = tuple(each for each in bundle.anchors if each.role is not Role.TLS or each.sha256 != sha256)
    if len(kept) == len(bundle.anchors):
        raise NotDone("the trust bundle has no such anchor for TLS")
    return replace(bundle, anchors=kept)


def with_planned(bundle: TrustBundle, planned: Planned) -> TrustBundle:
    """The bundle announcing a root, by its key, before it is used."""
    others = tuple(each for each in bundle.planned if each.spki_sha256 != planned.spki_sha256)
    return replace(bundle, planned=(*others, planned))


def licensing_root(portal: Portal) -> bytes:
    """The licensing root's certificate (DER): what ID tokens pin."""
    return authority.der(portal.ring.root.certified)


def in_force(portal: Portal) -> Stored | None:
    """The bundle that devices are given now; None before the first."""
    return portal.database.read(trust.last)


def publish(portal: Portal, change: Change = lambda bundle: bundle) -> Stored:
    """Publish the next bundle: the one in force with a change, and with the keys there are now.

    Raises `NotDone` where others publish all the time.
    """
    for _ in range(_ATTEMPTS):
        before = in_force(portal)
        bundle = change(_drafted(portal, before))
        stored = _signed(portal, bundle)
        anchors = {
            role: tuple(claim.x5c for claim in bundle.anchors if claim.role is role and claim.x5c is not None)
            for role in Role
        }

        def store(tx: Any, stored: Stored = stored, anchors: dict[Role, tuple[bytes, ...]] = anchors) -> bool:
            return trust.publish(tx, stored, anchors)

        if portal.database.write(store):
            _heeded(portal, bundle)
            return stored
    raise NotDone("other trust bundles were published at the same time; nothing was changed")


def ensured(portal: Portal) -> Stored:
    """The bundle in force, published now where there is none, or where its keys or its time have passed."""
    before = in_force(portal)
    if before is not None:
        bundle = trust_bundle.read(before.jws)
        if not _holds(bundle, portal.ring):
            # Another program may have made or retired a key, and published it: its bundle is not taken back.
            portal.reread_keys()
        if _holds(bundle, portal.ring) and portal.clock.now() < before.expires_at - RENEWED_BEFORE:
            _heeded(portal, bundle)
            return before
    return publish(portal)


def _holds(bundle: TrustBundle, ring: KeyRing) -> bool:
    """Whether a bundle names the keys there are now, and no others."""
    grants, roots = (
        {held.signing.public.kid for held in ring.all(role)} for role in (KeyRole.GRANT, KeyRole.ROOT)
    )
    named = grants == {key.kid for key in bundle.grant_keys} and roots == {key.kid for key in bundle.roots}
    return named and {each.sha256 for each in _own(ring)} <= {each.sha256 for each in bundle.anchors}


def _heeded(portal: Portal, bundle: TrustBundle) -> None:
    """The portal signs with the keys that its devices are told of, from when they are told."""
    portal.bundle_seq = max(portal.bundle_seq, bundle.seq)
    portal.begins = {key.kid: key.nbf for key in bundle.grant_keys}


def _own(ring: KeyRing) -> tuple[AnchorClaim, ...]:
    roles = ((KeyRole.ROOT, Role.LICENSING), (KeyRole.ID, Role.ID))
    return tuple(
        anchor(authority.der(held.certified), role) for key_role, role in roles for held in ring.all(key_role)
    )


def _drafted(portal: Portal, before: Stored | None) -> TrustBundle:
    now = portal.clock.now().replace(microsecond=0)
    ring = portal.ring
    kept: TrustBundle | None = trust_bundle.read(before.jws) if before is not None else None
    own = _own(ring)
    hint = kept.refresh_hint if kept is not None else REFRESH_HINT
    told = {key.kid: key for key in kept.grant_keys} if kept is not None else {}
    # A key that is new beside others signs after every device has had two occasions to hear of it.
    start = now + 2 * hint if told else None
    tls = tuple(claim for claim in kept.anchors if claim.role is Role.TLS) if kept is not None else ()
    drafted = TrustBundle(
        iss=portal.name,
        seq=before.seq + 1 if before is not None else 1,
        iat=now,
        exp=now + LIFE,
        refresh_hint=hint,
        anchors=(*own, *tls),
        grant_keys=tuple(
            told.get(held.signing.public.kid) or replace(_named(held), nbf=start)
            for held in ring.all(KeyRole.GRANT)
        ),
        roots=tuple(_named(held) for held in ring.all(KeyRole.ROOT)),
        planned=kept.planned if kept is not None else (),
    )
    if before is None:
        return drafted
    return replace(drafted, prev_sha256=hashlib.sha256(before.jws.encode("ascii")).digest())


def _named(held: Held) -> PublicKeyClaim:
    public = held.signing.public
    return PublicKeyClaim(kid=public.kid, alg=public.algorithm, spki=public.spki)


def _signed(portal: Portal, bundle: TrustBundle) -> Stored:
    ring = portal.ring
    text = jws.sign(Kind.TRUST, wire.dump(bundle), ring.root.signing)
    return Stored(
        seq=bundle.seq,
        jws=text,
        p7b=_pkcs7(ring, bundle),
        claims=cast(dict[str, Any], wire.plain(bundle)),
        issued_at=bundle.iat,
        expires_at=bundle.exp,
    )


def _pkcs7(ring: KeyRing, bundle: TrustBundle) -> bytes:
    """The anchors for TLS and licensing as signed PKCS#7; those for identities are no device's to trust for more.

    Beside the signer go its root and, where that has followed another, its certificate by the earlier one (NewWithOld):
    who pins only that one finds a path too.
    """
    wanted = [claim for claim in bundle.anchors if claim.role in (Role.TLS, Role.LICENSING)]
    ders = dict.fromkeys(claim.x5c for claim in wanted if claim.x5c is not None)
    signer, root = ring.bundle_signer, ring.root
    own = root.certified.public_key()
    issuers = (root.certified, *(each for each in root.crossed if each.public_key() == own))
    return signing.sign(
        [Certificate.from_der(der) for der in ders],
        signer=BundleSigner(
            certificate=_read(signer.certified), key=signer.key, issuers=tuple(map(_read, issuers))
        ),
        name="Licensing Trust Bundle",
        version=str(bundle.seq),
        signing_time=bundle.iat,
    )


def _read(certificate: x509.Certificate) -> Certificate:
    return Certificate.from_der(authority.der(certificate))
