"""The portal's name resolves, and no connection to its port comes about."""

from __future__ import annotations

from anchorwatch.devices.fact import CallHomeConfig, LogMessage, Platform
from anchorwatch.devices.log_detail import CallHomeMessage
from anchorwatch.doctor import reach, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "no-route"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a connection that does not come about, with no success since and no fault of the name."""
    if standing.of(case).works or reach.unresolved(case) or reach.answered(case):
        return ()
    spans = reach.unreachable(case)
    if not spans:
        return _by_elimination(case)
    proxied = [config.proxy.span for config in case.facts(CallHomeConfig) if config.proxy is not None]
    confidence = Confidence.CONFIRMED if _plain(case) else Confidence.LIKELY
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE if proxied else confidence,
            sentence=(
                "No TCP connection to the portal comes about"
                + (
                    "; the device is told to use a proxy, so a direct test may fail."
                    if proxied
                    else ": a route, an interface or a filter is missing or in the way."
                )
            ),
            evidence=(*spans, *proxied),
        ),
    )


def _by_elimination(case: Case) -> tuple[Finding, ...]:
    """The host answers a ping, and no message to it goes out: where a port cannot be tried, as on a chassis, it may be
    the port.
    """
    unsent = [span for said in spoken.about(case, Topic.NOT_SENT, Topic.TIMED_OUT) for span in said.spans]
    answered = reach.host_answered(case)
    # Where call-home is off nothing goes out, and where a proxy is used the port in question is the proxy's.
    otherwise = any(
        config.proxy is not None or (config.service is not None and not config.service.value)
        for config in case.facts(CallHomeConfig)
    )
    if not unsent or not answered or otherwise or case.facts(LogMessage):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The portal's host answers a ping, and no message goes out: its port may be closed on the way, or a "
                "proxy is needed."
            ),
            evidence=(*unsent, *answered),
        ),
    )


def _plain(case: Case) -> bool:
    """Whether the device says so itself: no route, or a TCP ping that nobody answered."""
    if any(ping.success is not None and ping.success.value == 0 for ping in reach.portal_pings(case)):
        return True
    return any(
        isinstance(message.detail, CallHomeMessage) and message.detail.reason.startswith("NO_ROUTE")
        for message in case.facts(LogMessage)
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.ROUTE,
    sentence="The device resolves the portal's name and cannot connect to it.",
    evidence=(
        "120006 with `NO_ROUTE`",
        "`ping tcp tools.cisco.com 443` shows `?????`",
        "on IOS: `ERR 207 : Connection time out`",
        "a ping from a chassis that says `Destination Net Unreachable`",
    ),
    look_alikes=(
        LookAlike(cause="dns-failing", difference="the name does not resolve"),
        LookAlike(
            cause="proxy-wrong",
            difference="a policy allows only the proxy, and the proxy is missing or wrong",
        ),
        LookAlike(cause="anchor-missing", difference="`ping tcp` answers, and the TLS above it fails"),
    ),
    remedy=(
        (
            Platform.ASA,
            "A route through <interface>, source-interface of call-home, ports 443 and 80 open for the firewall itself.",
        ),
        (Platform.FXOS, "The gateway of the management port, and port 443 open for it."),
        (Platform.IOSXE, "A route (in the VRF of the transport), and ip http client source-interface."),
    ),
    verification="`ping tcp tools.cisco.com 443` shows `!!!!!`, and the next attempt succeeds.",
    find=find,
    explains=(*FAILED_EXCHANGE, "auto-import-failing", "evaluation-used-up"),
    holds=Example(
        title="The name resolves, five connections time out.",
        text="""asa-edge# ping tcp tools.cisco.com 443
Type escape sequence to abort.
No source specified. Pinging from identity interface.
Sending 5 TCP SYN requests to 72.163.4.38 port 443
from 192.0.2.10, timeout is 2 seconds:
?????
Success rate is 0 percent (0/5)
asa-edge# show logging
Apr 03 2019 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send error
""",
    ),
    silent=Example(
        title="The port answers; what fails lies above it.",
        text="""asa-edge# ping tcp tools.cisco.com 443
Type escape sequence to abort.
No source specified. Pinging from identity interface.
Sending 5 TCP SYN requests to 72.163.4.38 port 443
from 192.0.2.10, timeout is 2 seconds:
!!!!!
Success rate is 100 percent (5/5), round-trip min/avg/max = 28/29/31 ms
""",
    ),
    sources=("domain 4, row 17",),
)
