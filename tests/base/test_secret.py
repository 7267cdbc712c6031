import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.secret import DOTS, Secret

TOKEN = "NmQ5ZjY4-ID-TOKEN"


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TOKEN)),
        str(Secret(TOKEN)),
        f"{Secret(TOKEN)}",
        f"{Secret(TOKEN)!r:>20}",
        f"{Secret(TOKEN):>20}",
        "%s %r" % (Secret(TOKEN), Secret(TOKEN)),  # noqa: UP031 - logging formats this way
        repr(Login("admin", Secret(TOKEN))),
        repr([Secret(TOKEN)]),
        repr(asdict(Login("admin", Secret(TOKEN)))),
    ],
)
def test_prints_as_dots(shown: str) -> None:
    """No way of printing a secret shows it."""
    assert DOTS in shown
    assert TOKEN not in shown


def test_does_not_tell_its_length() -> None:
    """Two secrets of different lengths look the same."""
    assert repr(Secret("a")) == repr(Secret("a" * 100))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_is_not_pickled(protocol: int) -> None:
    """A secret does not go into a pickle, nor does anything that holds it."""
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(Login("admin", Secret(TOKEN)), protocol=protocol)


def test_has_no_state_to_look_at() -> None:
    """The generic look at an object's state finds nothing."""
    with pytest.raises(TypeError, match="pickle"):
        Secret(TOKEN).__getstate__()
    with pytest.raises(TypeError):
        vars(Secret(TOKEN))
    with pytest.raises(TypeError):
        json.dumps(Secret(TOKEN))


def test_does_not_change() -> None:
    """A secret cannot be given another text or lose the one it has."""
    secret = Secret(TOKEN)

    with pytest.raises(AttributeError, match="does not change"):
        secret._text = "other"
    with pytest.raises(AttributeError, match="does not change"):
        del secret._text


def test_copies_are_the_same_secret() -> None:
    """Copying what holds a secret keeps the secret."""
    login = Login("admin", Secret(TOKEN))

    assert copy.deepcopy(login) == login
    assert copy.copy(login).password is login.password


@given(st.text(), st.text())
def test_equal_by_content(one: str, other: str) -> None:
    """Secrets are equal exactly when their texts are, hash alike then, and give the text back."""
    assert Secret(one).reveal() == one
    assert bool(Secret(one)) == bool(one)
    assert (Secret(one) == Secret(other)) == (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one
