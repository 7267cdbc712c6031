"""Something between the device and the portal presents a certificate of its own.

What is refused is issued by a CA that nobody public runs: a proxy that takes TLS apart. No bundle of the vendor can mend
that, and to trust the proxy is a person's decision, never a planned step.
"""

from __future__ import annotations

from anchorwatch.devices.fact import Handshake, Platform
from anchorwatch.devices.span import Span
from anchorwatch.doctor import chassis_trust, outbound, platform, reach, refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.refusal import Holder
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "tls-inspection"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a refused chain of a private CA on a connection to the vendor's portal."""
    stands = standing.of(case)
    refused = refusal.refusals(case)
    if not refused:
        return _by_words(case)
    holder = refusal.holder_of(refused)
    if holder is Holder.PUBLIC or (holder is not Holder.INSPECTION and refusal.private_hosts(case)):
        return ()
    if not all(each.sure for each in refused) or stands.works:
        return ()
    # A log at its default level shows no handshakes, and a private CA may be that of a VPN client.
    tied = any(refusal.names_the_portal(each.detail) for each in refused) or any(
        isinstance(message.detail, Handshake) for message in outbound.messages(case, "725001", "725006")
    )
    tied = tied or (stands.works is False and holder is Holder.INSPECTION)
    name = refused[-1].detail.issuer.label
    likely = holder in (Holder.INSPECTION, Holder.PRIVATE) and tied
    evidence = [each.span for each in refused]
    if stands.works is False and stands.newest is not None:
        evidence.append(stands.newest.span)
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.LIKELY if likely else Confidence.CANDIDATE,
            sentence=(
                f"The certificate the device was shown is issued by “{name}”, which is not a public CA: a proxy between the "
                "device and the portal inspects TLS."
            ),
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _by_words(case: Case) -> tuple[Finding, ...]:
    """The words of NX-OS and of the licence utility: two causes, a wrong name or inspection."""
    spans = [
        span
        for said in spoken.about(case, Topic.UNTRUSTED)
        if "authenticate" not in said.text.lower()
        for span in said.spans
    ]
    held = chassis_trust.expected(case)
    if not spans and held and not refusal.private_hosts(case) and platform.of(case) is Platform.FXOS:
        return _on_a_chassis(case, held)
    if not spans or refusal.private_hosts(case):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="The server's certificate could not be validated: a wrong name in the URL, or inspection of TLS.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _on_a_chassis(case: Case, held: tuple[Span, ...]) -> tuple[Finding, ...]:
    """A chassis that did not authenticate the server although a trustpoint of it holds the portal's CA."""
    spans = [span for said in spoken.about(case, Topic.UNTRUSTED) for span in said.spans]
    if not spans or reach.unresolved(case) or reach.unreachable(case):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The chassis holds the CA of the portal and does not authenticate the server: a proxy between inspects "
                "TLS, or what the server presents has ended or is for another name. The chain it presents tells."
            ),
            evidence=tuple(dict.fromkeys((*spans, *held))),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="A proxy in the path presents certificates of its own CA.",
    evidence=(
        "717009 on the device's own connection names an issuer that is a private or enterprise CA",
        "`Cannot establish secure connection because server TLS cert cannot be validated` (NX-OS, licence utility)",
        "an exchange with the vendor's portal that fails at the same time",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the issuer is a public CA, one the portal has used"),
        LookAlike(
            cause="onprem-ca-untrusted",
            difference="the URL is not the vendor's: a portal on site has its own CA",
        ),
        LookAlike(
            cause="hostname-mismatch", difference="the chain validates, and the name in the URL does not fit"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "Exempt the portal's names from inspection at the proxy. To trust the proxy's CA is a person's decision.",
        ),
        (
            Platform.FXOS,
            "Exempt the portal's names from inspection at the proxy. To trust the proxy's CA is a person's decision.",
        ),
        (
            Platform.IOSXE,
            "Exempt the portal's names from inspection at the proxy. To trust the proxy's CA is a person's decision.",
        ),
        (
            Platform.NXOS,
            "Exempt the portal's names from inspection at the proxy. To trust the proxy's CA is a person's decision.",
        ),
    ),
    verification="The chain the device is shown ends in the portal's public CA, and the next attempt succeeds.",
    find=find,
    cap=Confidence.LIKELY,
    explains=(*FAILED_EXCHANGE, "anchor-missing", "fxos-trustpoint-missing"),
    holds=Example(
        title="The issuer is the proxy's CA, and the connection to the portal fails.",
        text="""asa-edge# show logging
Apr 03 2023 10:00:01: %ASA-6-725001: Starting SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443 for TLS session.
Apr 03 2023 10:00:01: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 3E00004F21, subject name: cn=tools.cisco.com, issuer name: cn=Example Networks Web Proxy CA,ou=Network Security,o=Example Networks,c=US .
Apr 03 2023 10:00:01: %ASA-6-725006: Device failed SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443
Apr 03 2023 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    silent=Example(
        title="The same failure, but the issuer is the public CA that the portal uses at that date.",
        text="""asa-edge# show logging
Apr 03 2023 10:00:01: %ASA-6-725001: Starting SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443 for TLS session.
Apr 03 2023 10:00:01: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 40016EFB0A205CFAEBE18F71D73ABB78, subject name: cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US, issuer name: cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US .
Apr 03 2023 10:00:01: %ASA-6-725006: Device failed SSL handshake with server outside:192.0.2.10/31221 to 72.163.4.38/443
""",
    ),
    sources=("domain 4, row 8 (partly unconfirmed)",),
)
