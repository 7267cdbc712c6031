"""The chain has an anchor, and the name in the URL is none of the certificate's."""

from __future__ import annotations

import ipaddress
import re

from anchorwatch.devices.agent_detail import AgentDetail
from anchorwatch.devices.debug import DebugLine, Trouble
from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import refusal, spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "hostname-mismatch"
_NAME = re.compile(
    r"(?:host ?name|identity|common name|subject alternative|\bname\b).{0,40}(?:mismatch|not match|does not)|does not match.{0,40}name",
    re.IGNORECASE,
)


def find(case: Case) -> tuple[Finding, ...]:
    """Find a reason about the name, or a portal reached by its address while its name is checked."""
    if standing.of(case).works:
        return ()
    spans = refusal.for_reason(case, _NAME)
    spans += [line.text.span for line in case.facts(DebugLine) if line.trouble is Trouble.WRONG_NAME]
    checked = [
        detail.server_identity_check.span
        for detail in case.facts(AgentDetail)
        if detail.server_identity_check is not None and detail.server_identity_check.value
    ]
    by_address = [span for host, span in refusal.private_hosts(case) if _is_address(host)]
    failing = [span for said in spoken.about(case, Topic.UNTRUSTED) for span in said.spans]
    if by_address and (checked or failing) and standing.of(case).works is False:
        spans += [*by_address, *checked, *failing]
    spans += [
        span
        for said in spoken.about(case, Topic.UNTRUSTED)
        if "cannot be validated" in said.text.lower()
        for span in said.spans
    ]
    if not spans:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence="The portal is called by a name that its certificate does not carry.",
            evidence=tuple(dict.fromkeys(spans)),
        ),
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TLS,
    sentence="The name in the transport's URL is not one of the certificate's names.",
    evidence=(
        "717009 or 717027 with a reason about the name, after 717030 found a trustpoint",
        "`Server Identity Check: True` and a URL with an address or an alias",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="no trustpoint is found for the chain at all"),
        LookAlike(
            cause="onprem-ca-untrusted", difference="the name fits, and the portal's own CA is not trusted"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            "Use the name that the certificate carries: <portal URL>; or renew the portal's certificate with this one.",
        ),
        (Platform.IOSXE, "license smart url <portal URL> with the name that the certificate carries."),
    ),
    verification="The next attempt succeeds with the new URL.",
    find=find,
    cap=Confidence.CANDIDATE,
    explains=FAILED_EXCHANGE,
    holds=Example(
        title="A trustpoint is found, and the reason speaks of the name.",
        text="""asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-7-717030: Found a suitable trustpoint ONPREM to validate certificate.
Apr 03 2021 10:00:01: %ASA-3-717027: Certificate chain failed validation. Peer certificate hostname does not match the server name.
""",
    ),
    silent=Example(
        title="A trustpoint is found, and the chain validates.",
        text="""asa-edge# show logging
Apr 03 2021 10:00:01: %ASA-7-717030: Found a suitable trustpoint ONPREM to validate certificate.
Apr 03 2021 10:00:01: %ASA-6-717028: Certificate chain was successfully validated with warning, revocation status was not checked.
""",
    ),
    sources=("domain 4, row 9",),
)
