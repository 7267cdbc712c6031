"""Every path from what was presented to what is trusted, and every way that came to nothing.

A path runs leaf first and ends in an anchor. The enumerator is complete (RFC 4158): depth first, trusted
and matching issuers first, newer first, never the same subject and key twice in one path. A signature is
checked *before* a candidate is expanded; without that, a hundred authorities that share one name make
a hundred factorial dead ends. What it could not continue it yields as an `OpenEnd`: a library that stops at
the first dead end can neither explain nor find the path beside it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import KeyIdMatch, Signature, is_self_signed, key_id_match, signature
from anchorwatch.pki.profile import AnchorKind, Limits
from anchorwatch.pki.truststore import Anchor, TrustStore


@dataclass(frozen=True, slots=True)
class Path:
    """A candidate from leaf to anchor; `certificates` leaf first, the last one is the anchor's."""

    certificates: tuple[Certificate, ...]
    anchor: Anchor

    @property
    def intermediates(self) -> tuple[Certificate, ...]:
        """What stands between leaf and anchor, nearest the leaf first; may be empty."""
        return self.certificates[1:-1]


@dataclass(frozen=True, slots=True)
class WrongKey:
    """A certificate with the issuer's name whose key did not make the signature."""

    candidate: Certificate
    trusted: bool
    outcome: Signature


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """A partial path that nothing continued; `wrong_keys` had the right name and the wrong key."""

    certificates: tuple[Certificate, ...]
    wrong_keys: tuple[WrongKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The budget ran out; `what` says which part of it."""

    what: str


Found = Path | OpenEnd | Exhausted


class Budget:
    """Counts work against `Limits`; the one mutable thing of a judgement."""

    __slots__ = ("limits", "paths", "signatures")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.paths = 0
        self.signatures = 0


class Enumerator:
    """All paths from `presented[0]` to `store`, with the other presented certificates as stepping stones."""

    def __init__(
        self, presented: Sequence[Certificate], store: TrustStore, anchors: AnchorKind, budget: Budget
    ) -> None:
        self._leaf = presented[0]
        self._store = store
        self._anchors = anchors
        self._budget = budget
        self._stones: dict[Hashable, list[Certificate]] = {}
        for certificate in dict.fromkeys(presented[1:]):
            self._stones.setdefault(certificate.subject.key, []).append(certificate)

    def __iter__(self) -> Iterator[Found]:
        return self._from((self._leaf,), {(self._leaf.subject.key, self._leaf.spki_sha256)})

    def _from(self, path: tuple[Certificate, ...], seen: set[tuple[Hashable, str]]) -> Iterator[Found]:
        last = path[-1]
        anchor = self._store.anchor(last)
        ended = anchor is not None and self._may_end(last, len(path))
        if ended and anchor is not None:
            self._budget.paths += 1
            yield Path(path, anchor)
        if last.self_issued and len(path) > 1 and ended:
            return
        if len(path) >= self._budget.limits.depth:
            yield Exhausted(f"paths of more than {self._budget.limits.depth} certificates")
            return
        wrong: list[WrongKey] = []
        continued = False
        for candidate, trusted in self._issuers(last):
            step = (candidate.subject.key, candidate.spki_sha256)
            if step in seen:
                continue
            if self._budget.paths >= self._budget.limits.paths:
                yield Exhausted(f"more than {self._budget.limits.paths} paths")
                return
            if self._budget.signatures >= self._budget.limits.signatures:
                yield Exhausted(f"more than {self._budget.limits.signatures} signature checks")
                return
            self._budget.signatures += 1
            outcome = signature(last, candidate)
            if outcome is not Signature.GOOD:
                wrong.append(WrongKey(candidate, trusted, outcome))
                continue
            continued = True
            for found in self._from((*path, candidate), seen | {step}):
                yield found
                if isinstance(found, Exhausted):
                    return
        if not continued and not ended:
            self._budget.paths += 1
            yield OpenEnd(path, tuple(wrong))

    def _may_end(self, certificate: Certificate, length: int) -> bool:
        """Whether a trusted certificate ends a path of that length under this client's rule."""
        match self._anchors:
            case AnchorKind.ANY:
                return True
            case AnchorKind.ANY_CA if length > 1:
                return True
            case _:
                # RFC 5280 section 6.1: a trusted self-signed certificate is issued by that very anchor.
                return is_self_signed(certificate)

    def _issuers(self, child: Certificate) -> list[tuple[Certificate, bool]]:
        """Certificates that carry the issuer's name, the likeliest first, each with whether it is trusted."""
        wanted = child.issuer.key
        trusted = [anchor.certificate for anchor in self._store.named(wanted)]
        stones = self._stones.get(wanted, ())
        if not stones and len(trusted) == 1:
            return [(trusted[0], True)]
        found = [(certificate, True) for certificate in trusted]
        found += [(certificate, False) for certificate in stones if self._store.anchor(certificate) is None]
        if len(found) > 1:
            found.sort(key=lambda pair: _likelihood(child, *pair))
        return found


_FIT = {KeyIdMatch.MATCH: 0, KeyIdMatch.NO_DATA: 1, KeyIdMatch.MISMATCH: 2}


def _likelihood(child: Certificate, candidate: Certificate, trusted: bool) -> tuple[int, bool, float, str]:
    """RFC 4158 section 3.5: key identifiers, then trust, then the newer one; identity breaks ties."""
    fit = _FIT[key_id_match(child, candidate)]
    return fit, not trusted, -candidate.not_before.timestamp(), candidate.sha256
