"""From 9.16 on the ASA refuses small keys and weak hashes, in a chain that it accepted before."""

from __future__ import annotations

import re

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import refusal
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "weak-crypto-refused"
_REASON = re.compile(r"weak|key ?size|permit-weak-crypto|key length", re.IGNORECASE)


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
            sentence="A key or a hash of the chain is too weak for this release.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TLS,
    sentence="A certificate is refused for its key size or hash, mostly after an upgrade to 9.16 or later.",
    evidence=(
        "717009 with a reason about key size or a weak hash",
        "the same store worked before the upgrade",
    ),
    look_alikes=(
        LookAlike(
            cause="anchor-missing", difference="no suitable trustpoint is found, and no other reason is given"
        ),
        LookAlike(cause="key-usage", difference="the reason speaks of usage"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Replace the certificate or CA that is weak; crypto ca permit-weak-crypto is the last resort, and a person's decision.",
        ),
    ),
    verification="717022 and 717028 are logged for the chain, and the next attempt succeeds.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="The reason names the size and the override.",
        text="""asa-edge# show logging
Apr 03 2022 10:00:01: %ASA-3-717009: Certificate validation failed. Certificate key size is too small or the signature hash is weak. Use crypto ca permit-weak-crypto to allow it.
Apr 03 2022 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error
""",
    ),
    silent=Example(
        title="The same reason for the certificate of a VPN client.",
        text="""asa-edge# show logging
Apr 03 2022 10:00:00: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443 for TLS session.
Apr 03 2022 10:00:01: %ASA-3-717009: Certificate validation failed. Certificate key size is too small or the signature hash is weak. Use crypto ca permit-weak-crypto to allow it.
Apr 03 2022 10:00:01: %ASA-6-725006: Device failed SSL handshake with client outside:203.0.113.44/51515 to 198.51.100.2/443
""",
    ),
    sources=("domain 4, row 14",),
)
