"""The device's clock is wrong, so good certificates look expired or not yet valid.

Signs, from strong to weak: the agent says that the clock left the validity of its identity certificate; a certificate
is "not yet valid" (portals do not present such); the clock shows a time before there was smart licensing, before the
device's own success, or after the moment of the question. A star before a time, an NTP that does not follow or
`Clock sync-ed with NTP: False` say only that nobody vouches for the clock: they count beside another sign.

A zone label is free text, so two times are compared only in one zone, in UTC by the configuration, or with all zones
allowed for.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from anchorwatch.devices.fact import ClockReading, ClockZone, LogMessage, NtpStatus, Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.log_detail import OutsideValidity
from anchorwatch.devices.span import Span
from anchorwatch.doctor import outbound, present, refusal, skew, spoken, standing
from anchorwatch.doctor.case import Case, state_times
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.refusal import Since
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "clock-wrong"
_ENDED = re.compile(r"expired|date is out.of.range", re.IGNORECASE)
_SAID = {
    "REG_EXPIRED_CLOCK_CHANGE": "the clock was moved out of the validity of the identity certificate",
    "ID_CERT_RENEW_NOT_STARTED": "the start date of the identity certificate is not reached, so the clock is behind",
}
_FIRST = datetime(2014, 6, 1)  # noqa: DTZ001 - a wall clock
"""No device had smart licensing before."""
_TOLERATED = timedelta(hours=1)
"""From there on trust is said to break."""
_RECENT = timedelta(days=7)
"""For so long the clock of the last success is taken for the clock of now."""


def find(case: Case) -> tuple[Finding, ...]:
    """Find a clock that must be wrong; what nobody vouches for is no proof."""
    strong = [*_by_agent(case), *_by_reading(case)]
    by_portal = [
        (span, "the portal refuses its date")
        for said in spoken.about(case, Topic.CLOCK_REFUSED)
        for span in said.spans
    ]
    outside = _outside(case)
    unsure = _unvouched(case)
    early = [(span, text) for span, text, fault in outside if fault == "not-yet-valid"]
    late = [(span, text) for span, text, fault in outside if fault == "expired"]
    by_skew, by_old_skew = _by_skew(case)
    if strong:
        confidence, signs = Confidence.CONFIRMED, [*strong, *by_portal, *early, *late]
    elif early and unsure:
        confidence, signs = Confidence.CONFIRMED, early
    elif by_portal or early or (late and unsure and not _right_of_late(case)) or by_skew:
        confidence, signs = Confidence.LIKELY, [*by_portal, *early, *late, *by_skew]
    elif by_old_skew:
        confidence, signs = Confidence.CANDIDATE, by_old_skew
    else:
        return ()
    spans = [span for span, _ in signs] + unsure
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=confidence,
            sentence=f"The device's clock is wrong: {signs[0][1]}.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _by_agent(case: Case) -> list[tuple[Span, str]]:
    return [
        (message.span, text)
        for mnemonic, text in _SAID.items()
        for message in case.events(mnemonic)
        if refusal.after_success(case, message) is not Since.BEFORE
    ]


def _by_reading(case: Case) -> list[tuple[Span, str]]:
    """What the clock itself shows, held against what the case knows."""
    told = [time for report in case.facts(LicenseReport) for time in state_times(report) if time.has_year]
    zones = case.lasting(ClockZone)
    found: list[tuple[Span, str]] = []
    for reading in case.facts(ClockReading)[-1:]:
        wall, span = reading.time.value.wall, reading.time.span
        done = max((time.wall for time in told), default=None)
        if wall < _FIRST:
            found.append((span, f"it shows {wall.year}, when there was no smart licensing"))
        elif done is not None and wall + timedelta(days=1) < done:
            found.append(
                (span, f"it shows a time before the newest attempt to reach the portal ({done:%Y-%m-%d})")
            )
        elif case.asked_at is not None:
            offset = timedelta(minutes=zones[-1].minutes) if zones else present.MAX_ZONE
            ahead = wall - offset - case.asked_at.replace(tzinfo=None)
            if ahead > _TOLERATED:
                found.append(
                    (span, f"it is at least {present.days(ahead)} ahead of the moment of the question")
                )
    return found


def _by_skew(case: Case) -> tuple[list[tuple[Span, str]], list[tuple[Span, str]]]:
    """The difference that a licence screen shows, where it is large and licensing does not work: of late, and of old.

    It tells how the clock ran when the portal last answered. Long after that it is a hint at most.
    """
    stands = standing.of(case)
    if stands.works is not False:
        return [], []
    found: list[tuple[Span, str]] = []
    for report in case.facts(LicenseReport)[-1:]:
        estimate = skew.estimate(report)
        if estimate is not None and abs(estimate.ahead) - estimate.uncertainty > _TOLERATED:
            side = "ahead of" if estimate.ahead > timedelta(0) else "behind"
            text = f"by the portal's own dates it runs about {present.days(abs(estimate.ahead))} {side} the portal's"
            found = [(span, text) for span in estimate.evidence]
    worked = [exchange.at for exchange in stands.exchanges if exchange.worked and exchange.at is not None]
    now = present.newest(case)
    recent = bool(worked) and now is not None and now - max(worked) <= _RECENT
    return (found, []) if recent or _unvouched(case) else ([], found)


def _right_of_late(case: Case) -> bool:
    """Whether the portal's own date shows that the clock was right within the last days.

    The deadline is the portal's and lies 90 days after the last success by the portal's clock. Where the newest time
    of the device lies within days of that success, the two clocks agree, whoever vouches for the device's.
    """
    now = present.newest(case)
    for report in case.facts(LicenseReport)[-1:]:
        deadline = report.authorization.deadline if report.authorization else None
        if deadline is not None and deadline.value.has_year and now is not None:
            return abs(now - (deadline.value.wall - skew.DEADLINE_TERM)) <= _RECENT
    return False


def _outside(case: Case) -> list[tuple[Span, str, str]]:
    """Certificates of the device's own connections that were used outside their time."""
    found = []
    for message in case.facts(LogMessage):
        if (
            isinstance(message.detail, OutsideValidity)
            and refusal.after_success(case, message) is not Since.BEFORE
        ):
            fault = message.detail.fault
            words = "has ended" if fault == "expired" else "has not begun"
            found.append((message.span, f"by it the validity of a certificate {words}", fault))
    for message, reason in refusal.reasons(case):
        if "not yet valid" in reason.lower():
            found.append((message.span, "by it the validity of a certificate has not begun", "not-yet-valid"))
        elif _ENDED.search(reason) and outbound.is_own(case, message):
            found.append((message.span, "by it the validity of a certificate has ended", "expired"))
    return found


def _unvouched(case: Case) -> list[Span]:
    """Lines that say that nothing vouches for the clock."""
    found = [reading.time.span for reading in case.facts(ClockReading) if reading.time.value.mark]
    found += [status.synchronized.span for status in case.facts(NtpStatus) if not status.synchronized.value]
    found += [
        message.span
        for message in case.facts(LogMessage)
        if message.time is not None and message.time.mark and isinstance(message.detail, OutsideValidity)
    ]
    return found


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.CLOCK,
    sentence="The device's clock is so far off that valid certificates look expired or not yet valid.",
    evidence=(
        "the agent: REG_EXPIRED_CLOCK_CHANGE or ID_CERT_RENEW_NOT_STARTED",
        "IOS: `%PKI-3-CERTIFICATE_INVALID_NOT_YET_VALID`, or `…_EXPIRED` while nothing vouches for the clock",
        "`show clock` before the device's own successes, or after the moment of the question, compared in UTC",
        "the dates of `show license all`: the portal's against the device's",
        "the portal's own answer: the device's date is offset beyond what it allows",
    ),
    look_alikes=(
        LookAlike(
            cause="server-certificate-expired",
            difference="the clock is right and follows NTP, and other devices fail at the same time",
        ),
        LookAlike(cause="clock-skew", difference="a few minutes are normal: the portal dates back"),
        LookAlike(cause="anchor-missing", difference="the reason names an issuer and no date"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Set the clock right and let it follow NTP (ntp server <NTP server>), within 60 minutes of a jump.",
        ),
        (Platform.FXOS, "scope system, scope services, create ntp-server <NTP server>, commit-buffer."),
        (Platform.IOSXE, "ntp server <NTP server>, and wait for `show ntp status` to say synchronized."),
    ),
    verification="`show ntp status` says synchronized, `show clock` is right in UTC, and the next renewal succeeds.",
    find=find,
    explains=(
        *FAILED_EXCHANGE,
        "id-certificate-expired",
        "server-certificate-expired",
        "factory-ca-expired",
        "fxos-trustpoint-missing",
        "anchor-expiring",
        "clock-skew",
    ),
    holds=Example(
        title="After a power cut the clock stands at its factory value, and the portal's certificate is not yet valid.",
        text="""rtr-17#show clock detail
*00:14:08.211 UTC Mon Jan 2 2017
Time source is hardware calendar
rtr-17#show ntp status
Clock is unsynchronized, stratum 16, no reference clock
rtr-17#show logging
*Jan  2 2017 00:12:51.401: %PKI-3-CERTIFICATE_INVALID_NOT_YET_VALID: Certificate chain validation has failed. The certificate (SN: 40016EFB0A205CFAEBE18F71D73ABB78) is not yet valid. Validity period starts on 16:56:15 UTC Dec 12 2019
*Jan  2 2017 00:12:52.003: %CALL_HOME-5-SL_MESSAGE_FAILED: Fail to send out Smart Licensing message to: https://tools.cisco.com/its/service/oddce/services/DDCEService (ERR 205 : Request Aborted)
""",
    ),
    silent=Example(
        title="Eight hours between label and clock are a time zone, and a clock that follows no server may be right.",
        text="""asa-hk# show running-config clock
clock timezone GMT +8
asa-hk# show clock detail
*16:44:02.100 GMT Tue Dec 4 2018
Time source is user configuration
asa-hk# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Initial Registration: SUCCEEDED on Dec 04 16:43:48 2018 GMT
  Last Renewal Attempt: None
  Next Renewal Attempt: Jun 02 16:43:47 2019 GMT
  Registration Expires: Dec 04 16:37:44 2019 GMT

License Authorization: 
  Status: AUTHORIZED on Dec 04 16:43:56 2018 GMT
  Last Communication Attempt: FAILED on Dec 04 16:43:58 2018 GMT
    Failure reason: Communication message send error
  Next Communication Attempt: Dec 04 16:58:55 2018 GMT
  Communication Deadline: Mar 04 16:37:54 2019 GMT
""",
    ),
    sources=("domain 1.2, 1.3, 2.6 and 3.7",),
)
