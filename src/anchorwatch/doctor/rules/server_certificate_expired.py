"""A certificate the portal presented has expired, while the device's clock is right: nothing on the device mends it."""

from __future__ import annotations

import re

from anchorwatch.devices.fact import ClockReading, LogMessage, NtpStatus, Platform
from anchorwatch.devices.log_detail import OutsideValidity
from anchorwatch.devices.span import Span
from anchorwatch.doctor import refusal, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.refusal import Since
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "server-certificate-expired"
_ENDED = re.compile(r"expired|date is out.of.range", re.IGNORECASE)


def find(case: Case) -> tuple[Finding, ...]:
    """Find a peer's certificate that is called expired by a device whose clock nothing speaks against."""
    if standing.of(case).works or _doubted(case):
        return ()
    spans = refusal.for_reason(case, _ENDED)
    spans += [
        message.span
        for message in case.facts(LogMessage)
        if isinstance(message.detail, OutsideValidity)
        and message.detail.fault == "expired"
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    if not spans:
        return ()
    spans += [status.synchronized.span for status in case.facts(NtpStatus)]
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "A certificate of the portal's chain is called expired; if the clock is right, the fault is the server's "
                "and no device can mend it."
            ),
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _doubted(case: Case) -> list[Span]:
    """Lines that speak against the clock."""
    found = [reading.time.span for reading in case.facts(ClockReading) if reading.time.value.mark]
    return found + [
        status.synchronized.span for status in case.facts(NtpStatus) if not status.synchronized.value
    ]


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TLS,
    sentence="The portal, or something in its place, presents a certificate that has expired.",
    evidence=(
        '717009 or 717027 with "expired" about the peer, or `%PKI-3-CERTIFICATE_INVALID_EXPIRED`',
        "`show clock` is right and NTP is synchronized",
        "many devices fail from the same hour on",
    ),
    look_alikes=(
        LookAlike(cause="clock-wrong", difference="the device's clock is ahead, or nothing vouches for it"),
        LookAlike(cause="factory-ca-expired", difference="717055 speaks of a trustpoint of the device's own"),
    ),
    remedy=(
        (Platform.ASA, "Nothing on the device: tell whoever runs the portal, and wait for the timer."),
        (Platform.IOSXE, "Nothing on the device: tell whoever runs the portal, and wait for the timer."),
    ),
    verification="The endpoint presents a certificate whose end lies ahead, and the next attempt succeeds.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="NTP is synchronized, and the portal on site presents a certificate that ended yesterday.",
        text="""rtr-17#show ntp status
Clock is synchronized, stratum 3, reference is 192.0.2.123
rtr-17#show logging
Jun 11 2023 08:00:12.401: %PKI-3-CERTIFICATE_INVALID_EXPIRED: Certificate chain validation has failed. The certificate (SN: 5A00000012) has expired. Validity period ended on 23:59:59 UTC Jun 10 2023
Jun 11 2023 08:00:13.003: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : Fail to send out Call Home HTTP message.
""",
    ),
    silent=Example(
        title="The same message on a router whose clock stands far in the future.",
        text="""rtr-17#show ntp status
Clock is unsynchronized, stratum 16, no reference clock
rtr-17#show logging
*Jun 11 2043 08:00:12.401: %PKI-3-CERTIFICATE_INVALID_EXPIRED: Certificate chain validation has failed. The certificate (SN: 5A00000012) has expired. Validity period ended on 23:59:59 UTC Jun 10 2034
""",
    ),
    sources=("domain 4, row 6 (unconfirmed)",),
)
