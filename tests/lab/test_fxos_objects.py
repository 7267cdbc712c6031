"""Laws of the managed objects: a buffer changes nothing until it is committed, and discarding it restores exactly."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.lab.fxos.objects import (
    TOP,
    Assign,
    Buffer,
    Change,
    Create,
    Delete,
    Name,
    ObjectError,
    Path,
    Tree,
    tree_from_json,
)
from anchorwatch.lab.fxos.pending import configuration
from anchorwatch.lab.fxos.schema import CALL_HOME_PATH, SECURITY, SERVICES_PATH, bare

_NAMES = st.sampled_from(["alpha", "beta", "gamma"])
_PROFILE = (*CALL_HOME_PATH, Name("profile", "P"))


@st.composite
def _paths(draw: st.DrawFn) -> Path:
    name = draw(_NAMES)
    return draw(
        st.sampled_from(
            [
                (*SECURITY, Name("trustpoint", name)),
                (*SERVICES_PATH, Name("dns", name)),
                (*CALL_HOME_PATH, Name("profile", name)),
                (*CALL_HOME_PATH, Name("profile", name), Name("destination", "D")),
            ]
        )
    )


_CHANGES = st.one_of(
    st.builds(Create, _paths(), st.booleans()),
    st.builds(Delete, _paths()),
    st.builds(Assign, _paths(), st.sampled_from(["address", "certchain"]), st.sampled_from(["1", "2", ""])),
)


def _do(buffer: Buffer, changes: list[Change]) -> None:
    for change in changes:
        try:
            buffer.add(change)
        except ObjectError:
            continue


@given(st.lists(_CHANGES, max_size=25))
def test_what_waits_in_a_buffer_is_nowhere_else(changes: list[Change]) -> None:
    """Whatever was entered, set and deleted, the committed tree is the same until a commit, and after a discard."""
    tree = bare("chassis")
    before = json.dumps(tree.to_json())
    buffer = Buffer(lambda: tree)
    _do(buffer, changes)
    assert json.dumps(tree.to_json()) == before
    buffer.discard()
    assert not buffer.pending
    assert buffer.view == tree == bare("chassis")


@given(st.lists(_CHANGES, max_size=25))
def test_a_commit_is_what_the_session_saw(changes: list[Change]) -> None:
    """With nobody else at work the outcome of a commit is the view, and no object hangs in the air."""
    tree = bare("chassis")
    buffer = Buffer(lambda: tree)
    _do(buffer, changes)
    assert buffer.outcome() == buffer.view
    assert all(buffer.view.holds(path[:-1]) for path in buffer.view.objects)


@given(st.lists(_CHANGES, max_size=12), st.lists(_CHANGES, max_size=12))
def test_of_two_sessions_each_commits_its_own_changes(one: list[Change], other: list[Change]) -> None:
    """The second commit carries its changes into the tree of the first, or is refused and changes nothing."""
    store = [bare("chassis")]
    first, second = Buffer(lambda: store[0]), Buffer(lambda: store[0])
    _do(first, one)
    _do(second, other)
    store[0] = first.outcome()
    first.discard()
    try:
        expected = store[0].with_all(second.changes)
    except ObjectError:
        with pytest.raises(ObjectError):
            second.outcome()
        assert second.pending is bool(second.changes)
    else:
        assert second.outcome() == expected
    second.discard()
    assert second.view == store[0]


@given(st.lists(_CHANGES, max_size=25))
def test_a_tree_survives_json(changes: list[Change]) -> None:
    """A snapshot gives back the very same objects."""
    buffer = Buffer(lambda: bare("chassis"))
    _do(buffer, changes)
    kept = json.loads(json.dumps(buffer.view.to_json()))
    assert tree_from_json(kept) == buffer.view


def test_a_tree_with_an_object_in_the_air_is_refused() -> None:
    """A snapshot that somebody has cut is no tree."""
    with pytest.raises(ValueError, match="hangs in the air"):
        tree_from_json([[[["security", ""], ["trustpoint", "x"]], {}]])


def test_create_enter_and_delete_differ_in_what_must_be_there() -> None:
    """Create wants nothing there, delete something, and enter takes either."""
    tree = bare("chassis")
    buffer = Buffer(lambda: tree)
    path = (*SECURITY, Name("trustpoint", "new"))
    with pytest.raises(ObjectError, match="missing"):
        buffer.add(Delete(path))
    with pytest.raises(ObjectError, match="missing"):
        buffer.add(Assign(path, "certchain", "x"))
    assert buffer.enter(path)
    assert not buffer.enter(path)
    assert len(buffer.changes) == 1
    with pytest.raises(ObjectError, match="exists"):
        buffer.add(Create(path))
    with pytest.raises(ObjectError, match="missing"):
        buffer.enter((*SECURITY, Name("nothing"), Name("below")))
    buffer.add(Delete(path))
    assert not buffer.view.holds(path)


def test_deleting_an_object_takes_all_below_it() -> None:
    """A profile goes with its destinations."""
    destination = (*_PROFILE, Name("destination", "D"))
    tree = bare("chassis").with_all([Create(_PROFILE), Create(destination)])
    assert not tree.after(Delete(_PROFILE)).holds(destination)
    assert tree.below(TOP) == bare("chassis").below(TOP)


def test_a_pending_configuration_marks_what_changes() -> None:
    """What a transaction adds stands behind a plus, what it deletes behind a minus, the rest behind a blank."""
    kept, gone, new = ((*SECURITY, Name("trustpoint", each)) for each in ("kept", "gone", "new"))
    before: Tree = bare("chassis").with_all([Create(kept), Create(gone)])
    after = before.with_all([Delete(gone), Create(new), Assign(new, "certchain", "A\nB")])
    assert configuration(SECURITY, before, after).splitlines() == [
        " scope security",
        "     enter trustpoint kept",
        "     exit",
        "-    delete trustpoint gone",
        "+    enter trustpoint new",
        "+        set certchain",
        "+        A",
        "+        B",
        "+        ENDOFBUF",
        "+    exit",
        " exit",
    ]
