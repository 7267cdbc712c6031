"""Worlds for the judge: built to be trusted, then filled with noise.

A spine from a root to a leaf is always good at `NOW`. The noise is what real stores and servers add: old and
new certificates of one key, cross-certificates, strangers with a familiar name, roots that ended, chains out
of order. Keys are made once; a hundred worlds share nine of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import strategies as st

from anchorwatch.pki.catalogue import Catalogue
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from builders.certs import CA, Issued, PrivateKey, new_key, with_broken_signature

NOW = datetime(2020, 6, 1, 12, 0, 0, tzinfo=UTC)
PEER = PeerName("dns", "portal.example")
DAY = timedelta(days=1)


@cache
def keys() -> tuple[PrivateKey, ...]:
    """Nine keys for every world."""
    return tuple(new_key() for _ in range(9))


def read(issued: Issued) -> Certificate:
    """The judge's reading of a certificate made here."""
    return Certificate.from_der(issued.der)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A spine, root first, its leaf, and what lies around it."""

    spine: tuple[Certificate, ...]
    leaf: Certificate
    noise: tuple[Certificate, ...]
    strangers: tuple[Certificate, ...]
    """Authorities that vouch for nothing presented."""

    def question(self, **changes: object) -> Question:
        """The question of a client that trusts the root and is sent the spine in order."""
        fields: dict[str, object] = {
            "presented": (self.leaf, *reversed(self.spine[1:])),
            "store": TrustStore.of(self.spine[:1]),
            "at": NOW,
            "peer": PEER,
            "catalogue": Catalogue.of(self.spine + self.noise),
        }
        return Question(**{**fields, **changes})  # type: ignore[arg-type]  # a record by its field names


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world with a spine of one to three authorities and up to six pieces of noise."""
    chance = draw(st.randoms(use_true_random=False))
    depth = draw(st.integers(1, 3))
    pool = list(keys())
    chance.shuffle(pool)
    spine = [CA.root("Harbour Root", key=pool[0], not_before=NOW - 900 * DAY, not_after=NOW + 900 * DAY)]
    for level in range(1, depth):
        spine.append(spine[-1].issue_ca(f"Harbour Issuing {level}", key=pool[level]))
    leaf = spine[-1].issue_leaf("portal.example", key=pool[3])
    noise = [_noise(kind, spine, pool, chance) for kind in draw(st.lists(st.sampled_from(KINDS), max_size=6))]
    strangers = [
        CA.root(f"Stranger {number}", key=pool[4 + number]) for number in range(draw(st.integers(0, 2)))
    ]
    return World(
        spine=tuple(read(ca) for ca in spine),
        leaf=read(leaf),
        noise=tuple(noise),
        strangers=tuple(read(ca) for ca in strangers),
    )


KINDS = ("expired twin", "newer twin", "cross-certificate", "familiar name", "broken", "unborn")


def _noise(kind: str, spine: list[CA], pool: list[PrivateKey], chance: random.Random) -> Certificate:
    """One piece of noise beside an authority of the spine."""
    level = chance.randrange(len(spine))
    real = spine[level]
    above = spine[level - 1] if level else None

    def again(start: timedelta, end: timedelta) -> Certificate:
        begin, stop = NOW + start, NOW + end
        if above is None:
            return read(CA.root(real.subject, key=real.key, not_before=begin, not_after=stop))
        return read(above.issue_ca(real.subject, key=real.key, not_before=begin, not_after=stop))

    match kind:
        case "expired twin":
            return again(-400 * DAY, -1 * DAY)
        case "unborn":
            return again(1 * DAY, 400 * DAY)
        case "newer twin":
            return again(-1 * DAY, 4000 * DAY)
        case "cross-certificate":
            return read(CA.root("Elsewhere Root", key=pool[8]).cross_sign(real))
        case "familiar name":
            return read(CA.root(real.subject, key=pool[7]))
        case _:
            return Certificate.from_der(with_broken_signature(real.der))
