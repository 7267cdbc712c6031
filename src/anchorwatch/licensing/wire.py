"""Reading and writing the messages: frozen dataclasses to JSON and back, strictly and within limits.

The annotation of a field is its rule: `Text` bounds a string, `Whole` a number, `Octets` a base64url value, `Many` a
list; `Key` gives the member another name. One reader and one writer serve every message, the agent's state and the
reference page alike, so that none of them can say something else. Unknown members are ignored, because later
editions only add; a wrong type, an unknown word of a closed list or a value out of bounds refuses the whole message.

Moments are RFC 3339 in UTC, or whole seconds (`Seconds`, RFC 7519 NumericDate) inside signed objects; spans are
seconds; absent optional members are left out.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from anchorwatch.base.schema import Json
from anchorwatch.licensing.error import MalformedMessageError

MAX_BODY = 256 * 1024
"""Octets of any message; licensing.md b.1."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Text:
    """A string of 1 (or `low`) to `high` characters, printable, and of `pattern` as a whole where one is given."""

    high: int = 256
    pattern: str | None = None
    low: int = 1


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds, both included."""

    low: int = 0
    high: int = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Octets:
    """Base64url without padding, of `low` to `high` octets."""

    low: int = 1
    high: int = MAX_BODY


@dataclass(frozen=True, slots=True)
class Many:
    """A list of at most `high` entries."""

    high: int


@dataclass(frozen=True, slots=True)
class Key:
    """The name of the member where it is not the field's."""

    name: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """A moment as whole seconds since 1970."""


Name = Annotated[str, Text(128)]
Words = Annotated[str, Text(1024, low=0)]
Identifier = Annotated[str, Text(128, r"[A-Za-z0-9._~:@+/-]+")]
Compact = Annotated[str, Text(MAX_BODY, r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")]
Count = Annotated[int, Whole(0, 1_000_000_000)]
Sequence = Annotated[int, Whole(0, 2**53 - 1)]
Numeric = Annotated[datetime, Seconds()]


def base64url(octets: bytes) -> str:
    """Octets as base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def from_base64url(text: str) -> bytes:
    """The octets of base64url without padding; the one form of each value only. Raises `ValueError`."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("this is not base64url without padding")
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(octets) != text:
        raise ValueError("this is not the one base64url form of its value")
    return octets


def load(octets: bytes, *, limit: int = MAX_BODY) -> dict[str, Any]:
    """The members of a JSON object in UTF-8. A member twice, NaN, deep nesting or excess length are refused.

    Raises `MalformedMessageError`.
    """
    if len(octets) > limit:
        raise MalformedMessageError(
            f"{len(octets)} octets are too many for this message; {limit} are allowed"
        )
    try:
        body = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=_no_twins,
            parse_constant=_no_constant,
            parse_int=_number,
        )
    except UnicodeDecodeError:
        raise MalformedMessageError("the message is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, MalformedMessageError):
            raise
        raise MalformedMessageError("the message is not JSON") from None
    if not isinstance(body, dict):
        raise MalformedMessageError("the message is not a JSON object")
    return body


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedMessageError("the message has a member twice")
    return members


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _number(digits: str) -> int:
    if len(digits) > 20:
        raise MalformedMessageError("the message has a number of more than twenty digits")
    return int(digits)


def dump(value: object) -> bytes:
    """A message as JSON octets: no blanks, members in the order of the fields, absent ones left out."""
    return json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse(kind: type[T], octets: bytes, *, limit: int = MAX_BODY) -> T:
    """The message in JSON octets. Raises `MalformedMessageError` with the member that is wrong."""
    return read(kind, load(octets, limit=limit))


def read(kind: type[T], members: object) -> T:
    """The message in what `json` gave. Raises `MalformedMessageError`."""
    codec: _Codec = _codec(kind)  # type: ignore[arg-type]  # every class can be hashed
    value: T = codec.read(members, "")
    return value


def plain(value: object) -> Json:
    """A message as JSON holds it."""
    codec: _Codec = _codec(type(value))  # type: ignore[arg-type]  # every class can be hashed
    return codec.write(value)


@dataclass(frozen=True, slots=True)
class _Codec:
    read: Callable[[Any, str], Any]
    write: Callable[[Any], Json]


def _wrong(where: str, what: str) -> MalformedMessageError:
    return MalformedMessageError(f"{where.lstrip('.') or 'the message'} {what}")


@cache
def _codec(kind: Any) -> _Codec:
    """The codec of an annotation; any annotation, so nothing narrower than `Any` describes it."""
    marks: tuple[Any, ...] = ()
    if get_origin(kind) is Annotated:
        kind, *found = get_args(kind)
        marks = tuple(found)
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        options = [each for each in get_args(kind) if each is not NoneType]
        if len(options) != 1:
            raise TypeError(f"a member is of one type or absent, not {kind}")
        inner = _codec(Annotated[(options[0], *marks)] if marks else options[0])
        return _Codec(
            lambda value, where: None if value is None else inner.read(value, where),
            lambda value: None if value is None else inner.write(value),
        )
    if origin is tuple:
        entry = _codec(get_args(kind)[0])
        return _list_codec(entry, _mark(marks, Many, Many(256)))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _object_codec(kind)
    if kind is str:
        return _text_codec(_mark(marks, Text, Text()))
    if kind is bool:
        return _Codec(_read_bool, bool)
    if kind is int:
        return _whole_codec(_mark(marks, Whole, Whole()))
    if kind is bytes:
        return _octets_codec(_mark(marks, Octets, Octets()))
    if kind is datetime:
        if any(isinstance(mark, Seconds) for mark in marks):
            return _Codec(_read_seconds, lambda value: int(value.timestamp()))
        return _Codec(_read_moment, _write_moment)
    if kind is timedelta:
        return _Codec(_read_span, _write_span)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _word_codec(kind)
    raise TypeError(f"no message holds a {kind}")


def _mark(marks: tuple[Any, ...], kind: type[T], default: T) -> T:
    return next((mark for mark in marks if isinstance(mark, kind)), default)


def members(kind: type[Any]) -> dict[str, tuple[str, Any, bool]]:
    """The members of a message by their name: the field, its annotation, whether it must be there."""
    hints = get_type_hints(kind, include_extras=True)
    found: dict[str, tuple[str, Any, bool]] = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        found[_mark(marks, Key, Key(field.name)).name] = (field.name, hint, required)
    return found


def _object_codec(kind: type[Any]) -> _Codec:
    listed = [
        (name, field, _codec(hint), required) for name, (field, hint, required) in members(kind).items()
    ]

    def read_object(value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(where, "is not an object")
        arguments = {}
        for name, field, codec, required in listed:
            found = value.get(name)
            if found is None:
                if required:
                    raise _wrong(f"{where}.{name}", "is missing")
                continue
            arguments[field] = codec.read(found, f"{where}.{name}")
        try:
            return kind(**arguments)
        except ValueError as error:
            if isinstance(error, MalformedMessageError):
                raise
            raise _wrong(where, f"does not hold together: {error}") from None

    def write_object(value: Any) -> Json:
        written = {name: codec.write(getattr(value, field)) for name, field, codec, _ in listed}
        return {name: each for name, each in written.items() if each is not None}

    return _Codec(read_object, write_object)


def _list_codec(entry: _Codec, bound: Many) -> _Codec:
    def read_list(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise _wrong(where, "is not a list")
        if len(value) > bound.high:
            raise _wrong(where, f"has {len(value)} entries; {bound.high} are allowed")
        return tuple(entry.read(each, f"{where}[{index}]") for index, each in enumerate(value))

    return _Codec(read_list, lambda value: [entry.write(each) for each in value])


def _text_codec(bound: Text) -> _Codec:
    pattern = re.compile(bound.pattern) if bound.pattern else None

    def read_text(value: Any, where: str) -> str:
        if not isinstance(value, str):
            raise _wrong(where, "is not a string")
        if not bound.low <= len(value) <= bound.high:
            raise _wrong(where, f"has {len(value)} characters; {bound.low} to {bound.high} are allowed")
        if pattern is not None and not pattern.fullmatch(value):
            raise _wrong(where, "has characters that do not belong there")
        if pattern is None and not value.isprintable():
            raise _wrong(where, "has characters that cannot be printed")
        return value

    return _Codec(read_text, str)


def _read_bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "is not true or false")
    return value


def _whole_codec(bound: Whole) -> _Codec:
    def read_whole(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not bound.low <= value <= bound.high:
            raise _wrong(where, f"is not a whole number from {bound.low} to {bound.high}")
        return value

    return _Codec(read_whole, int)


def _octets_codec(bound: Octets) -> _Codec:
    def read_octets(value: Any, where: str) -> bytes:
        if not isinstance(value, str) or len(value) > bound.high * 4 // 3 + 4:
            raise _wrong(where, f"is not base64url of at most {bound.high} octets")
        try:
            octets = from_base64url(value)
        except (ValueError, binascii.Error):
            raise _wrong(where, "is not base64url without padding") from None
        if not bound.low <= len(octets) <= bound.high:
            raise _wrong(where, f"has {len(octets)} octets; {bound.low} to {bound.high} are allowed")
        return octets

    return _Codec(read_octets, base64url)


def _read_seconds(value: Any, where: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 253_402_300_800:
        raise _wrong(where, "is not a moment in whole seconds since 1970")
    return datetime.fromtimestamp(value, UTC)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _read_moment(value: Any, where: str) -> datetime:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise _wrong(where, "is not a moment as RFC 3339 writes it")


def _write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_span(value: Any, where: str) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 4e10:
        raise _wrong(where, "is not a span in seconds")
    return timedelta(seconds=value)


def _write_span(value: timedelta) -> Json:
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def _word_codec(kind: type[StrEnum]) -> _Codec:
    words = {each.value: each for each in kind}

    def read_word(value: Any, where: str) -> StrEnum:
        if not isinstance(value, str) or value not in words:
            raise _wrong(where, f"is none of {', '.join(words)}")
        return words[value]

    return _Codec(read_word, lambda value: str(value.value))
