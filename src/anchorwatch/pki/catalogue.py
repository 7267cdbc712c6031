"""What is known beside the store: used to explain and to propose, never to vouch.

Where a certificate was learned decides what it is good for (domain rule: never plan an anchor that was
learned only from the failing session, from AIA or from a document; behind a TLS-inspecting proxy that would
mean trusting the proxy). The catalogue keeps that origin beside each certificate.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from anchorwatch.pki.certificate import Certificate


class Origin(StrEnum):
    """Where a certificate was learned; the first three may be proposed as anchors."""

    GIVEN = "given"
    """Handed over by the user (`--catalogue`)."""
    PROGRAMME = "root-programme"
    """An entry of a root programme's store (certifi)."""
    BUNDLE = "signed-bundle"
    """From a bundle whose signature led to a pinned signer."""
    SESSION = "session"
    """Presented by the peer in question: explains, and is never proposed."""

    @property
    def proposable(self) -> bool:
        """Whether an anchor learned there may be proposed."""
        return self is not Origin.SESSION


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate and the best place it was learned from."""

    certificate: Certificate
    origin: Origin
    source: str = ""
    """The file, folder or store it came from, for people."""


_ORDER = {origin: number for number, origin in enumerate(Origin)}


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Known certificates; of several origins of one certificate the most trustworthy is kept."""

    entries: tuple[Known, ...] = ()
    _by_subject: dict[Hashable, list[Known]] = field(init=False, repr=False)
    _by_key: dict[str, list[Known]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        best: dict[str, Known] = {}
        for known in self.entries:
            held = best.get(known.certificate.sha256)
            if held is None or _ORDER[known.origin] < _ORDER[held.origin]:
                best[known.certificate.sha256] = known
        by_subject: dict[Hashable, list[Known]] = {}
        by_key: dict[str, list[Known]] = {}
        for known in best.values():
            by_subject.setdefault(known.certificate.subject.key, []).append(known)
            by_key.setdefault(known.certificate.spki_sha256, []).append(known)
        object.__setattr__(self, "entries", tuple(best.values()))
        object.__setattr__(self, "_by_subject", by_subject)
        object.__setattr__(self, "_by_key", by_key)

    @classmethod
    def of(
        cls, certificates: Iterable[Certificate], origin: Origin = Origin.GIVEN, source: str = ""
    ) -> Catalogue:
        """A catalogue of certificates from one place."""
        return cls(tuple(Known(certificate, origin, source) for certificate in certificates))

    def __add__(self, other: Catalogue) -> Catalogue:
        return Catalogue(self.entries + other.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def named(self, key: Hashable) -> tuple[Known, ...]:
        """Certificates whose subject has this comparison key."""
        return tuple(self._by_subject.get(key, ()))

    def with_key(self, spki_sha256: str) -> tuple[Known, ...]:
        """Certificates that carry this public key."""
        return tuple(self._by_key.get(spki_sha256, ()))


EMPTY = Catalogue()
