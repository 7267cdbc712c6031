"""Usage reports pile up unacknowledged, until searching them costs the processor."""

from __future__ import annotations

import re

from anchorwatch.devices.fact import LogMessage, Platform
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "rum-backlog"
_BUSY = re.compile(r"\bSAGetRUMIds\b|\bSAUtilRepSave\b")


def find(case: Case) -> tuple[Finding, ...]:
    """Find the agent's two processes in messages about the processor or memory."""
    spans = [
        message.span
        for message in case.facts(LogMessage)
        if _BUSY.search(message.text) and message.code in {"CPUHOG", "CPUYLD", "MALLOCFAIL", "WATCHDOG"}
    ]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The agent is busy with usage reports that nobody acknowledges: a consequence of a transport that does "
                "not reach the portal. Mend that first."
            ),
            evidence=tuple(spans[:4]),
        ),
    )


HOLDS = Example(
    title="The processor is held by the saving of reports.",
    text="""acc-9300#show logging
Dec 01 04:00:12.220: %SYS-3-CPUHOG: Task is running for (2004)msecs, more than (2000)msecs (31/18),process = SAUtilRepSave.
Dec 01 05:00:13.018: %SYS-3-CPUHOG: Task is running for (2240)msecs, more than (2000)msecs (44/20),process = SAGetRUMIds.
""",
)
SILENT = Example(
    title="Another process holds the processor.",
    text="""acc-9300#show logging
Dec 01 04:00:12.220: %SYS-3-CPUHOG: Task is running for (2004)msecs, more than (2000)msecs (31/18),process = IP SNMP.
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="Unacknowledged usage reports pile up and cost processor and memory.",
    evidence=("CPUHOG or MALLOCFAIL of SAGetRUMIds or SAUtilRepSave",),
    look_alikes=(
        LookAlike(cause="communication-failing", difference="that is the cause; this is what it leads to"),
    ),
    remedy=(
        (
            Platform.IOSXE,
            (
                "Mend the transport; upgrade to 17.3.7, 17.6.5 or 17.9.1. What wipes the agent's data is a person's "
                "decision with the vendor's support."
            ),
        ),
    ),
    verification="The number of reports falls, and `Last ACK received` shows a date.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 1.4", "domain 4, row 35"),
)
