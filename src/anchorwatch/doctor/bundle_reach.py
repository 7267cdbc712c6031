"""Whether the server of the signed bundle is reached now, which is another question than whether the portal is.

The nightly import says only how its last night went. By day two things tell more: a bundle that somebody fetched by
hand, and a TCP ping to the server's own port. Neither says anything about the portal, and a ping to the portal says
nothing about the bundle.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from anchorwatch.devices.fact import (
    ImportReport,
    LogMessage,
    PingResult,
    TrustpoolConfig,
    TrustpoolPolicy,
)
from anchorwatch.devices.log_detail import AutomaticImport
from anchorwatch.devices.reading import Item
from anchorwatch.devices.span import Span
from anchorwatch.doctor.case import Case

DEFAULT = ("www.cisco.com", 80)
"""Where the bundle lies unless a device is told otherwise."""
NOT_REACHED = re.compile(r"reach CA server|maximum retry", re.IGNORECASE)
"""What 717057 says of a night in which the server was not reached."""


def server(case: Case) -> tuple[str, int]:
    """Host and port of the bundle, by the address that the device shows; the vendor's where it shows none."""
    shown = [policy.url for policy in case.facts(TrustpoolPolicy)]
    shown += [config.url for config in case.facts(TrustpoolConfig)]
    for url in reversed([each.value for each in shown if each is not None]):
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT[1]
        except ValueError:
            continue
        if parts.hostname:
            return parts.hostname, port
    return DEFAULT


def is_asked(case: Case, item: Item) -> bool:
    """Whether a ping was for the server of the bundle, and so not for the portal."""
    ping = item.fact
    if not isinstance(ping, PingResult):
        return False
    host, port = server(case)
    words = item.command.lower().split()
    if len(words) < 2:
        return ping.port == port
    return host.lower() in words and (ping.port in (port, None)) and str(port) in words


def pings(case: Case) -> tuple[PingResult, ...]:
    """The pings of a case that were for the server of the bundle."""
    return tuple(
        item.fact for item in case.items if isinstance(item.fact, PingResult) and is_asked(case, item)
    )


def fetched(case: Case) -> tuple[Span, ...]:
    """Lines that show a bundle fetched by hand: counters of an import from an address."""
    return tuple(
        report.attempted.span
        for item in case.items
        if isinstance(report := item.fact, ImportReport)
        and (report.url is not None or "url" in item.command.split())
        and report.attempted is not None
        and report.attempted.value > 0
    )


def answers(case: Case) -> tuple[Span, ...]:
    """Lines that show that the server is reached now: its port answered last, or a bundle was fetched."""
    last = pings(case)[-1:]
    return fetched(case) + tuple(
        ping.success.span for ping in last if ping.success is not None and ping.success.value > 0
    )


def silent(case: Case) -> tuple[Span, ...]:
    """Lines that show that it is not reached now."""
    last = pings(case)[-1:]
    return tuple(
        span.span
        for ping in last
        for span in (ping.unresolved, ping.success)
        if span is not None and not (span is ping.success and ping.success.value > 0)
    )


def since_a_night_out_of_reach(case: Case) -> tuple[Span, ...]:
    """Lines that show that the server is reached now, where the pool is filled and each night that is told of failed
    to reach it: the pool was filled otherwise since. A pool that a night had filled before is no such sign.
    """
    counts = [policy.count for policy in case.facts(TrustpoolPolicy) if policy.count is not None]
    nights = [
        message.detail for message in case.facts(LogMessage) if isinstance(message.detail, AutomaticImport)
    ]
    if not counts or not counts[-1].value:
        return ()
    if not all(not night.succeeded and NOT_REACHED.search(night.reason) for night in nights):
        return ()
    return answers(case)


def last_night_may_be_over(case: Case) -> bool:
    """Whether a night failed to reach the server, or failed and nothing tells why."""
    logged = [
        message.detail for message in case.facts(LogMessage) if isinstance(message.detail, AutomaticImport)
    ]
    if logged:
        return any(not night.succeeded and NOT_REACHED.search(night.reason) for night in logged)
    return any(
        policy.last_result is not None and policy.last_result.value.upper().startswith("FAIL")
        for policy in case.facts(TrustpoolPolicy)
    )
