"""The parts of a running configuration that the diagnosis needs.

A configuration is a list of lines in which an indented line belongs to the one above it.
Where the indentation was lost the words decide: a line that is a subcommand of the open block stays in it.
What is written is not what is in force: a default does not appear (except in ``show run all``), so an absent line is
unknown unless the whole block was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anchorwatch.devices.capture import Line
from anchorwatch.devices.fact import (
    CallHomeConfig,
    CallHomeProfile,
    ClockZone,
    DnsConfig,
    LicenseConfig,
    TrustpointConfig,
    TrustpoolConfig,
)
from anchorwatch.devices.screen import Found
from anchorwatch.devices.span import Seen

Fact = TrustpoolConfig | TrustpointConfig | ClockZone | DnsConfig | CallHomeConfig | LicenseConfig

# Heads of blocks, and the words with which a line below one of them can start.
_BLOCKS: tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...] = (
    (
        "trustpool",
        re.compile(r"^\s?crypto ca trustpool policy\s*$"),
        ("auto-import", "no auto-import", "revocation-check", "crl ", "match certificate", "no crl"),
    ),
    (
        "trustpoint",
        re.compile(r"^\s?crypto (?:ca|pki) trustpoint (?P<name>\S{1,128})\s*$"),
        (
            "enrollment", "no enrollment", "revocation-check", "validation-usage", "no validation-usage",
            "crl ", "keypair", "subject-name", "fqdn", "no fqdn", "id-usage", "ocsp", "usage", "ignore-",
            "no ignore-", "id-cert", "password", "client-types", "no client-types", "accept-", "proxy-",
            "no ca-check", "ca-check", "serial-number", "ip-address", "rsakeypair", "match certificate",
        ),
    ),
    (
        "call-home",
        re.compile(r"^\s?call-home\s*$"),
        (
            "profile", "destination", "no destination", "subscribe-to", "no active", "active", "http-proxy",
            "source-interface", "contact", "reporting", "no reporting", "sender", "mail-server", "alert-group",
            "no alert-group", "rate-limit", "event-queue", "customer-id", "site-id", "phone", "street", "vrf",
        ),
    ),
    (
        "license",
        re.compile(r"^\s?license smart\s*$"),
        ("feature", "throughput", "privacy", "transport", "no transport", "url", "proxy", "utility"),
    ),
    (
        "dns",
        re.compile(r"^\s?(?:dns server-group \S{1,64}|DNS server-group \S{1,64})\s*$"),
        ("name-server", "domain-name", "retries", "timeout", "poll-timer", "expire-entry"),
    ),
)  # fmt: skip
_ZONE = re.compile(
    r"^\s?clock timezone (?P<label>\S{1,32}) (?P<hours>[+-]?\d{1,2})(?: (?P<minutes>\d{1,2}))?\s*(?P<east>east|west)?\s*$"
)
_LOOKUP = re.compile(r"^\s?dns domain-lookup (?P<name>\S{1,64})\s*$")
_SERVER = re.compile(r"^\s*(?:ip )?name-server (?P<servers>(?:vrf \S+ )?[0-9A-Fa-f.:]{2,45}.{0,200})$")
_SERVICE = re.compile(r"^\s?(?P<no>no )?service call-home\s*$")
# A block of a configuration is short; a page may stretch it with blank lines.
_LONGEST_BLOCK = 120


@dataclass(frozen=True, slots=True)
class _Block:
    kind: str
    head: re.Match[str]
    indices: tuple[int, ...]


def parse(lines: Sequence[Line]) -> tuple[Found[Fact], ...]:
    """Find each part, block by block, in the order of the text."""
    found: list[Found[Fact]] = []
    taken: set[int] = set()
    for block in _blocks(lines):
        found.append(Found(fact=_fact(lines, block), lines=block.indices))
        taken.update(block.indices)
    servers: list[Seen[str]] = []
    lookups: list[Seen[str]] = []
    single: list[int] = []
    for index, line in enumerate(lines):
        if index in taken or not line.text.strip():
            continue
        zone = _ZONE.match(line.text) if "timezone" in line.text else None
        if zone:
            found.append(Found(fact=_zone(zone, line), lines=(index,)))
            continue
        lookup, server, service = (
            _LOOKUP.match(line.text),
            _SERVER.match(line.text),
            _SERVICE.match(line.text),
        )
        if lookup:
            lookups.append(Seen(lookup["name"], line.whole))
        elif server:
            servers += _servers(server["servers"], line)
        elif service:
            fact = CallHomeConfig(
                shown=Seen(line.text.strip(), line.whole), service=Seen(not service["no"], line.whole)
            )
            found.append(Found(fact=fact, lines=(index,)))
            continue
        else:
            continue
        single.append(index)
    if single:
        found.append(
            Found(fact=DnsConfig(lookups=tuple(lookups), servers=tuple(servers)), lines=tuple(single))
        )
    return tuple(found)


def _blocks(lines: Sequence[Line]) -> Iterator[_Block]:
    index = 0
    while index < len(lines):
        opened = _opens(lines[index].text)
        if opened is None:
            index += 1
            continue
        kind, head, words = opened
        indices = [index]
        index += 1
        while index < len(lines) and len(indices) < _LONGEST_BLOCK:
            text = lines[index].text
            if text.strip():
                if not text.strip().lower().startswith(words) or _opens(text):
                    break
                indices.append(index)
            index += 1
        yield _Block(kind, head, tuple(indices))


def _opens(text: str) -> tuple[str, re.Match[str], tuple[str, ...]] | None:
    if not text or len(text) > 200:
        return None
    for kind, pattern, words in _BLOCKS:
        head = pattern.match(text)
        if head:
            return kind, head, words
    return None


def _fact(lines: Sequence[Line], block: _Block) -> Fact:
    head = lines[block.indices[0]]
    body = [lines[index] for index in block.indices[1:]]
    shown = Seen(head.text.strip(), head.whole)
    match block.kind:
        case "trustpool":
            return _trustpool(shown, body)
        case "trustpoint":
            return _trustpoint(Seen(block.head["name"], head.whole), body)
        case "call-home":
            return _call_home(shown, body)
        case "license":
            return _license(shown, body)
        case _:
            servers = [
                each
                for line in body
                if (found := _SERVER.match(line.text))
                for each in _servers(found["servers"], line)
            ]
            return DnsConfig(servers=tuple(servers))


def _servers(text: str, line: Line) -> list[Seen[str]]:
    return [
        Seen(word, line.whole)
        for word in text.split()
        if re.fullmatch(r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+", word)
    ]


def _trustpool(shown: Seen[str], body: Sequence[Line]) -> TrustpoolConfig:
    auto, url, time, revocation, cache = None, None, None, None, None
    enforce: Seen[bool] | None = None
    for line in body:
        words = line.text.split()
        match words:
            case ["auto-import"]:
                auto = Seen(True, line.whole)
            case ["no", "auto-import", *_]:
                auto = Seen(False, line.whole)
            case ["auto-import", "url", value]:
                url = Seen(value, line.whole)
            case ["auto-import", "time", value]:
                time = Seen(value, line.whole)
            case ["revocation-check", *values]:
                revocation = Seen(" ".join(values), line.whole)
            case ["crl", "cache-time", value]:
                cache = Seen(value, line.whole)
            case ["crl", "enforcenextupdate"]:
                enforce = Seen(True, line.whole)
            case _:
                pass
    complete = revocation is not None and cache is not None
    if auto is None:
        # The line is written when it is on (and as "no" only among the defaults), so its absence says off.
        auto = Seen(False, shown.span)
    return TrustpoolConfig(
        shown=shown,
        auto_import=auto,
        url=url,
        time=time,
        revocation=revocation,
        crl_cache=cache,
        enforce_next_update=enforce,
        complete=complete,
    )


def _trustpoint(name: Seen[str], body: Sequence[Line]) -> TrustpointConfig:
    usage: Seen[tuple[str, ...]] | None = None
    revocation, enrollment = None, None
    for line in body:
        match line.text.split():
            case ["validation-usage", *values]:
                held = usage.value if usage else ()
                usage = Seen((*held, *values), line.whole)
            case ["no", "validation-usage", *_]:
                usage = Seen((), line.whole)
            case ["revocation-check", *values]:
                revocation = Seen(" ".join(values), line.whole)
            case ["enrollment", *values]:
                enrollment = Seen(" ".join(values), line.whole)
            case _:
                pass
    return TrustpointConfig(
        name=name,
        lines=tuple(line.text.strip() for line in body),
        usage=usage,
        revocation=revocation,
        enrollment=enrollment,
    )


def _call_home(shown: Seen[str], body: Sequence[Line]) -> CallHomeConfig:
    proxy, interface = None, None
    profiles: list[CallHomeProfile] = []
    name: Seen[str] | None = None
    active: Seen[bool] | None = None
    smart: Seen[bool] | None = None
    urls: list[Seen[str]] = []

    def close() -> None:
        if name is not None:
            profiles.append(
                CallHomeProfile(name=name, active=active, urls=tuple(urls), smart_licensing=smart)
            )

    for line in body:
        match line.text.split():
            case ["profile", value]:
                close()
                name, active, smart, urls = Seen(value.strip('"'), line.whole), None, None, []
            case ["active"]:
                active = Seen(True, line.whole)
            case ["no", "active"]:
                active = Seen(False, line.whole)
            case ["destination", "address", "http", value, *_]:
                urls.append(Seen(value, line.whole))
            case ["reporting", "smart-licensing-data"]:
                smart = Seen(True, line.whole)
            case ["no", "reporting", "smart-licensing-data"]:
                smart = Seen(False, line.whole)
            case ["http-proxy", value, *rest]:
                proxy = Seen(" ".join([value, *rest]).strip('"'), line.whole)
            case ["source-interface", *values]:
                interface = Seen(" ".join(values), line.whole)
            case _:
                pass
    close()
    return CallHomeConfig(shown=shown, proxy=proxy, source_interface=interface, profiles=tuple(profiles))


def _license(shown: Seen[str], body: Sequence[Line]) -> LicenseConfig:
    tier, throughput, transport, url, proxy = None, None, None, None, None
    features: list[Seen[str]] = []
    for line in body:
        match line.text.split():
            case ["feature", "tier", value]:
                tier = Seen(value, line.whole)
            case ["feature", *values]:
                features.append(Seen(" ".join(values), line.whole))
            case ["throughput", "level", value]:
                throughput = Seen(value, line.whole)
            case ["transport", "type", value] | [
                "transport",
                ("callhome" | "smart" | "cslu" | "off") as value,
            ]:
                transport = Seen(value, line.whole)
            case ["transport", "url", value] | ["url", value]:
                url = Seen(value, line.whole)
            case ["transport", "proxy", *values] | ["proxy", *values]:
                proxy = Seen(" ".join(values), line.whole)
            case _:
                pass
    return LicenseConfig(
        shown=shown,
        tier=tier,
        throughput=throughput,
        features=tuple(features),
        transport=transport,
        url=url,
        proxy=proxy,
    )


def _zone(zone: re.Match[str], line: Line) -> ClockZone:
    hours = int(zone["hours"])
    minutes = int(zone["minutes"] or 0)
    total = abs(hours) * 60 + minutes
    return ClockZone(
        label=Seen(zone["label"], line.whole), minutes=-total if zone["hours"].startswith("-") else total
    )


# ------------------------------------------------------------------------------------------------ printing


def render(fact: Fact) -> str:
    """Print a part as ``show running-config`` does."""
    match fact:
        case TrustpoolConfig():
            return "\n".join(_trustpool_lines(fact))
        case TrustpointConfig():
            return "\n".join([f"crypto ca trustpoint {fact.name}", *(f" {line}" for line in fact.lines)])
        case ClockZone():
            sign = "-" if fact.minutes < 0 else ""
            hours, minutes = divmod(abs(fact.minutes), 60)
            return f"clock timezone {fact.label} {sign}{hours}" + (f" {minutes}" if minutes else "")
        case DnsConfig():
            lines = [f"dns domain-lookup {name}" for name in fact.lookups]
            return "\n".join(lines + [f"name-server {server}" for server in fact.servers])
        case CallHomeConfig():
            return "\n".join(_call_home_lines(fact))
        case LicenseConfig():
            return "\n".join(_license_lines(fact))


def _trustpool_lines(fact: TrustpoolConfig) -> list[str]:
    lines = ["crypto ca trustpool policy"]
    if fact.revocation:
        lines.append(f" revocation-check {fact.revocation}")
    if fact.crl_cache:
        lines.append(f" crl cache-time {fact.crl_cache}")
    if fact.enforce_next_update and fact.enforce_next_update.value:
        lines.append(" crl enforcenextupdate")
    if fact.auto_import and fact.auto_import.value:
        lines.append(" auto-import")
    if fact.url:
        lines.append(f" auto-import url {fact.url}")
    if fact.time:
        lines.append(f" auto-import time {fact.time}")
    return lines


def _call_home_lines(fact: CallHomeConfig) -> list[str]:
    if fact.service is not None:
        return ["service call-home" if fact.service.value else "no service call-home"]
    lines = ["call-home"]
    if fact.proxy:
        lines.append(f" http-proxy {fact.proxy}")
    if fact.source_interface:
        lines.append(f" source-interface {fact.source_interface}")
    for profile in fact.profiles:
        lines.append(f" profile {profile.name}")
        if profile.active is not None:
            lines.append("  active" if profile.active.value else "  no active")
        if profile.smart_licensing is not None:
            lines.append(f"  {'' if profile.smart_licensing.value else 'no '}reporting smart-licensing-data")
        lines += [f"  destination address http {url}" for url in profile.urls]
    return lines


def _license_lines(fact: LicenseConfig) -> list[str]:
    lines = ["license smart"]
    if fact.tier:
        lines.append(f" feature tier {fact.tier}")
    if fact.throughput:
        lines.append(f" throughput level {fact.throughput}")
    lines += [f" feature {feature}" for feature in fact.features]
    if fact.transport:
        lines.append(f" transport type {fact.transport}")
    if fact.url:
        lines.append(f" transport url {fact.url}")
    if fact.proxy:
        lines.append(f" transport proxy {fact.proxy}")
    return lines
