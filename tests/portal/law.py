"""The law of refusals: what is refused is refused in a sentence, and leaves the database as it was."""

from __future__ import annotations

import sqlite3
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from anchorwatch.licensing import problem
from anchorwatch.licensing.problem import Type
from anchorwatch.portal import management
from anchorwatch.portal.reply import Reply
from portal.office import Office

SOON = 2.0
LITTLE = 16 * 1024 * 1024
HEARD = ("last_seen", "skew_ms")
"""What a device changes that proved itself, whatever it asks: when it was last heard."""

Dump = dict[str, list[tuple[object, ...]]]


def dump(office: Office, *, heard: bool = False) -> Dump:
    """All rows of all tables. With `heard`, without what every proven request writes: its nonce, and when it came."""
    file = office.portal.folder.parent / management.DATABASE
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as reader:
        names = [row[0] for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found: Dump = {}
        for name in names:
            columns = [row[1] for row in reader.execute(f'PRAGMA table_info("{name}")')]
            kept = [column for column in columns if not (heard and column in HEARD)]
            rows = reader.execute(f'SELECT {", ".join(kept)} FROM "{name}"')
            found[name] = sorted(rows, key=repr)
    if heard:
        found.pop("nonce")
    reader.close()
    return found


@contextmanager
def harmless(office: Office, *, heard: bool = False) -> Iterator[None]:
    """The law: what happens inside leaves the whole database as it was, and is over soon, in little memory."""
    before = dump(office, heard=heard)
    tracemalloc.start()
    begun = time.monotonic()
    yield
    took, (_, most) = time.monotonic() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert dump(office, heard=heard) == before
    assert took < SOON
    assert most < LITTLE


def told(reply: Reply, kind: Type) -> None:
    """A refusal of that type: its status, and one sentence that repeats nothing dangerous."""
    found = problem.read(reply.body)
    assert found is not None, reply
    assert found.kind is kind, (found.kind, found.detail)
    assert reply.status == found.status == problem.MEANINGS[kind].status
    sentence = found.detail or found.title
    assert sentence.isprintable()
    assert len(sentence) <= 300
    for _, value in reply.headers:
        assert value.isprintable()
