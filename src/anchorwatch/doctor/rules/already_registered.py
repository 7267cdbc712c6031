"""The portal already holds an instance with this product's identity."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.span import Span
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung
from anchorwatch.licensing.status import RegistrationState

CODE = "already-registered"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the words, unless the device itself is the registered one."""
    if any(
        report.registration and report.registration.state is RegistrationState.REGISTERED
        for report in case.facts(LicenseReport)
    ):
        return ()  # `register` was typed on a registered device: nothing is wrong
    reasons = spoken.about(case, Topic.ALREADY_REGISTERED)
    evidence: list[Span] = [span for each in reasons for span in each.spans]
    evidence += _logged(case)
    if not evidence:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if len(set(evidence)) > 1 else Confidence.LIKELY,
            sentence=(
                "The portal was reached and already holds an instance with this device's identity. "
                "Find out whether another live device has it (RMA, clone, HA swap) before forcing anything."
            ),
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _logged(case: Case) -> list[Span]:
    stands = standing.of(case)
    if stands.works:
        return []
    return [message.span for message in case.events("AGENT_ALREADY_REGISTER")]


HOLDS = Example(
    title="A replacement restored from the backup of the device it replaces.",
    text="""fw-rma# show logging | include 4443
Oct 21 2021 16:20:44: %ASA-3-444303: %SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for licensing registration with Cisco licensing cloud failed: The product 'regid.2014-08.com.cisco.ASAv' and sudi containing udi_serial_number:'9AEXAMPLE03',udi_pid:'ASAv' has already been registered.
fw-rma# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: Not Allowed
  Initial Registration: FAILED on Oct 21 16:20:44 2021 UTC
    Failure reason: The product 'regid.2014-08.com.cisco.ASAv' and sudi containing udi_serial_number:'9AEXAMPLE03',udi_pid:'ASAv' has already been registered.

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 89 days, 20 hours, 2 minutes, 50 seconds
""",
)
SILENT = Example(
    title="A registered device that was told to register again.",
    text="""fw-a# show logging | include 4443
Oct 21 2021 16:20:44: %ASA-6-444306: %SMART_LIC-6-AGENT_ALREADY_REGISTER: Smart Agent is already registered with the Cisco licensing cloud.
fw-a# show license summary

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Edge
  Export-Controlled Functionality: Allowed
  Last Renewal Attempt: None
  Next Renewal Attempt: Jan 14 09:00:00 2022 UTC

License Authorization: 
  Status: AUTHORIZED
  Last Communication Attempt: SUCCESS
  Next Communication Attempt: Nov 02 10:14:20 2021 UTC
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The portal already holds an instance with this product's identity.",
    evidence=(
        "a reason that the product has already been registered, or the agent's AGENT_ALREADY_REGISTER",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the portal answered: TLS and trust worked"),
        LookAlike(
            cause="identity-cloned", difference="there the identity certificate does not fit the device"
        ),
        LookAlike(cause="token-invalid", difference="the portal took the token"),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "First find out whether another live device holds this UDI; then `license smart register idtoken … force` "
                "with a token of the same export flag, or remove the dead instance in the portal."
            ),
        ),
        (
            Platform.FXOS,
            "The same question first; then remove the dead instance in the portal and register again.",
        ),
        (Platform.IOSXE, "The same question first; then `license smart register idtoken … force`."),
    ),
    verification="REGISTERED with a new date, and one instance with this UDI in the portal.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, row 24"),
)
