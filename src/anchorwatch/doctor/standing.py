"""Whether licensing works, as far as an output proves it.

`REGISTERED` alone proves nothing: the chassis of the document was registered and failing. Proof is a success
that is newer than every failure: a last communication or renewal on a licence screen, a delivered call-home
message, a line of the agent that says so. Where successes and failures cannot be put in order, nothing is proven.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from anchorwatch.devices import moment
from anchorwatch.devices.agent_detail import CommunicationRecord
from anchorwatch.devices.fact import AgentEvent, CallHomeTest, LogMessage, SoftwareVersion
from anchorwatch.devices.license_fact import Attempt, LicenseReport, RegistrationProgress
from anchorwatch.devices.log_detail import CallHomeMessage
from anchorwatch.devices.span import Seen, Span
from anchorwatch.doctor import present
from anchorwatch.doctor.case import Case
from anchorwatch.licensing.status import AuthorizationState, RegistrationState, authorization_state

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

    `order` is its place in the case, for what carries no time. `is_test` marks a test that a person made.
    """

    worked: bool
    at: datetime | None
    order: int
    span: Span
    reason: Span | None = None
    is_test: bool = False


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
    """The standing of a case: its exchanges, oldest first, and what the newest says.

    A test of the connection is made when the capture is, so it is newer than every dated attempt printed before
    it. A dated success printed after a failed test may be older than that test: then nothing is proven.
    """
    return case.once(_of)


def _of(case: Case) -> Standing:
    reference = present.newest(case)
    found = [
        exchange
        for order, item in enumerate(case.items)
        for exchange in _exchanges(case, item.fact, order, reference)
    ]
    timed = sorted(
        (exchange for exchange in found if exchange.at is not None), key=lambda each: (each.at, each.order)
    )
    timeless = [exchange for exchange in found if exchange.at is None]
    if not found:
        return Standing(works=None, exchanges=())
    last = timed[-1] if timed else None
    undated = timeless[-1] if timeless else None
    if last is None or undated is None:
        ordered = (*timeless, *timed)
        return Standing(works=ordered[-1].worked, exchanges=ordered)
    if undated.worked == last.worked:
        return Standing(works=last.worked, exchanges=(*timeless, *timed))
    if undated.order > last.order:
        return Standing(works=undated.worked, exchanges=(*timeless[:-1], *timed, undated))
    # A failure without its time on the screen of a dated success cannot be put in order either.
    unordered = undated.is_test or undated.order == last.order
    works = None if unordered and last.worked else last.worked
    return Standing(works=works, exchanges=(*timeless, *timed))


def _exchanges(case: Case, fact: object, order: int, reference: datetime | None) -> list[Exchange]:
    match fact:
        case LicenseReport():
            return _of_report(fact, order)
        case CallHomeTest(succeeded=succeeded) if succeeded is not None:
            reason = fact.failure.span if fact.failure else None
            return [
                Exchange(
                    worked=succeeded.value,
                    at=None,
                    order=order,
                    span=succeeded.span,
                    reason=reason,
                    is_test=True,
                )
            ]
        case LogMessage(detail=AgentEvent(mnemonic=mnemonic)) if mnemonic in SUCCESSES | FAILURES:
            at = present.wall(case, fact.time, reference)
            return [Exchange(worked=mnemonic in SUCCESSES, at=at, order=order, span=fact.span)]
        case LogMessage(code=code) if code == DELIVERED:
            at = present.wall(case, fact.time, reference)
            tested = isinstance(fact.detail, CallHomeMessage) and fact.detail.group.lower() == "test"
            return [Exchange(worked=True, at=at, order=order, span=fact.span, is_test=tested)]
        case CommunicationRecord(last_response=answer) if (
            answer is not None and "<none>" not in answer.outcome.value
        ):
            at = answer.time.wall if answer.time is not None and answer.time.has_year else None
            return [
                Exchange(
                    worked=answered_well(answer),
                    at=at,
                    order=order,
                    span=answer.outcome.span,
                    reason=answer.reason.span if answer.reason else None,
                )
            ]
        case RegistrationProgress() as progress if progress.state in _ENDED or (
            progress.last_response is not None and progress.state is RegistrationState.RETRYING
        ):
            seen = progress.last_response_time or progress.last_retry
            return [
                Exchange(
                    worked=progress.state is RegistrationState.REGISTERED,
                    at=seen.value.wall if seen is not None and seen.value.has_year else None,
                    order=order,
                    span=progress.status.span,
                    reason=progress.last_response.span if progress.last_response else None,
                )
            ]
        case _:
            return []


def answered_well(answer: Attempt) -> bool:
    """Whether an answer in the agent's own statistics is one for success: ``OK_TRY_AGAIN`` is none."""
    return answer.reason is None and answer.outcome.value.strip().upper() in {"OK", "OK_POLL"}


_ENDED = (RegistrationState.REGISTERED, RegistrationState.FAILED)


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
    acknowledged = _acknowledged(report)
    if acknowledged is not None:
        found.append(Exchange(worked=True, at=acknowledged.value, order=order, span=acknowledged.span))
    return found


def _acknowledged(report: LicenseReport) -> Seen[datetime] | None:
    """Of the policy era: when the portal acknowledged a report, None where it has not."""
    ack = report.reporting.last_ack if report.reporting is not None else None
    time = moment.parse(ack.value) if ack is not None else None
    return Seen(time.wall, ack.span) if ack is not None and time is not None and time.has_year else None


def is_settled(case: Case) -> bool:
    """Whether a licence screen shows a device in order: registered, and authorized or nothing asked for.

    What is not shown is not in order: a screen without its authorization proves nothing. A device of the policy era
    does not register; its licences are in use, and the portal's acknowledgement is the proof.
    """
    reports = case.facts(LicenseReport)
    if not reports:
        return False
    report = reports[-1]
    if report.registration is None and report.authorization is None and report.reporting is not None:
        used = {entry.state for each in reports for entry in each.entitlements}
        return _acknowledged(report) is not None and used <= {
            AuthorizationState.IN_USE,
            AuthorizationState.NOT_IN_USE,
        }
    if report.registration is None or report.registration.state is not RegistrationState.REGISTERED:
        return False
    good = (
        AuthorizationState.AUTHORIZED,
        AuthorizationState.NOTHING_REQUESTED,
        AuthorizationState.RESERVED,
        AuthorizationState.OVERAGE,
    )
    # The identity is renewed by an exchange of its own: an authorization that came later does not make it good.
    if report.registration.last_renewal is not None and report.registration.last_renewal.failed:
        return False
    if any(entry.state in _REFUSED for entry in report.entitlements):
        return False
    authorization = report.authorization
    if authorization is None or authorization.state not in good:
        return False
    last = authorization.last_communication
    return authorization.state is AuthorizationState.RESERVED or (last is not None and last.succeeded)


_REFUSED = frozenset(
    {
        AuthorizationState.OUT_OF_COMPLIANCE,
        AuthorizationState.INVALID_TAG,
        AuthorizationState.NOT_AUTHORIZED,
        AuthorizationState.EVALUATION_EXPIRED,
        AuthorizationState.EXPIRED,
        AuthorizationState.GRACE_EXPIRED,
    }
)
"""States of one licence with which its device is not in order, whatever the whole says."""
_OWN_KEY = re.compile(r"^ASA55\d\d", re.IGNORECASE)


def declared(case: Case) -> Span | None:
    """The line in which a device declares itself in order, where no exchange of its outputs says otherwise.

    The first agents print neither contact nor date, only that everything asked for is authorized; a version screen names
    its entitlement as authorized; a 5500-X, and whatever else runs on a key of its own (PAK), has no agent and needs no
    portal.
    """
    for report in reversed(case.facts(LicenseReport)):
        if report.sections != ("flat",):
            return None
        states = {entry.state for entry in report.entitlements}
        whole = [seen for seen in (report.overall_status, report.compliance) if seen is not None]
        states |= {authorization_state(seen.value.split("(")[0]) for seen in whole}
        if states == {AuthorizationState.AUTHORIZED} and report.entitlements:
            return whole[0].span if whole else report.entitlements[0].tag.span
        return None
    for version in reversed(case.facts(SoftwareVersion)):
        if version.enforce_mode is not None:
            mode = authorization_state(version.enforce_mode.value)
            licensed = (
                version.platform_license is None or version.platform_license.value.lower() == "licensed"
            )
            return version.enforce_mode.span if mode is AuthorizationState.AUTHORIZED and licensed else None
        if version.license_mode or version.platform_license:
            return None
        if version.activation_key is not None:
            return (version.hardware or version.activation_key).span
        if version.hardware is not None and _OWN_KEY.match(version.hardware.value):
            return version.hardware.span
    return None
