"""The words for states, as machines hold them and as devices print them."""

import pytest

from anchorwatch.licensing.status import (
    AUTHORIZATION_WORDS,
    FIRST_AGENT_WORDS,
    REGISTRATION_WORDS,
    AuthorizationState,
    RegistrationState,
    authorization_state,
    registration_state,
)


@pytest.mark.parametrize("state", list(AUTHORIZATION_WORDS))
def test_every_printed_authorization_is_read_back(state: AuthorizationState) -> None:
    """What we print for an authorization is read as the same state."""
    assert authorization_state(AUTHORIZATION_WORDS[state].printed) is state


@pytest.mark.parametrize("state", sorted(set(FIRST_AGENT_WORDS) - {RegistrationState.DEREGISTERING}, key=str))
def test_every_word_of_the_first_agents_is_read_back(state: RegistrationState) -> None:
    """The first agents have a word for each state, and each is read as that state."""
    assert registration_state(FIRST_AGENT_WORDS[state]) is state


def test_unregistered_is_never_read_as_registered() -> None:
    """UNREGISTERED contains REGISTERED and is the opposite."""
    assert registration_state("UNREGISTERED") is RegistrationState.NOT_REGISTERED
    assert registration_state(REGISTRATION_WORDS[RegistrationState.REGISTERED].printed) is (
        RegistrationState.REGISTERED
    )


def test_numbers_of_the_mib_are_given_once() -> None:
    """No two states of one machine have the same number in the MIB."""
    for words in (REGISTRATION_WORDS.values(), AUTHORIZATION_WORDS.values()):
        numbers = [each.mib for each in words if each.mib is not None]
        assert len(numbers) == len(set(numbers))
