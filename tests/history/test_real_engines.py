"""AddTrust 2020 and DST Root CA X3 2021, on real engines, and the rules by which those engines decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from anchorwatch.pki import PROFILES, Certificate, Question, Reason, Refused, Trusted, TrustStore, judge
from builders.servers import listening
from history.openssl_cases import CASES, EXPIRED, NOW, OK, OpensslCase
from history.real_engines import (
    Engine,
    EngineVerdict,
    Flag,
    NoEngineError,
    OldClients,
    ders,
    real_openssl_verdict,
)
from history.shelf import Shelf

ENGINES: tuple[Engine, ...] = ("openssl-1.0.2", "openssl-3")


def ask(
    chain: tuple[bytes, ...],
    store: tuple[bytes, ...],
    at: datetime,
    *,
    engine: Engine,
    flags: Flag = Flag.NONE,
) -> EngineVerdict:
    """Ask an engine, or skip with the reason why it cannot be asked here."""
    try:
        return real_openssl_verdict(chain, store, at, engine=engine, flags=flags)
    except NoEngineError as problem:
        pytest.skip(str(problem))


# --- the true certificates --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shelf(shared: Path) -> Shelf:
    """The real certificates."""
    return Shelf(shared / "pki")


class Event:
    """One expiry: the chain that servers sent, the two roots of the stores, and the second it happened."""

    def __init__(self, shelf: Shelf, *, sent: tuple[str, ...], old: str, new: str) -> None:
        self.sent = shelf.certificates(*sent)
        self.old_root = shelf.certificate(old)
        self.new_root = shelf.certificate(new)
        self.end = self.old_root.not_after
        self.before = self.end - timedelta(seconds=1)
        self.after = self.end + timedelta(seconds=1)


def events(shelf: Shelf) -> dict[str, Event]:
    """The two events, by name."""
    return {
        # A Sectigo customer, under USERTrust RSA as cross-certified by AddTrust.
        "addtrust-2020": Event(
            shelf,
            sent=("836311f9c2eea0dd", "7fa4ff68ec04a99d", "1a5174980a294a52"),
            old="687fa451382278ff",
            new="e793c9b02fd8aa13",
        ),
        # A customer of Let's Encrypt, under ISRG Root X1 as cross-certified by DST Root CA X3 until 2024.
        "dst-x3-2021": Event(
            shelf,
            sent=("fdae8fd07fe74aca", "67add1166b020ae6", "6d99fb265eb1c5b3"),
            old="0687260331a72403",
            new="96bcec06264976f3",
        ),
    }


@pytest.fixture(scope="session", params=["addtrust-2020", "dst-x3-2021"])
def event(request: pytest.FixtureRequest, shelf: Shelf) -> Event:
    """One of the two events."""
    return events(shelf)[request.param]


def test_the_certificates_are_those_of_the_event(event: Event) -> None:
    """The old root expired on the day the event is known by; its cross-certificate is what was sent last."""
    assert event.sent[-1].issuer == event.old_root.subject
    assert event.sent[-1].spki_sha256 == event.new_root.spki_sha256
    assert event.old_root.not_after in (
        datetime(2020, 5, 30, 10, 48, 38, tzinfo=UTC),
        datetime(2021, 9, 30, 14, 1, 15, tzinfo=UTC),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_before_the_end_both_accept(event: Event, engine: Engine) -> None:
    """While the old root is valid either accepts; its last second, which RFC 5280 counts, 1.0.2 does not."""
    store = ders([event.old_root, event.new_root])
    assert ask(ders(event.sent), store, event.before, engine=engine).accepted
    if engine == "openssl-1.0.2":  # 3.0 does not count it either, 4.0 does
        assert ask(ders(event.sent), ders([event.old_root]), event.end, engine=engine).error == EXPIRED


@pytest.mark.parametrize(
    ("engine", "error"), [("openssl-1.0.2", EXPIRED), ("openssl-3", OK)], ids=["1.0.2", "3"]
)
def test_after_the_end_only_the_old_engine_refuses(event: Event, engine: Engine, error: int) -> None:
    """With both roots in the store, 1.0.2 follows what was sent to the expired root; 3 asks the store first."""
    store = ders([event.old_root, event.new_root])
    verdict = ask(ders(event.sent), store, event.after, engine=engine)
    assert verdict.error == error
    if engine == "openssl-1.0.2":
        assert verdict.path == ders([*event.sent, event.old_root])


@pytest.mark.parametrize("engine", ENGINES)
def test_taking_the_old_root_out_of_the_store_mends_it(event: Event, engine: Engine) -> None:
    """Without the expired root in the store either engine reaches the new one."""
    verdict = ask(ders(event.sent), ders([event.new_root]), event.after, engine=engine)
    assert verdict.accepted
    if engine == "openssl-1.0.2":
        assert verdict.path == ders([*event.sent[:-1], event.new_root])


@pytest.mark.parametrize("engine", ENGINES)
def test_leaving_the_cross_certificate_out_mends_it(event: Event, engine: Engine) -> None:
    """A server that stops sending the cross-certificate is accepted by either, whatever the store keeps."""
    store = ders([event.old_root, event.new_root])
    assert ask(ders(event.sent[:-1]), store, event.after, engine=engine).accepted


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_with_only_the_old_root_is_lost_with_either(event: Event, engine: Engine) -> None:
    """A store that never learned the new root is refused by either engine."""
    assert not ask(ders(event.sent), ders([event.old_root]), event.after, engine=engine).accepted


def test_trusted_first_would_have_saved_the_old_engine(event: Event) -> None:
    """1.0.2 accepts where it is told to ask the store first; the alternative chain alone does not help."""
    store = ders([event.old_root, event.new_root])
    chain = ders(event.sent)
    told = ask(chain, store, event.after, engine="openssl-1.0.2", flags=Flag.TRUSTED_FIRST)
    assert told.accepted
    only_new = ders([event.new_root])
    without = ask(chain, only_new, event.after, engine="openssl-1.0.2", flags=Flag.NO_ALT_CHAINS)
    assert not without.accepted


@pytest.mark.parametrize("engine", ENGINES)
def test_on_the_days_own_store(event: Event, shelf: Shelf, engine: Engine) -> None:
    """With certifi's store of that day, which still held both roots, history happens as it did."""
    store = ders([anchor.certificate for anchor in shelf.store("certifi", event.after.date()).anchors])
    assert {event.old_root.der, event.new_root.der} <= set(store)
    assert ask(ders(event.sent), store, event.before, engine=engine).accepted
    assert ask(ders(event.sent), store, event.after, engine=engine).accepted == (engine == "openssl-3")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_judge_tells_the_events_as_the_engines_do(event: Event, engine: Engine) -> None:
    """Under the profile of each engine the judge decides as that engine does, before and after."""
    both = TrustStore.of([event.old_root, event.new_root])
    for store in (both, both.without(event.old_root), both.without(event.new_root)):
        for at in (event.before, event.after):
            verdict = judge(
                Question(presented=event.sent, store=store, at=at, profile=PROFILES[engine]), fixes=False
            )
            real = ask(ders(event.sent), ders([a.certificate for a in store.anchors]), at, engine=engine)
            assert isinstance(verdict, Trusted) == real.accepted


# --- look-alikes, and every rule by itself ----------------------------------------------------------------


@pytest.fixture(params=CASES, ids=list(CASES))
def case(request: pytest.FixtureRequest) -> OpensslCase:
    """One rule."""
    return CASES[request.param]


def ours(case: OpensslCase) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What is sent and what is stored, as octets."""
    return tuple(item.der for item in case.sent), tuple(item.der for item in case.store)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_rules_by_which_openssl_decides(case: OpensslCase, engine: Engine) -> None:
    """Each rule of the table is what the real engine does."""
    verdict = ask(*ours(case), NOW, engine=engine)
    assert verdict.error == (case.old if engine == "openssl-1.0.2" else case.new), case.rule


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["intermediate-as-anchor", "leaf-as-anchor"])
def test_partial_chain_lets_any_stored_certificate_end_a_path(name: str, engine: Engine) -> None:
    """With the partial-chain flag either engine accepts a stored intermediate, and a stored leaf."""
    assert ask(*ours(CASES[name]), NOW, engine=engine, flags=Flag.PARTIAL_CHAIN).accepted


HANDSHAKES = [
    "addtrust",
    "addtrust-old-root-removed",
    "addtrust-cross-not-sent",
    "dst-x3",
    "dst-x3-old-root-removed",
    "stale-root-hides-cross",
    "first-sent-wins",
    "first-stored-wins",
    "dead-end",
    "anchor-denied",
    "intermediate-as-anchor",
]


@pytest.mark.parametrize("name", HANDSHAKES)
def test_handshakes_end_as_the_rules_say(name: str) -> None:
    """Real TLS clients of OpenSSL 1.0.2e and 1.1.1w, shaking hands today, end as the table says."""
    case = CASES[name]
    try:
        clients = OldClients.running()
    except NoEngineError as problem:
        pytest.skip(str(problem))
    with listening(case.sent) as server:
        ends = clients.shake_hands(server.endpoint.port, ours(case)[1])
    assert ends["1.0.2"] == case.old, case.rule
    assert ends["1.1.1"] == {79: 24}.get(case.new, case.new), case.rule


# Where the judge differs from the engine its profile is named after; a case that agrees by now must leave
# this list.
DIFFERS: dict[Engine, frozenset[str]] = {
    # 1.0.2 looks at no extension of what its store holds, and at little of what lacks one. Our checks follow it
    # there; the engine that must confirm every path is a present OpenSSL and refuses: `engines-differ`.
    "openssl-1.0.2": frozenset(
        {
            "anchor-without-marks",
            "anchor-denied",
            "anchor-path-length",
            "anchor-critical-extension",
            "stored-intermediate-denied",
            "stored-intermediate-path-length",
            "intermediate-without-basic-constraints",
            "name-constraint-common-name",
        }
    ),
    "openssl-3": frozenset(),
}


@cache
def certificates(items: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    """Octets as certificates."""
    return tuple(Certificate.from_der(der) for der in items)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_the_judge_decides_as_the_engine_its_profile_is_named_after(name: str, engine: Engine) -> None:
    """Under an engine's profile the judge accepts exactly what the engine accepts; known gaps are listed."""
    sent, store = ours(CASES[name])
    question = Question(
        presented=certificates(sent),
        store=TrustStore.of(certificates(store)),
        at=NOW,
        profile=PROFILES[engine],
    )
    expected = CASES[name].old if engine == "openssl-1.0.2" else CASES[name].new
    verdict = judge(question, fixes=False)
    agrees = isinstance(verdict, Trusted) == (expected == OK)
    assert agrees == (name not in DIFFERS[engine]), CASES[name].rule
    if not agrees:
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason.ENGINES_DIFFER
