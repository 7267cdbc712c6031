"""The NIST PKITS suite: 249 cases, each with revocation lists, many with certificate policies."""

from pathlib import Path

import pytest

from conformance import suites
from conformance.suites import Case, Json, Outcome

EXCEPTIONS = {
    "4.1.5": "a DSA key that inherits its parameters: neither our signature check nor OpenSSL 4.0 nor "
    "pyhanko-certvalidator reads one; no certificate in use has such a key, and refusing is the safe side",
}

# By section of the suite: what its refused cases may be refused for.
REASONS = {
    "4.1.": {"bad-signature"},
    "4.2.": {"expired", "not-yet-valid"},
    "4.3.": {"issuer-unknown"},
    "4.4.": {"revoked", "revocation-unknown"},
    "4.5.": {"revoked", "not-a-ca"},
    "4.6.": {"not-a-ca", "path-too-long"},
    "4.7.": {"not-a-ca", "revocation-unknown"},
    "4.8.": {"policy"},
    "4.9.": {"policy"},
    "4.10.": {"policy"},
    "4.11.": {"policy"},
    "4.12.": {"policy"},
    "4.13.": {"name-constraint"},
    "4.14.": {"revoked", "revocation-unknown"},
    "4.15.": {"revoked", "revocation-unknown"},
    "4.16.": {"unsupported-critical-extension"},
}


@pytest.fixture(scope="module")
def twice(shared: Path) -> tuple[list[Case], list[Json]]:
    """The cases and their answers, each asked a second time after all of them, in one stream."""
    cases = suites.pkits(shared / "vectors")
    return cases, suites.batch([*cases, *cases], timeout=240)


@pytest.fixture(scope="module")
def pkits(twice: tuple[list[Case], list[Json]]) -> tuple[list[Case], list[Json], Outcome]:
    """The cases, their answers, and the count."""
    cases, answers = twice
    first = answers[: len(cases)]
    return cases, first, suites.compare(cases, first)


def test_pkits_comes_out_as_expected(pkits: tuple[list[Case], list[Json], Outcome]) -> None:
    """248 of 249, and nothing accepted that should not be."""
    outcome = pkits[2]
    assert outcome.missed == set(EXCEPTIONS)
    assert outcome.false_accepts == ()
    assert (outcome.right, outcome.asked) == (249 - len(EXCEPTIONS), 249)


def test_pkits_is_refused_for_what_each_section_is_about(
    pkits: tuple[list[Case], list[Json], Outcome],
) -> None:
    """The reason of each refusal belongs to the section of the suite."""
    odd = []
    for case, answer in zip(pkits[0], pkits[1], strict=True):
        section = case.id[: case.id.index(".", 2) + 1]
        if not case.accept and answer["reason"] not in REASONS[section]:
            odd.append((case.id, answer["reason"]))
    assert odd == []


def test_both_engines_agree_with_the_checks(pkits: tuple[list[Case], list[Json], Outcome]) -> None:
    """By the rules of who is asked what, no engine refuses a path that the checks accept."""
    assert pkits[2].engines_differ == ()


def test_a_second_time_the_answers_are_the_same(twice: tuple[list[Case], list[Json]]) -> None:
    """What was remembered of a certificate does not change an answer (4.3.6 did, by an object used twice)."""
    cases, answers = twice
    assert answers[len(cases) :] == answers[: len(cases)]
