"""x509-limbo: 208 cases of its own, 81 of path building and 9,491 of name constraints from BetterTLS."""

from pathlib import Path

import pytest

from conformance import suites
from conformance.suites import Case, Json, Outcome

# Cases that do not come out as the suite says, each with its reason. One that starts to succeed fails the test,
# so that the list stays true. There is none at present.
EXCEPTIONS: dict[str, str] = {}

# What the refused cases of a namespace may be refused for; the longest prefix counts. Right for the wrong reason
# is wrong.
REASONS = {
    "crl::": {"revocation-unknown"},
    "crl::revoked": {"revoked"},
    "cve::": {"name-constraint"},
    "invalid::": {"bad-signature"},
    "pathlen::": {"path-too-long"},
    "pathological::": {"issuer-unknown", "budget-exhausted"},
    "pathological::nc-dos": {"budget-exhausted", "name-mismatch"},
    "rfc5280::": {"malformed", "issuer-unknown", "not-a-ca", "name-mismatch", "bad-signature"},
    "rfc5280::eku::": {"wrong-purpose", "malformed"},
    "rfc5280::nc::": {"name-constraint", "malformed"},
    "rfc5280::unknown-critical": {"unsupported-critical-extension"},
    "rfc5280::validity::expired": {"expired"},
    "rfc5280::validity::not": {"not-yet-valid"},
    "webpki::": {"malformed", "issuer-unknown", "not-a-ca"},
    "webpki::eku::": {"wrong-purpose", "malformed"},
    "webpki::explicit-curve": {"weak-key"},
    "webpki::forbidden": {"weak-key"},
    "webpki::san::": {"name-mismatch", "malformed"},
}

# Issuer rules (profile `cabf`) judge these, beside the one they are about: the fault it is about must be there.
ABOUT = {
    "webpki::san::public-suffix-wildcard-san": "name-mismatch",
    "webpki::san::public-suffix-multi-label-wildcard-san": "name-mismatch",
    "webpki::san::public-suffix-private-namespace-wildcard-san": "name-mismatch",
    "webpki::san::san-critical-with-nonempty-subject": "marks its names critical",
}


@pytest.fixture(scope="module")
def limbo(shared: Path) -> tuple[list[Case], list[Case], list[Case]]:
    """Limbo's own cases, path building, name constraints."""
    return suites.limbo(shared / "vectors")


@pytest.fixture(scope="module")
def own(limbo: tuple[list[Case], list[Case], list[Case]]) -> tuple[list[Case], list[Json], Outcome]:
    """Limbo's own cases, their answers, and the count."""
    cases = limbo[0]
    answers = suites.batch(cases, timeout=120)
    return cases, answers, suites.compare(cases, answers)


def test_limbo_s_own_cases_come_out_as_expected(own: tuple[list[Case], list[Json], Outcome]) -> None:
    """All 208, but for the exceptions, and none of them accepted that should not be."""
    outcome = own[2]
    assert outcome.missed == set(EXCEPTIONS)
    assert outcome.false_accepts == ()
    assert (outcome.right, outcome.asked) == (208 - len(EXCEPTIONS), 208)


def test_limbo_s_own_cases_are_refused_for_what_they_are_about(
    own: tuple[list[Case], list[Json], Outcome],
) -> None:
    """The reason of each refusal is one that its namespace is about."""
    odd = []
    for case, answer in zip(own[0], own[1], strict=True):
        if not case.accept and case.id not in EXCEPTIONS:
            prefix = max((name for name in REASONS if case.id.startswith(name)), key=len)
            if answer["reason"] not in REASONS[prefix]:
                odd.append((case.id, answer["reason"]))
    assert odd == []


def test_a_case_that_several_issuer_rules_refuse_shows_the_one_it_is_about(
    own: tuple[list[Case], list[Json], Outcome],
) -> None:
    """Where a common name alone would refuse a case, the rule in question is among the faults too."""
    answers = {answer["id"]: answer for answer in own[1]}
    for identity, about in ABOUT.items():
        faults = [fault for attempt in answers[identity]["attempts"] for fault in attempt["faults"]]
        assert any(
            about in (fault["reason"], *[fault["sentence"]]) or about in fault["sentence"] for fault in faults
        )


def test_path_building_finds_every_path(limbo: tuple[list[Case], list[Case], list[Case]]) -> None:
    """All 81 BetterTLS path-building cases, which no builder that stops at the first dead end gets right."""
    outcome = suites.compare(limbo[1], suites.batch(limbo[1], timeout=120))
    assert outcome.missed == frozenset()
    assert (outcome.right, outcome.asked) == (81, 81)


@pytest.mark.slow
def test_name_constraints_hold_for_every_form(limbo: tuple[list[Case], list[Case], list[Case]]) -> None:
    """All 9,491 BetterTLS name-constraint cases, in one stream."""
    outcome = suites.compare(limbo[2], suites.batch(limbo[2], timeout=300))
    assert outcome.missed == frozenset()
    assert (outcome.right, outcome.asked) == (9491, 9491)


def test_no_engine_differs_from_the_checks(own: tuple[list[Case], list[Json], Outcome]) -> None:
    """Whatever the checks accept in limbo's own cases, the engine accepts too."""
    assert own[2].engines_differ == ()
