"""URLs that somebody typed: read into their parts, or refused; never an error of another kind."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of a URL; `host` is empty where none is named, `port` that of the scheme where none is written."""

    scheme: str
    host: str
    port: int
    path: str


def read(text: str) -> Url | None:
    """Read a URL; None for a text that is none."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if not parts.scheme or port == 0 or parts.username is not None:
        return None
    return Url(scheme=parts.scheme, host=host, port=port or _PORTS.get(parts.scheme, 443), path=parts.path)
