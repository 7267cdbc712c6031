"""Every reason that a case gives for a failure, wherever it was printed, and which of them still stand.

A licence screen prints a reason below a failed attempt, the first agents print the portal's last message, the
agent's log lines end in one, ``show license tech`` keeps one for each kind of message. A reason stands until a success
that is newer than it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from anchorwatch.devices.agent_detail import CommunicationRecord
from anchorwatch.devices.fact import AgentEvent, LogMessage
from anchorwatch.devices.license_fact import LicenseReport, RegistrationProgress
from anchorwatch.devices.span import Span
from anchorwatch.doctor import portal_words, present, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.portal_words import Topic, Words

_TELLING_NOTHING = ("", "<none>", "none", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One reason: its text as printed, where, when (a wall clock or None), and what it means if that is known.

    `order` is its place in the case. `attempt` is the line of the attempt that failed, above the reason's own.
    """

    text: str
    span: Span
    at: datetime | None
    order: int
    words: Words | None
    attempt: Span | None = None

    @property
    def spans(self) -> tuple[Span, ...]:
        """The lines to quote: the attempt, then its reason."""
        return (
            (self.attempt, self.span)
            if self.attempt and self.attempt.line != self.span.line
            else (self.span,)
        )


def said(case: Case) -> tuple[Said, ...]:
    """All reasons of a case in the order in which they were printed."""
    return case.once(_said_in)


def _said_in(case: Case) -> tuple[Said, ...]:
    reference = present.newest(case)
    found: list[Said] = []
    for order, item in enumerate(case.items):
        match item.fact:
            case LicenseReport() as report:
                found += _of_report(report, order)
            case CommunicationRecord(last_response=answer) if (
                answer is not None and not standing.answered_well(answer)
            ):
                answered = answer.time.wall if answer.time and answer.time.has_year else None
                reason = answer.reason or answer.outcome
                found.append(_said(reason.value, reason.span, answered, order, answer.outcome.span))
            case RegistrationProgress() as progress if progress.last_response is not None:
                response = progress.last_response
                at = progress.last_response_time
                found.append(
                    _said(
                        response.value,
                        response.span,
                        at.value.wall if at and at.value.has_year else None,
                        order,
                        progress.status.span,
                    )
                )
            case LogMessage(detail=AgentEvent() as event) as message if event.mnemonic in standing.FAILURES:
                found.append(
                    _said(event.text, message.span, present.wall(case, message.time, reference), order)
                )
            case _:
                pass
    return tuple(each for each in found if each.text.strip().lower() not in _TELLING_NOTHING)


def standing_reasons(case: Case) -> tuple[Said, ...]:
    """The reasons that no later success has taken back, oldest first."""
    return case.once(_standing_reasons)


def _standing_reasons(case: Case) -> tuple[Said, ...]:
    worked = [exchange for exchange in standing.of(case).exchanges if exchange.worked]
    return tuple(each for each in said(case) if not any(_after(exchange, each) for exchange in worked))


def about(case: Case, *topics: Topic) -> tuple[Said, ...]:
    """The standing reasons that speak of one of these topics."""
    return tuple(each for each in standing_reasons(case) if each.words and each.words.topic in topics)


def portal_answered(case: Case) -> tuple[Said, ...]:
    """The standing reasons that only the portal can have given."""
    return tuple(each for each in standing_reasons(case) if each.words and each.words.proves_portal)


def _after(success: standing.Exchange, failure: Said) -> bool:
    if success.at is not None and failure.at is not None:
        return success.at > failure.at
    return success.order > failure.order


def _said(text: str, span: Span, at: datetime | None, order: int, attempt: Span | None = None) -> Said:
    return Said(
        text=text, span=span, at=at, order=order, words=portal_words.understand(text), attempt=attempt
    )


def _of_report(report: LicenseReport, order: int) -> list[Said]:
    attempts = []
    if report.registration:
        attempts += [report.registration.initial, report.registration.last_renewal]
    if report.authorization:
        attempts += [report.authorization.status, report.authorization.last_communication]
    return [
        _said(
            attempt.reason.value,
            attempt.reason.span,
            attempt.time.wall if attempt.time and attempt.time.has_year else None,
            order,
            attempt.outcome.span,
        )
        for attempt in attempts
        if attempt is not None and attempt.reason is not None
    ]
