"""What the API shows and takes: JSON objects with exactly these members, whatever else the portal knows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

R = TypeVar("R", bound="Resource")


def _a_text(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("a moment is a text as 2027-01-31T12:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_a_text, json_schema_input_type=AwareDatetime)]
"""RFC 3339, with its zone; never a number."""
Flag = Annotated[bool, Field(strict=True)]
VISIBLE = r"^[^\x00-\x1f\x7f-\x9f]+$"
Words = Annotated[str, Field(min_length=1, max_length=200, pattern=VISIBLE)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _nothing_required(schema: dict[str, Any]) -> None:
    """Who asks for some `fields` gets only those, so no member of an answer is required."""
    schema.pop("required", None)


class Resource(BaseModel):
    """A thing as it is shown, with the members it names and no other."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_nothing_required)

    @classmethod
    def of(cls, row: object) -> Self:
        """A row as it is shown: its members by their names, and nothing else of it."""
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})

    @property
    def etag(self) -> str:
        """The entity tag: of all that is shown, so that any visible change is another one."""
        return f'"{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]}"'


class Page(Resource, Generic[R]):
    """Some of a list. `next` is the `cursor` of the page behind it, null at the end."""

    items: list[R]
    next: str | None = None


class Body(BaseModel):
    """What is asked for. A member that is not named here is refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
