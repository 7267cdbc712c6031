"""The smallest changes that would turn a refusal, computed and not guessed.

Each candidate is one change; it is tried, and kept only where the judge then accepts. What a change lets in
besides is said with it. The rules of safe repair hold here already: an anchor known only from the failing
session is explanation and never a proposal; a weak, expired or distrusted anchor is never recommended; of
several sufficient anchors one is recommended and all are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from anchorwatch.pki.catalogue import Known, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.edge import is_self_signed, signature_good
from anchorwatch.pki.profile import MD_BROKEN
from anchorwatch.pki.question import Question
from anchorwatch.pki.reason import Reason
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.pki.verdict import Change, Fix, Refused, Trusted, Verdict

MAX_TRIALS = 96
"""Changes tried for one refusal; each costs one judgement."""

RECOMMENDED_RSA = 2_048
"""Bits an anchor's RSA key must have to be recommended (NIST SP 800-131A)."""

Decide = Callable[[Question], Verdict]


def search(question: Question, refused: Refused, decide: Decide) -> tuple[Fix, ...]:
    """Every single change after which `decide` accepts, the wisest first; may be empty."""
    if refused.reason is Reason.BUDGET_EXHAUSTED:
        return ()
    candidates = islice(_candidates(question, refused), MAX_TRIALS)
    kept = [fix for fix in candidates if isinstance(decide(applied(question, fix)), Trusted)]
    return _with_recommendation(sorted(kept, key=lambda fix: _wisdom(fix, question.at)), question.at)


def applied(question: Question, fix: Fix) -> Question:
    """The question as it would be after the change."""
    certificate = fix.certificate
    match fix.change:
        case Change.ADD_ANCHOR if certificate is not None:
            return replace(question, store=question.store.with_anchor(certificate))
        case Change.REPLACE_ANCHOR if certificate is not None:
            old = _same_key(question.store, certificate)
            store = question.store.without(old) if old is not None else question.store
            return replace(question, store=store.with_anchor(certificate))
        case Change.DROP_ANCHOR if certificate is not None:
            return replace(question, store=question.store.without(certificate))
        case Change.SERVER_SENDS_MORE | Change.SERVER_DROPS | Change.SERVER_REORDERS if fix.presented:
            return replace(question, presented=fix.presented)
        case Change.SET_CLOCK if fix.at is not None:
            return replace(question, at=fix.at)
        case _:
            raise ValueError(f"the fix {fix.change} lacks what it changes")


def _candidates(question: Question, refused: Refused) -> Iterator[Fix]:
    yield from _other_anchors(question)
    yield from _drop_stale(question, refused)
    yield from _server_changes(question, refused)
    yield from _clock(question, refused)


def _with_recommendation(ordered: list[Fix], at: datetime) -> tuple[Fix, ...]:
    """Mark the first fix that may be recommended, if any."""
    for index, fix in enumerate(ordered):
        if fix.caution is None and (fix.certificate is None or _objection(fix.certificate, at) is None):
            ordered[index] = replace(fix, recommended=True)
            break
    return tuple(ordered)


_CHANGE_ORDER = {
    Change.REPLACE_ANCHOR: 0,
    Change.ADD_ANCHOR: 1,
    Change.DROP_ANCHOR: 2,
    Change.SERVER_REORDERS: 3,
    Change.SERVER_DROPS: 4,
    Change.SERVER_SENDS_MORE: 5,
    Change.SET_CLOCK: 6,
}


def _wisdom(fix: Fix, at: datetime) -> tuple[bool, bool, int, bool, float, str]:
    """Proposals before explanations, strong before weak, roots before intermediates, the longest-lived first."""
    certificate = fix.certificate
    weak = certificate is not None and _objection(certificate, at) is not None
    root = certificate is not None and certificate.self_issued
    ends = -certificate.not_after.timestamp() if certificate is not None else 0.0
    identity = certificate.sha256 if certificate is not None else ""
    return fix.caution is not None, weak, _CHANGE_ORDER[fix.change], not root, ends, identity


def _objection(certificate: Certificate, at: datetime) -> str | None:
    """Why a certificate must not be recommended as an anchor, None where nothing speaks against it."""
    if at > certificate.not_after:
        return f"ended {certificate.not_after:%Y-%m-%d}"
    if at < certificate.not_before:
        return f"begins only {certificate.not_before:%Y-%m-%d}"
    if certificate.key.kind == "rsa" and certificate.key.bits < RECOMMENDED_RSA:
        return f"has an RSA key of only {certificate.key.bits} bits"
    if certificate.key.kind == "dsa" or certificate.key.curve in ("secp192r1", "explicit"):
        return "has a key of a kind no longer used"
    if certificate.digest in MD_BROKEN:
        # An anchor's own signature never counts for a path; for advice it tells the age of the key.
        return f"is of the time of {certificate.signature_name}"
    return None


def _lets_in(certificate: Certificate) -> str:
    constraints = certificate.name_constraints
    limit = ", within its name constraints" if constraints is not None else ", for any name"
    below = certificate.basic_constraints
    depth = " directly" if below is not None and below.path_length == 0 else " or an authority below it"
    return f"every server whose certificate “{certificate.title}”{depth} has issued{limit}"


def _issuers_of_presented(question: Question) -> Iterator[tuple[Certificate, Known]]:
    """(child, known issuer of it) for everything presented whose issuer the catalogue or the peer knows."""
    presented = tuple(dict.fromkeys(question.presented))
    for child in presented:
        known = {item.certificate.sha256: item for item in question.catalogue.named(child.issuer.key)}
        for certificate in presented:
            if certificate.subject.key == child.issuer.key and certificate.sha256 not in known:
                known[certificate.sha256] = Known(certificate, Origin.SESSION, "the failing session")
        for item in known.values():
            if item.certificate != child and signature_good(child, item.certificate):
                yield child, item
        if is_self_signed(child) and child.sha256 not in known:
            yield child, Known(child, Origin.SESSION, "the failing session")


def _other_anchors(question: Question) -> Iterator[Fix]:
    """Add an issuer as an anchor, or put the same key's other certificate in an old one's place."""
    for _, known in _chain_upwards(question):
        certificate = known.certificate
        if question.store.anchor(certificate) is not None:
            continue
        if not certificate.not_before <= question.at <= certificate.not_after:
            continue  # a client that lets an ended anchor vouch is no reason to hand it one
        objection = _objection(certificate, question.at)
        aside = f"; it {objection}" if objection else ""
        named = f"“{certificate.title}” (SHA-256 {certificate.sha256})"
        if _same_key(question.store, certificate) is not None:
            change = Change.REPLACE_ANCHOR
            sentence = f"use {named}, valid to {certificate.not_after:%Y-%m-%d}, for the same key{aside}"
            lets_in = "nothing the store did not already vouch for: the key is the same"
        else:
            change = Change.ADD_ANCHOR
            sentence = f"add {named} to the store{aside}"
            lets_in = _lets_in(certificate)
        yield Fix(
            change=change,
            sentence=sentence,
            lets_in=lets_in,
            certificate=certificate,
            source=known.source,
            caution=None if known.origin.proposable else FROM_THE_SESSION,
        )


FROM_THE_SESSION = (
    "known only from the failing session: behind a TLS-inspecting proxy this would trust the proxy; "
    "obtain it from a verified bundle or a root programme first"
)
"""Why what the peer presented is never proposed as an anchor."""


def _same_key(store: TrustStore, certificate: Certificate) -> Certificate | None:
    """The anchor of that name with that very key, in another certificate."""
    for anchor in store.named(certificate.subject.key):
        if anchor.certificate.spki_sha256 == certificate.spki_sha256:
            return anchor.certificate
    return None


def _chain_upwards(question: Question) -> Iterator[tuple[Certificate, Known]]:
    """Issuers of what was presented, then issuers of those that only the catalogue knows, upwards."""
    queue = list(_issuers_of_presented(question))
    seen: set[str] = set()
    while queue:
        child, known = queue.pop(0)
        if known.certificate.sha256 in seen:
            continue
        seen.add(known.certificate.sha256)
        yield child, known
        certificate = known.certificate
        queue += [
            (certificate, item)
            for item in question.catalogue.named(certificate.issuer.key)
            if item.certificate.sha256 not in seen and signature_good(certificate, item.certificate)
        ]


def _drop_stale(question: Question, refused: Refused) -> Iterator[Fix]:
    """Without an entry that leads this client astray."""
    seen: set[str] = set()
    for attempt in refused.attempts:
        for certificate in attempt.certificates:
            if question.store.anchor(certificate) is None or certificate.sha256 in seen:
                continue
            seen.add(certificate.sha256)
            objection = _objection(certificate, question.at)
            aside = f" (it {objection})" if objection else ""
            yield Fix(
                change=Change.DROP_ANCHOR,
                sentence=f"take “{certificate.title}”{aside} out of the store, so that another path is found",
                lets_in="nothing; whatever led only to this anchor is no longer trusted",
                certificate=certificate,
            )


def _server_changes(question: Question, refused: Refused) -> Iterator[Fix]:
    """What the server could send otherwise."""
    leaf, *rest = question.presented
    for attempt in refused.attempts:
        ordered = tuple(
            certificate for certificate in attempt.certificates if certificate in question.presented
        )
        if not attempt.complete or ordered == question.presented:
            continue
        shorter = len(ordered) < len(question.presented)
        words = "leaves out what is not on this path" if shorter else "sends its certificates in path order"
        yield _server_fix(
            Change.SERVER_DROPS if shorter else Change.SERVER_REORDERS,
            f"the server {words}: {', '.join(f'“{certificate.title}”' for certificate in ordered)}",
            ordered,
        )
    for index, certificate in enumerate(rest):
        yield _server_fix(
            Change.SERVER_DROPS,
            f"the server no longer sends “{certificate.title}”",
            (leaf, *rest[:index], *rest[index + 1 :]),
        )
    for _, known in _chain_upwards(question):
        certificate = known.certificate
        if certificate in question.presented or not certificate.is_ca or is_self_signed(certificate):
            continue
        yield _server_fix(
            Change.SERVER_SENDS_MORE,
            f"the server also sends the intermediate “{certificate.title}” (SHA-256 {certificate.sha256})",
            (*question.presented, certificate),
            known.source,
        )


def _server_fix(change: Change, sentence: str, presented: tuple[Certificate, ...], source: str = "") -> Fix:
    return Fix(
        change=change,
        sentence=sentence,
        lets_in="nothing: the store stays as it is",
        presented=presented,
        source=source,
    )


def _clock(question: Question, refused: Refused) -> Iterator[Fix]:
    """The time nearest to the question's at which every date of a complete path holds."""
    for attempt in refused.attempts:
        if not attempt.complete or not all(
            fault.reason in (Reason.EXPIRED, Reason.NOT_YET_VALID) for fault in attempt.faults
        ):
            continue
        begin = max(certificate.not_before for certificate in attempt.certificates)
        end = min(certificate.not_after for certificate in attempt.certificates)
        if begin <= end:
            yield Fix(
                change=Change.SET_CLOCK,
                sentence=f"if the clock is wrong, set it: this path holds from {_day(begin)} to {_day(end)}",
                lets_in="a clock set back on purpose accepts what has expired; do it only where the time is wrong",
                at=begin if question.at < begin else end,
            )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
