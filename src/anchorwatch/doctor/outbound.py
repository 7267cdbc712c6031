"""Which lines of a log belong to the device's own connections, and which to somebody who connects to it.

The same messages tell of both: a VPN client's certificate is refused with the same 717009 as the portal's. What
separates them is the handshake they stand in (725001 ``with server`` or ``with client``) and 717029, which names a client
certificate. Where neither is logged the lines are taken for the device's own, because a log at its default level
shows no handshakes.
"""

from __future__ import annotations

from collections.abc import Iterator

from anchorwatch.devices.fact import Handshake, LogMessage
from anchorwatch.doctor.case import Case

CLIENT_CERTIFICATE = "717029"
_HANDSHAKE = "7250"
_PKI = "7170"
# So many messages after the start of a handshake another may be under way.
_REACH = 40


def messages(case: Case, *codes: str) -> tuple[LogMessage, ...]:
    """The messages with one of these codes that are not about somebody who connects to the device, in order."""
    return tuple(message for message, inbound in _told(case) if message.code in codes and not inbound)


def _told(case: Case) -> Iterator[tuple[LogMessage, bool]]:
    """Each message about TLS or certificates, and whether it is inbound."""
    log = case.facts(LogMessage)
    client = _client_bursts(log)
    peer, age = "", 0
    for index, message in enumerate(log):
        age += 1
        if isinstance(message.detail, Handshake):
            peer, age = message.detail.peer, 0
            yield message, peer == "client"
        elif message.code.startswith(_HANDSHAKE):
            yield message, "with client" in message.text or (peer == "client" and age <= _REACH)
        elif message.code.startswith(_PKI):
            yield message, index in client or (peer == "client" and age <= _REACH)
        else:
            yield message, False


def _client_bursts(log: tuple[LogMessage, ...]) -> frozenset[int]:
    """Places of the 717xxx messages that stand in one run with a client's certificate."""
    found: set[int] = set()
    run: list[int] = []
    for index, message in enumerate((*log, None)):
        if message is not None and message.code.startswith(_PKI):
            run.append(index)
            continue
        if any(log[each].code == CLIENT_CERTIFICATE for each in run):
            found.update(run)
        run = []
    return frozenset(found)
