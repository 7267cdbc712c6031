"""What a server presents, as a command line names it: a live endpoint, a file, a folder or standard input."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.cli.source import Source, load_or_fail
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, fail, hint, printable, say
from anchorwatch.disk.file import reason
from anchorwatch.net.endpoint import looks_like_endpoint
from anchorwatch.net.errors import BadEndpoint
from anchorwatch.net.observe import observe
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.name import PeerName

__all__ = ["PROXY_PASSWORD", "Look", "Presented", "obtain", "warn"]

PROXY_PASSWORD = "ANCHORWATCH_PROXY_PASSWORD"  # noqa: S105 - the variable's name, not its value


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What there is to judge, leaf first, and how it was obtained; `peer` is the endpoint's own name, if live."""

    certificates: tuple[Certificate, ...]
    peer: PeerName | None = None
    observation: Observation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to look at a live server; `save` keeps what it presents as PEM."""

    sni: str | None = None
    proxy: str | None = None
    timeout: float = 15.0
    minimum: str | None = None
    save: Path | None = None


def obtain(argument: str, look: Look | None = None) -> Presented:
    """What the argument names presents; what cannot be looked at ends the program with exit status 3.

    A file or folder of that name is read, even where the name could be a host's.
    """
    live = looks_like_endpoint(argument) and not Path(argument).exists()
    return _look(argument, look or Look()) if live else _read(argument)


def _look(target: str, look: Look) -> Presented:
    """Look at a live server; everything it sent counts, however the connection ended."""
    password = _proxy_password() if look.proxy else None
    try:
        seen = observe(
            target,
            clock=SystemClock(),
            sni=look.sni,
            proxy=look.proxy,
            proxy_password=password,
            timeout=timedelta(seconds=look.timeout),
            minimum=look.minimum,
            save=look.save,
        )
    except (BadEndpoint, ValueError) as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    except OSError as error:
        fail(printable(f"{look.save}: {reason(error)}"), COULD_NOT_LOOK)
    if not seen.presented:
        fail(printable(seen.sentence), COULD_NOT_LOOK, "nothing was presented, so there is nothing to judge")
    certificates = []
    for number, octets in enumerate(seen.presented):
        try:
            certificates.append(Certificate.from_der(octets))
        except MalformedCertificateError as error:
            if number == 0:
                fail(printable(f"{target} presents a leaf that cannot be read: {error}"), COULD_NOT_LOOK)
            hint(printable(f"certificate {number + 1} of the chain cannot be read and is left out: {error}"))
    return Presented(certificates=tuple(certificates), peer=seen.endpoint.peer, observation=seen)


def _proxy_password() -> Secret | None:
    value = os.environ.get(PROXY_PASSWORD)
    return None if value is None else Secret(value)


def _read(argument: str) -> Presented:
    source = load_or_fail(argument)
    warn(source)
    if not source.certificates:
        fail(printable(f"{source.name} holds no certificate that could be judged"), COULD_NOT_LOOK)
    return Presented(certificates=source.certificates)


def warn(source: Source) -> None:
    """Say what is wrong with an input that is used all the same."""
    for name, complaint in source.complaints:
        place = f" line {complaint.line}" if complaint.line is not None else ""
        say(printable(f"note: {name}{place}: {complaint.sentence}"), err=True)
