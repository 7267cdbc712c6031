"""The CA is on the device, and is refused all the same: its trustpoint is not for this use."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, StoredCertificate, TrustpointConfig
from anchorwatch.devices.log_detail import IssuerUnsuitable
from anchorwatch.devices.span import Span
from anchorwatch.doctor import outbound, refusal, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "trustpoint-usage"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a refused issuer that stands in the device's own listing."""
    if standing.of(case).works:
        return ()
    refused = {
        each.detail.issuer.key: each.span for each in refusal.refusals(case) if each.detail.issuer.attributes
    }
    refused.update(
        {
            each.detail.subject.key: each.span
            for each in refusal.refusals(case)
            if each.detail.subject.attributes
        }
    )
    refused.update(
        {
            message.detail.issuer.key: message.span
            for message in outbound.messages(case, "717031")
            if isinstance(message.detail, IssuerUnsuitable)
        }
    )
    spans: list[Span] = []
    for stored in case.facts(StoredCertificate):
        if stored.kind.startswith("CA") and stored.subject and stored.subject.value.key in refused:
            spans += [refused[stored.subject.value.key], stored.subject.span]
            names = stored.trustpoints.value if stored.trustpoints else ()
            spans += [
                config.usage.span
                for config in case.facts(TrustpointConfig)
                if config.usage is not None and config.name.value in names
            ]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="The CA that is refused is on the device: its trustpoint may not be for validating servers.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="A trustpoint holds the CA, and its usage forbids validating the portal with it.",
    evidence=(
        "717009 or 717031 for an issuer that `show crypto ca certificates` lists",
        "`validation-usage` of that trustpoint without ssl-server",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the CA is nowhere on the device"),
        LookAlike(cause="weak-crypto-refused", difference="the reason speaks of a key's size or a weak hash"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Bring the CA into the trust pool by the bundle; or state the usage of the hand-made trustpoint. The factory's line `no validation-usage` is no fault.",
        ),
    ),
    verification="717030 names the trustpoint, and `call-home test profile License` succeeds.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The root was authenticated by hand, for VPN clients.",
        text="""asa-edge# show running-config crypto ca trustpoint
crypto ca trustpoint QV
 enrollment terminal
 validation-usage ipsec-client
asa-edge# show crypto ca certificates QV
CA Certificate
  Status: Available
  Certificate Serial Number: 0509
  Certificate Usage: Signature
  Subject Name:
    cn=QuoVadis Root CA 2
    o=QuoVadis Limited
    c=BM
  Associated Trustpoints: QV
asa-edge# show logging
Nov 12 2018 08:14:02: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 7517167783D0437EB556C357946E4563B8EBD3AC, subject name: cn=HydrantID SSL ICA G2,o=HydrantID (Avalanche Cloud Corporation),c=US, issuer name: cn=QuoVadis Root CA 2,o=QuoVadis Limited,c=BM .
""",
    ),
    silent=Example(
        title="Another CA is on the device: then the right one is missing.",
        text="""asa-edge# show crypto ca certificates
CA Certificate
  Status: Available
  Certificate Serial Number: 18dad19e267de8bb4a2158cdcc6b3b4a
  Certificate Usage: Signature
  Subject Name:
    cn=VeriSign Class 3 Public Primary Certification Authority - G5
    c=US
  Associated Trustpoints: _SmartCallHome_ServerCA
asa-edge# show logging
Nov 12 2018 08:14:02: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 7517167783D0437EB556C357946E4563B8EBD3AC, subject name: cn=HydrantID SSL ICA G2,o=HydrantID (Avalanche Cloud Corporation),c=US, issuer name: cn=QuoVadis Root CA 2,o=QuoVadis Limited,c=BM .
""",
    ),
    sources=("domain 4, row 12 (partly unconfirmed)",),
)
