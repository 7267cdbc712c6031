"""Whether licensing works, as far as an output proves it.

`REGISTERED` alone proves nothing: the chassis of the document was registered and failing. Proof is a success
that is newer than every failure: a last communication or renewal on a licence screen, a delivered call-home
message, a line of the agent that says so. Where successes and failures cannot be put in order, nothing is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anchorwatch.devices.fact import AgentEvent, CallHomeTest, LogMessage
from anchorwatch.devices.license_fact import Attempt, LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor.case import Case
from anchorwatch.licensing.status import AuthorizationState, RegistrationState

SUCCESSES = frozenset(
    {
        "AGENT_REG_SUCCESS",
        "AUTH_RENEW_SUCCESS",
        "ID_CERT_RENEW_SUCCESS",
        "ENTITLEMENT_RENEW_SUCCESS",
        "COMM_RESTORED",
        "IN_COMPLIANCE",
    }
)
"""Lines of the agent that only a working exchange with the portal brings about."""
FAILURES = frozenset(
    {
        "AGENT_REG_FAILED",
        "AUTH_RENEW_FAILED",
        "COMM_FAILED",
        "ID_CERT_RENEW_FAILED",
        "ENTITLEMENT_RENEW_FAILED",
    }
)
"""Lines of the agent that tell of a failed exchange."""
DELIVERED = "120007"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One attempt to talk to the portal: whether it worked, when (a wall clock, None if unknown), where told.

    `order` is its place in the input, for what carries no time.
    """

    worked: bool
    at: datetime | None
    order: int
    span: Span
    reason: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`works` is True or False where the newest exchange proves it, None where nothing does."""

    works: bool | None
    exchanges: tuple[Exchange, ...]

    @property
    def newest(self) -> Exchange | None:
        """The exchange that decides, None where there is none."""
        return self.exchanges[-1] if self.exchanges else None

    @property
    def healed(self) -> bool:
        """Whether failures are told, and a later success."""
        return self.works is True and any(not exchange.worked for exchange in self.exchanges)


def of(case: Case) -> Standing:
    """The standing of a case: its exchanges, oldest first, and what the newest says."""
    found = [exchange for item in case.items for exchange in _exchanges(item.fact, item.order)]
    found.sort(key=lambda exchange: (exchange.at or datetime.min, exchange.order))  # noqa: DTZ901 - wall clocks
    timeless = [exchange for exchange in found if exchange.at is None]
    timed = [exchange for exchange in found if exchange.at is not None]
    ordered = (*timeless, *timed)
    if not ordered:
        return Standing(works=None, exchanges=())
    if timeless and timed and {e.worked for e in timeless} - {timed[-1].worked}:
        # An undated test or log line against a dated screen: which came later is told by the input's order alone.
        last = max(ordered, key=lambda exchange: exchange.order)
        return Standing(works=last.worked, exchanges=(*(e for e in ordered if e is not last), last))
    works = ordered[-1].worked if timed or len({e.worked for e in timeless}) == 1 else timeless[-1].worked
    return Standing(works=works, exchanges=ordered)


def _exchanges(fact: object, order: int) -> list[Exchange]:
    match fact:
        case LicenseReport():
            return _of_report(fact, order)
        case CallHomeTest(succeeded=succeeded) if succeeded is not None:
            reason = fact.failure.span if fact.failure else None
            return [
                Exchange(worked=succeeded.value, at=None, order=order, span=succeeded.span, reason=reason)
            ]
        case LogMessage(detail=AgentEvent(mnemonic=mnemonic)) if mnemonic in SUCCESSES | FAILURES:
            return [_of_log(fact, order, worked=mnemonic in SUCCESSES)]
        case LogMessage(code=code) if code == DELIVERED:
            return [_of_log(fact, order, worked=True)]
        case _:
            return []


def _of_log(message: LogMessage, order: int, *, worked: bool) -> Exchange:
    at = message.time.wall if message.time is not None and message.time.has_year else None
    return Exchange(worked=worked, at=at, order=order, span=message.span)


def _of_report(report: LicenseReport, order: int) -> list[Exchange]:
    attempts: list[Attempt | None] = []
    if report.registration is not None:
        attempts += [report.registration.initial, report.registration.last_renewal]
    if report.authorization is not None:
        attempts.append(report.authorization.last_communication)
    found = []
    for attempt in attempts:
        if attempt is None or not (attempt.succeeded or attempt.failed):
            continue
        found.append(
            Exchange(
                worked=attempt.succeeded,
                at=attempt.time.wall if attempt.time is not None and attempt.time.has_year else None,
                order=order,
                span=attempt.outcome.span,
                reason=attempt.reason.span if attempt.reason else None,
            )
        )
    return found


def is_settled(case: Case) -> bool:
    """Whether a licence screen shows a registered device in order: registered, authorized or nothing asked for."""
    reports = case.facts(LicenseReport)
    if not reports:
        return False
    report = reports[-1]
    if report.registration is None or report.registration.state is not RegistrationState.REGISTERED:
        return False
    good = (
        AuthorizationState.AUTHORIZED,
        AuthorizationState.NOTHING_REQUESTED,
        AuthorizationState.RESERVED,
        AuthorizationState.OVERAGE,
    )
    return report.authorization is None or report.authorization.state in good
