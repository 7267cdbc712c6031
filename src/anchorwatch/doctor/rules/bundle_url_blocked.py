"""The bundle's server is not reached, while the portal is: licences are fine until the portal's CA changes again."""

from __future__ import annotations

from datetime import datetime

from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.devices.log_detail import AutomaticImport
from anchorwatch.doctor import bundle_reach, present, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "bundle-url-blocked"


def find(case: Case) -> tuple[Finding, ...]:
    """Find an import that does not reach its server beside licensing that works."""
    told = [message for message in case.facts(LogMessage) if isinstance(message.detail, AutomaticImport)]
    told.sort(key=lambda message: present.wall(case, message.time) or datetime.min)  # noqa: DTZ901 - wall clocks
    stands = standing.of(case)
    if not told or not stands.works or stands.newest is None:
        return ()
    detail = told[-1].detail
    if (
        not isinstance(detail, AutomaticImport)
        or detail.succeeded
        or not bundle_reach.NOT_REACHED.search(detail.reason)
    ):
        return ()
    if bundle_reach.answers(case):
        return ()  # it is reached by now: what the night says is old news, and has names of its own
    silent = bundle_reach.silent(case)
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CONFIRMED if silent else Confidence.LIKELY,
            sentence=(
                "Licensing works, but the server of the bundle is not reached (it is fetched over plain HTTP, port 80): "
                "the next change of the portal's CA will not be followed."
                if silent
                else "Licensing works, but the last night's import did not reach the server of the bundle (plain HTTP, "
                "port 80); whether it is reached by now, a TCP ping to it tells."
            ),
            evidence=(told[-1].span, *silent, stands.newest.span),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="The device reaches the portal, and not the server of the trust bundle.",
    evidence=(
        '717057 "Failed to reach CA server", and no bundle fetched by hand since',
        "`ping tcp` to the bundle's host and port shows `?????`",
        "a success of licensing: a new communication time, AUTH_RENEW_SUCCESS or a delivered call-home message",
    ),
    look_alikes=(
        LookAlike(cause="no-route", difference="the portal is not reached either"),
        LookAlike(
            cause="auto-import-result-stale",
            difference="`ping tcp` to the bundle's host is answered, or a bundle was fetched by hand: that night is over",
        ),
        LookAlike(cause="dns-failing", difference="717026: the name of the bundle's host has no address"),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "Allow port 80 from the firewall itself to the bundle's host, or serve an unchanged copy inside and point "
                "auto-import url at it."
            ),
        ),
    ),
    verification="717058 is logged after the next night, or an import by hand from the same address succeeds.",
    find=find,
    explains=("auto-import-failing",),
    holds=Example(
        title="The renewal succeeded this morning; the import has failed every night.",
        text="""asa-edge# show logging
Mar 02 2021 22:04:10: %ASA-3-717057: Automatic import of trustpool certificate bundle has failed. Maximum retry attempts reached. Failed to reach CA server
Mar 03 2021 07:15:55: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful. State=authorized for udi PID:ASAv,SN:9AEXAMPLE01
asa-edge# ping tcp www.cisco.com 80
Type escape sequence to abort.
No source specified. Pinging from identity interface.
Sending 5 TCP SYN requests to 203.0.113.80 port 80
from 192.0.2.10, timeout is 2 seconds:
?????
Success rate is 0 percent (0/5)
""",
    ),
    silent=Example(
        title="Neither is reached.",
        text="""asa-edge# show logging
Mar 02 2021 22:04:10: %ASA-3-717057: Automatic import of trustpool certificate bundle has failed. Maximum retry attempts reached. Failed to reach CA server
Mar 03 2021 07:15:55: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send error
""",
    ),
    sources=("domain 4, row 19",),
)
