"""What the device refused of the portal's certificate, and whose CA that was.

Three kinds of refusal look alike in a log: the portal's new public CA, an enterprise CA that a proxy put in its
place, and a VPN client's certificate. `outbound` takes the clients out; here the rest is told apart by the issuer's
name. A name is no proof of who signed, but a CA that nobody public runs does not sign for the vendor's portal.

A refusal stands until a success that is newer, or an answer that only the portal can have given. Where a log carries
no times and a licence screen above it shows a success, which came first is not told, and the refusal is no more than a
candidate. A refusal of which it is not told whether a client was meant counts where the names speak of the portal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from anchorwatch.devices.fact import CallHomeConfig, CallHomeTest, LicenseConfig, LogMessage
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.log_detail import CallHomeMessage, NoTrustpoint, ValidationFailed
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Span
from anchorwatch.doctor import outbound, present, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.migration import is_known_public_ca
from anchorwatch.doctor.outbound import Belonging
from anchorwatch.doctor.spoken import Said


class Holder(StrEnum):
    """Who runs a CA, as far as its name tells."""

    PUBLIC = "public"
    INSPECTION = "inspection"
    PRIVATE = "private"
    UNKNOWN = "unknown"


class Since(StrEnum):
    """How a line lies to the newest success."""

    AFTER = "after"
    BEFORE = "before"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A certificate no anchor was found for; `sure` is False where it may be older than the newest success."""

    span: Span
    detail: NoTrustpoint
    sure: bool


# Makers of products that take TLS apart, and what their CAs are called when nobody renames them.
_INSPECTION = re.compile(
    r"zscaler|forti(?:net|gate|guard|proxy)|palo ?alto|blue ?coat|symantec (?:web|proxysg|wss)|netskope|websense"
    r"|forcepoint|sophos|barracuda|check ?point|mcafee web|skyhigh|umbrella|cloudflare gateway|squid|untangle"
    r"|watchguard|sonicwall|mitmproxy|menlo|iboss|(?:ssl|tls|https?) ?(?:inspect|intercept|decrypt|proxy|scan|forward)"
    r"|decryption|interception|(?:forward|web|secure web) ?(?:trust|proxy|gateway)|proxy ?(?:ca\b|root|sub|issuing)",
    re.IGNORECASE,
)
# Names of authorities that browsers trust or trusted; the organization may stand in the common name.
_PUBLIC = re.compile(
    r"identrust|hydrantid|quovadis|verisign|symantec class|symantec corporation|digicert|geotrust|thawte|globalsign"
    r"|entrust|sectigo|comodo|usertrust|addtrust|amazon root|^amazon|starfield|go ?daddy|google trust services|^gts "
    r"|let'?s encrypt|^isrg|internet security research group|baltimore|cybertrust|affirmtrust|ssl\.com|buypass|certum"
    r"|swisssign|telesec|d-trust|actalis|microsoft (?:rsa|ecc|azure)|digital signature trust|^dst root|cisco umbrella root"
    r"|network solutions|trustwave|securetrust|class 3 public primary",
    re.IGNORECASE,
)
_PRIVATE = re.compile(
    r"\bcorp\b|corporate|enterprise|internal|intranet|\bad\b|domain ca|\blocal\b|-dc\d*-|issuing ca|self.signed",
    re.IGNORECASE,
)


def holder(name: PrintedName) -> Holder:
    """Who runs the CA of a name: a maker's own name for inspection first, then public, then private shapes."""
    words = " ".join(value for _, value in name.attributes)
    if _INSPECTION.search(words):
        return Holder.INSPECTION
    if is_known_public_ca(name) or _PUBLIC.search(name.label) or _PUBLIC.search(name.organization or ""):
        return Holder.PUBLIC
    if any(kind.lower() == "dc" for kind, _ in name.attributes) or _PRIVATE.search(words):
        return Holder.PRIVATE
    return Holder.UNKNOWN


def holder_of(refusals: Iterable[Refusal]) -> Holder:
    """Who runs the CAs of a refused chain: public if any of them is, because a proxy shows none of those."""
    found = {holder(name) for each in refusals for name in (each.detail.issuer, each.detail.subject)}
    return next(
        (
            kind
            for kind in (Holder.INSPECTION, Holder.PUBLIC, Holder.PRIVATE, Holder.UNKNOWN)
            if kind in found
        ),
        Holder.UNKNOWN,
    )


def refusals(case: Case) -> tuple[Refusal, ...]:
    """The certificates of the device's own connections that found no anchor and were not accepted since, each once."""
    found: dict[object, Refusal] = {}
    for message, whose in outbound.sorted_out(case, "717009"):
        detail = message.detail
        if not isinstance(detail, NoTrustpoint):
            continue
        if whose is Belonging.UNTOLD and not _is_of_the_portal(detail):
            continue
        since = after_success(case, message)
        if since is Since.BEFORE:
            continue
        key = (detail.serial.lower(), detail.subject.key, detail.issuer.key)
        found.setdefault(key, Refusal(span=message.span, detail=detail, sure=since is Since.AFTER))
    return tuple(found.values())


def _is_of_the_portal(detail: NoTrustpoint) -> bool:
    """Whether a refused certificate's names speak of the portal: a public CA, or the portal's own name."""
    return names_the_portal(detail) or holder(detail.issuer) is Holder.PUBLIC


def names_the_portal(detail: NoTrustpoint) -> bool:
    """Whether a refused certificate is one for the vendor's own host, whoever signed it."""
    host = (detail.subject.common_name or "").lower()
    return host == "cisco.com" or host.endswith(".cisco.com")


def reasons(case: Case) -> tuple[tuple[LogMessage, str], ...]:
    """Other reasons for which a certificate of the device's own connections was refused, not accepted since."""
    return tuple(
        (message, message.detail.reason)
        for message in outbound.messages(case, "717009", "717027")
        if isinstance(message.detail, ValidationFailed) and after_success(case, message) is not Since.BEFORE
    )


def for_reason(case: Case, pattern: re.Pattern[str]) -> list[Span]:
    """The refusals of the device's own connections whose reason matches; none where licensing works since."""
    if standing.of(case).works:
        return []
    return [message.span for message, reason in reasons(case) if pattern.search(reason)]


def after_success(case: Case, message: LogMessage) -> Since:
    """How a message lies to the newest success of the case or answer of the portal; AFTER where there is none."""
    last = case.once(_proofs)
    if last is None:
        return Since.AFTER
    at = present.wall(case, message.time)
    if at is not None and last.at is not None:
        return Since.AFTER if at > last.at else Since.BEFORE
    if last.order > case.once(_places).get(id(message), 0):
        return Since.BEFORE
    return Since.UNTOLD if standing.of(case).works else Since.AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """When the portal was reached last: the newest time, and the last place in the case."""

    at: datetime | None
    order: int


def _proofs(case: Case) -> _Proof | None:
    worked: list[standing.Exchange | Said] = [
        exchange for exchange in standing.of(case).exchanges if exchange.worked
    ]
    worked += [each for each in spoken.said(case) if each.words is not None and each.words.proves_portal]
    if not worked:
        return None
    return _Proof(
        at=max((each.at for each in worked if each.at is not None), default=None),
        order=max(each.order for each in worked),
    )


def _places(case: Case) -> dict[int, int]:
    return {id(item.fact): order for order, item in enumerate(case.items)}


def portal_hosts(case: Case) -> tuple[tuple[str, Span], ...]:
    """The hosts that the device's licensing talks to, as far as it says, each once with the line that names it."""
    urls: list[tuple[str, Span]] = []
    for item in case.items + case.background:
        match item.fact:
            case CallHomeTest(url=url) if url is not None:
                urls.append((url.value, url.span))
            case CallHomeConfig(profiles=profiles):
                urls += [
                    (url.value, url.span)
                    for profile in profiles
                    if profile.active is None or profile.active.value
                    for url in profile.urls
                ]
            case LicenseConfig(url=url) if url is not None:
                urls.append((url.value, url.span))
            case LicenseReport(transport=transport) if transport is not None and transport.url is not None:
                urls.append((transport.url.value, transport.url.span))
            case LogMessage(detail=CallHomeMessage(destination=destination)) as message:
                urls.append((destination, message.span))
            case _:
                pass
    hosts: dict[str, Span] = {}
    for address, span in urls:
        host = _host(address)
        if host:
            hosts.setdefault(host, span)
    return tuple(hosts.items())


def configured_hosts(case: Case) -> frozenset[str]:
    """The hosts that the device's configuration tells licensing to use; empty where no configuration is shown."""
    urls = [
        url.value
        for config in case.facts(CallHomeConfig)
        for profile in config.profiles
        if profile.active is None or profile.active.value
        for url in profile.urls
    ]
    urls += [config.url.value for config in case.facts(LicenseConfig) if config.url is not None]
    return frozenset(filter(None, map(_host, urls)))


_VENDOR = ("tools.cisco.com", "smartreceiver.cisco.com")


def private_hosts(case: Case) -> tuple[tuple[str, Span], ...]:
    """The hosts among them that are not the vendor's: a portal on site. A wrapped line may cut a name short."""
    return tuple(
        (host, span)
        for host, span in portal_hosts(case)
        if host != "cisco.com"
        and not host.endswith(".cisco.com")
        and not any(name.startswith(host) for name in _VENDOR)
    )


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # brackets of an address that do not match
        return ""
