"""`Last import result: FAILED` beside a pool that an import by hand has filled: old news.

The line speaks of the automatic import only. It stays until the next night, whatever was imported since.
"""

from __future__ import annotations

from anchorwatch.devices.fact import ImportReport, Platform, TrustpoolPolicy
from anchorwatch.devices.span import Span
from anchorwatch.doctor import bundle_reach
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "auto-import-result-stale"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a failed automatic import beside a pool that was filled otherwise, or whose server is reached by now."""
    stale = [
        policy
        for policy in case.facts(TrustpoolPolicy)
        if policy.last_result is not None
        and policy.last_result.value.upper().startswith("FAIL")
        and (policy.count is None or policy.count.value > 0)
    ]
    good = [
        report
        for report in case.facts(ImportReport)
        if report.installed is not None and report.installed.value > 0
    ]
    if not stale:
        return ()
    policy = stale[-1]
    if good:
        seen = (policy.last_result, policy.count, good[-1].installed)
        return (
            _stale(
                Confidence.CONFIRMED,
                f"an import by hand installed {good[-1].installed}.",
                tuple(value.span for value in seen if value is not None),
            ),
        )
    reached = bundle_reach.since_a_night_out_of_reach(case)
    if not reached or policy.count is None or policy.last_result is None:
        return ()
    return (
        _stale(
            Confidence.LIKELY,
            f"{policy.count} certificates are in the pool, and the server of the bundle is reached by now.",
            (policy.last_result.span, policy.count.span, *reached),
        ),
    )


def _stale(confidence: Confidence, why: str, evidence: tuple[Span, ...]) -> Finding:
    return Finding(
        code=CODE,
        severity=Severity.NOTE,
        confidence=confidence,
        sentence=f"“Last import result: FAILED” speaks of the automatic import only and is stale: {why}",
        evidence=evidence,
    )


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The last automatic import failed, and an import by hand has filled the pool since.",
    evidence=(
        "`Last import result: FAILED` and a pool that is not empty",
        "the counters of an import by hand with `installed:` above 0, or `ping tcp` to the bundle's host is answered",
    ),
    look_alikes=(
        LookAlike(cause="auto-import-failing", difference="no import by hand was made, or 717057 goes on"),
    ),
    remedy=((Platform.ASA, "Nothing; look again after the next night."),),
    verification="After the next scheduled import the result is SUCCESS.",
    find=find,
    holds=Example(
        title="The night's import failed before the name server was reachable; by day it was done by hand.",
        text="""asa-edge# crypto ca trustpool import url http://www.cisco.com/security/pki/trs/ios_core.p7b
Root file signature verified.
You are about to update the current trusted certificate pool
with the 20109 byte file at http://www.cisco.com/security/pki/trs/ios_core.p7b
Do you want to continue? (y/n)
Trustpool import:
  attempted: 17
  installed: 16
  duplicates: 1
  expired: 0
  failed: 0
asa-edge# show crypto ca trustpool policy
17 trustpool certificates installed
Trustpool auto import statistics:
  Last import result: FAILED
  Next scheduled import at 22:00:00 UTC Fri Jan 15 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  Automatic import of trustpool certificates is enabled
  Automatic import URL: http://www.cisco.com/security/pki/trs/ios_core.p7b
  Download time: 22:00:00
""",
    ),
    silent=Example(
        title="It failed, and nobody has imported anything.",
        text="""asa-edge# show crypto ca trustpool policy
1 trustpool certificates installed
Trustpool auto import statistics:
  Last import result: FAILED
  Next scheduled import at 22:00:00 UTC Fri Jan 15 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  Automatic import of trustpool certificates is enabled
  Automatic import URL: http://www.cisco.com/security/pki/trs/ios_core.p7b
  Download time: 22:00:00
""",
    ),
    sources=("Cisco TAC document 213932, its note on the policy screen",),
)
