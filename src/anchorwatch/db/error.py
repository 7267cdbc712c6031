"""What this room raises. What a caller may expect to happen (a pool is full, a key was used) is a value instead."""

from __future__ import annotations


class DatabaseError(Exception):
    """Base of everything `anchorwatch.db` raises."""


class BadAddress(DatabaseError, ValueError):
    """A text that names no database we can use, with the reason; a password in it is not repeated."""


class DatabaseBusy(DatabaseError, TimeoutError):
    """The database did not come to our turn in time. Nothing was changed; asking again later is right."""


class DatabaseUnreachable(DatabaseError, ConnectionError):
    """The database did not answer. If it broke off during a commit, the outcome is unknown: ask again by key."""


class SchemaDiffers(DatabaseError):
    """The tables are of another release: `found` and `wanted` are revisions, `found` None for an empty database."""

    def __init__(self, sentence: str, *, found: str | None, wanted: str) -> None:
        super().__init__(sentence)
        self.found = found
        self.wanted = wanted


class ConstraintBroken(DatabaseError, ValueError):
    """What was to be stored breaks a rule of the tables; nothing of its transaction was kept.

    `constraint` is the rule's name where the database tells it, else empty. Met in the ordinary course it is a
    mistake of ours: what a caller may run into has a value or an error of its own.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__(f"what was to be stored breaks the rule {constraint or 'of a table'}")
        self.constraint = constraint


class NotThere(DatabaseError, LookupError):
    """A thing that was named does not exist, or not in this account."""

    def __init__(self, noun: str, which: object) -> None:
        super().__init__(f"there is no {noun} {which}")
        self.noun = noun
        self.which = which


class AlreadyThere(DatabaseError, ValueError):
    """A thing that may exist only once exists already; `noun` and `which` say which."""

    def __init__(self, noun: str, which: object) -> None:
        super().__init__(f"the {noun} {which} is there already")
        self.noun = noun
        self.which = which


class DumpRefused(DatabaseError, ValueError):
    """A saved copy cannot be restored: another kind of file, another revision, or cut short."""
