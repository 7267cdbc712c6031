"""The portal's certificate comes from a CA that the device does not trust.

The device logs 717009 for each CA certificate of the chain that it finds no anchor for, the outermost first.
Any one of the issuers named there, or one of the named CAs itself, would end the path once it is trusted.
"""

from __future__ import annotations

from anchorwatch.devices.fact import CallHomeTest, LogMessage, NoTrustpoint, Platform, StoredCertificate
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import Span
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.near_miss import nearest
from anchorwatch.doctor.rule import FAILED_EXCHANGE, LookAlike, Rule, Rung

CODE = "anchor-missing"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the chain the device could not anchor, and every CA of which one would suffice."""
    refused = [
        (message.span, message.detail)
        for message in case.facts(LogMessage)
        if isinstance(message.detail, NoTrustpoint)
    ]
    if not refused:
        return ()
    sufficient = _sufficient([detail for _, detail in refused])
    stored = case.facts(StoredCertificate)
    present = {certificate.subject.value.key for certificate in stored if certificate.subject}
    if any(name.key in present for name in sufficient):
        return ()  # one of them is on the box: then a usage rule or a stale entry refuses it, not its absence
    evidence = [span for span, _ in _once(refused)]
    evidence += [
        test.failure.span for test in case.facts(CallHomeTest) if test.failure and test.number == _TLS_FAILED
    ]
    evidence += [certificate.subject.span for certificate in stored if certificate.subject][:3]
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if stored else Confidence.LIKELY,
            sentence=_sentence(refused[-1][1], sufficient),
            evidence=tuple(evidence),
            sufficient=sufficient,
            near_miss=nearest(
                sufficient, [certificate.subject.value for certificate in stored if certificate.subject]
            ),
        ),
    )


def _sentence(innermost: NoTrustpoint, sufficient: tuple[PrintedName, ...]) -> str:
    names = [f"“{name.label}”" for name in sufficient]
    choice = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
    return (
        f"The device trusts none of the CAs above the portal's certificate (issued by “{innermost.subject.label}”); "
        f"trusting {'any one of ' if len(names) > 1 else ''}{choice} would be enough."
    )


# The number behind CONNECT_FAILED that was seen when the TLS handshake failed; no other number is known.
_TLS_FAILED = 35


def _sufficient(refused: list[NoTrustpoint]) -> tuple[PrintedName, ...]:
    """Issuers first seen, then the refused CAs themselves: outermost first, each name once."""
    names: dict[tuple[tuple[str, str], ...], PrintedName] = {}
    for detail in refused:
        for name in (detail.issuer, detail.subject):
            if name.attributes:
                names.setdefault(name.key, name)
    return tuple(names.values())


def _once(refused: list[tuple[Span, NoTrustpoint]]) -> list[tuple[Span, NoTrustpoint]]:
    """Each refusal once: a burst is repeated at every attempt."""
    seen: dict[object, tuple[Span, NoTrustpoint]] = {}
    for span, detail in refused:
        seen.setdefault((detail.serial.lower(), detail.subject.key, detail.issuer.key), (span, detail))
    return list(seen.values())


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The portal's certificate is issued by a CA that is neither in a trustpoint nor in the trust pool.",
    evidence=(
        '717009 "No suitable trustpoints found to validate certificate", with the issuer it could not find',
        "that issuer in neither `show crypto ca certificates` nor `show crypto ca trustpool`",
        "`call-home test profile License` ends in CONNECT_FAILED(35) although name and port answer",
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
    explains=FAILED_EXCHANGE,
)
