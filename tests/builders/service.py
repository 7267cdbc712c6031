"""A portal in a process of its own: where it says that it listens."""

import json
import threading
from typing import IO


def addresses(log: IO[str], how_many: int = 1) -> list[str]:
    """The first addresses its log tells, as `https://127.0.0.1:8443`: those that serve, in the order they are told.

    What comes after is read away, for a program whose log nobody reads stands still in the end.
    """
    found: list[str] = []
    for line in log:
        event = json.loads(line)["event"]
        if event.startswith("serving"):
            found.append(event.split()[-1])
        if len(found) == how_many:
            break
    threading.Thread(target=log.read, daemon=True).start()
    return found
