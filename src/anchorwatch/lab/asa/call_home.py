"""Call-home: where its messages go, and one message on its way there.

A message is a POST over TLS that the device's own anchors have to vouch for; what is printed and logged is how that
went. Words for failures are the few that are published (domain 2.5); the number 35 stands for a TLS handshake alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from anchorwatch.devices.fact import CallHomeTest
from anchorwatch.devices.log_detail import CallHomeMessage
from anchorwatch.devices.span import Seen
from anchorwatch.lab.asa import url as urls
from anchorwatch.lab.asa.body import AsaBody
from anchorwatch.lab.asa.settings import Profile
from anchorwatch.lab.machine import place_through
from anchorwatch.net import http, tls
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.errors import BadEndpoint
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.outcome import Connected, Outcome, Unreachable
from anchorwatch.net.proxy import Proxy
from anchorwatch.net.tls import Observation

_LIMITS = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=3))
_MESSAGE = b'<?xml version="1.0" encoding="UTF-8"?>\n<call-home><message>test</message></call-home>\n'
_TLS_FAILED = 35
_DROPPED_AFTER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why a message was not delivered: the word, and the number printed behind it, if any."""

    word: str
    number: int | None = None


def test(machine: AsaBody, profile: Profile) -> CallHomeTest:
    """Send a test message by a profile. Takes the time of a connection."""
    url = profile.urls[0]
    failed = _send(machine, url)
    delivered(machine, "test", url, failed)
    if failed is None:
        return CallHomeTest(url=Seen(url), succeeded=Seen(True))
    return CallHomeTest(url=Seen(url), succeeded=Seen(False), failure=Seen(failed.word), number=failed.number)


def delivered(machine: AsaBody, group: str, url: str, failed: Failed | None) -> None:
    """Log what became of a message; after three that failed in a row the device gives one up."""
    counts = machine.call_homes
    if failed is None:
        counts["succeeded"] += 1
        counts["in a row"] = 0
        detail = CallHomeMessage(fate="delivered", group=group, destination=url, reason="")
        machine.note("120007", detail, 6)
        return
    counts["failed"] += 1
    counts["in a row"] = counts.get("in a row", 0) + 1
    detail = CallHomeMessage(fate="failed", group=group, destination=url, reason=failed.word)
    machine.note("120006", detail, 4)
    if counts["in a row"] % _DROPPED_AFTER == 0:
        detail = CallHomeMessage(fate="dropped", group=group, destination=url, reason="Delivery Failed")
        machine.note("120005", detail, 4)


def word(outcome: Outcome) -> Failed | None:
    """The word for how a connection ended, None for one that came about."""
    match outcome:
        case Connected():
            return None
        case Unreachable(stage="resolve"):
            return Failed(word="INVALID_ADDRESS")
        case Unreachable(stage="route"):
            return Failed(word="NO_ROUTE")
        case Unreachable():
            return Failed(word="CONNECT_FAILED")
        case _:
            return Failed(word="CONNECT_FAILED", number=_TLS_FAILED)


def place(machine: AsaBody, text: str) -> Endpoint | Unreachable:
    """Where to connect to for a URL: the host itself, or its name where a proxy looks it up."""
    url = urls.read(text)
    if url is None or not url.host:
        return Unreachable(stage="resolve", words="the address of the profile is no URL")
    return place_through(url.host, url.port, proxy_place(machine), machine.find)


def proxy_place(machine: AsaBody) -> Endpoint | Unreachable | None:
    """Where the configured proxy is; None where none is configured."""
    words = machine.running.call_home.proxy.split()
    if not words:
        return None
    return machine.find(words[0], int(words[-1]))


def proxy(machine: AsaBody) -> Proxy | None:
    """The configured proxy, where it can be found."""
    found = proxy_place(machine)
    return Proxy(endpoint=found) if isinstance(found, Endpoint) else None


def _send(machine: AsaBody, url: str) -> Failed | None:
    parts = urls.read(url)
    if parts is None or parts.scheme != "https" or not parts.host:
        return Failed(word="INVALID_URL")
    host = parts.host
    try:
        named = Endpoint.parse(host)
    except BadEndpoint:
        return Failed(word="INVALID_URL")
    found = place(machine, url)
    if isinstance(found, Unreachable):
        nothing = Observation(endpoint=named, outcome=found, at=machine.clock.now(), took=timedelta(0))
        machine.looked(nothing)
        return word(found)
    dialled = tls.dial(
        found,
        clock=machine.clock,
        trust=machine.trust(),
        sni="" if named.is_address else named.host,
        peer=named.peer,
        proxy=proxy(machine),
        limits=_LIMITS,
    )
    machine.seen = dialled.observation
    machine.looked(dialled.observation)
    if dialled.stream is None:
        return word(dialled.observation.outcome)
    try:
        ask = http.Ask(
            url=url, method="POST", headers=(("Content-Type", "text/xml; charset=utf-8"),), body=_MESSAGE
        )
        answer = http.converse(dialled.stream, ask, Deadline(_LIMITS))
    finally:
        dialled.stream.close()
    good = isinstance(answer, http.Answer) and answer.status == 200
    return None if good else Failed(word="CONNECT_FAILED")
