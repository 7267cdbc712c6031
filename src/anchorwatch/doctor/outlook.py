"""Is this box fine for what the endpoint presents today?

The device's own listing, matched to known certificates, is the store; what the endpoint presents is the chain; the
judge decides as the device would. An answer is no surer than the listing: entries that were not recognised, or a
pool that was counted and not listed, leave a refusal open, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from anchorwatch.devices.fact import StoredCertificate, TrustpoolPolicy
from anchorwatch.devices.printed_name import from_attributes
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.trust import Held, held, store_of
from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.judgement import judge
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.profile import CISCO, Profile
from anchorwatch.pki.question import Question
from anchorwatch.pki.truststore import TrustStore
from anchorwatch.pki.verdict import MissingIssuer, Refused, Trusted, Verdict


class Answer(StrEnum):
    """Whether the device will trust what the endpoint presents."""

    FINE = "fine"
    NOT_FINE = "not-fine"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What an endpoint presents, leaf first, and the name the device asks for; `name` is for people."""

    name: str
    presented: tuple[Certificate, ...]
    peer: PeerName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The answer for one device and one endpoint, in one `sentence`, with the judge's verdict.

    `entries` are the store as printed with each entry's match; `open_entries` those that could still turn the answer.
    """

    answer: Answer
    sentence: str
    verdict: Verdict
    entries: tuple[Held, ...]
    open_entries: tuple[Held, ...] = ()


def of(
    case: Case,
    endpoint: Endpoint,
    *,
    catalogue: Catalogue,
    at: datetime,
    store: TrustStore | None = None,
    profile: Profile = CISCO,
) -> Outlook | None:
    """The outlook of a case; None where neither it nor `store` shows what the device trusts.

    `at` is aware UTC. `store` takes the place of what the device printed.
    """
    known = catalogue + Catalogue.of(endpoint.presented, Origin.SESSION, endpoint.name)
    entries = () if store is not None else held(case, known)
    if store is None and not entries:
        return None
    question = Question(
        presented=endpoint.presented,
        store=store if store is not None else store_of(entries),
        at=at,
        peer=endpoint.peer,
        profile=profile,
        catalogue=known,
    )
    verdict = judge(question)
    match verdict:
        case Trusted():
            return _fine(endpoint, verdict, entries)
        case Refused():
            return _not_fine(case, endpoint, verdict, entries)
        case _:
            return Outlook(
                answer=Answer.UNDECIDED, sentence=verdict.sentence, verdict=verdict, entries=entries
            )


def _fine(endpoint: Endpoint, verdict: Trusted, entries: tuple[Held, ...]) -> Outlook:
    anchor = verdict.path.anchor.certificate
    match = next((entry for entry in entries if entry.certificate == anchor), None)
    how = f", recognised {match.strength.words}" if match is not None and match.strength is not None else ""
    return Outlook(
        answer=Answer.FINE,
        sentence=f"this device trusts what {endpoint.name} presents: “{anchor.title}” is in its store{how}; "
        f"that holds until {verdict.valid_until:%Y-%m-%d}",
        verdict=verdict,
        entries=entries,
    )


def _not_fine(case: Case, endpoint: Endpoint, verdict: Refused, entries: tuple[Held, ...]) -> Outlook:
    by_name = _named(verdict.missing, entries)
    if by_name:
        names = ", ".join(f"“{_subject(entry)}”" for entry in by_name)
        return Outlook(
            answer=Answer.UNDECIDED,
            sentence=f"the device lists {names}, which would do, but by name alone: no known certificate fits, "
            "so whether it is that very CA is not shown",
            verdict=verdict,
            entries=entries,
            open_entries=by_name,
        )
    unlisted = _unlisted(case, entries)
    if unlisted:
        return Outlook(
            answer=Answer.UNDECIDED,
            sentence=f"nothing that is listed would do, but the pool holds {unlisted} certificates that this output "
            "does not list; `show crypto ca trustpool` decides",
            verdict=verdict,
            entries=entries,
        )
    choice = ", ".join(f"“{_label(issuer)}”" for issuer in verdict.missing)
    wanted = f"; any one of {choice} would do" if choice else ""
    return Outlook(
        answer=Answer.NOT_FINE,
        sentence=f"this device does not trust what {endpoint.name} presents ({verdict.reason.value}){wanted}",
        verdict=verdict,
        entries=entries,
    )


def _named(missing: Iterable[MissingIssuer], entries: Sequence[Held]) -> tuple[Held, ...]:
    """Entries nobody recognised whose printed subject is one of the missing issuers."""
    wanted = {from_attributes(issuer.subject.attributes).key for issuer in missing}
    return tuple(
        entry
        for entry in entries
        if entry.certificate is None
        and isinstance(entry.printed, StoredCertificate)
        and entry.printed.subject is not None
        and entry.printed.subject.value.key in wanted
    )


def _subject(entry: Held) -> str:
    printed = entry.printed
    if isinstance(printed, StoredCertificate) and printed.subject is not None:
        return printed.subject.value.label
    return "a certificate"


def _label(issuer: MissingIssuer) -> str:
    return from_attributes(issuer.subject.attributes).label


def _unlisted(case: Case, entries: Sequence[Held]) -> int:
    """How many certificates of the pool were counted by the policy and not listed."""
    policy = case.last(TrustpoolPolicy)
    if policy is None or policy.count is None:
        return 0
    listed = sum(
        1
        for entry in entries
        if isinstance(entry.printed, StoredCertificate)
        and entry.printed.trustpoints is not None
        and any(name.lower() == "trustpool" for name in entry.printed.trustpoints.value)
    )
    return max(policy.count.value - listed, 0)
