"""The identity certificate belongs to another device: a cloned machine, or one whose identity changed."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung

CODE = "identity-cloned"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the agent's words about an identity that does not fit."""
    reasons = spoken.about(case, Topic.IDENTITY_MISMATCH)
    if not reasons:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The identity certificate does not fit this device: it may be a clone, or its identity has changed. "
                "Leave the original alone."
            ),
            evidence=tuple(dict.fromkeys(span for each in reasons for span in each.spans)),
        ),
    )


HOLDS = Example(
    title="A virtual router started from a copy of another.",
    text="""csr-copy#show logging | include SMART
Jul 30 2020 07:00:00: %SMART_LIC-3-ID_CERT_RENEW_FAILED: Identity certificate renewal failed : Code validation failed. The udi failed to match the identifier of the certificate.
Jul 30 2020 07:00:01: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : Code validation failed
""",
)
SILENT = Example(
    title="The portal holds another instance with this identity.",
    text="""csr-rma#show logging | include SMART
Jul 30 2020 07:00:00: %SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for Licensing Registration with the Cisco Smart Software Manager (CSSM) failed: The product and sudi has already been registered.
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The identity certificate does not fit the device: a clone, or a changed identity.",
    evidence=("a reason that a code did not validate, or that an identifier failed to match",),
    look_alikes=(
        LookAlike(
            cause="already-registered", difference="there the portal holds another instance of this identity"
        ),
        LookAlike(cause="instance-removed", difference="there the portal no longer knows the instance"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Deploy the clone anew with its own identity and register that; leave the original alone.",
        ),
        (
            Platform.IOSXE,
            "Deploy the clone anew with its own identity and register that; leave the original alone.",
        ),
    ),
    verification="Two instances in the portal, each with its own serial number.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 4, row 25", "domain 4.1, rule 5"),
)
