"""Of a list: how many, from where, which of them, and which members. And where one page ended, as an opaque word."""

# Annotations are evaluated here as they stand: each list says in them what it can be asked.

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from anchorwatch.db.page import Listing
from anchorwatch.portal.api.problem import Kind, Refusal
from anchorwatch.portal.api.resource import Resource

MOST = 200
USUAL = 50
_CURSOR = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked of a list. `equal` are the filters, `fields` the members that are wanted, none for all."""

    noun: str
    limit: int = USUAL
    after: tuple[str, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    fields: frozenset[str] = frozenset()

    def cursor(self, place: tuple[str, ...]) -> str:
        """Where to go on, for this question only."""
        text = json.dumps([self._mark(), *place], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def placed(self, cursor: str) -> tuple[str, ...]:
        """The place that `cursor` told. Raises `Refusal` for one of another question, or for none at all."""
        try:
            found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (ValueError, binascii.Error, RecursionError):
            found = None
        match found:
            case [str(mark), *place] if mark == self._mark() and all(isinstance(each, str) for each in place):
                return tuple(place)
        raise Refusal(Kind.MESSAGE_MALFORMED, "this is no cursor of this list with these filters")

    def _mark(self) -> str:
        return hashlib.sha256(repr((self.noun, self.equal)).encode()).hexdigest()[:16]


def chosen(model: type[Resource]) -> Any:
    """The query parameter `fields` of a resource."""
    return Query(
        description="Only these members, parted by commas.",
        pattern=_fields(model),
        max_length=1000,
        openapi_examples={"two": {"value": ",".join(list(model.model_fields)[:2])}},
    )


def asked(listing: Listing[Any] | str, model: type[Resource]) -> Callable[..., Question]:
    """The dependency that reads the question of a list."""
    noun = listing if isinstance(listing, str) else listing.noun
    filters = () if isinstance(listing, str) else listing.filters
    names = "|".join(map(re.escape, filters))

    def read(
        limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = USUAL,
        cursor: Annotated[
            str | None,
            Query(
                pattern=r"^[A-Za-z0-9_-]+$",
                max_length=_CURSOR,
                description="`next` of the page before, with the same filters.",
            ),
        ] = None,
        fields: Annotated[str | None, chosen(model)] = None,
        filter: Annotated[  # noqa: A002 - the API's own word
            list[Annotated[str, Field(pattern=rf"^({names}):.{{1,400}}$")]] | None,
            Query(
                max_length=8,
                description="MEMBER:VALUE, all of them at once. One of: " + ", ".join(filters) + ".",
            ),
        ] = None,
    ) -> Question:
        equal = tuple(
            sorted((name, value) for name, _, value in (each.partition(":") for each in filter or ()))
        )
        if len(dict(equal)) != len(equal):
            raise Refusal(Kind.MESSAGE_MALFORMED, "a member is asked for twice")
        found = Question(noun=noun, limit=limit, equal=equal, fields=members(fields))
        if cursor is None:
            return found
        return Question(noun=noun, limit=limit, equal=equal, fields=found.fields, after=found.placed(cursor))

    if filters:
        return read

    def read_plain(
        limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many.")] = USUAL,
        cursor: Annotated[
            str | None,
            Query(pattern=r"^[A-Za-z0-9_-]+$", max_length=_CURSOR, description="`next` of the page before."),
        ] = None,
        fields: Annotated[str | None, chosen(model)] = None,
    ) -> Question:
        return read(limit, cursor, fields)

    return read_plain


def members(fields: str | None) -> frozenset[str]:
    """The members that `fields` names, none for all."""
    return frozenset(fields.split(",")) if fields else frozenset()


def _fields(model: type[Resource]) -> str:
    names = "|".join(model.model_fields)
    return rf"^({names})(,({names}))*$"
