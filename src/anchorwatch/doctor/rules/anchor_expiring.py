"""An anchor of the device ends soon."""

from __future__ import annotations

from datetime import timedelta

from anchorwatch.devices.fact import LogMessage, Platform, StoredCertificate
from anchorwatch.devices.log_detail import CertificateEnds
from anchorwatch.devices.span import Span
from anchorwatch.doctor import present
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "anchor-expiring"
_SOON = timedelta(days=90)
_FACTORY = "_SmartCallHome_ServerCA"


def find(case: Case) -> tuple[Finding, ...]:
    """Find each CA of call-home's that ends within ninety days, by the log or by the listing."""
    told: dict[str, tuple[Span, str]] = {}
    for message in case.facts(LogMessage):
        detail = message.detail
        if isinstance(detail, CertificateEnds) and detail.kind == "CA" and detail.days is not None:
            told[detail.subject.label] = (
                message.span,
                f"in {detail.days} day{'' if detail.days == 1 else 's'}",
            )
    now = present.newest(case) or (case.asked_at.replace(tzinfo=None) if case.asked_at else None)
    for stored in case.facts(StoredCertificate):
        if now is None or stored.not_after is None or stored.subject is None or stored.trustpoints is None:
            continue
        ours = any(name.startswith(_FACTORY) for name in stored.trustpoints.value)
        left = stored.not_after.value.wall - now
        if ours and timedelta(0) < left <= _SOON:
            told.setdefault(stored.subject.value.label, (stored.not_after.span, f"in {present.days(left)}"))
    return tuple(
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CONFIRMED,
            sentence=f"The CA “{label}” in the device's store ends {when}.",
            evidence=(span,),
        )
        for label, (span, when) in told.items()
    )


RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="A CA that the device trusts ends within ninety days.",
    evidence=("717054 for a CA certificate", "the `end   date:` of the trustpoint of call-home"),
    look_alikes=(
        LookAlike(cause="factory-ca-expired", difference="it has ended already"),
        LookAlike(cause="clock-wrong", difference="the clock is ahead"),
    ),
    remedy=(
        (Platform.ASA, "Import a fresh bundle before the date, and see that it holds the CA that follows."),
    ),
    verification="`show crypto ca trustpool` holds a CA for the portal that ends later.",
    find=find,
    holds=Example(
        title="The log warns a month ahead.",
        text=r"""asa-edge# show logging
Jan 08 2020 09:00:00: %ASA-1-717054: The CA certificate in the trustpoint _SmartCallHome_ServerCA is due to expire in 30 days. Expiration 23:59:59 UTC Feb 7 2020 Subject Name cn=VeriSign Class 3 Secure Server CA - G3,ou=VeriSign Trust Network,o=VeriSign\, Inc.,c=US Issuer Name cn=VeriSign Class 3 Public Primary Certification Authority - G5,o=VeriSign\, Inc.,c=US Serial Number 6ecc7aa5a7032009b8cebcf4e952d491
""",
    ),
    silent=Example(
        title="An identity certificate for VPN is due: none of call-home's anchors.",
        text="""asa-edge# show logging
Jan 08 2020 09:00:00: %ASA-1-717054: The ID certificate in the trustpoint VPN-2018 is due to expire in 30 days. Expiration 23:59:59 UTC Feb 7 2020 Subject Name cn=vpn.example.net Issuer Name cn=Example Issuing CA,o=Example Networks Serial Number 1a0001
""",
    ),
    sources=("message 717054 of the ASA's guide",),
)
