"""The chain has an anchor, and the check whether it was revoked cannot be made."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform, TrustpoolConfig, TrustpoolPolicy
from anchorwatch.devices.log_detail import RevocationTrouble
from anchorwatch.devices.span import Span
from anchorwatch.doctor import outbound, reach, refusal, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.refusal import Since
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "revocation-unreachable"
_OURS = ("_smartcallhome_serverca", "trustpool", "sla-trustpoint")
_CODES = ("717010", "717012", "717032", "CRL_FETCH_FAIL")


def find(case: Case) -> tuple[Finding, ...]:
    """Find failing checks of the trustpoints that licensing uses, while licensing does not work."""
    stands = standing.of(case)
    if stands.works or refusal.refusals(case):
        return ()
    failed = [
        message
        for message in outbound.messages(case, *_CODES)
        if isinstance(message.detail, RevocationTrouble)
        and refusal.after_success(case, message) is not Since.BEFORE
    ]
    if not failed:
        return ()
    checking = _checking(case)
    ours = [
        message
        for message in failed
        if isinstance(message.detail, RevocationTrouble) and message.detail.subject.lower().startswith(_OURS)
    ]
    lower = reach.unresolved(case) or reach.unreachable(case)
    if stands.works is False and (ours or checking) and not lower:
        confidence = Confidence.CONFIRMED
    elif checking and not lower:
        confidence = Confidence.LIKELY
    elif ours or checking or stands.works is False:
        confidence = Confidence.CANDIDATE  # lists that are not fetched are noise until an exchange fails
    else:
        return ()  # a VPN trustpoint's list: no evidence about licensing
    spans = [message.span for message in (ours or failed)] + checking
    if stands.works is False and stands.newest is not None:
        spans.append(stands.newest.span)
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=confidence,
            sentence="Revocation of the portal's certificate is to be checked, and the list or the responder is not reached.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _checking(case: Case) -> list[Span]:
    """Lines that say that the pool checks revocation."""
    found = [
        policy.revocation.span
        for policy in case.facts(TrustpoolPolicy)
        if policy.revocation is not None and policy.revocation.value
    ]
    return found + [
        config.revocation.span
        for config in case.facts(TrustpoolConfig)
        if config.revocation is not None and config.revocation.value.split()[:1] != ["none"]
    ]


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The revocation check of the portal's certificate fails.",
    evidence=(
        "717010, 717012 or 717032 for the trustpoint of call-home or the pool; `%PKI-3-CRL_FETCH_FAIL` on IOS",
        "`Trustpool revocation checking is enabled`",
        "717030 found a trustpoint before it",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="717009 finds no trustpoint; here one was found first"),
        LookAlike(cause="dns-failing", difference="717026: the name of the list's host has no address"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Open the way to the list or responder; revocation-check none only in the trust pool's policy, never on a VPN trustpoint.",
        ),
        (
            Platform.IOSXE,
            "Open the way to the list; revocation-check none only on the licence's own trustpoint.",
        ),
    ),
    verification="717022 and 717028 are logged for the chain, and the next attempt succeeds.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The pool checks revocation, and the list of the portal's CA is not reached.",
        text="""asa-edge# show crypto ca trustpool policy
17 trustpool certificates installed
Trustpool Policy
  Trustpool revocation checking is enabled
  CRL cache time: 60 seconds
  CRL next update field: required and enforced
  Automatic import of trustpool certificates is enabled
  Automatic import URL: http://www.cisco.com/security/pki/trs/ios_core.p7b
  Download time: 22:00:00
asa-edge# show logging
Apr 03 2019 10:00:01: %ASA-7-717030: Found a suitable trustpoint Trustpool to validate certificate.
Apr 03 2019 10:00:09: %ASA-3-717010: CRL polling failed for trustpoint Trustpool.
Apr 03 2019 10:00:10: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    silent=Example(
        title="A VPN trustpoint's list is not reached, and licensing works.",
        text="""asa-edge# show logging
Apr 03 2019 10:00:09: %ASA-3-717010: CRL polling failed for trustpoint VPN-CA.
Apr 03 2019 10:05:00: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful. State=authorized for udi PID:ASAv,SN:9AEXAMPLE01
""",
    ),
    sources=("domain 4, row 11",),
)
