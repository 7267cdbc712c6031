"""Documents that say what they are.

Every JSON text this project writes for somebody else (a verdict, a case, a plan) is an object whose first key
is `schema`, for instance `anchorwatch.verdict/1`. The number grows when a reader of the old form would
misunderstand the new one; a key that only adds does not change it. A reader names the versions it knows and
refuses any other in one sentence, because a half-understood case file leads to a wrong repair.

There is one writer, so that a moment, a digest or a set looks the same in every document.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from anchorwatch.base.secret import DOTS, Secret

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""What a JSON text can hold, as `json` gives it."""


class SchemaError(ValueError):
    """A document is not what its reader asked for; the message is one sentence for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The kind and version of a document, written `anchorwatch.<noun>/<version>`; versions count from 1."""

    noun: str
    version: int

    def __post_init__(self) -> None:
        if not (self.noun.isascii() and self.noun.replace("-", "").isalpha() and self.noun.islower()):
            raise ValueError(f"a document is named by one lower-case noun, not {self.noun!r}")
        if self.version < 1:
            raise ValueError(f"versions count from 1, not {self.version}")

    def __str__(self) -> str:
        return f"anchorwatch.{self.noun}/{self.version}"


def plain(value: object) -> Json:
    """A value as JSON holds it, the same way in every document.

    Dataclasses become objects in the order of their fields, leaving out fields whose name begins with `_`;
    moments become RFC 3339 in UTC with a `Z` and dates `YYYY-MM-DD`; spans become seconds; bytes become
    lower-case hex; enums their value; sets sorted lists; secrets dots. `TypeError` for anything else: what
    has no agreed form is not written.
    """
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Secret():
            return DOTS
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case PurePath():
            return value.as_posix()
        case Mapping():
            return {_key(key): plain(each) for key, each in value.items()}
        case Set():
            return sorted((plain(each) for each in value), key=_order)
        case Sequence():
            return [plain(each) for each in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = (field.name for field in dataclasses.fields(value))
            return {name: plain(getattr(value, name)) for name in names if not name.startswith("_")}
        case _:
            raise TypeError(f"{type(value).__name__} has no agreed form in a document")


def write(schema: Schema, content: object, *, indent: int | None = 2) -> str:
    """A document as JSON text, `schema` first and a newline last.

    `content` is a mapping or a dataclass, as `plain` takes it. With `indent=None` it is one line, for streams.
    """
    body = plain(content)
    if not isinstance(body, dict):
        raise TypeError(f"a document is an object, not {type(content).__name__}")
    if "schema" in body:
        raise ValueError("the writer names the schema; the content must not")
    text = json.dumps({"schema": str(schema), **body}, indent=indent, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def read(text: str | bytes, *known: Schema) -> tuple[Schema, dict[str, Any]]:
    """The version found and the content of a document, without its `schema` key.

    `known` are the versions this caller understands, all of one noun. The values are as JSON gives them;
    the caller checks them. `SchemaError` when the text is no JSON, says no schema, or says another one.
    """
    if not known or len({schema.noun for schema in known}) != 1:
        raise ValueError("a reader knows at least one version, and all of one noun")
    noun = known[0].noun
    body = _load(text, noun)
    if not isinstance(body, dict):
        raise SchemaError(f"this is no {noun} document: it is not a JSON object")
    said = body.pop("schema", None)
    if not isinstance(said, str):
        raise SchemaError(f"this is no {noun} document: it does not say its schema")
    for schema in known:
        if said == str(schema):
            return schema, body
    names = ", ".join(str(schema) for schema in known)
    raise SchemaError(f"this document says it is {_shown(said)}; this release reads {names}")


def _load(text: str | bytes, noun: str) -> object:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise SchemaError(f"this is no {noun} document: it is not text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SchemaError(f"this is no {noun} document: {error.msg} at {where}") from None
    except RecursionError:
        raise SchemaError(f"this is no {noun} document: it is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits, NaN
        raise SchemaError(f"this is no {noun} document: {error}") from None


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} says no time zone; documents hold aware moments")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _key(key: object) -> str:
    match plain(key):
        case str() as word:
            return word
        case _:
            raise TypeError(f"the keys of a document are words, not {type(key).__name__}")


def _order(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _shown(said: str) -> str:
    """What a stranger's document calls itself, short and harmless on a terminal."""
    return ascii(said[:60])
