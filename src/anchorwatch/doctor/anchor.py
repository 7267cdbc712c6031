"""Which CA to install: chosen from what is proposable, explained beside what is not.

The device names CAs it could not find; the table of moves names the root an endpoint has at a date; the judge may
have found which anchors carry the chain the endpoint presents now. None of the three vouches. What may be installed
comes from the catalogue, from an origin that may be proposed, loads, and is fit at the date: a CA, valid, not weak, not
distrusted by then. Of several that suffice one is recommended and all are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum

from anchorwatch.devices.printed_name import PrintedName, value_key
from anchorwatch.doctor import migration
from anchorwatch.doctor.migration import Confidence
from anchorwatch.doctor.situation import Situation
from anchorwatch.doctor.trust import printed
from anchorwatch.pki.catalogue import Catalogue, Known, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.known_authority import KNOWN_AUTHORITIES, KnownAuthority

_LEAST_RSA = 2048
_LEAST_EC = 224
_WEAK_DIGESTS = {"md2", "md4", "md5"}


class Trouble(StrEnum):
    """Why no CA can be named."""

    PRIVATE = "private"
    """The device names only CAs that nobody public runs."""
    DATE = "date"
    """Which CA it is depends on a date that is not known."""
    DISAGREE = "disagree"
    """What the device names is not what the endpoint has at that date."""
    UNKNOWN_ENDPOINT = "unknown-endpoint"
    """Nothing names a CA, and the endpoint is not in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suitable:
    """One CA that would end the path: its name, its SHA-256 where known, and why it is not recommended ("" if it is)."""

    name: str
    sha256: str
    recommended: bool
    objection: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The CA to install. `certificate` is None where the catalogue does not hold it in a form to be proposed.

    `look_alike` says that it carries a well-known name without being the certificate known under it.
    """

    name: str
    sha256: str
    certificate: Certificate | None
    source: str
    explained: tuple[Suitable, ...]
    confidence: Confidence | None = None
    look_alike: bool = False

    @property
    def accepted(self) -> tuple[str, ...]:
        """The SHA-256 of every CA that would do and is fit, the recommended one first."""
        others = (each.sha256 for each in self.explained if each.sha256 and not each.objection)
        return tuple(dict.fromkeys((*((self.sha256,) if self.sha256 else ()), *others)))


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    sha256: str
    known: Known | None
    objection: str


def choose(situation: Situation) -> Choice | Trouble:
    """The CA to install for a situation, or why none can be named."""
    expectation = migration.expected_ca(situation.host, situation.at) if situation.at is not None else None
    if situation.judged:
        return _of_judged(situation)
    named = [name for name in situation.needed if name.attributes]
    if named and not any(migration.is_known_public_ca(name, situation.catalogue) for name in named):
        return Trouble.PRIVATE
    if situation.at is None:
        return Trouble.DATE
    day = situation.at
    roots = expectation.roots if expectation is not None else ()
    candidates = [_by_name(situation.catalogue, name, day) for name in named]
    if not named:
        candidates = [_by_fact(situation.catalogue, fact, day) for fact in roots]
    if not candidates:
        return Trouble.UNKNOWN_ENDPOINT
    fit = [candidate for candidate in candidates if not candidate.objection]
    expected = {fact.sha256 for fact in roots} | {_title(fact) for fact in roots}
    best = next((each for each in fit if each.sha256 in expected or value_key(each.name) in expected), None)
    if best is None and (not fit or roots):
        return Trouble.DISAGREE
    return _choice(best or fit[0], candidates, expectation.confidence if expectation else None)


def on_premises(situation: Situation) -> Choice | Trouble:
    """The CA of a portal of one's own: only what the user gave, and only under a name the device asks for."""
    day = situation.at
    names = {name.key for name in situation.needed if name.attributes}
    given = [
        known
        for known in situation.catalogue.entries
        if known.origin.proposable
        and (known.certificate.sha256 in situation.judged or printed(known.certificate).key in names)
    ]
    if day is None:
        return Trouble.DATE
    candidates = [
        _Candidate(each.certificate.title, each.certificate.sha256, each, _objection(each.certificate, day))
        for each in given
    ]
    fit = [candidate for candidate in candidates if not candidate.objection]
    return _choice(fit[0], candidates, None) if fit else Trouble.UNKNOWN_ENDPOINT


def _of_judged(situation: Situation) -> Choice | Trouble:
    """The judge has looked at the chain of now; only proposable certificates may follow from it."""
    by_hash = {known.certificate.sha256: known for known in situation.catalogue.entries}
    found = [by_hash[sha256] for sha256 in situation.judged if sha256 in by_hash]
    candidates = [
        _Candidate(
            known.certificate.title,
            known.certificate.sha256,
            known,
            _objection(known.certificate, situation.at) if known.origin.proposable else _ONLY_SESSION,
        )
        for known in found
    ]
    fit = [candidate for candidate in candidates if not candidate.objection]
    return _choice(fit[0], candidates, None) if fit else Trouble.DISAGREE


def _choice(best: _Candidate, candidates: Iterable[_Candidate], confidence: Confidence | None) -> Choice:
    facts = [fact for fact in KNOWN_AUTHORITIES if _title(fact) == value_key(best.name)]
    known = best.known
    return Choice(
        name=best.name,
        sha256=best.sha256,
        certificate=known.certificate if known is not None else None,
        source=(known.source or known.origin.value) if known is not None else "",
        explained=tuple(
            Suitable(name=each.name, sha256=each.sha256, recommended=each is best, objection=each.objection)
            for each in candidates
        ),
        confidence=confidence,
        look_alike=bool(facts) and best.sha256 not in {fact.sha256 for fact in facts},
    )


_ONLY_SESSION = "it was learned only from the session that failed"


def _by_name(catalogue: Catalogue, name: PrintedName, at: date) -> _Candidate:
    """The best certificate under a printed name: what somebody gave before what everybody has, and the one known by
    that name before whatever else may be proposed.
    """
    facts = [fact for fact in KNOWN_AUTHORITIES if _title(fact) == value_key(name.label)]
    hashes = [fact.sha256 for fact in facts]
    held = [known for known in catalogue.entries if printed(known.certificate).key == name.key]
    proposable = [known for known in held if known.origin.proposable]
    proposable.sort(
        key=lambda known: (
            not _is_given(known, hashes),
            known.certificate.sha256 not in hashes,
            bool(_objection(known.certificate, at)),
            not known.certificate.self_issued,
        )
    )
    if proposable:
        best = proposable[0]
        return _Candidate(name.label, best.certificate.sha256, best, _objection(best.certificate, at))
    fit = [fact for fact in facts if _fact_objection(fact, at) is None]
    if fit:
        return _Candidate(name.label, fit[0].sha256, None, "")
    if facts:
        return _Candidate(name.label, facts[0].sha256, None, _fact_objection(facts[0], at) or "")
    return _Candidate(name.label, "", None, _ONLY_SESSION)


def _by_fact(catalogue: Catalogue, fact: KnownAuthority, at: date) -> _Candidate:
    """The certificate that somebody gave under the name of the table, as for a device that prints the name; else the
    one of the table, where the catalogue holds it; else its facts alone.
    """
    name = fact.common_name or fact.organizational_unit or ""
    own = [known for known in catalogue.entries if known.certificate.sha256 == fact.sha256]
    named = [
        known
        for known in catalogue.entries
        if _is_given(known, [fact.sha256]) and value_key(known.certificate.title) == _title(fact)
    ]
    held = sorted((*own, *named), key=lambda known: known.origin is not Origin.GIVEN)
    for known in held:
        if known.origin.proposable:
            return _Candidate(name, known.certificate.sha256, known, _objection(known.certificate, at))
    return _Candidate(name, fact.sha256, None, _fact_objection(fact, at) or "")


def _is_given(known: Known, hashes: Sequence[str]) -> bool:
    """Whether somebody gave a certificate as the root of its name: explicit outranks what every machine has.

    Where it is not the one known under that name, the plan asks a person about it.
    """
    return known.origin is Origin.GIVEN and (
        known.certificate.sha256 in hashes or known.certificate.self_issued
    )


def _title(fact: KnownAuthority) -> str:
    return value_key(fact.common_name or fact.organizational_unit or "")


def _objection(certificate: Certificate, at: date | None) -> str:
    """Why a certificate must not become an anchor at a date, "" where nothing speaks against it."""
    key = certificate.key
    if not certificate.is_ca:
        return "it is not a CA"
    if key.kind == "rsa" and key.bits < _LEAST_RSA:
        return f"its key has only {key.bits} bits"
    if key.kind == "dsa" or (key.kind == "ec" and key.bits < _LEAST_EC):
        return "its key is of a kind that is no longer used"
    if certificate.digest in _WEAK_DIGESTS:
        return f"it is signed with {certificate.digest.upper() if certificate.digest else 'a broken digest'}"
    if at is None:
        return ""
    noon = datetime.combine(at, time(12), UTC)
    if noon < certificate.not_before:
        return "it has not begun at that date"
    if noon > certificate.not_after:
        return "it has ended at that date"
    return migration.unfit(certificate.sha256, at) or ""


def _fact_objection(fact: KnownAuthority, at: date) -> str | None:
    if not fact.tls:
        return "it never served TLS"
    if at > fact.not_after:
        return "it has ended at that date"
    if at < fact.not_before:
        return "it has not begun at that date"
    return migration.unfit(fact.sha256, at)
