"""The trust pool is empty: an upgrade, a downgrade or an erased flash took it."""

from __future__ import annotations

from anchorwatch.devices.fact import ImportReport, LogMessage, Platform, TrustpoolPolicy
from anchorwatch.devices.log_detail import AutomaticImport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung

CODE = "trust-store-lost"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a pool that holds nothing on a device whose licensing fails over trust."""
    policies = [policy for policy in case.facts(TrustpoolPolicy) if policy.count is not None]
    if standing.of(case).works or not policies or policies[-1].count is None or policies[-1].count.value > 0:
        return ()
    spans = [each.span for each in refusal.refusals(case)]
    spans += [
        span for said in spoken.about(case, Topic.UNTRUSTED, Topic.RESPONSE_ERROR) for span in said.spans
    ]
    held = _held(case)
    if not spans or not held:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="The trust pool is empty: it may have been lost by an upgrade, a downgrade or a new image.",
            evidence=tuple(dict.fromkeys([policies[-1].count.span, *held, *spans])),
        ),
    )


def _held(case: Case) -> tuple[Span, ...]:
    """Lines that say that the pool held certificates once: a new device whose pool was never filled has lost nothing."""
    found = [
        policy.last_result.span
        for policy in case.facts(TrustpoolPolicy)
        if policy.last_result is not None and policy.last_result.value.upper().startswith("SUCCESS")
    ]
    found += [
        message.span
        for message in case.facts(LogMessage)
        if isinstance(message.detail, AutomaticImport) and message.detail.succeeded
    ]
    found += [
        report.installed.span
        for report in case.lasting(ImportReport)
        if report.installed is not None and report.installed.value > 0
    ]
    found += [
        policy.count.span
        for policy in case.lasting(TrustpoolPolicy)
        if policy.count is not None and policy.count.value > 0
    ]
    return tuple(found)


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The device's trust pool was lost.",
    evidence=(
        "a pool of 0 certificates",
        "a sign that it held some: `Last import result: SUCCESS`, 717058, or an earlier listing",
        "the last reload lies just before the first failure",
    ),
    look_alikes=(
        LookAlike(cause="auto-import-off", difference="the pool was never filled, because nothing imports"),
        LookAlike(cause="anchor-missing", difference="the pool holds certificates, and not the one needed"),
    ),
    remedy=(
        (Platform.ASA, "See that flash has room, then import the bundle with noconfirm signature-required."),
    ),
    verification="The policy counts certificates, also after the next reload.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=Example(
        title="After a new image the pool counts none, and the portal is refused.",
        text="""asa-edge# show crypto ca trustpool policy
0 trustpool certificates installed
Trustpool auto import statistics:
  Last import result: SUCCESS
  Next scheduled import at 22:00:00 UTC Fri Jan 15 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  Automatic import of trustpool certificates is enabled
  Automatic import URL: http://www.cisco.com/security/pki/trs/ios_core.p7b
  Download time: 22:00:00
asa-edge# show logging
Jan 14 2021 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    silent=Example(
        title="The pool was never filled: the first night's import failed.",
        text="""asa-edge# show crypto ca trustpool policy
0 trustpool certificates installed
Trustpool auto import statistics:
  Last import result: FAILED
  Next scheduled import at 22:00:00 UTC Fri Jan 15 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  Automatic import of trustpool certificates is enabled
asa-edge# show logging
Jan 14 2021 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    sources=("domain 4, row 31 (unconfirmed)",),
)
