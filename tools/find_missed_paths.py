"""Search the shelf for servers that have a good path which OpenSSL does not find.

    python tools/find_missed_paths.py ../shared/pki > pairs.tsv

Every real leaf is presented as a careless but honest server would: with every unexpired intermediate that leads
upwards from it, nearest first, in four orders among those of one name (by hash, newest first, and both backwards).
Against each store, frozen since its day, on that day or the first day of the leaf, whichever is later, the judge
looks under `rfc5280` (complete) and the OpenSSL linked here looks by itself. Where they disagree, the chain is thinned
as long as they still disagree, so that what is printed is the smallest case. One line a pair: leaf, store family and
file, moment, presented chain, the judge's path, OpenSSL's words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from anchorwatch.pki import PROFILES, Certificate, Question, Trusted, TrustStore, judge
from history.engine import openssl_alone
from history.shelf import PREFIX, Shelf

ORDERS: tuple[tuple[Callable[[Certificate], str], bool], ...] = (
    (lambda certificate: certificate.sha256, False),
    (lambda certificate: certificate.sha256, True),
    (lambda certificate: certificate.not_before.isoformat() + certificate.sha256, False),
    (lambda certificate: certificate.not_before.isoformat() + certificate.sha256, True),
)


def upwards(shelf: Shelf, leaf: Certificate, order: int) -> tuple[Certificate, ...]:
    """Every authority of the shelf that is no root and leads upwards from the leaf, nearest first."""
    authorities: dict[object, list[Certificate]] = {}
    key, backwards = ORDERS[order]
    for certificate in sorted(shelf.of_kind("ca"), key=key, reverse=backwards):
        authorities.setdefault(certificate.subject.key, []).append(certificate)
    found: list[Certificate] = []
    queue = [leaf]
    while queue:
        for issuer in authorities.get(queue.pop(0).issuer.key, []):
            if issuer not in found:
                found.append(issuer)
                queue.append(issuer)
    return tuple(found)


def moment(leaf: Certificate, store: TrustStore) -> datetime | None:
    """Noon of the store's day, but not before the leaf's first; None where the leaf had ended by then."""
    assert store.dated is not None
    first_noon = datetime.combine(leaf.not_before.date() + timedelta(days=1), time(12), UTC)
    at = max(datetime.combine(store.dated, time(12), UTC), first_noon)
    return at if at <= leaf.not_after else None


def missed(question: Question) -> str | None:
    """OpenSSL's words where it refuses and the complete search finds a path; None otherwise."""
    words = openssl_alone(question.presented, question.store, question.at)
    if words is None or not isinstance(judge(question, fixes=False), Trusted):
        return None
    return words


def thinned(question: Question) -> Question:
    """The same disagreement with as few certificates sent as possible."""
    index = len(question.presented) - 1
    while index > 0:
        shorter = replace(question, presented=question.presented[:index] + question.presented[index + 1 :])
        if missed(shorter) is not None:
            question = shorter
        index -= 1
    return question


def questions(shelf: Shelf) -> Iterator[tuple[str, str, list[Question]]]:
    """Every leaf with every store, in each order of sending."""
    stores = [(family, stem, shelf.store(family, stem)) for family, stem in shelf.stores()]
    for leaf in shelf.of_kind("leaf"):
        chains = dict.fromkeys(upwards(shelf, leaf, order) for order in range(len(ORDERS)))
        for family, stem, store in stores:
            at = moment(leaf, store)
            if at is None:
                continue
            asked = []
            for chain in chains:
                sent = tuple(certificate for certificate in chain if certificate.not_after >= at)
                asked.append(
                    Question(
                        presented=(leaf, *sent),
                        store=store,
                        at=at,
                        profile=PROFILES["rfc5280"],
                        purpose="any",
                    )
                )
            yield family, stem, asked


def main() -> int:
    """Print the pairs, and how many were looked at on standard error."""
    shelf = Shelf(Path(sys.argv[1]))
    looked, found = 0, 0
    for family, stem, asked in questions(shelf):
        looked += 1
        question = next((question for question in asked if missed(question) is not None), None)
        if question is None:
            continue
        found += 1
        small = thinned(question)
        verdict = judge(small, fixes=False)
        assert isinstance(verdict, Trusted)
        chain = " ".join(certificate.sha256[:PREFIX] for certificate in small.presented)
        path = " ".join(certificate.sha256[:PREFIX] for certificate in verdict.path.certificates)
        words = missed(small)
        print(
            small.leaf.sha256[:PREFIX],
            family,
            stem,
            f"{small.at:%Y-%m-%dT%H:%M:%SZ}",
            chain,
            path,
            words,
            sep="\t",
        )
    print(f"{looked} pairs, {found} missed", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
