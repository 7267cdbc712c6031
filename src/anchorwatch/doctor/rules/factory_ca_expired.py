"""The CA that the device was delivered with has expired. While the pool holds the live one that is harmless."""

from __future__ import annotations

from anchorwatch.devices.fact import LogMessage, Platform, StoredCertificate
from anchorwatch.devices.log_detail import CertificateEnds
from anchorwatch.devices.span import Span
from anchorwatch.doctor import present, refusal
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "factory-ca-expired"
FACTORY = "_SmartCallHome_ServerCA"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the factory's trustpoint with an end that has passed."""
    spans: list[Span] = [
        message.span
        for message in case.facts(LogMessage)
        if isinstance(message.detail, CertificateEnds)
        and message.detail.days is None
        and message.detail.trustpoint.startswith(FACTORY)
    ]
    for stored in case.facts(StoredCertificate):
        named = stored.trustpoints is not None and any(
            name.startswith(FACTORY) for name in stored.trustpoints.value
        )
        past = present.passed(case, stored.not_after) if named else None
        if past is not None:
            spans.append(past.span)
    if not spans:
        return ()
    refused = refusal.refusals(case)
    sentence = "The CA the device was delivered with has expired"
    sentence += (
        "; the portal's CA is refused as well, see there."
        if refused
        else ": harmless while the pool holds the live one."
    )
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CONFIRMED,
            sentence=sentence,
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The certificate in the factory's trustpoint has expired.",
    evidence=(
        "717055 for `_SmartCallHome_ServerCA`",
        "its `end   date:` in `show crypto ca certificates` has passed",
    ),
    look_alikes=(
        LookAlike(
            cause="anchor-missing", difference="717009 refuses the portal's CA: then a live one is missing"
        ),
        LookAlike(cause="clock-wrong", difference="the clock is ahead, and the certificate has not ended"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Import the bundle; leave the factory's trustpoint alone: removing it cannot be undone.",
        ),
    ),
    verification="`show crypto ca trustpool` holds the CA of the portal, and licensing succeeds.",
    find=find,
    holds=Example(
        title="The intermediate of the first releases ended in February 2020.",
        text=r"""asa-edge# show logging
Feb 11 2020 09:00:00: %ASA-1-717055: The CA certificate in the trustpoint _SmartCallHome_ServerCA has expired. Expiration 23:59:59 UTC Feb 7 2020 Subject Name cn=VeriSign Class 3 Secure Server CA - G3,ou=Terms of use at https://www.verisign.com/rpa (c)10,ou=VeriSign Trust Network,o=VeriSign\, Inc.,c=US Issuer Name cn=VeriSign Class 3 Public Primary Certification Authority - G5,ou=(c) 2006 VeriSign\, Inc. - For authorized use only,ou=VeriSign Trust Network,o=VeriSign\, Inc.,c=US Serial Number 6ecc7aa5a7032009b8cebcf4e952d491
Feb 11 2020 09:12:31: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful. State=authorized for udi PID:ASAv,SN:9AEXAMPLE01
""",
    ),
    silent=Example(
        title="The certificate of a VPN trustpoint has expired: not the factory's, and none of ours.",
        text="""asa-edge# show logging
Feb 11 2020 09:00:00: %ASA-1-717055: The ID certificate in the trustpoint VPN-2018 has expired. Expiration 23:59:59 UTC Feb 7 2020 Subject Name cn=vpn.example.net Issuer Name cn=Example Issuing CA,o=Example Networks Serial Number 1a0001
""",
    ),
    sources=("message 717055 of the ASA's guide", "domain 2.9"),
)
