"""Importing a bundle into a pool, counted as a device counts it.

A device prints `attempted`, `installed`, `duplicates`, `expired` and `failed`; the first is the sum of
the others. That an import succeeded says little: `installed: 0, duplicates: 14` brought nothing, so the
certificate one was missing is still missing. Therefore the counters come with the certificates they count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from anchorwatch.formats.bundle import Bundle
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.truststore import Anchor, TrustStore

__all__ = ["Merge", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """A pool after an import, and where every entry of the bundle went, in the order of the bundle.

    `failed` is the number of entries that are no certificates: there is nothing else to show of them.
    """

    store: TrustStore = field(repr=False)
    installed: tuple[Certificate, ...]
    duplicates: tuple[Certificate, ...]
    expired: tuple[Certificate, ...]
    failed: int

    @property
    def attempted(self) -> int:
        """Entries of the bundle, whatever became of them."""
        return len(self.installed) + len(self.duplicates) + len(self.expired) + self.failed

    @property
    def counters(self) -> dict[str, int]:
        """The five counters, named and ordered as a device prints them."""
        return {
            "attempted": self.attempted,
            "installed": len(self.installed),
            "duplicates": len(self.duplicates),
            "expired": len(self.expired),
            "failed": self.failed,
        }


def merge(store: TrustStore, bundle: Bundle, *, at: datetime) -> Merge:
    """Add what a bundle holds to a store at the time `at` (aware); `store` itself stays as it is.

    Whether the bundle is to be believed must be known before. An entry whose time is over counts as expired
    even when the store has it; one whose time is still to come is installed. New anchors go to the end.
    """
    held = {anchor.certificate for anchor in store.anchors}
    installed: list[Certificate] = []
    duplicates: list[Certificate] = []
    expired: list[Certificate] = []
    for certificate in bundle.certificates:
        if certificate.not_after < at:
            expired.append(certificate)
        elif certificate in held:
            duplicates.append(certificate)
        else:
            held.add(certificate)
            installed.append(certificate)
    anchors = (*store.anchors, *(Anchor(certificate) for certificate in installed))
    return Merge(
        store=TrustStore(anchors, store.name, store.dated, store.source),
        installed=tuple(installed),
        duplicates=tuple(duplicates),
        expired=tuple(expired),
        failed=bundle.lost,
    )
