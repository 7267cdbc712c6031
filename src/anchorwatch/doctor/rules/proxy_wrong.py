"""The HTTP proxy between the device and the portal is wrong, wants a login, or answers in its own words."""

from __future__ import annotations

from anchorwatch.devices.debug import DebugLine, Trouble
from anchorwatch.devices.fact import CallHomeConfig, Platform
from anchorwatch.doctor import reach, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "proxy-wrong"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a proxy's own answer, or a configured proxy with failures to send."""
    if standing.of(case).works:
        return ()
    proxies = [config.proxy.span for config in case.facts(CallHomeConfig) if config.proxy is not None]
    login = [span for said in spoken.about(case, Topic.PROXY_LOGIN) for span in said.spans]
    failing = [span for said in spoken.about(case, Topic.PROXY_FAILING) for span in said.spans]
    not_tls = [line.text.span for line in case.facts(DebugLine) if line.trouble is Trouble.NOT_TLS]
    unsent = [span for said in spoken.about(case, Topic.NOT_SENT, Topic.TIMED_OUT) for span in said.spans]
    if not (login or failing or not_tls or (proxies and unsent and not reach.unresolved(case))):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The proxy wants a login that the device does not give."
                if login
                else "The proxy that messages should go through is not reached."
                if failing
                else "Messages go through a proxy, and the proxy may be the one that fails."
            ),
            evidence=tuple(dict.fromkeys([*login, *failing, *not_tls, *proxies, *unsent])),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.HTTP,
    sentence="The HTTP proxy is missing, stale or wants a login.",
    evidence=("407 or a time-out with `http-proxy` configured", "an answer that is no TLS"),
    look_alikes=(
        LookAlike(cause="no-route", difference="no proxy is meant to be used, and nothing answers"),
        LookAlike(cause="tls-inspection", difference="the proxy answers with certificates of its own"),
    ),
    remedy=(
        (
            Platform.ASA,
            "call-home, http-proxy <proxy host> port <proxy port>; older releases cannot log in at a proxy.",
        ),
        (
            Platform.FXOS,
            "scope monitoring, scope callhome, set http-proxy-server-url and -port, commit-buffer.",
        ),
    ),
    verification="`call-home test profile License` succeeds.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The proxy asks who is there.",
        text="""asa-edge# show running-config call-home
call-home
 http-proxy proxy.example.net port 3128
 profile License
  destination address http https://tools.cisco.com/its/service/oddce/services/DDCEService
asa-edge# show logging
Apr 03 2021 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: HTTP 407 Proxy Authentication Required
""",
    ),
    silent=Example(
        title="A proxy is configured, and the message was delivered.",
        text="""asa-edge# show running-config call-home
call-home
 http-proxy proxy.example.net port 3128
 profile License
  destination address http https://tools.cisco.com/its/service/oddce/services/DDCEService
asa-edge# call-home test profile License
INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...
INFO: Succeeded
""",
    ),
    sources=("domain 4, row 18 (unconfirmed)",),
)
