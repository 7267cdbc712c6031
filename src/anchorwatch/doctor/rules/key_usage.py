"""A certificate on the way to the portal is not made for this use."""

from __future__ import annotations

import re

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import refusal
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "key-usage"
_REASON = re.compile(r"key ?usage|\beku\b", re.IGNORECASE)


def find(case: Case) -> tuple[Finding, ...]:
    """Find a refusal of the device's own connection for this reason, with no success since."""
    spans = refusal.for_reason(case, _REASON)
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="A certificate of the chain lacks the usage this connection asks for.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TLS,
    sentence="A key usage or extended key usage of the presented chain does not fit.",
    evidence=("717009 or 717027 with a reason about key usage or extended key usage",),
    look_alikes=(
        LookAlike(
            cause="anchor-missing", difference="no suitable trustpoint is found, and no other reason is given"
        ),
        LookAlike(cause="weak-crypto-refused", difference="the reason speaks of size or hash, not of usage"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Replace the certificate of the server; where a CA was made by hand, state its usage.",
        ),
    ),
    verification="717022 and 717028 are logged for the chain, and the next attempt succeeds.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The reason names the extended key usage.",
        text="""asa-edge# show logging
Apr 03 2022 10:00:01: %ASA-3-717009: Certificate validation failed. Certificate does not have the required extended key usage, serial number: 5A00000012.
Apr 03 2022 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    silent=Example(
        title="The same reason for the certificate of a VPN client.",
        text="""asa-edge# show logging
Apr 03 2022 10:00:00: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443 for TLS session.
Apr 03 2022 10:00:01: %ASA-3-717009: Certificate validation failed. Certificate does not have the required extended key usage, serial number: 5A00000012.
Apr 03 2022 10:00:01: %ASA-6-725006: Device failed SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443
""",
    ),
    sources=("domain 4, row 13",),
)
