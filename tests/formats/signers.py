"""A signer of bundles for the tests: a pinned root, the signer below it, and what it signs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from cryptography.x509 import ObjectIdentifier

from anchorwatch.formats.signing import BundleSigner, SigningKey, sign
from anchorwatch.formats.verification import BUNDLE_SIGNING, Rule
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA, Issued, KeyKind

AT = datetime(2017, 1, 11, 12, tzinfo=UTC)
PURPOSE = ObjectIdentifier(BUNDLE_SIGNING)

ROOT = CA.root("Harbour Bundle Root", key="rsa2048")
SIGNER = ROOT.issue_leaf("Harbour Bundle Signer", key="rsa2048", eku=[PURPOSE], san=[], digest="sha1")
ANCHORS = tuple(Certificate.from_der(CA.root(f"Town Root {number}").der) for number in range(4))
RULE = Rule(pins=frozenset({ROOT.sha256}))


def read_in(issued: Issued) -> Certificate:
    """The builder's certificate as a value of ours."""
    return Certificate.from_der(issued.der)


def bundle_signer(issued: Issued = SIGNER, *, issuers: Sequence[Issued] = (ROOT,)) -> BundleSigner:
    """A signer with the certificates it sends along."""
    return BundleSigner(
        certificate=read_in(issued),
        key=cast(SigningKey, issued.key),
        issuers=tuple(read_in(issuer) for issuer in issuers),
    )


def signer_of_kind(kind: KeyKind) -> Issued:
    """A signer below the same root with another key."""
    return ROOT.issue_leaf("Harbour Bundle Signer", key=kind, eku=[PURPOSE], san=[])


def signed(
    certificates: Sequence[Certificate] = ANCHORS,
    *,
    signer: BundleSigner | None = None,
    name: str = "Harbour Core Bundle",
    version: str = "04",
    signing_time: datetime = AT,
) -> bytes:
    """A signed bundle as a harbour would publish it."""
    return sign(
        certificates,
        signer=signer or bundle_signer(),
        name=name,
        version=version,
        signing_time=signing_time,
    )
