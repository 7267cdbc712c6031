"""AddTrust in May 2020, DST Root CA X3 in September 2021: a root ends, and only some clients notice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from anchorwatch.pki import PROFILES, Question, Reason, Refused, Trusted, TrustStore, judge
from anchorwatch.pki.verdict import Change
from history.engine import openssl_alone
from history.shelf import Shelf, on


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A root that ends, its successor, and a server that still sends the way to the old one."""

    sent: tuple[str, ...]
    old: str
    new: str
    eve: str
    morrow: str
    stores: tuple[tuple[str, str], ...]
    """Stores of the time that hold both."""


ADDTRUST = Ending(
    sent=("836311f9c2eea0dd", "7fa4ff68ec04a99d", "1a5174980a294a52"),
    old="687fa451382278ff",
    new="e793c9b02fd8aa13",
    eve="2020-05-29",
    morrow="2020-05-31",
    stores=(("debian", "2018-04-09"), ("nss", "2019-11-26")),
)
DST = Ending(
    sent=("fdae8fd07fe74aca", "67add1166b020ae6", "6d99fb265eb1c5b3"),
    old="0687260331a72403",
    new="96bcec06264976f3",
    eve="2021-09-29",
    morrow="2021-10-01",
    stores=(("debian", "2018-04-09"), ("nss", "2021-05-25")),
)
ENDINGS = pytest.mark.parametrize("ending", [ADDTRUST, DST], ids=["AddTrust", "DST Root CA X3"])


def asked(shelf: Shelf, ending: Ending, store: TrustStore, day: str, profile: str) -> Question:
    """The question of that day."""
    return Question(
        presented=shelf.certificates(*ending.sent), store=store, at=on(day), profile=PROFILES[profile]
    )


@ENDINGS
@pytest.mark.parametrize("profile", ["openssl-1.0.2", "openssl-3", "rfc5280"])
def test_the_eve(shelf: Shelf, ending: Ending, profile: str) -> None:
    """The day before, everybody accepts."""
    for name in ending.stores:
        assert isinstance(judge(asked(shelf, ending, shelf.store(*name), ending.eve, profile)), Trusted)


@ENDINGS
def test_the_morrow_under_openssl_1_0_2(shelf: Shelf, ending: Ending) -> None:
    """The day after, OpenSSL 1.0.2 follows what was sent to the ended root although a good path exists."""
    for name in ending.stores:
        question = asked(shelf, ending, shelf.store(*name), ending.morrow, "openssl-1.0.2")
        verdict = judge(question)
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.NOT_FOUND_BY_THIS_BUILDER
        assert {fault.reason for attempt in verdict.attempts for fault in attempt.faults} >= {Reason.EXPIRED}


@ENDINGS
def test_the_morrow_is_mended_on_either_side(shelf: Shelf, ending: Ending) -> None:
    """Sending less mends every client at once; dropping the stale root mends this one; both are found."""
    question = asked(shelf, ending, shelf.store(*ending.stores[0]), ending.morrow, "openssl-1.0.2")
    verdict = judge(question)
    assert isinstance(verdict, Refused)
    (recommended,) = (fix for fix in verdict.fixes if fix.recommended)
    assert recommended.change is Change.SERVER_DROPS
    dropped = [fix.certificate for fix in verdict.fixes if fix.change is Change.DROP_ANCHOR]
    assert shelf.certificate(ending.old) in dropped
    assert isinstance(judge(replace(question, presented=question.presented[:-1])), Trusted)
    assert isinstance(
        judge(replace(question, store=question.store.without(shelf.certificate(ending.old)))), Trusted
    )


@ENDINGS
def test_the_morrow_under_openssl_3(shelf: Shelf, ending: Ending) -> None:
    """The day after, OpenSSL 3 looks into the store first and accepts; so does OpenSSL itself."""
    for name in ending.stores:
        question = asked(shelf, ending, shelf.store(*name), ending.morrow, "openssl-3")
        verdict = judge(question)
        assert isinstance(verdict, Trusted)
        assert verdict.path.anchor.certificate == shelf.certificate(ending.new)
        assert openssl_alone(question.presented, question.store, question.at) is None


@ENDINGS
@pytest.mark.parametrize("profile", ["openssl-1.0.2", "openssl-3", "rfc5280"])
def test_a_store_that_never_got_the_successor(shelf: Shelf, ending: Ending, profile: str) -> None:
    """Where the store holds only the old root no path is left: expired, as OpenSSL itself says."""
    store = TrustStore.of(shelf.certificates(ending.old), "old")
    question = asked(shelf, ending, store, ending.morrow, profile)
    verdict = judge(question)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Reason.EXPIRED
    assert openssl_alone(question.presented, store, question.at) == "certificate has expired"


def test_a_client_that_does_not_look_at_an_anchors_dates(shelf: Shelf) -> None:
    """DST Root CA X3 went on vouching, by the longer cross certificate, for clients that ignore an anchor's end."""
    store = TrustStore.of(shelf.certificates(DST.old), "old")
    lenient = replace(PROFILES["openssl-3"], name="no-anchor-dates", anchor_expiry=False)
    question = replace(asked(shelf, DST, store, DST.morrow, "openssl-3"), profile=lenient)
    assert isinstance(judge(question), Trusted)
    # AddTrust's cross certificate ended with its root, so the same leniency helped nobody.
    question = replace(
        asked(shelf, ADDTRUST, TrustStore.of(shelf.certificates(ADDTRUST.old)), ADDTRUST.morrow, "openssl-3"),
        profile=lenient,
    )
    assert isinstance(judge(question), Refused)
