"""What a chassis trusts, from the certificates that its trustpoints print, against what its portal presented that day.

A chassis names no certificate when it could not authenticate a server. But it prints its own, octet by octet, so it can
be told whether the CA of the portal is among them; then the portal's CA is not what is missing.
"""

from __future__ import annotations

from datetime import date

from anchorwatch.devices.pasted import PastedCertificate
from anchorwatch.devices.span import Span
from anchorwatch.doctor import migration, refusal
from anchorwatch.doctor.case import Case

_ENDPOINT = "tools.cisco.com"
_LISTING = "show trustpoint"


def where_and_when(case: Case) -> tuple[str, date | None]:
    """The portal's host, the usual one where none is shown, and the day, None where nothing tells."""
    hosts = [host for host, _ in refusal.portal_hosts(case)]
    moment = case.moment
    at = moment.wall.date() if moment is not None else case.asked_at.date() if case.asked_at else None
    return (hosts[-1] if hosts else _ENDPOINT), at


def expected(case: Case) -> tuple[Span, ...]:
    """The listed certificates that are the portal's roots of that day; empty where none is, or nothing tells."""
    host, at = where_and_when(case)
    known = migration.expected_ca(host, at) if at is not None else None
    if known is None:
        return ()
    roots = {(root.common_name or root.organizational_unit, root.serial) for root in known.roots}
    return tuple(
        item.fact.span
        for item in case.items
        if isinstance(item.fact, PastedCertificate)
        and item.command.startswith(_LISTING)
        and (held := item.fact.certificate) is not None
        and (held.title, held.serial) in roots
    )
