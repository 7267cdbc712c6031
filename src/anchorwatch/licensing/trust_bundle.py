"""Which trust bundles an agent accepts, and what they let in.

Edition 1: one signature, by a root the agent holds, or at first contact by the root that the ID token pins, which
then stores `roots`. `seq` never goes down, and the same number is the same bundle. A change of `roots` must be signed
by a key of the old set *and* of the new one. A bundle past its `exp` is stale and still used: no date may brick a
device. Only at first contact, with nothing held, is an expired bundle refused, and one older than the token.

Anchors of role `tls` add to the operator's own store, each confined to the host names it is for, so that licensing can
never become a root for everything.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from anchorwatch.licensing import jws, wire
from anchorwatch.licensing.claim import AnchorClaim, PublicKeyClaim, Role, TrustBundle
from anchorwatch.licensing.error import BundleRefusedError, MalformedMessageError, SignatureRefusedError
from anchorwatch.licensing.key import VerifyingKey
from anchorwatch.licensing.token import PIN_OCTETS
from anchorwatch.pki import constraint
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.constraint import NameConstraints
from anchorwatch.pki.name import GeneralName, Name, SubjectAltName, general_name
from anchorwatch.pki.truststore import Anchor, TrustStore


class Objection(StrEnum):
    """Why a bundle is not accepted."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    ROLLBACK = "rollback"
    FORKED = "forked"
    ROOTS = "roots"
    THRESHOLD = "threshold"
    EXPIRED = "expired"
    BELOW_TOKEN = "below-token"  # noqa: S105 - a name


@lru_cache(maxsize=64)
def read(text: str) -> TrustBundle:
    """The claims of a bundle that was accepted before. Raises `BundleRefusedError` where they cannot be read."""
    try:
        return wire.parse(TrustBundle, jws.unverified_payload(text))
    except (MalformedMessageError, SignatureRefusedError) as error:
        raise BundleRefusedError(f"the trust bundle cannot be read: {error}", Objection.MALFORMED) from None


def accept(text: str, *, held: str | None, pin: bytes | None = None, token_seq: int = 0) -> TrustBundle:
    """Decide about a bundle: against the one `held`, or at first contact against the token's pin and number.

    Raises `BundleRefusedError`. At first contact the caller asks `first_contact` too, once it knows the time.
    """
    bundle = read(text)
    known = _pinned(bundle, pin) if held is None else read(held).roots
    try:
        signed = jws.verify(text, (jws.Kind.TRUST,), lambda header: _key(known, header.kid))
        signer = next(root for root in known if root.kid == signed.header.kid)
    except SignatureRefusedError as error:
        raise BundleRefusedError(f"the trust bundle is not believed: {error}", Objection.SIGNATURE) from None
    if bundle.threshold > 1:
        raise BundleRefusedError(
            "the trust bundle asks for several signatures, and this edition reads one", Objection.THRESHOLD
        )
    if not any(root.spki == signer.spki for root in bundle.roots):
        raise BundleRefusedError("the trust bundle drops the root that signs it", Objection.ROOTS)
    if held is None:
        if bundle.seq < token_seq:
            raise BundleRefusedError(
                f"the trust bundle {bundle.seq} is older than the ID token, which knows {token_seq}",
                Objection.BELOW_TOKEN,
            )
        return bundle
    before = read(held)
    if bundle.seq < before.seq:
        raise BundleRefusedError(
            f"the trust bundle {bundle.seq} is older than {before.seq}, which is held", Objection.ROLLBACK
        )
    if bundle.seq == before.seq and bundle != before:
        raise BundleRefusedError(f"there are two different trust bundles {bundle.seq}", Objection.FORKED)
    return bundle


def first_contact(bundle: TrustBundle, now: datetime) -> None:
    """Refuse an expired bundle where nothing was held before. Raises `BundleRefusedError`."""
    if now >= bundle.exp:
        raise BundleRefusedError(
            f"the trust bundle ended on {bundle.exp:%Y-%m-%d}, and none was held before", Objection.EXPIRED
        )


def _pinned(bundle: TrustBundle, pin: bytes | None) -> tuple[PublicKeyClaim, ...]:
    if pin is None or len(pin) != PIN_OCTETS:
        raise BundleRefusedError("there is no root yet to believe a trust bundle by", Objection.SIGNATURE)
    roots = []
    for root in bundle.roots:
        try:
            if hmac.compare_digest(root.key().spki_sha256[:PIN_OCTETS], pin):
                roots.append(root)
        except SignatureRefusedError:
            continue
    return tuple(roots)


def _key(keys: tuple[PublicKeyClaim, ...], kid: str) -> VerifyingKey | None:
    return next((claim.key() for claim in keys if claim.kid == kid), None)


def grant_key(bundle: TrustBundle, kid: str) -> VerifyingKey | None:
    """The key for grants, times, receipts and revocations of that name, None where the bundle has none."""
    return _key(bundle.grant_keys, kid)


def anchors(bundle: TrustBundle, role: Role) -> tuple[tuple[AnchorClaim, Certificate], ...]:
    """The anchors of a role that come with their certificate and are what the bundle says they are."""
    found = []
    for claim in bundle.anchors:
        if claim.role is not role or claim.x5c is None:
            continue
        try:
            certificate = Certificate.from_der(claim.x5c)
        except MalformedCertificateError:
            continue
        if certificate.sha256 == claim.sha256.hex():
            found.append((claim, certificate))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Confined:
    """An anchor as the name constraints of its claim make it."""

    subject: Name
    name_constraints: NameConstraints | None
    san: SubjectAltName | None = None
    self_issued: bool = True


def tls_store(bundle: TrustBundle | None, own: TrustStore, leaf: Certificate) -> TrustStore:
    """The store to judge a presented chain by: the operator's own, then the bundle's anchors that may speak for it.

    An anchor of the bundle is left out where the leaf has any name beyond those it is for.
    """
    if bundle is None:
        return own
    added = []
    for claim, certificate in anchors(bundle, Role.TLS):
        confined = _Confined(certificate.subject, _constraints(claim.names))
        if not constraint.check((leaf, confined)):
            added.append(Anchor(certificate))
    return TrustStore((*own.anchors, *added), own.name, own.dated, own.source)


def _constraints(names: tuple[str, ...]) -> NameConstraints:
    permitted: list[GeneralName] = []
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            permitted.append(general_name(0x82, name.encode("ascii"), base=True))
        else:
            permitted.append(general_name(0x87, address.packed + b"\xff" * len(address.packed), base=True))
    excluded = []
    if not any(name.kind == "ip" for name in permitted):
        excluded += [general_name(0x87, bytes(length), base=True) for length in (8, 32)]
    if not any(name.kind == "dns" for name in permitted):
        excluded.append(general_name(0x82, b"", base=True))
    return NameConstraints(permitted=tuple(permitted), excluded=tuple(excluded))
