"""The portal is one on site, and the device does not trust its CA."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.refusal import Holder
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "onprem-ca-untrusted"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a refused chain on the way to a portal that is not the vendor's."""
    hosts = refusal.private_hosts(case)
    if not hosts or standing.of(case).works:
        return ()
    refused = refusal.refusals(case)
    untrusted = [span for said in spoken.about(case, Topic.UNTRUSTED) for span in said.spans]
    if not refused and not untrusted:
        return ()
    if refused and refusal.holder_of(refused) is Holder.INSPECTION:
        return ()
    names = tuple({each.detail.issuer.key: each.detail.issuer for each in refused}.values())
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=f"The portal on site ({hosts[-1][0]}) has a certificate of a CA that the device does not trust.",
            evidence=tuple(
                dict.fromkeys([*(span for _, span in hosts), *(each.span for each in refused), *untrusted])
            ),
            sufficient=names,
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The CA of the portal on site is not trusted.",
    evidence=("the URL of the transport is not the vendor's", "717009 names the portal's own CA as issuer"),
    look_alikes=(
        LookAlike(
            cause="tls-inspection", difference="the URL is the vendor's, and a private CA signs for it"
        ),
        LookAlike(cause="hostname-mismatch", difference="the CA is trusted, and the name does not fit"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Import the CA of the portal on site into a trustpoint of its own, with its fingerprint checked.",
        ),
        (Platform.FXOS, "The same as a trustpoint of the FXOS, then commit-buffer."),
        (Platform.IOSXE, "Import the CA into the trust pool; SLA-TrustPoint is for signed messages."),
    ),
    verification="`call-home test profile License` succeeds against the portal on site.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The profile names a portal on site, and its CA is refused.",
        text="""asa-edge# show running-config call-home
call-home
 profile License
  destination address http https://licences.example.net/Transportgateway/services/DeviceRequestHandler
  destination transport-method http
asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 5A00000012, subject name: cn=licences.example.net,o=Example Networks, issuer name: cn=Example Networks Licence Portal CA,o=Example Networks .
""",
    ),
    silent=Example(
        title="The vendor's own portal.",
        text="""asa-edge# show running-config call-home
call-home
 profile License
  destination address http https://tools.cisco.com/its/service/oddce/services/DDCEService
  destination transport-method http
asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 5A00000012, subject name: cn=tools.cisco.com, issuer name: cn=Example Networks Web Proxy CA,o=Example Networks .
""",
    ),
    sources=("domain 4, row 10",),
)
