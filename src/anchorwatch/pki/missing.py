"""What is missing where a path stays open: the authorities any one of which would close it.

An open path leaf ← A ← B lacks the issuer of B; but a client whose rule lets any trusted authority end a
path would be content with the issuer of the leaf (A) or of A (B) as well. All of them are told; which one is
wise to add is the business of `anchorwatch.pki.fix`.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import is_self_signed, signature_good
from anchorwatch.pki.known_authority import known_as
from anchorwatch.pki.likeness import difference, likeness, nearest
from anchorwatch.pki.profile import AnchorKind
from anchorwatch.pki.question import Question
from anchorwatch.pki.verdict import MissingIssuer, Refused

NEAR = 0.42
"""Likeness from which a name is worth showing beside a missing one: "Symantec … G4" and "VeriSign … G3" have
0.49, roots of two unrelated companies up to 0.35."""


def issuers(question: Question, refused: Refused) -> tuple[MissingIssuer, ...]:
    """The issuers that open ends lack, nearest the leaf first; empty where every path is complete."""
    found: dict[object, MissingIssuer] = {}
    roots_only = question.profile.anchors is AnchorKind.SELF_SIGNED
    for attempt in refused.attempts:
        if attempt.complete:
            continue
        for index, certificate in enumerate(attempt.certificates):
            if is_self_signed(certificate):
                if index:
                    found.setdefault(certificate.subject.key, _missing(question, certificate, certificate))
                continue
            above = attempt.certificates[index + 1] if index + 1 < len(attempt.certificates) else None
            if above is not None and roots_only and not any(_roots(question, certificate)):
                continue
            found.setdefault(certificate.issuer.key, _missing(question, certificate, above))
    return tuple(found.values())


def _roots(question: Question, child: Certificate) -> Iterator[Certificate]:
    """Self-signed certificates the catalogue knows for a child's issuer."""
    for known in question.catalogue.named(child.issuer.key):
        if known.certificate.self_issued and signature_good(child, known.certificate):
            yield known.certificate


def _missing(question: Question, child: Certificate, presented: Certificate | None) -> MissingIssuer:
    """The missing issuer of `child`; `presented` is its certificate where the peer sent one."""
    name = child.issuer
    known = [
        item.certificate.sha256
        for item in question.catalogue.named(name.key)
        if signature_good(child, item.certificate)
    ]
    if presented is not None:
        known.append(presented.sha256)
    known += [fact.sha256 for fact in known_as(name)]
    near = nearest(name, (anchor.certificate.subject for anchor in question.store.anchors))
    if near is not None and likeness(name, near) < NEAR:
        near = None
    wanted = child.authority_key_id
    return MissingIssuer(
        subject=name,
        key_id=wanted.key_id if wanted else None,
        wanted_by=child,
        known=tuple(dict.fromkeys(known)),
        ca_issuers=child.ca_issuers,
        nearest=near,
        difference=difference(near, name) if near is not None else None,
    )
