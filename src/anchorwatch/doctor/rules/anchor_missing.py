"""The portal's certificate comes from a CA that the device does not trust.

The device logs 717009 for each CA certificate of the chain that it finds no anchor for, the outermost first.
Any one of the issuers named there, or one of the named CAs itself, would end the path once it is trusted.
Which of them to install is the remedy's choice; here all are named.

Where nothing names a CA (a test that ends in 35, a reason that speaks of the response) a missing anchor is the most
frequent cause and no more: such a finding is a candidate, and only where no lower rung fails and the portal has not
answered.
"""

from __future__ import annotations

from anchorwatch.devices.debug import DebugLine, Trouble, complaint
from anchorwatch.devices.fact import CallHomeTest, ImportReport, LogMessage, Platform, StoredCertificate
from anchorwatch.devices.log_detail import CallHomeMessage, LibraryError, NoTrustpoint
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Span
from anchorwatch.doctor import migration, outbound, platform, reach, refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.near_miss import nearest
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.refusal import Holder, Refusal, Since
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "anchor-missing"
# The number behind CONNECT_FAILED that was seen when the TLS handshake failed; no other number is known.
TLS_FAILED = 35
# IOS aborts the request when the server's certificate is not accepted.
ABORTED = 205


def find(case: Case) -> tuple[Finding, ...]:
    """Find the chain the device could not anchor, and every CA of which one would suffice."""
    refused = refusal.refusals(case)
    if refused:
        return _named(case, refused)
    return _unnamed(case)


def _named(case: Case, refused: tuple[Refusal, ...]) -> tuple[Finding, ...]:
    holder = refusal.holder_of(refused)
    if holder in (Holder.INSPECTION, Holder.PRIVATE) or (
        holder is Holder.UNKNOWN and refusal.private_hosts(case)
    ):
        return ()
    sufficient = _sufficient([each.detail for each in refused])
    stored = case.facts(StoredCertificate)
    names = [certificate.subject for certificate in stored if certificate.subject]
    if not sufficient or {name.key for name in sufficient} & {name.value.key for name in names}:
        return ()  # one of them is on the box: then a usage rule or a stale entry refuses it, not its absence
    if holder is Holder.UNKNOWN or not all(each.sure for each in refused) or not _tied(case, refused):
        confidence = Confidence.CANDIDATE
    else:
        confidence = Confidence.CONFIRMED if stored else Confidence.LIKELY
    if reach.unresolved(case):  # the attempt of now does not come as far as TLS
        confidence = Confidence.CANDIDATE
    evidence = [each.span for each in refused]
    evidence += _failed_tests(case)
    evidence += [name.span for name in names][:3]
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=confidence,
            sentence=_sentence(refused[-1].detail, sufficient) + _since_then(case),
            evidence=tuple(dict.fromkeys(evidence)),
            sufficient=sufficient,
            near_miss=nearest(sufficient, [name.value for name in names]),
        ),
    )


def _tied(case: Case, refused: tuple[Refusal, ...]) -> bool:
    """Whether the refused chain has to do with licensing: a CA or a name of the portal's, or an exchange that fails."""
    names = [name for each in refused for name in (each.detail.subject, each.detail.issuer)]
    return (
        standing.of(case).works is False
        or bool(_failed_tests(case))
        or any(migration.is_known_public_ca(name) for name in names)
        or any(refusal.names_the_portal(each.detail) for each in refused)
    )


def _sentence(innermost: NoTrustpoint, sufficient: tuple[PrintedName, ...]) -> str:
    names = [f"“{name.label}”" for name in sufficient]
    choice = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    return (
        f"The device trusts none of the CAs above the portal's certificate (issued by “{innermost.subject.label}”); "
        f"trusting {'any one of ' if len(names) > 1 else ''}{choice} would be enough."
    )


def _since_then(case: Case) -> str:
    """Whether a repair was made that nothing proves yet."""
    imports = [
        done for done in case.facts(ImportReport) if done.installed is not None and done.installed.value > 0
    ]
    if not imports or imports[-1].installed is None:
        return ""
    count = imports[-1].installed.value
    return (
        f" An import installed {count} certificate{'s' if count != 1 else ''} since; that licensing works again "
        "is not shown."
    )


def _sufficient(refused: list[NoTrustpoint]) -> tuple[PrintedName, ...]:
    """Issuers first seen, then the refused CAs themselves: outermost first, each name once."""
    names: dict[tuple[tuple[str, str], ...], PrintedName] = {}
    for detail in refused:
        for name in (detail.issuer, detail.subject):
            if name.attributes:
                names.setdefault(name.key, name)
    return tuple(names.values())


def _failed_tests(case: Case) -> list[Span]:
    return [
        test.failure.span for test in case.facts(CallHomeTest) if test.failure and test.number == TLS_FAILED
    ]


_BEFORE_TRUST = (Trouble.NO_COMMON_PROTOCOL, Trouble.NOT_TLS)


def _unnamed(case: Case) -> tuple[Finding, ...]:
    """Signs of a refused certificate that do not say whose CA it was."""
    if standing.of(case).works or reach.unresolved(case) or reach.unreachable(case) or refusal.reasons(case):
        return ()
    if spoken.portal_answered(case) or refusal.private_hosts(case):
        return ()
    if any(line.trouble in _BEFORE_TRUST for line in case.facts(DebugLine)):
        return ()  # the library says that it came to no certificate
    where = platform.of(case)
    # "Cannot be validated" of NX-OS has two other causes by the vendor's own words: a wrong name, or inspection.
    untrusted = [
        said
        for said in spoken.about(case, Topic.UNTRUSTED)
        if "authenticate" in said.text.lower() or "issuer" in said.text.lower()
    ]
    firewall = where in (Platform.ASA, Platform.FTD)
    aborted = [
        message.span
        for message in outbound.messages(case, "SL_MESSAGE_FAILED")
        if isinstance(message.detail, CallHomeMessage)
        and message.detail.number == ABORTED
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    debugs = [
        line.text.span
        for line in case.facts(DebugLine)
        if line.trouble in (Trouble.NO_ANCHOR, Trouble.NOT_VERIFIED)
    ]
    chain = [
        message.span
        for message, reason in ((m, m.text) for m in case.facts(LogMessage))
        if isinstance(message.detail, LibraryError)
        and complaint(reason) is Trouble.NOT_VERIFIED
        and outbound.is_own(case, message)
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    weak = _failed_tests(case)
    if weak:  # the reason alone says no more than that an exchange failed
        weak += [said.span for said in spoken.about(case, Topic.RESPONSE_ERROR)]
    words = [span for said in untrusted for span in said.spans]
    likely = bool(untrusted and firewall) or bool(aborted and debugs)
    told = [*(words if where not in (None, Platform.FXOS) else ()), *aborted, *debugs, *chain, *weak]
    if not told:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.LIKELY if likely else Confidence.CANDIDATE,
            sentence=(
                "The device did not accept the portal's certificate; whose CA is missing is not shown."
                if likely or debugs or chain
                else "TLS with the portal fails; a CA the device does not trust is the most frequent reason, not shown here."
            ),
            evidence=tuple(dict.fromkeys(told)),
        ),
    )


HOLDS = Example(
    title="The portal's new intermediate and its root are refused, and the only trustpoint holds another.",
    text=r"""asa-edge# show logging | include 717
Nov 12 2018 08:14:02: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 7517167783D0437EB556C357946E4563B8EBD3AC, subject name: cn=HydrantID SSL ICA G2,o=HydrantID (Avalanche Cloud Corporation),c=US, issuer name: cn=QuoVadis Root CA 2,o=QuoVadis Limited,c=BM .
Nov 12 2018 08:14:02: %ASA-3-717027: Certificate chain failed validation. No suitable trustpoint was found to validate chain.
asa-edge# call-home test profile License
INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...
ERROR: Failed: CONNECT_FAILED(35)
asa-edge# show crypto ca certificates
CA Certificate
  Status: Available
  Certificate Serial Number: 18dad19e267de8bb4a2158cdcc6b3b4a
  Certificate Usage: Signature
  Public Key Type: RSA (2048 bits)
  Signature Algorithm: SHA1 with RSA Encryption
  Issuer Name:
    cn=VeriSign Class 3 Public Primary Certification Authority - G5
    ou=(c) 2006 VeriSign\, Inc. - For authorized use only
    ou=VeriSign Trust Network
    o=VeriSign\, Inc.
    c=US
  Subject Name:
    cn=VeriSign Class 3 Public Primary Certification Authority - G5
    ou=(c) 2006 VeriSign\, Inc. - For authorized use only
    ou=VeriSign Trust Network
    o=VeriSign\, Inc.
    c=US
  Validity Date:
    start date: 00:00:00 UTC Nov 8 2006
    end   date: 23:59:59 UTC Jul 16 2036
  Associated Trustpoints: _SmartCallHome_ServerCA
asa-edge# show crypto ca trustpool
asa-edge#
""",
)
SILENT = Example(
    title="The same message about the certificate of a VPN client, while licensing works.",
    text="""asa-edge# show logging
Nov 12 2018 08:20:41: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443 for TLS session.
Nov 12 2018 08:20:41: %ASA-7-717025: Validating certificate chain containing 1 certificate(s).
Nov 12 2018 08:20:41: %ASA-7-717029: Identified client certificate within certificate chain. serial number: 1A00000F33, subject name: cn=j.doe,ou=Staff,o=Example Networks,c=US.
Nov 12 2018 08:20:41: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 1A00000F33, subject name: cn=j.doe,ou=Staff,o=Example Networks,c=US, issuer name: cn=Example Staff CA,o=Example Networks,c=US .
Nov 12 2018 08:20:41: %ASA-6-725006: Device failed SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443
Nov 12 2018 08:31:07: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful. State=authorized for udi PID:ASAv,SN:9AEXAMPLE01
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The portal's certificate is issued by a CA that is neither in a trustpoint nor in the trust pool.",
    evidence=(
        '717009 "No suitable trustpoints found to validate certificate", with the issuer it could not find',
        "that issuer in neither `show crypto ca certificates` nor `show crypto ca trustpool`",
        "`call-home test profile License` ends in CONNECT_FAILED(35) although name and port answer",
        "on IOS-XE: the message is aborted (ERR 205), and the debug finds no trustpoint",
    ),
    look_alikes=(
        LookAlike(
            cause="tls-inspection",
            difference="the issuer is a private or enterprise CA, not one of the portal's public CAs",
        ),
        LookAlike(cause="server-certificate-expired", difference='the reason says "expired"'),
        LookAlike(
            cause="trustpoint-usage",
            difference="the CA is on the device, but its trustpoint forbids this use",
        ),
        LookAlike(
            cause="hostname-mismatch",
            difference="the chain validates (717030 names a trustpoint), only the name does not fit",
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b noconfirm "
                "signature-required"
            ),
        ),
        (Platform.FXOS, "scope security, enter trustpoint, set certchain with a verified CA, commit-buffer"),
        (
            Platform.IOSXE,
            "crypto pki trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b",
        ),
    ),
    verification=(
        "The counters show new certificates and one of the sufficient CAs is now in the pool; "
        "`call-home test profile License` succeeds; the next renewal carries a new time."
    ),
    find=find,
    explains=(*FAILED_EXCHANGE, "id-certificate-expired", "factory-ca-expired"),
    holds=HOLDS,
    silent=SILENT,
    sources=(
        "Cisco TAC document 213932",
        "FN70319",
        "FN72103",
        "FN72323",
        "message 717009 of the ASA's guide",
    ),
)
