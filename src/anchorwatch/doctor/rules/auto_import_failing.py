"""The nightly import of the trust pool fails, for one of four reasons that message 717057 tells.

The four want four repairs: the server is not reached; the signature does not verify (a proxy altered the file, or
the image is too old to know the signer); flash is full; memory is short. The policy screen alone says FAILED without a
reason, and goes on saying so after a manual import, so by itself it decides nothing.
"""

from __future__ import annotations

import re
from datetime import datetime

from anchorwatch.devices.fact import ImportReport, LogMessage, Platform, TrustpoolPolicy
from anchorwatch.devices.log_detail import AutomaticImport
from anchorwatch.doctor import bundle_reach, present, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "auto-import-failing"
_REASONS = (
    (re.compile(r"reach CA server|maximum retry", re.IGNORECASE), "the server of the bundle is not reached"),
    (
        re.compile(r"signature validation", re.IGNORECASE),
        "the bundle's signature does not verify: a proxy altered the file, or the image does not know the signer",
    ),
    (
        re.compile(r"in flash", re.IGNORECASE),
        "the bundle cannot be written to flash, which is full or read-only",
    ),
    (re.compile(r"in memory", re.IGNORECASE), "the bundle cannot be loaded into memory"),
)


def find(case: Case) -> tuple[Finding, ...]:
    """Find the newest word on the nightly import, where it failed."""
    told = [message for message in case.facts(LogMessage) if isinstance(message.detail, AutomaticImport)]
    told.sort(key=lambda message: present.wall(case, message.time) or _NEVER)
    last = told[-1] if told else None
    if last is not None and isinstance(last.detail, AutomaticImport):
        if last.detail.succeeded:
            return ()
        reason = last.detail.reason
        out_of_reach = bool(bundle_reach.NOT_REACHED.search(reason))
        reached = bundle_reach.answers(case) if out_of_reach else ()
        if out_of_reach and not reached and standing.of(case).works:
            return ()  # then only the way to the bundle's server is blocked, which has its own name
        if out_of_reach and (_filled(case) or bundle_reach.since_a_night_out_of_reach(case)):
            return ()  # that night is over
        words = next(
            (text for pattern, text in _REASONS if pattern.search(reason)), "the device gives no known reason"
        )
        evidence = [last.span, *(policy.last_result.span for policy in _failed(case) if policy.last_result)]
        if reached:
            return (
                Finding(
                    code=CODE,
                    severity=Severity.WARNING,
                    confidence=Confidence.LIKELY,
                    sentence=(
                        "The newest nightly import of the trust pool did not get its bundle, although the server "
                        "answers now: it was out of reach then, or the file is not there."
                    ),
                    evidence=tuple(dict.fromkeys((*evidence, *reached))),
                ),
            )
        return (
            Finding(
                code=CODE,
                severity=Severity.WARNING,
                confidence=Confidence.CONFIRMED,
                sentence=f"The nightly import of the trust pool fails: {words}.",
                evidence=tuple(dict.fromkeys(evidence)),
            ),
        )
    failed = _failed(case)
    if not failed or _filled(case) or bundle_reach.since_a_night_out_of_reach(case):
        return ()
    spans = tuple(policy.last_result.span for policy in failed if policy.last_result)
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.LIKELY,
            sentence="The newest nightly import of the trust pool failed; the log would tell why (717057).",
            evidence=spans,
        ),
    )


_NEVER = datetime.min  # noqa: DTZ901 - wall clocks


def _failed(case: Case) -> tuple[TrustpoolPolicy, ...]:
    """Policy screens whose last automatic import failed, and where it is still on."""
    return tuple(
        policy
        for policy in case.facts(TrustpoolPolicy)
        if policy.last_result is not None
        and policy.last_result.value.upper().startswith("FAIL")
        and not (policy.automatic is not None and not policy.automatic.value)
    )


def _filled(case: Case) -> bool:
    """Whether an import by hand has filled the pool: then FAILED is old news."""
    return any(
        report.installed is not None and report.installed.value > 0 for report in case.facts(ImportReport)
    )


RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="The automatic import of the trust pool fails.",
    evidence=(
        "717057 with one of its four reasons, and no later 717058",
        "`Last import result: FAILED` in `show crypto ca trustpool policy`",
    ),
    look_alikes=(
        LookAlike(
            cause="auto-import-result-stale",
            difference="an import by hand has filled the pool since; the result speaks of the automatic one only",
        ),
        LookAlike(
            cause="bundle-url-blocked", difference="licensing works, only the bundle's server is not reached"
        ),
        LookAlike(cause="auto-import-off", difference="nothing fails, because nothing is tried"),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "Not reached: name server, route and port 80 to the bundle's host. Signature: fetch the file unaltered, or "
                "upgrade the image. Flash: free space. Memory: see what holds it."
            ),
        ),
    ),
    verification="717058 is logged, and `Last import result: SUCCESS` stands in the policy after the next night.",
    find=find,
    holds=Example(
        title="A proxy alters the file, so its signature does not verify.",
        text="""asa-edge# show logging | include 71705
Jan 14 2021 22:00:31: %ASA-3-717057: Automatic import of trustpool certificate bundle has failed. Cisco root bundle signature validation failed
asa-edge# show crypto ca trustpool policy
14 trustpool certificates installed
Trustpool auto import statistics:
  Last import result: FAILED
  Next scheduled import at 22:00:00 UTC Fri Jan 15 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  CRL cache time: 60 seconds
  CRL next update field: required and enforced
  Automatic import of trustpool certificates is enabled
  Automatic import URL: http://www.cisco.com/security/pki/trs/ios_core.p7b
  Download time: 22:00:00
  Policy Overrides:
    None configured
""",
    ),
    silent=Example(
        title="It failed one night and succeeded the next.",
        text="""asa-edge# show logging | include 71705
Jan 14 2021 22:00:31: %ASA-3-717057: Automatic import of trustpool certificate bundle has failed. Maximum retry attempts reached. Failed to reach CA server
Jan 15 2021 22:00:12: %ASA-6-717058: Automatic import of trustpool certificate bundle is successful: No change in trustpool bundle
""",
    ),
    sources=("messages 717057 and 717058 of the ASA's guide", "domain 2.7"),
)
