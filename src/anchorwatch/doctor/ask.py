"""What to ask a device next, most telling first, all of it read-only.

The ladder decides: the lowest rung that is unknown is asked about first, because what fails there makes everything
above it moot. What the case already holds is not asked for again, except the tests that only say something about now.
Commands whose form is not confirmed on a platform say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.devices.agent_detail import AgentDetail, CommunicationRecord
from anchorwatch.devices.asa.routing import RoutingTable
from anchorwatch.devices.fact import (
    CallHomeConfig,
    CallHomeTest,
    ClockReading,
    ClockZone,
    DnsConfig,
    LicenseConfig,
    LogMessage,
    NtpStatus,
    PingResult,
    Platform,
    SoftwareVersion,
    StoredCertificate,
    TrustpoolConfig,
    TrustpoolPolicy,
)
from anchorwatch.devices.fxos.trustpoint import ChassisTrustpoint
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.doctor import bundle_reach, refusal
from anchorwatch.doctor import platform as platforms
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.ladder import Footing, Ladder
from anchorwatch.doctor.rule import Rung

PORTAL = "tools.cisco.com"
"""The name that licensing uses by call-home; newer releases use smartreceiver.cisco.com."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One read-only command: what to type, why, and from where (`place`, empty for the ordinary prompt).

    `tells` is the rung it tells about, None for what tells about the whole. `confirmed` is False where the command's
    form on this platform is engineers' knowledge.
    """

    line: str
    why: str
    tells: Rung | None = None
    place: str = ""
    confirmed: bool = True


_Entry = tuple[Command, tuple[type, ...]]


def _entry(
    line: str,
    why: str,
    tells: Rung | None = None,
    *answers: type,
    place: str = "",
    confirmed: bool = True,
) -> _Entry:
    """A command and the facts that make it unnecessary; no facts for what only says something about now."""
    return Command(line=line, why=why, tells=tells, place=place, confirmed=confirmed), answers


_STATE = "the two states, the last failure with its reason, and the dates that decide the urgency"

_ASA: tuple[_Entry, ...] = (
    _entry("show license all", _STATE, None, LicenseReport),
    _entry(
        "show version", "software, hardware and what the platform says of its licence", None, SoftwareVersion
    ),
    _entry("show license features", "whether an entitlement is asked for", Rung.ENTITLEMENT, SoftwareVersion),
    _entry(
        "show running-config license",
        "what the device asks for",
        Rung.ENTITLEMENT,
        LicenseConfig,
        SoftwareVersion,
    ),
    _entry("show clock detail", "the time, and where it comes from", Rung.CLOCK, ClockReading),
    _entry("show ntp status", "whether the clock follows a server", Rung.CLOCK, NtpStatus),
    _entry("show running-config clock", "what the zone label means", Rung.CLOCK, ClockZone),
    _entry("show running-config dns", "whether names can be resolved at all", Rung.DNS, DnsConfig),
    _entry(
        f"ping tcp {PORTAL} 443",
        "name, route and port in one: it resolves the name first",
        Rung.ROUTE,
        PingResult,
    ),
    _entry(
        "call-home test profile License",
        "the shortest test of the whole connection; it sends one message and changes nothing",
        Rung.TLS,
        CallHomeTest,
    ),
    _entry(
        "show logging | include 717|725|120|444",
        "why the connection failed, in the device's own words",
        Rung.TRUST,
        LogMessage,
    ),
    _entry("show crypto ca certificates", "which CAs the trustpoints hold", Rung.TRUST, StoredCertificate),
    _entry(
        "show crypto ca trustpool", "which CAs the pool holds", Rung.TRUST, StoredCertificate, confirmed=False
    ),
    _entry(
        "show crypto ca trustpool policy",
        "how many CAs the pool holds, and whether it renews itself",
        Rung.TRUST,
        TrustpoolPolicy,
    ),
    _entry(
        "show running-config all crypto ca trustpool",
        "whether the automatic import is on, and revocation checking",
        Rung.TRUST,
        TrustpoolConfig,
    ),
    _entry(
        "show running-config crypto ca trustpoint",
        "what the trustpoints may be used for",
        Rung.TRUST,
    ),
    _entry(
        "show running-config call-home", "proxy, interface, address and profile", Rung.HTTP, CallHomeConfig
    ),
    _entry(
        "show license tech support",
        "counts of attempts and the raw reasons of the portal",
        Rung.PORTAL,
        confirmed=False,
    ),
)
_FXOS: tuple[_Entry, ...] = (
    _entry("show license all", _STATE, None, LicenseReport, place="scope license"),
    _entry("show clock", "the time", Rung.CLOCK, ClockReading, place="top"),
    _entry(
        "show ntp-server",
        "whom the clock follows",
        Rung.CLOCK,
        NtpStatus,
        place="scope system, scope services",
    ),
    _entry(
        "show timezone",
        "what the zone label means",
        Rung.CLOCK,
        ClockZone,
        place="scope system, scope services",
    ),
    _entry(
        "show dns",
        "whether names can be resolved at all",
        Rung.DNS,
        DnsConfig,
        place="scope system, scope services",
    ),
    _entry(
        f"ping {PORTAL}",
        "name and route from the chassis",
        Rung.ROUTE,
        PingResult,
        place="connect local-mgmt",
    ),
    _entry(
        "show trustpoint detail",
        "which CAs the chassis trusts: its trustpoints count, not those of the ASA",
        Rung.TRUST,
        StoredCertificate,
        ChassisTrustpoint,
        place="scope security",
    ),
    _entry(
        "show configuration",
        "address of the portal and proxy",
        Rung.HTTP,
        CallHomeConfig,
        place="scope monitoring, scope callhome",
        confirmed=False,
    ),
    _entry(
        "show license techsupport",
        "counts of attempts and the raw reasons",
        Rung.PORTAL,
        AgentDetail,
        CommunicationRecord,
        place="scope license",
    ),
)
_IOSXE: tuple[_Entry, ...] = (
    _entry("show license all", _STATE, None, LicenseReport),
    _entry("show version", "software and hardware", None, SoftwareVersion),
    _entry("show clock detail", "the time, where it comes from, and its mark", Rung.CLOCK, ClockReading),
    _entry("show ntp status", "whether the clock follows a server", Rung.CLOCK, NtpStatus),
    _entry(
        "show running-config | include name-server|domain lookup",
        "whether and from where names are resolved",
        Rung.DNS,
        DnsConfig,
    ),
    _entry(f"ping {PORTAL}", "whether the name is resolved and something answers", Rung.ROUTE, PingResult),
    _entry(
        f"telnet {PORTAL} 443", "whether the port answers; leave with Ctrl-Shift-6", Rung.ROUTE, PingResult
    ),
    _entry("show call-home smart-licensing", "the profile, its state and address", Rung.HTTP, CallHomeConfig),
    _entry(
        "show logging | include SMART_LIC|CALL_HOME|PKI",
        "why the connection failed, in the device's own words",
        Rung.TRUST,
        LogMessage,
    ),
    _entry("show crypto pki trustpool", "which CAs the pool holds", Rung.TRUST, StoredCertificate),
    _entry("show crypto pki certificates", "which CAs the trustpoints hold", Rung.TRUST, StoredCertificate),
    _entry("show license tech support", "counts of attempts and the raw reasons of the portal", Rung.PORTAL),
)
_IOSXR: tuple[_Entry, ...] = (
    _entry("show license all", _STATE, None, LicenseReport),
    _entry("show clock detail", "the time and its source", Rung.CLOCK, ClockReading, confirmed=False),
    _entry("show ntp status", "whether the clock follows a server", Rung.CLOCK, NtpStatus, confirmed=False),
    _entry(
        f"ping {PORTAL}",
        "whether the name is resolved and something answers",
        Rung.ROUTE,
        PingResult,
        confirmed=False,
    ),
    _entry(
        "show logging | include SMART_LIC",
        "why the connection failed",
        Rung.TRUST,
        LogMessage,
        confirmed=False,
    ),
)
_NXOS: tuple[_Entry, ...] = (
    _entry("show license all", _STATE, None, LicenseReport, confirmed=False),
    _entry(
        "show clock",
        "the time; more than an hour off breaks trust",
        Rung.CLOCK,
        ClockReading,
        confirmed=False,
    ),
    _entry(
        f"ping {PORTAL}",
        "whether the name is resolved and something answers",
        Rung.ROUTE,
        PingResult,
        confirmed=False,
    ),
    _entry(
        "show logging logfile | include SMART",
        "why the connection failed",
        Rung.TRUST,
        LogMessage,
        confirmed=False,
    ),
)
_FTD: tuple[_Entry, ...] = (
    _entry("show version", "the manager owns the licence: ask it, not the device", None, SoftwareVersion),
)
_BLOCKS: dict[Platform, tuple[_Entry, ...]] = {
    Platform.ASA: _ASA,
    Platform.FXOS: _FXOS,
    Platform.IOSXE: _IOSXE,
    Platform.IOSXR: _IOSXR,
    Platform.NXOS: _NXOS,
    Platform.FTD: _FTD,
}
_MOST = 5
# Findings that say by themselves what to do: nothing more has to be asked.
_ENOUGH = frozenset({Confidence.CONFIRMED})


def block(platform: Platform) -> tuple[Command, ...]:
    """Every read-only command of a platform, in the order to paste them before there is any file."""
    return tuple(command for command, _ in _BLOCKS[platform])


def next_commands(
    case: Case,
    ladder: Ladder,
    findings: tuple[Finding, ...],
    *,
    platform: Platform | None = None,
    healthy: bool = False,
) -> tuple[Command, ...]:
    """The commands that would tell most about a case, at most five; none where a confirmed cause explains it all.

    Of a `healthy` device only what would settle a doubt about its trust bundle is asked.

    `platform` is what somebody said it is, None to go by the case itself; where nothing tells, the ASA's are given.
    """
    where = platform or platforms.of(case) or Platform.ASA
    bundle = _about_the_bundle(case, findings) if where is Platform.ASA else ()
    special = (*_about_another_portal(case), *_about_the_handshake(findings)) if where is Platform.ASA else ()
    causes = [each for each in findings if each.explained_by is None and each.severity is Severity.TROUBLE]
    if healthy:
        return bundle
    if causes and all(each.confidence in _ENOUGH and each.code not in _STATES for each in causes):
        return (*(_about_the_route(case, causes) if where is Platform.ASA else ()), *bundle)
    failing = ladder.failing
    unknown = {step.rung for step in ladder.steps if step.footing is Footing.UNKNOWN}
    wanted = []
    for place, (command, answers) in enumerate(_BLOCKS[where]):
        if answers and any(case.lasting(kind) for kind in answers):
            continue
        if (
            command.tells is not None
            and command.tells not in unknown
            and (failing is None or command.tells is not failing.rung)
        ):
            continue
        wanted.append((_rank(command, failing.rung if failing else None), place, command))
    usual = tuple(command for _, _, command in sorted(wanted, key=lambda each: each[:2])[:_MOST])
    return (*special, *usual, *bundle)[:_MOST]


def _about_another_portal(case: Case) -> tuple[Command, ...]:
    """Whether the portal that the device is told to use is reached, where another one was pinged."""
    pinged = [item.command for item in case.items if isinstance(item.fact, PingResult)]
    return tuple(
        Command(
            line=f"ping tcp {host} 443",
            why="name, route and port of the portal that the configuration names",
            tells=Rung.ROUTE,
        )
        for host in sorted(refusal.configured_hosts(case) - {PORTAL})
        if not any(host in command.lower().split() for command in pinged)
    )


def _about_the_route(case: Case, causes: list[Finding]) -> tuple[Command, ...]:
    """Whether any route leads out, where a name server is set and does not answer: behind a lost route it cannot."""
    set_ = any(config.servers for config in case.lasting(DnsConfig))
    if not set_ or case.lasting(RoutingTable) or not any(each.code == "dns-failing" for each in causes):
        return ()
    return (
        Command(
            line="show route",
            why="whether a route leads to the name server, which answers nothing",
            tells=Rung.ROUTE,
        ),
    )


def _about_the_handshake(findings: tuple[Finding, ...]) -> tuple[Command, ...]:
    """What the TLS library says, which no log at its usual level holds."""
    if not any(each.code == "tls-mismatch" for each in findings):
        return ()
    return (
        Command(
            line="debug ssl 255",
            why="what TLS itself says of the next attempt; `undebug all` ends it",
            tells=Rung.TLS,
            confirmed=False,
        ),
    )


_NIGHTS = frozenset({"auto-import-failing", "bundle-url-blocked"})


def _about_the_bundle(case: Case, findings: tuple[Finding, ...]) -> tuple[Command, ...]:
    """Whether the bundle's server is reached by now, where a night failed and nothing tells."""
    doubtful = any(each.code in _NIGHTS for each in findings) and bundle_reach.last_night_may_be_over(case)
    if not doubtful or bundle_reach.pings(case) or bundle_reach.fetched(case):
        return ()
    host, port = bundle_reach.server(case)
    return (
        Command(
            line=f"ping tcp {host} {port}",
            why="whether the server of the trust bundle is reached by now",
        ),
    )


_STATES = frozenset(
    {
        "communication-failing",
        "registration-retrying",
        "authorization-expired",
        "id-certificate-expired",
    }
)


def _rank(command: Command, failing: Rung | None) -> int:
    """The state first, then the rung known to fail, then from the lowest rung up."""
    if command.tells is None:
        return -2
    if command.tells is failing:
        return -1
    return command.tells.height
