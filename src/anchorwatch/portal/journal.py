"""The log: one JSON object a line for programs, one readable line for people; made with structlog, kept by whoever runs us.

What goes in is named here member by member. Behind that stands a second line: whatever text is about to be written is
searched for what looks like a token, a key or a signature, so that a mistake elsewhere does not become a leak.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from anchorwatch.base.clock import Clock
from anchorwatch.base.secret import DOTS, Secret
from anchorwatch.portal.passage import Outcome, Passage

_SECRETS: Final = re.compile(
    r"SL[1B]-[a-z2-7]{8,}-[A-Za-z0-9_-]{16,}|AWK1-[a-z2-7]{8,}-[A-Za-z0-9_-]{16,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"
    r"|(?i:bearer|basic|sl-token)\s+[A-Za-z0-9._~+/=:-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^/@\s]+:[^/@\s]+(?=@)"
)
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

Event = MutableMapping[str, Any]


class Journal:
    """Where lines are written. `write` takes a request that is over; `handler` is for the library's own logging."""

    def __init__(
        self,
        stream: TextIO,
        clock: Clock,
        *,
        level: str = "info",
        for_people: bool = False,
        clean: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`clean` makes a text fit to be shown on a terminal; what programs read is escaped by JSON itself."""

        def stamped(_: object, method: str, event: Event) -> Event:
            head = {
                "time": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": method,
            }
            return {**head, "event": event.pop("event"), **event}

        def shown(_: object, __: str, event: Event) -> str:
            return _line(event, clean)

        last: list[Processor] = (
            [shown] if for_people else [structlog.processors.JSONRenderer(sort_keys=False)]
        )
        self._log: Any = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[stamped, _without_secrets, *last],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        ).bind()
        self.handler: logging.Handler = _Handler(self._log)
        self.handler.setLevel(LEVELS[level])

    def say(self, event: str, **members: object) -> None:
        """Something that happened to the portal itself."""
        self._log.info(event, **members)

    def write(self, passage: Passage) -> None:
        """A request that is over."""
        members: dict[str, object] = {
            "request_id": passage.request_id,
            "endpoint": passage.endpoint,
            "status": passage.status,
            "outcome": str(passage.outcome),
            "ms": round(passage.seconds * 1000, 2),
        }
        for name in ("problem", "device", "operator", "peer"):
            value = getattr(passage, name)
            if value:
                members[name] = value
        match passage.outcome:
            case Outcome.FAILED:
                self._log.error("request", **members)
            case Outcome.REFUSED | Outcome.BROKEN_OFF:
                self._log.warning("request", **members)
            case Outcome.DONE:
                self._log.info("request", **members)


class _Handler(logging.Handler):
    """What uvicorn, the sweep and others log, as lines of ours."""

    def __init__(self, log: Any) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            members: dict[str, object] = {"logger": record.name}
            if record.exc_info:
                members["exception"] = logging.Formatter().formatException(record.exc_info)
            self._log.log(record.levelno, record.getMessage(), **members)
        except Exception:  # noqa: BLE001 - a line that cannot be written must not end what wrote it
            self.handleError(record)


def _without_secrets(_: object, __: str, event: Event) -> Event:
    return {name: _scrubbed(value) for name, value in event.items()}


def _scrubbed(value: object) -> object:
    match value:
        case bool() | int() | float() | None:
            return value
        case Secret():
            return DOTS
        case _:
            return _SECRETS.sub(DOTS, str(value))


def _line(event: Event, clean: Callable[[str], str]) -> str:
    """The moment, what happened, and the members that are there."""
    members = dict(event)
    moment, level, what = str(members.pop("time")), str(members.pop("level")), str(members.pop("event"))
    trace = members.pop("exception", None)
    mark = "" if level == "info" else f" {level.upper()}"
    rest = " ".join(f"{name}={clean(str(value))}" for name, value in members.items())
    line = f"{moment[11:19]}{mark} {clean(what)}{' ' if rest else ''}{rest}"
    if trace is None:
        return line
    return "\n".join([line, *(f"    {clean(each)}" for each in str(trace).splitlines())])
