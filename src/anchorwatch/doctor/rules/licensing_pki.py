"""The certificates that sign licensing messages do not check: another PKI than that of TLS."""

from __future__ import annotations

from anchorwatch.devices.fact import Handshake, LogMessage, Platform
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "licensing-pki"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the agent's own lines and reasons about certificates."""
    spans = [span for each in spoken.about(case, Topic.LICENSING_CERTIFICATE) for span in each.spans]
    if not standing.of(case).works:
        spans += [
            message.span for message in case.events("CERTIFICATE_VALIDATION", "ROOT_CERT_MISMATCH_PROD")
        ]
    if not spans:
        return ()
    spans += [
        message.span
        for message in case.facts(LogMessage)
        if message.code == "725002"
        and isinstance(message.detail, Handshake)
        and message.detail.peer == "server"
    ][-1:]
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The agent refuses a certificate of the licensing PKI, which signs messages and identities. "
                "That is not the TLS certificate of the portal, and an import into the trust pool does not help."
            ),
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


HOLDS = Example(
    title="The handshake completes, and the agent refuses what it is sent.",
    text="""asa-p# show logging
Sep 02 2021 11:00:01: %ASA-6-725001: Starting SSL handshake with server outside:192.0.2.10/41822 to 198.51.100.7/443 for TLS session.
Sep 02 2021 11:00:01: %ASA-6-725002: Device completed SSL handshake with server outside:192.0.2.10/41822 to 198.51.100.7/443 for TLSv1.2 session
Sep 02 2021 11:00:03: %ASA-3-444303: %SMART_LIC-3-CERTIFICATE_VALIDATION: Certificate validation failed by smart agent: NodeCert is not trusted
""",
)
SILENT = Example(
    title="A TLS certificate is refused: that is trust.",
    text="""asa-p# show logging
Sep 02 2021 11:00:01: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 40016EFB0A205CFAEBE18F71D73ABB00, subject name: cn=Example Server CA O1,o=Example,c=US, issuer name: cn=Example Commercial Root 1,o=Example,c=US .
Sep 02 2021 11:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="A certificate of the licensing PKI is refused; TLS and the trust pool have no part in it.",
    evidence=(
        "the agent's CERTIFICATE_VALIDATION or ROOT_CERT_MISMATCH_PROD",
        "or a reason about a signing, node or identity certificate; 725002 before it",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="717009 speaks of TLS; here the handshake completed"),
        LookAlike(cause="instance-removed", difference="there the portal judged the instance"),
    ),
    remedy=(
        (
            Platform.ASA,
            "`license smart register idtoken … force` with the same export flag; else the vendor's support.",
        ),
        (Platform.FXOS, "Register the chassis again; else the vendor's support."),
        (Platform.IOSXE, "`license smart register idtoken … force` with the same export flag; else support."),
    ),
    verification="A success of the agent newer than the repair.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.5", "domain 2.13", "domain 4, row 29"),
)
