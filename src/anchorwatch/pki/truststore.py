"""What a client trusts: anchors, each with the rules its store attaches to it.

A store is a value: named, dated, sourced, in the order in which the client keeps it (some builders take
the first name that fits). It keeps two indexes, by subject and by identity, made once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from anchorwatch.pki.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Anchor:
    """One entry of a store.

    `distrust_after` (aware UTC) refuses leaves whose notBefore is later: Mozilla's server-distrust-after.
    """

    certificate: Certificate
    distrust_after: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrustStore:
    """Anchors in store order; `dated` is the day the store was current, None where unknown.

    An identical certificate given twice is kept once, where it came first.
    """

    anchors: tuple[Anchor, ...]
    name: str = "store"
    dated: date | None = None
    source: str = ""
    _by_subject: dict[Hashable, tuple[Anchor, ...]] = field(init=False, repr=False)
    _by_sha256: dict[str, Anchor] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_sha256: dict[str, Anchor] = {}
        by_subject: dict[Hashable, list[Anchor]] = {}
        for anchor in self.anchors:
            identity = anchor.certificate.sha256
            if identity not in by_sha256:
                by_sha256[identity] = anchor
                by_subject.setdefault(anchor.certificate.subject.key, []).append(anchor)
        object.__setattr__(self, "anchors", tuple(by_sha256.values()))
        object.__setattr__(self, "_by_sha256", by_sha256)
        object.__setattr__(self, "_by_subject", {key: tuple(found) for key, found in by_subject.items()})

    @classmethod
    def of(cls, certificates: Iterable[Certificate], name: str = "store") -> TrustStore:
        """A store of plain anchors."""
        return cls(tuple(Anchor(certificate) for certificate in certificates), name)

    def __len__(self) -> int:
        return len(self.anchors)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TrustStore):
            return NotImplemented
        return (self.name, self.dated, self.anchors) == (other.name, other.dated, other.anchors)

    def __hash__(self) -> int:
        return hash((self.name, self.dated, self.anchors))

    def anchor(self, certificate: Certificate) -> Anchor | None:
        """The entry that is exactly this certificate, or None."""
        return self._by_sha256.get(certificate.sha256)

    def named(self, key: Hashable) -> tuple[Anchor, ...]:
        """Entries whose subject has this comparison key, in store order; may be empty."""
        return self._by_subject.get(key, ())

    def with_anchor(self, certificate: Certificate) -> TrustStore:
        """The store with one more entry at its end."""
        return TrustStore((*self.anchors, Anchor(certificate)), self.name, self.dated, self.source)

    def without(self, certificate: Certificate) -> TrustStore:
        """The store without that entry."""
        kept = tuple(a for a in self.anchors if a.certificate.sha256 != certificate.sha256)
        return TrustStore(kept, self.name, self.dated, self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreDiff:
    """How one store differs from another, by fingerprint and by key.

    `reissued` pairs a removed with an added certificate that has the same key: trust in that key stayed.
    """

    added: tuple[Certificate, ...]
    removed: tuple[Certificate, ...]
    kept: tuple[Certificate, ...]
    reissued: tuple[tuple[Certificate, Certificate], ...]


def diff(old: Iterable[Certificate], new: Iterable[Certificate]) -> StoreDiff:
    """Compare two sets of certificates; each field is in the order of its side."""
    before = {certificate.sha256: certificate for certificate in old}
    after = {certificate.sha256: certificate for certificate in new}
    added = [certificate for identity, certificate in after.items() if identity not in before]
    removed = [certificate for identity, certificate in before.items() if identity not in after]
    by_key: dict[str, list[Certificate]] = {}
    for certificate in added:
        by_key.setdefault(certificate.spki_sha256, []).append(certificate)
    reissued = tuple(
        (gone, by_key[gone.spki_sha256].pop(0)) for gone in removed if by_key.get(gone.spki_sha256)
    )
    paired = {certificate.sha256 for pair in reissued for certificate in pair}
    return StoreDiff(
        added=tuple(c for c in added if c.sha256 not in paired),
        removed=tuple(c for c in removed if c.sha256 not in paired),
        kept=tuple(c for identity, c in after.items() if identity in before),
        reissued=reissued,
    )
