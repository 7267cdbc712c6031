"""An earlier screen of the same device shows a failure, this one a success after it: the repair is proven.

Words are not enough, a device prints REGISTERED while it fails. The proof is a newer time, and that the dates of the
screen follow from it: the device counts 180 and 30 days from the success to its next attempts, and the portal's own
dates lie 365 and 90 days after it, less some minutes by which it dates back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import Attempt, LicenseReport
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen, Span
from anchorwatch.doctor import standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "repair-proven"
_BY_DEVICE = timedelta(seconds=5)
_BY_PORTAL = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A date of a screen held against the event that set it: `days` after it, and `off` by so much."""

    name: str
    days: int
    off: timedelta
    span: Span
    fits: bool


def find(case: Case) -> tuple[Finding, ...]:
    """Find a success after a failure of the moment before, and the dates that follow from it."""
    stands = standing.of(case)
    before = standing.of(case.earlier) if case.earlier is not None else None
    if before is None or before.works is not False or not stands.works or before.newest is None:
        return ()
    report = case.last(LicenseReport)
    checked = terms(report) if report is not None else ()
    if stands.newest is None or not checked or not all(term.fits for term in checked):
        return ()
    told = ", ".join(f"{term.name} {term.days} d{_difference(term.off)}" for term in checked)
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CONFIRMED,
            sentence=f"Licensing failed before and works now; the dates follow from the success: {told}.",
            evidence=(before.newest.span, stands.newest.span, *(term.span for term in checked)),
        ),
    )


def terms(report: LicenseReport) -> tuple[Term, ...]:
    """The dates of a screen that can be checked, in the order in which they are printed."""
    registration, authorization = report.registration, report.authorization
    found: list[Term | None] = []
    if registration is not None:
        renewed = registration.last_renewal
        event = renewed if renewed is not None and renewed.succeeded else registration.initial
        found.append(_term("next renewal", registration.next_renewal, event, 180, _BY_DEVICE))
        found.append(_term("registration", registration.expires, event, 365, _BY_PORTAL))
    if authorization is not None:
        spoken = authorization.last_communication
        found.append(_term("next communication", authorization.next_communication, spoken, 30, _BY_DEVICE))
        found.append(_term("deadline", authorization.deadline, spoken, 90, _BY_PORTAL))
    return tuple(term for term in found if term is not None)


def _term(
    name: str, date: Seen[DeviceTime] | None, event: Attempt | None, days: int, tolerance: timedelta
) -> Term | None:
    if date is None or event is None or event.time is None or not event.succeeded:
        return None
    if not (date.value.has_year and event.time.has_year):
        return None
    off = date.value.wall - event.time.wall - timedelta(days=days)
    return Term(name=name, days=days, off=off, span=date.span, fits=abs(off) <= tolerance)


def _difference(off: timedelta) -> str:
    """A difference for people, "" where there is next to none."""
    seconds = round(abs(off).total_seconds())
    if seconds <= _BY_DEVICE.seconds:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f" {'less' if off < timedelta(0) else 'and'} {minutes} min {rest:02d} s"


_BEFORE = """FP4110-A /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Initial Registration: SUCCEEDED on May 02 10:12:44 2018 UTC
  Last Renewal Attempt: FAILED on Oct 29 10:12:51 2018 UTC
    Failure reason: Failed to authenticate server
"""

RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The repair worked: a success newer than the failure, with dates that follow from it.",
    evidence=(
        "a failure on an earlier screen, a success with a later time on this one",
        "next attempts 180 and 30 days after it, expiry and deadline 365 and 90 days less some minutes",
    ),
    look_alikes=(
        LookAlike(cause="communication-failing", difference="REGISTERED stays printed while renewals fail"),
    ),
    remedy=((Platform.FXOS, "Nothing; do the same on the other chassis of the pair."),),
    verification="The next communication, about 30 days on, succeeds by itself.",
    find=find,
    holds=Example(
        title="A renewal failed, and an hour later one succeeded.",
        text=_BEFORE
        + """FP4110-A /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Initial Registration: SUCCEEDED on May 02 10:12:44 2018 UTC
  Last Renewal Attempt: SUCCEEDED on Oct 29 11:30:10 2018 UTC
  Next Renewal Attempt: Apr 27 11:30:10 2019 UTC
  Registration Expires: Oct 29 11:25:06 2019 UTC

License Authorization: 
  Status: AUTHORIZED on Oct 29 11:30:15 2018 UTC
  Last Communication Attempt: SUCCESS on Oct 29 11:30:15 2018 UTC
  Next Communication Attempt: Nov 28 11:30:15 2018 UTC
  Communication Deadline: Jan 27 11:25:11 2019 UTC
""",
    ),
    silent=Example(title="Still REGISTERED, and nothing newer succeeded.", text=_BEFORE),
    sources=("domain 1.2 and 1.3", "Cisco TAC document 213932"),
)
