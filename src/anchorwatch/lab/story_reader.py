"""Taking values out of the tables of a story, and writing down what is wrong with them and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from anchorwatch.lab.network import FAULTS, Fault

T = TypeVar("T")


class Reader:
    """Takes values out of tables, and writes down what is wrong with them and where."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self._where: list[str] = []

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """What is found wrong meanwhile is wrong there."""
        self._where.append(place)
        try:
            yield
        finally:
            self._where.pop()

    def wrong(self, sentence: str) -> None:
        """Write down a mistake."""
        where = " ".join(self._where)
        self.mistakes.append(_shown(f"{where}: {sentence}" if where else sentence))

    def keys(self, table: Mapping[str, Any], *known: str) -> None:
        """Write down every key that nobody knows."""
        for key in table:
            if key not in known:
                self.wrong(f"there is no key {key!r}; known are {', '.join(known)}")

    def take(self, table: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
        """A value that may be left out."""
        value = table.get(key, default)
        # bool is an int for Python and for nobody else.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.wrong(f"{key} must be {_KINDS[kind]}, not {value!r}")
        return default

    def need(self, table: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
        """A value that may not; `default` is only to go on with."""
        if key not in table:
            self.wrong(f"{key} is missing")
            return default
        return self.take(table, key, kind, default)

    def moment(self, table: Mapping[str, Any], key: str, default: datetime | None = None) -> datetime:
        """A moment, aware and in UTC; one without a zone is meant in UTC."""
        found = table.get(key, default)
        if found is None:
            self.wrong(f"{key} is missing")
        elif isinstance(found, datetime):
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        else:
            self.wrong(f"{key} must be a moment such as 2018-10-05T07:00:00Z, not {found!r}")
        return EPOCH

    def words(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """A list of texts, empty where it is left out."""
        found = table.get(key, ())
        if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
            self.wrong(f"{key} must be a list of texts, not {found!r}")
            return ()
        return tuple(found)

    def tables(self, told: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """A list of tables, empty where it is left out."""
        found = told.get(key, [])
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.wrong(f"{key} must be a list of tables: [[{key}]]")
            return []
        return found

    def named(self, told: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
        """Tables by name, empty where there are none."""
        found = told.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
            self.wrong(f"{key} must be a table of tables: [{key}.NAME]")
            return {}
        return found

    def one_of(self, word: str, known: Mapping[str, Any] | tuple[str, ...], what: str) -> bool:
        """Whether a word is one of those there are."""
        if word in known:
            return True
        listed = ", ".join(known) or "none"
        self.wrong(f"there is no {what} {word!r}; there are: {listed}")
        return False

    def fault(self, word: str) -> Fault | None:
        """The fault of that name."""
        return FAULTS[word] if self.one_of(word, FAULTS, "fault") else None


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


def _shown(text: str) -> str:
    """A sentence that quotes a stranger's file, short and on one line."""
    plain = "".join(each if each.isprintable() else "·" for each in text)
    return plain if len(plain) <= 400 else f"{plain[:399]}…"
