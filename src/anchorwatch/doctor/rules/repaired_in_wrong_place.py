"""The import was made where the licence agent does not live: it changed nothing that matters.

On a Firepower 4100 or 9300 the agent lives in the FXOS; in multiple-context mode in the system context; of a failover
pair each unit has a store of its own.
"""

from __future__ import annotations

import re

from anchorwatch.devices.fact import ImportReport, Platform, SoftwareVersion
from anchorwatch.devices.span import Span
from anchorwatch.devices.typed import Typed
from anchorwatch.doctor import standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung

CODE = "repaired-in-wrong-place"
_CHASSIS = re.compile(r"FPR-?(?:4K|9K|41\d\d|93\d\d)", re.IGNORECASE)
_REPAIRS = ("crypto ca trustpool import", "crypto ca authenticate")


def find(case: Case) -> tuple[Finding, ...]:
    """Find a repair typed on the application of a chassis, in a user context or on a standby unit."""
    if standing.of(case).works:
        return ()
    typed = [each for each in case.facts(Typed) if each.command.startswith(_REPAIRS)]
    chassis = [
        version.hardware.span
        for version in case.lasting(SoftwareVersion)
        if version.hardware is not None and _CHASSIS.search(version.hardware.value)
    ]
    counters = [report.installed.span for report in case.facts(ImportReport) if report.installed is not None]
    made = [each.span for each in typed] or counters
    misplaced: list[Span] = []
    where = ""
    if chassis and made:
        misplaced, where = (
            [*made, *chassis],
            "in the ASA that runs on a chassis; its licence agent lives in the FXOS",
        )
    elif any(each.context for each in typed):
        misplaced = [each.span for each in typed if each.context]
        where = "in a user context; licensing lives in the system context"
    elif typed and all(each.state == "standby" for each in typed):
        misplaced, where = [each.span for each in typed], "on the standby unit only"
    if not misplaced:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=f"The trust store was changed {where}.",
            evidence=tuple(dict.fromkeys(misplaced)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="A repair was made where the licence agent does not live.",
    evidence=(
        "an import on an ASA whose hardware is FPR4K-SM or FPR9K-SM",
        "an import behind the prompt of a user context, or of the standby unit only",
    ),
    look_alikes=(
        LookAlike(cause="bundle-outdated", difference="the place was right, and the bundle lacked the CA"),
        LookAlike(cause="fxos-trustpoint-missing", difference="nothing was tried yet"),
    ),
    remedy=(
        (
            Platform.FXOS,
            "Repeat it in the FXOS of each chassis: scope security, enter trustpoint, set certchain, commit-buffer.",
        ),
        (Platform.ASA, "Repeat it in the system context, on the active unit, and check the standby."),
    ),
    verification="The owner of the agent shows a newer success.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=Example(
        title="The bundle is imported into the application of a 4100.",
        text="""asa-app# show version
Cisco Adaptive Security Appliance Software Version 9.8(2)
Firepower Extensible Operating System Version 2.2(2.52)

Hardware:   FPR4K-SM-24, 111728 MB RAM, CPU Xeon E5 series 2200 MHz, 1 CPU (48 cores)

asa-app# crypto ca trustpool import default noconfirm
Trustpool import:
  attempted: 17
  installed: 17
  duplicates: 0
  expired: 0
  failed: 0
""",
    ),
    silent=Example(
        title="The same import on an ASAv, which owns its licence.",
        text="""asav# show version
Cisco Adaptive Security Appliance Software Version 9.8(2)

Hardware:   ASAv, 2048 MB RAM, CPU Pentium II 2000 MHz,

asav# crypto ca trustpool import default noconfirm
Trustpool import:
  attempted: 17
  installed: 17
  duplicates: 0
  expired: 0
  failed: 0
""",
    ),
    sources=("domain 1.5 and 4, row 34",),
)
