"""The device and the portal find no common version or cipher; no certificate was judged at all."""

from __future__ import annotations

from anchorwatch.devices.debug import DebugLine, Trouble, complaint
from anchorwatch.devices.fact import Handshake, LogMessage, Platform
from anchorwatch.doctor import outbound, refusal, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.refusal import Since
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "tls-mismatch"
_KINDS = (Trouble.NO_COMMON_PROTOCOL, Trouble.WEAK)


def find(case: Case) -> tuple[Finding, ...]:
    """Find the library's words on version or cipher, without a refused certificate and without a success since."""
    if standing.of(case).works or refusal.refusals(case) or refusal.reasons(case):
        return ()
    spans = [
        message.span
        for message in outbound.messages(case, "725014")
        if complaint(message.text) in _KINDS and refusal.after_success(case, message) is not Since.BEFORE
    ]
    spans += [line.text.span for line in case.facts(DebugLine) if line.trouble in _KINDS]
    if not spans:
        return _without_a_word(case)
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="The device and the server it calls find no common TLS version or cipher.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _without_a_word(case: Case) -> tuple[Finding, ...]:
    """The newest handshake with a server failed, and no certificate was judged in it: at its usual level a log does
    not hold the library's words.
    """
    logged = outbound.messages(case, "725001", "725002", "725006", "717009", "717022", "717027")
    ended = next((at for at, message in reversed(list(enumerate(logged))) if message.code in _ENDS), None)
    if ended is None or logged[ended].code != "725006" or not _is_portal(logged[ended]):
        return ()
    begun = max((at for at in range(ended) if logged[at].code == "725001"), default=None)
    if begun is None or any(message.code.startswith("717") for message in logged[begun:]):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The handshake fails before any certificate is judged: no common TLS version or cipher, or what answers "
                "speaks no TLS; 725014 at the level of debugging tells."
            ),
            evidence=(logged[begun].span, logged[ended].span),
        ),
    )


_ENDS = ("725002", "725006")


def _is_portal(message: LogMessage) -> bool:
    shake = message.detail
    return isinstance(shake, Handshake) and shake.peer == "server" and 443 in (shake.port, shake.to_port)


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TLS,
    sentence="The handshake with the portal fails over version or cipher.",
    evidence=("725006 with server, and 725014 with a protocol or handshake alert", "no 717xxx at all"),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="717009: a certificate was judged and refused"),
        LookAlike(cause="proxy-wrong", difference="the answer is no TLS at all"),
    ),
    remedy=((Platform.ASA, "ssl client-version tlsv1.2, and ciphers the portal offers; else upgrade."),),
    verification="725002 is logged for a handshake with the portal.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The server alerts about the version.",
        text="""asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-6-725001: Starting SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443 for TLS session.
Apr 03 2021 10:00:01: %ASA-7-725014: SSL lib error. Function: SSL23_GET_SERVER_HELLO Reason: tlsv1 alert protocol version
Apr 03 2021 10:00:01: %ASA-6-725006: Device failed SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443
""",
    ),
    silent=Example(
        title="A browser that calls the device has the same trouble.",
        text="""asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443 for TLS session.
Apr 03 2021 10:00:01: %ASA-7-725014: SSL lib error. Function: SSL23_GET_CLIENT_HELLO Reason: unsupported protocol
Apr 03 2021 10:00:01: %ASA-6-725006: Device failed SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443
""",
    ),
    sources=("domain 3.3 and 4, row 15 (unconfirmed)",),
)
