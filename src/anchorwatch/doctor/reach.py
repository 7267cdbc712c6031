"""Whether the portal's name resolves and its port answers: the rungs below TLS, as far as lines tell.

A fault found here is the cause, and what is said about TLS above it is no evidence of trust.
"""

from __future__ import annotations

import re

from anchorwatch.devices.asa.routing import RoutingTable
from anchorwatch.devices.fact import DnsConfig, PingResult
from anchorwatch.devices.log_detail import CallHomeMessage, NameUnresolved
from anchorwatch.devices.span import Span
from anchorwatch.doctor import bundle_reach, outbound, refusal, spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.portal_words import Topic, names_local_utility
from anchorwatch.doctor.refusal import Since

_NAME = re.compile(r"[a-z][\w-]*(?:\.[\w-]+)+")
_UNREACHABLE = ("NO_ROUTE", "INVALID_ADDRESS")
TIMED_OUT = 207
"""The number IOS prints for a connection that did not come about."""


def unresolved(case: Case) -> tuple[Span, ...]:
    """Lines that say that a name the licence needs has no address, and that no success came since.

    None where no name server can be reached because no route leads to one: then it is no fault of the name.
    """
    return () if unrouted(case) else _unresolved(case)


def unrouted(case: Case) -> tuple[Span, ...]:
    """The line that shows that no route leads out, where something is not reached and no name server is nearer."""
    table = case.last(RoutingTable)
    if table is None or table.beyond:
        return ()
    servers = [server.value for config in case.lasting(DnsConfig) for server in config.servers]
    nameless = _unresolved(case)
    if nameless and any(table.reaches_directly(server) for server in servers):
        return ()
    return (table.gateway.span,) if nameless or _unreachable(case) else ()


def _unresolved(case: Case) -> tuple[Span, ...]:
    # A certificate that was refused later was received: by then the name had an address.
    logged = outbound.messages(case, "717026", "717009", "717027")
    received = max((at for at, message in enumerate(logged) if message.code != "717026"), default=-1)
    found = [
        message.span
        for message in logged[received + 1 :]
        if isinstance(message.detail, NameUnresolved)
        and _is_needed(case, message.detail.host)
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    found += [
        span
        for said in spoken.about(case, Topic.UNRESOLVED)
        # The utility on site that IOS-XE looks for by default is not the portal.
        if not names_local_utility(said.text)
        for span in said.spans
    ]
    found += [
        item.fact.unresolved.span
        for item in case.items
        if isinstance(item.fact, PingResult)
        and item.fact.unresolved is not None
        and _asks(case, item.command)
        and not bundle_reach.is_asked(case, item)
    ]
    return tuple(dict.fromkeys(found))


def _is_needed(case: Case, name: str) -> bool:
    """Whether licensing needs this host: the vendor's, one the device is configured for, or none is named."""
    host = name.lower().rstrip(".")
    return (
        not host
        or host == "cisco.com"
        or host.endswith(".cisco.com")
        or host in {known for known, _ in refusal.portal_hosts(case)}
    )


def _asks(case: Case, command: str) -> bool:
    """Whether a ping was for the portal: its command names it, or names nothing because no prompt was kept.

    Where the device shows which portal it is told to use, a ping to another name says nothing about it.
    """
    words = command.lower().split()
    told = refusal.configured_hosts(case)
    if len(words) < 2 or (told and not any(_NAME.fullmatch(word) for word in words)):
        return True
    if told:
        return any(word in told for word in words)
    hosts = {host for host, _ in refusal.portal_hosts(case)}
    return any(word in hosts or word.endswith("cisco.com") for word in words)


def unreachable(case: Case) -> tuple[Span, ...]:
    """Lines that say that a connection to the portal does not come about, although its name has an address, or that
    no route leads to it or to a name server.
    """
    return tuple(dict.fromkeys((*_unreachable(case), *unrouted(case))))


def _unreachable(case: Case) -> tuple[Span, ...]:
    found = [
        message.span
        for message in outbound.messages(case, "120006", "SL_MESSAGE_FAILED")
        if isinstance(message.detail, CallHomeMessage)
        and (message.detail.number == TIMED_OUT or message.detail.reason.startswith(_UNREACHABLE))
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    found += [
        span
        for said in spoken.about(case, Topic.UNCONNECTED)
        if not names_local_utility(said.text)
        for span in said.spans
    ]
    found += [
        ping.success.span
        for ping in portal_pings(case)
        if ping.success is not None and ping.success.value == 0 and ping.port == 443
    ]
    found += [
        ping.no_way.span
        for ping in _pings(case)
        if ping.no_way is not None and ping.success is not None and ping.success.value == 0
    ]
    return tuple(dict.fromkeys(found))


def portal_pings(case: Case) -> tuple[PingResult, ...]:
    """The TCP pings of a case that were for the portal."""
    return tuple(ping for ping in _pings(case) if ping.tcp)


def host_answered(case: Case) -> tuple[Span, ...]:
    """Lines that show the portal's host answering to an ordinary ping, which says nothing about its port."""
    return tuple(
        ping.success.span
        for ping in _pings(case)
        if not ping.tcp and ping.success is not None and ping.success.value > 0
    )


def _pings(case: Case) -> tuple[PingResult, ...]:
    return tuple(
        item.fact
        for item in case.items
        if isinstance(item.fact, PingResult)
        and not bundle_reach.is_asked(case, item)
        and _asks(case, item.command)
    )


def answered(case: Case) -> tuple[Span, ...]:
    """Lines that show the portal's port answering: a TCP ping that came back."""
    return tuple(
        ping.success.span
        for ping in portal_pings(case)
        if ping.success is not None and ping.success.value > 0
    )
