"""How far the device's attempts come: clock, name, route, TLS, trust, HTTP, portal, entitlement.

The lowest rung that fails is the cause; what lies above it is unknown, not faulty. A rung is good only where something
proves it: an answer of the portal proves every rung below it, a completed handshake those up to trust. What
nothing tells is *unknown*, which is an answer too, and the one from which the next question follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from anchorwatch.devices.fact import (
    AgentEvent,
    CallHomeTest,
    Handshake,
    LogMessage,
    NtpStatus,
    PingResult,
    SoftwareVersion,
)
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import bundle_reach, outbound, portal_words, reach, skew, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import Rung
from anchorwatch.licensing.status import AuthorizationState, RegistrationState


class Footing(StrEnum):
    """Whether a rung carries."""

    GOOD = "good"
    FAILING = "failing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a case, the lines that tell, and one sentence; without lines for *unknown* where nothing was told."""

    rung: Rung
    footing: Footing
    sentence: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The rungs, lowest first."""

    steps: tuple[Step, ...]

    def of(self, rung: Rung) -> Step:
        """The step of one rung."""
        return self.steps[rung.height]

    @property
    def failing(self) -> Step | None:
        """The lowest rung that fails, None where none is known to."""
        return next((step for step in self.steps if step.footing is Footing.FAILING), None)

    @property
    def first_unknown(self) -> Step | None:
        """The lowest rung of which nothing is known, None where all are known or something fails below."""
        for step in self.steps:
            if step.footing is Footing.FAILING:
                return None
            if step.footing is Footing.UNKNOWN:
                return step
        return None


@dataclass(slots=True)
class _Signs:
    good: dict[Rung, list[Span]] = field(default_factory=dict)
    failing: dict[Rung, list[tuple[Span, str]]] = field(default_factory=dict)
    doubtful: dict[Rung, list[Span]] = field(default_factory=dict)

    def carry(self, top: Rung, span: Span, bottom: Rung = Rung.DNS) -> None:
        """Every rung from `bottom` up to `top` is good by this line."""
        for rung in Rung:
            if bottom.height <= rung.height <= top.height:
                self.good.setdefault(rung, []).append(span)

    def fail(self, rung: Rung, span: Span, sentence: str) -> None:
        self.failing.setdefault(rung, []).append((span, sentence))


_CLOCK_EVENTS = {
    "REG_EXPIRED_CLOCK_CHANGE": "The clock was moved out of the validity of the identity certificate.",
    "ID_CERT_RENEW_NOT_STARTED": "The identity certificate is not valid yet: the device's clock is behind.",
}
_CLOCK_WRONG = skew.REGISTRATION_TERM / 365 / 24  # an hour: from there on trust is said to break
_NAME = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)+")
_WORDS: dict[Topic, tuple[Rung, str]] = {
    Topic.UNRESOLVED: (Rung.DNS, "A name could not be resolved."),
    Topic.UNTRUSTED: (Rung.TRUST, "The certificate of the server was not trusted."),
    Topic.PROXY_LOGIN: (Rung.HTTP, "A proxy wants to know who asks."),
    Topic.PROXY_FAILING: (Rung.HTTP, "The proxy is not reached."),
    Topic.UNCONNECTED: (Rung.ROUTE, "No connection comes about."),
    Topic.CLOCK_REFUSED: (Rung.CLOCK, "The portal says that the device's date is off."),
    Topic.SERVER_ERROR: (Rung.HTTP, "A server or a proxy answered with an error of its own."),
}


def of(case: Case) -> Ladder:
    """The ladder of a case."""
    signs = _Signs()
    stands = standing.of(case)
    _clock(case, signs)
    _reasons(case, signs)
    _tests(case, signs)
    _log(case, signs)
    if stands.works and stands.newest is not None:
        for rung in list(signs.failing):
            if rung is not Rung.ENTITLEMENT:
                del signs.failing[rung]
        signs.carry(Rung.PORTAL, stands.newest.span)
    _entitlement(case, signs, works=bool(stands.works))
    return Ladder(steps=_steps(signs))


def _steps(signs: _Signs) -> tuple[Step, ...]:
    steps: list[Step] = []
    fallen = False
    for rung in Rung:
        failing = signs.failing.get(rung)
        if fallen:
            # What is above a failing rung is not asked: an older proof says nothing about now.
            steps.append(
                Step(rung=rung, footing=Footing.UNKNOWN, sentence="Not reached: a lower rung fails.")
            )
        elif failing:
            fallen = rung is not Rung.CLOCK
            steps.append(
                Step(
                    rung=rung,
                    footing=Footing.FAILING,
                    sentence=failing[-1][1],
                    spans=_once([span for span, _ in failing]),
                )
            )
        elif rung in signs.good:
            steps.append(
                Step(
                    rung=rung,
                    footing=Footing.GOOD,
                    sentence=_GOOD[rung],
                    spans=_once(signs.good[rung])[-2:],
                )
            )
        else:
            steps.append(
                Step(
                    rung=rung,
                    footing=Footing.UNKNOWN,
                    sentence="Nothing tells.",
                    spans=_once(signs.doubtful.get(rung, []))[:2],
                )
            )
    return tuple(steps)


_GOOD: dict[Rung, str] = {
    Rung.CLOCK: "The clock is right as far as licensing shows it.",
    Rung.DNS: "Names are resolved.",
    Rung.ROUTE: "The server is reached.",
    Rung.TLS: "A TLS connection comes about.",
    Rung.TRUST: "The server's certificate is trusted.",
    Rung.HTTP: "Requests are answered.",
    Rung.PORTAL: "The portal answers and agrees.",
    Rung.ENTITLEMENT: "What is asked for is authorized.",
}


def _once(spans: list[Span]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys(spans))


def _clock(case: Case, signs: _Signs) -> None:
    for report in case.facts(LicenseReport)[-1:]:
        estimated = skew.estimate(report)
        if estimated is None:
            continue
        if abs(estimated.ahead) >= _CLOCK_WRONG:
            signs.doubtful.setdefault(Rung.CLOCK, []).extend(estimated.evidence)
        else:
            signs.good.setdefault(Rung.CLOCK, []).extend(estimated.evidence)
    for message in case.facts(LogMessage):
        if isinstance(message.detail, AgentEvent) and message.detail.mnemonic in _CLOCK_EVENTS:
            signs.fail(Rung.CLOCK, message.span, _CLOCK_EVENTS[message.detail.mnemonic])
    for status in case.facts(NtpStatus):
        # Not synchronized is a doubt, not a fault: the clock may be right all the same.
        known = signs.good if status.synchronized.value else signs.doubtful
        known.setdefault(Rung.CLOCK, []).append(status.synchronized.span)


def _reasons(case: Case, signs: _Signs) -> None:
    for each in spoken.standing_reasons(case):
        words = each.words
        if words is None:
            continue
        if words.proves_portal:
            signs.carry(Rung.HTTP, each.span)
            signs.fail(Rung.PORTAL, each.span, "The portal answers, and refuses.")
        elif words.topic is Topic.UNRESOLVED and reach.unrouted(case):
            continue  # the name server is not reached: what fails is the route
        elif words.topic is Topic.UNRESOLVED and portal_words.names_local_utility(each.text):
            continue  # the utility that IOS-XE looks for by default: says nothing about the portal's name
        elif words.topic in _WORDS:
            rung, sentence = _WORDS[words.topic]
            lower = {Rung.TRUST: Rung.TLS, Rung.HTTP: Rung.ROUTE}.get(rung)
            if lower:
                signs.carry(lower, each.span)
            signs.fail(rung, each.span, sentence)


def _tests(case: Case, signs: _Signs) -> None:
    unrouted = reach.unrouted(case)
    for span in unrouted:
        signs.fail(Rung.ROUTE, span, "No route leads out, not even to a name server.")
    for item in case.items:
        if bundle_reach.is_asked(case, item):
            continue
        match item.fact:
            case PingResult(unresolved=unresolved) if unresolved is not None and not unrouted:
                signs.fail(Rung.DNS, unresolved.span, "A name could not be resolved.")
            case PingResult(target=target, success=success, tcp=tcp) if (
                target is not None and success is not None
            ):
                if _NAME.search(item.command) or _NAME.search(target.value):
                    signs.carry(Rung.DNS, target.span)
                if success.value > 0:
                    signs.carry(Rung.ROUTE, success.span, Rung.ROUTE)
                elif tcp:
                    signs.fail(Rung.ROUTE, success.span, "No answer on the port.")
                else:
                    signs.doubtful.setdefault(Rung.ROUTE, []).append(success.span)
            case CallHomeTest(succeeded=succeeded) if succeeded is not None and succeeded.value:
                signs.carry(Rung.HTTP, succeeded.span)
            case _:
                pass


def _log(case: Case, signs: _Signs) -> None:
    unresolved = set(reach.unresolved(case))
    for message in outbound.messages(
        case, "717009", "717026", "717027", "717028", "717030", "725001", "725002"
    ):
        match message.code:
            case "717009" | "717027":
                signs.carry(Rung.TLS, message.span)
                signs.fail(Rung.TRUST, message.span, "The certificate of the server was refused.")
            case "717026" if message.span in unresolved:
                signs.fail(Rung.DNS, message.span, "A name could not be resolved.")
            case "717028" | "717030":
                signs.doubtful.setdefault(Rung.TRUST, []).append(message.span)
            case "725001" if _is_https(message):
                signs.carry(Rung.ROUTE, message.span)
            case "725002" if _is_https(message):
                signs.carry(Rung.TRUST, message.span)
            case _:
                pass
    for message in case.logged("120006", "120011", "SL_MESSAGE_FAILED"):
        if message.code == "120011":
            signs.doubtful.setdefault(Rung.DNS, []).append(message.span)
        elif "NO_ROUTE" in message.text:
            signs.fail(Rung.ROUTE, message.span, "There is no route to the server.")
        elif re.search(r"ERR\s*207|Connection time ?out", message.text, re.IGNORECASE):
            signs.fail(Rung.ROUTE, message.span, "The connection timed out.")
    for message in case.logged("120007"):
        signs.carry(Rung.HTTP, message.span)


def _is_https(message: LogMessage) -> bool:
    return (
        isinstance(message.detail, Handshake)
        and message.detail.peer == "server"
        and 443 in (message.detail.port, message.detail.to_port)
    )


_REFUSED = (
    AuthorizationState.OUT_OF_COMPLIANCE,
    AuthorizationState.NOT_AUTHORIZED,
)


def _entitlement(case: Case, signs: _Signs, *, works: bool) -> None:
    for version in case.facts(SoftwareVersion):
        if version.no_entitlement:
            signs.fail(Rung.ENTITLEMENT, version.no_entitlement.span, "Nothing is asked for.")
    for report in case.facts(LicenseReport)[-1:]:
        authorization = report.authorization
        if authorization is None or authorization.status is None:
            continue
        span = authorization.status.outcome.span
        registered = report.registration and report.registration.state is RegistrationState.REGISTERED
        if authorization.state in _REFUSED:
            signs.fail(Rung.ENTITLEMENT, span, "The account does not hold what the device uses.")
        elif authorization.state is AuthorizationState.AUTHORIZED and works and registered:
            signs.good.setdefault(Rung.ENTITLEMENT, []).append(span)
