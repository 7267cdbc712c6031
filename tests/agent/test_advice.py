"""What to do next is said for everything that can go wrong."""

import pytest

from anchorwatch.agent import advice
from anchorwatch.licensing.failure import Evidence, Failure, FailureClass
from anchorwatch.licensing.problem import MEANINGS, Retry, Type


@pytest.mark.parametrize("kind", FailureClass)
def test_every_class_has_a_next_step(kind: FailureClass) -> None:
    """No failure leaves a person without a word."""
    assert advice.next_step(Failure(kind=kind, sentence="it failed"))


@pytest.mark.parametrize("kind", [kind for kind in Type if MEANINGS[kind].retry is Retry.OPERATOR])
def test_what_only_a_person_can_mend_says_how(kind: Type) -> None:
    """A problem that waits for an operator has a step of its own."""
    failure = Failure(
        kind=FailureClass.LICENCE_ERROR, sentence="refused", evidence=Evidence(problem=str(kind))
    )
    assert advice.next_step(failure) != advice.STEPS[FailureClass.LICENCE_ERROR]


@pytest.mark.parametrize("kind", Type)
def test_only_what_was_decided_is_a_refusal(kind: Type) -> None:
    """A portal that had no time has refused nothing: its problem is one of 429 and 503, and the agent comes again."""
    failure = Failure(
        kind=FailureClass.LICENCE_ERROR, sentence="refused", evidence=Evidence(problem=str(kind))
    )
    assert advice.refuses(failure) is (MEANINGS[kind].status not in (429, 503))


def test_a_strangers_problem_is_no_surprise() -> None:
    """A name that this release does not know falls back to the class."""
    failure = Failure(
        kind=FailureClass.LICENCE_ERROR, sentence="refused", evidence=Evidence(problem="from-tomorrow")
    )
    assert advice.next_step(failure) == advice.STEPS[FailureClass.LICENCE_ERROR]
