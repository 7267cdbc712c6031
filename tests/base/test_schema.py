import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.schema import Json, Schema, SchemaError, plain, read, write
from anchorwatch.base.secret import DOTS, Secret

CASE_1 = Schema("case", 1)
CASE_2 = Schema("case", 2)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    at: datetime
    _inner: int = 0
    tags: frozenset[str] = field(default_factory=frozenset)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def not_schema(content: dict[str, Json]) -> bool:
    return "schema" not in content


@given(st.dictionaries(st.text(), json_values).filter(not_schema), st.sampled_from([None, 2]))
def test_what_is_written_is_read(content: dict[str, Json], indent: int | None) -> None:
    """Reading a written document gives its version and its content back."""
    text = write(CASE_2, content, indent=indent)

    assert read(text, CASE_1, CASE_2) == (CASE_2, content)
    assert read(text.encode(), CASE_2) == (CASE_2, content)


def test_says_its_schema_first() -> None:
    """The schema is the first key, and the text ends with one newline."""
    text = write(CASE_1, {"device": "asa-3"}, indent=None)

    assert text == '{"schema": "anchorwatch.case/1", "device": "asa-3"}\n'


def test_one_form_for_each_kind_of_value() -> None:
    """Moments, spans, digests, enums, sets and secrets look the same in every document."""
    tokyo = timezone(timedelta(hours=9))

    note = Note("x", datetime(2016, 3, 22, 18, 0, tzinfo=tokyo), tags=frozenset({"b", "a"}))

    assert plain(note) == {"text": "x", "at": "2016-03-22T09:00:00Z", "tags": ["a", "b"]}
    assert plain(
        {
            Colour.RED: Colour.RED,
            "day": date(2016, 3, 22),
            "span": timedelta(minutes=1),
            "digest": b"\xab\x01",
            "token": Secret("hush"),
            "place": PurePosixPath("a/b"),
            "nothing": (None, True, 1.5),
        }
    ) == {
        "red": "red",
        "day": "2016-03-22",
        "span": 60.0,
        "digest": "ab01",
        "token": DOTS,
        "place": "a/b",
        "nothing": [None, True, 1.5],
    }


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        (lambda: plain(object()), TypeError),
        (lambda: plain(Note), TypeError),
        (lambda: plain({1: 2}), TypeError),
        (lambda: plain(datetime(2016, 3, 22)), ValueError),  # noqa: DTZ001 - the point of the case
        (lambda: write(CASE_1, [1]), TypeError),
        (lambda: write(CASE_1, {"schema": "mine"}), ValueError),
        (lambda: write(CASE_1, {"x": float("nan")}), ValueError),
        (lambda: Schema("Case", 1), ValueError),
        (lambda: Schema("case", 0), ValueError),
        (lambda: read("{}"), ValueError),
        (lambda: read("{}", CASE_1, Schema("plan", 1)), ValueError),
    ],
)
def test_refuses_what_has_no_agreed_form(attempt: Callable[[], object], error: type[Exception]) -> None:
    """What a document cannot hold is refused when it is written, not discovered when it is read."""
    with pytest.raises(error):
        attempt()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '{"schema": "anchorwatch.case/3"}',
            "says it is 'anchorwatch.case/3'; this release reads anchorwatch.case/1",
        ),
        ('{"schema": "anchorwatch.plan/1"}', "says it is 'anchorwatch.plan/1'"),
        ('{"schema": "\\u001b[2J"}', r"says it is '\\x1b\[2J'"),
        ('{"schema": 1}', "does not say its schema"),
        ("{}", "does not say its schema"),
        ("[]", "not a JSON object"),
        ("", "no case document: Expecting value at line 1, column 1"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": ' + "[" * 200_000, "nested too deeply|no case document"),
        ('{"a": ' + "9" * 10_000 + "}", "no case document"),
        (b"\xff\xfe\xff", "no case document"),
    ],
)
def test_refuses_another_version_in_a_sentence(text: str | bytes, sentence: str) -> None:
    """A document of an unknown version, or no document at all, is refused with a sentence."""
    with pytest.raises(SchemaError, match=sentence):
        read(text, CASE_1)


def test_sets_come_out_in_one_order() -> None:
    """A set is written sorted, whatever it holds, so that a difference between documents means something."""
    assert json.loads(write(CASE_1, {"numbers": {10, 9}, "words": {"b", "a"}})) == {
        "schema": "anchorwatch.case/1",
        "numbers": [10, 9],
        "words": ["a", "b"],
    }


def test_moments_keep_their_fraction() -> None:
    """A fraction of a second survives, and UTC is written as Z."""
    assert plain(datetime(2016, 3, 22, 9, 0, 0, 250_000, tzinfo=UTC)) == "2016-03-22T09:00:00.250000Z"
