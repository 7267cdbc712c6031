"""Which lines of a log belong to licensing's own connections, and which to somebody else's.

The same messages tell of all: a VPN client's certificate is refused with the same 717009 as the portal's, and so is a
directory server's. What separates them is the handshake they stand in (725001 ``with server`` or ``with client``, and the
port), and 717029, which names a client certificate. A log at its default level shows no handshakes: then the lines are
taken for the device's own. Where a client is connecting at the same time, or was a moment ago, whose the lines are is
not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from anchorwatch.devices.fact import Handshake, LogMessage
from anchorwatch.devices.log_detail import ClientIdentified, NoTrustpoint
from anchorwatch.doctor.case import Case

CLIENT_CERTIFICATE = "717029"
_HANDSHAKE = "7250"
_PKI = "7170"
_STARTED = "725001"
# The verdict about a whole chain: what follows is about another one.
_VERDICTS = ("717027", "717028")
# So many messages after the start of a handshake another may be under way.
_REACH = 40
# Services a firewall connects to over TLS that are never the portal nor a proxy to it: mail, directory, DNS, RADIUS,
# syslog, SIP, the management tunnel.
_OTHER_SERVICES = frozenset({465, 636, 853, 989, 990, 993, 995, 1470, 2083, 3269, 5061, 6514, 8305})


class Belonging(StrEnum):
    """Whose connection a line is about."""

    OWN = "own"
    OTHER = "other"
    UNTOLD = "untold"


def messages(case: Case, *codes: str) -> tuple[LogMessage, ...]:
    """The messages with one of these codes that are about the device's own connections, in order."""
    return tuple(message for message, whose in sorted_out(case, *codes) if whose is Belonging.OWN)


def sorted_out(case: Case, *codes: str) -> tuple[tuple[LogMessage, Belonging], ...]:
    """The messages with one of these codes and whose each is, without those known to be somebody else's."""
    return tuple(
        (message, whose)
        for message, whose in case.once(_told)
        if message.code in codes and whose is not Belonging.OTHER
    )


def is_own(case: Case, message: LogMessage) -> bool:
    """Whether one message is about the device's own connections."""
    return id(message) in case.once(_own)


def _own(case: Case) -> frozenset[int]:
    return frozenset(id(message) for message, whose in case.once(_told) if whose is Belonging.OWN)


def _told(case: Case) -> tuple[tuple[LogMessage, Belonging], ...]:
    """Each message, and whose it is where it is about TLS or certificates."""
    return tuple(_followed(case))


def _followed(case: Case) -> Iterator[tuple[LogMessage, Belonging]]:
    log = case.facts(LogMessage)
    client = _of_clients(log)
    under_way: dict[tuple[str, str, int], tuple[Belonging, int]] = {}
    last_other = -_REACH - 1
    for index, message in enumerate(log):
        if isinstance(message.detail, Handshake):
            whose = _whose(message.detail)
            end = (message.detail.peer, message.detail.address, message.detail.port)
            if message.code == _STARTED:
                under_way[end] = (whose, index)
            else:
                under_way.pop(end, None)
            if whose is Belonging.OTHER:
                last_other = index
            yield message, whose
        elif message.code.startswith((_HANDSHAKE, _PKI)):
            if index in client or (message.code.startswith(_HANDSHAKE) and "with client" in message.text):
                yield message, Belonging.OTHER
                continue
            under_way = {end: told for end, told in under_way.items() if index - told[1] <= _REACH}
            peers = {whose for whose, _ in under_way.values()}
            if len(peers) == 1:
                yield message, peers.pop()
            elif peers or index - last_other <= _REACH:
                yield message, Belonging.UNTOLD
            else:
                yield message, Belonging.OWN
        else:
            yield message, Belonging.OWN


def _whose(handshake: Handshake) -> Belonging:
    if handshake.peer == "client" or handshake.to_port in _OTHER_SERVICES:
        return Belonging.OTHER
    return Belonging.OWN


def _of_clients(log: tuple[LogMessage, ...]) -> frozenset[int]:
    """Places of the 717xxx messages about a chain in which a client's certificate was found, then or before."""
    found: set[int] = set()
    serials: set[str] = set()
    run: list[int] = []
    for index, message in enumerate((*log, None)):
        if message is not None and message.code.startswith(_PKI):
            run.append(index)
            if message.code not in _VERDICTS:
                continue
        told = {each: log[each].detail for each in run}
        named = {detail.serial.lower() for detail in told.values() if isinstance(detail, ClientIdentified)}
        refused = {detail.serial.lower() for detail in told.values() if isinstance(detail, NoTrustpoint)}
        if any(log[each].code == CLIENT_CERTIFICATE for each in run) or refused & serials:
            found.update(run)
            serials |= named | refused
        run = []
    return frozenset(found)
