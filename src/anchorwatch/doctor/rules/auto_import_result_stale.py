"""`Last import result: FAILED` beside a pool that an import by hand has filled: old news.

The line speaks of the automatic import only. It stays until the next night, whatever was imported since.
"""

from __future__ import annotations

from anchorwatch.devices.fact import ImportReport, Platform, TrustpoolPolicy
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "auto-import-result-stale"


def find(case: Case) -> tuple[Finding, ...]:
    """Find a failed automatic import beside a good import by hand."""
    good = [
        report
        for report in case.facts(ImportReport)
        if report.installed is not None and report.installed.value > 0
    ]
    stale = [
        policy
        for policy in case.facts(TrustpoolPolicy)
        if policy.last_result is not None
        and policy.last_result.value.upper().startswith("FAIL")
        and (policy.count is None or policy.count.value > 0)
    ]
    if not good or not stale:
        return ()
    report, policy = good[-1], stale[-1]
    seen = (policy.last_result, policy.count, report.installed)
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CONFIRMED,
            sentence=(
                f"“Last import result: FAILED” speaks of the automatic import only and is stale: an import by hand "
                f"installed {report.installed}."
            ),
            evidence=tuple(value.span for value in seen if value is not None),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="The last automatic import failed, and an import by hand has filled the pool since.",
    evidence=(
        "`Last import result: FAILED` and a pool that is not empty",
        "the counters of an import by hand with `installed:` above 0",
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
