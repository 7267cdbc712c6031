"""A bundle was imported, and it held nothing the pool lacked: the CA that is missing is not in it.

The counters say that the operation succeeded. They do not say that the repair did: `installed: 0` beside duplicates
means that the needed CA, if it is still refused, is in neither. A copy of `ios_core.p7b` kept on a server since 2017
mends the change of 2018 and not the one of 2022.
"""

from __future__ import annotations

from anchorwatch.devices.fact import ImportReport, Platform, StoredCertificate
from anchorwatch.devices.span import Span
from anchorwatch.doctor import refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.refusal import Holder
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "bundle-outdated"


def find(case: Case) -> tuple[Finding, ...]:
    """Find an import that brought nothing new while a CA is refused."""
    idle = [
        report
        for report in case.facts(ImportReport)
        if report.installed is not None
        and report.installed.value == 0
        and report.duplicates is not None
        and report.duplicates.value > 0
    ]
    if not idle or standing.of(case).works:
        return ()
    refused = refusal.refusals(case)
    if refused and refusal.holder_of(refused) in (Holder.INSPECTION, Holder.PRIVATE):
        return ()
    names = {name.key for each in refused for name in (each.detail.issuer, each.detail.subject)}
    if names & {stored.subject.value.key for stored in case.facts(StoredCertificate) if stored.subject}:
        return ()
    spoken_of = [span for said in spoken.about(case, Topic.UNTRUSTED) for span in said.spans]
    if not refused and not spoken_of:
        return ()
    report = idle[-1]
    counters = [seen.span for seen in (report.installed, report.duplicates, report.url) if seen is not None]
    evidence: list[Span] = [*counters, *(each.span for each in refused), *spoken_of]
    sure = (
        bool(refused) and all(each.sure for each in refused) and refusal.holder_of(refused) is Holder.PUBLIC
    )
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if sure else Confidence.CANDIDATE,
            sentence=(
                f"The imported bundle held nothing new ({report.duplicates} duplicates, none installed), so the CA that is "
                "refused is not in it."
            ),
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The bundle that was imported does not hold the CA the portal uses now.",
    evidence=(
        "the import's counters: `installed: 0` and `duplicates:` above 0",
        "717009 still names an issuer that is not in the pool",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="no import was made, or it installed certificates"),
        LookAlike(
            cause="tls-inspection",
            difference="the issuer is a private CA, which no bundle of the vendor can hold",
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "Fetch a fresh bundle from its origin, check by SHA-256 that it holds the CA, then import it with "
                "noconfirm signature-required."
            ),
        ),
        (Platform.IOSXE, "The same with crypto pki trustpool import url."),
    ),
    verification=(
        "The next import installs at least one certificate, the needed CA is in `show crypto ca trustpool`, and "
        "`call-home test profile License` succeeds."
    ),
    find=find,
    explains=(*FAILED_EXCHANGE, "anchor-missing"),
    holds=Example(
        title="In 2022 a copy of the bundle kept since 2017 is imported: everything in it is there already.",
        text="""asa-edge# show logging | include 717009
Feb 09 2022 03:12:40: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 40016EFB0A205CFAEBE18F71D73ABB78, subject name: cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US, issuer name: cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US .
asa-edge# crypto ca trustpool import url http://files.example.net/ios_core.p7b
Root file signature verified.
You are about to update the current trusted certificate pool
with the 20109 byte file at http://files.example.net/ios_core.p7b
Do you want to continue? (y/n)
Trustpool import:
  attempted: 17
  installed: 0
  duplicates: 16
  expired: 1
  failed: 0
""",
    ),
    silent=Example(
        title="The same counters on a device whose licensing works: the pool was complete.",
        text="""asa-edge# crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b
Root file signature verified.
You are about to update the current trusted certificate pool
with the 17145 byte file at http://www.cisco.com/security/pki/trs/ios_core.p7b
Do you want to continue? (y/n)
Trustpool import:
  attempted: 14
  installed: 0
  duplicates: 14
  expired: 0
  failed: 0
asa-edge# call-home test profile License
INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...
INFO: Succeeded
""",
    ),
    sources=("domain 2.7 and 2.8",),
)
