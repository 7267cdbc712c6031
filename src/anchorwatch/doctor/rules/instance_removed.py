"""The product instance was removed in the portal, and the device does not know it."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "instance-removed"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the portal's words about an instance it no longer knows."""
    reasons = spoken.about(case, Topic.INSTANCE_REMOVED)
    if not reasons:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED,
            sentence=(
                "The portal was reached and no longer knows this product instance: somebody removed it there. "
                "Trust is fine; the device has to be registered anew."
            ),
            evidence=tuple(dict.fromkeys(span for each in reasons for span in each.spans)),
        ),
    )


HOLDS = Example(
    title="The agent's statistics keep the portal's raw answer, while the screen above says that all is well.",
    text="""core-9k#show license tech support
Smart Licensing Tech Support info

Smart Licensing Status
======================

Smart Licensing is ENABLED

Usage Reporting:
  Last ACK received: <none>
  Next ACK deadline: Mar 01 10:00:00 2022 UTC

Communication Statistics:
=======================
Communication Level Allowed: DIRECT
Overall State: <empty>
Trust Establishment:
  Attempts: Total=1, Success=1, Fail=0  Ongoing Failure: Overall=0 Communication=0
  Last Response: OK on Nov 30 09:55:02 2021 UTC
    Failure Reason: <none>
  Last Success Time: Nov 30 09:55:02 2021 UTC
  Last Failure Time: <none>
Usage Reporting:
  Attempts: Total=4, Success=1, Fail=3  Ongoing Failure: Overall=3 Communication=3
  Last Response: INVALID STATUS CODE on Dec 31 10:01:44 2021 UTC
    Failure Reason: {"product_instance_identifier":["The identity for the instance 11111111-2222-3333-4444-555555555555 is not valid.Please re-register the instance."]}
  Last Success Time: Nov 30 10:00:11 2021 UTC
  Last Failure Time: Dec 31 10:01:44 2021 UTC
""",
)
SILENT = Example(
    title="An answer of the agent itself: no request ever left the device.",
    text="""core-9k#show license tech support
Communication Statistics:
=======================
Communication Level Allowed: DIRECT
Overall State: <empty>
Usage Reporting:
  Attempts: Total=3, Success=0, Fail=3  Ongoing Failure: Overall=3 Communication=3
  Last Response: BUILD REQUEST ERROR on Dec 31 10:01:44 2021 UTC
    Failure Reason: Null pointer Error
  Last Success Time: <none>
  Last Failure Time: Dec 31 10:01:44 2021 UTC
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The product instance was removed in the portal; the device still believes that it is registered.",
    evidence=(
        "a reason, often raw JSON, that the identity of the product instance is not valid and it must re-register",
        "`Last Response: INVALID STATUS CODE` above it in `show license tech support`",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the portal answered: TLS and trust worked"),
        LookAlike(cause="token-invalid", difference="there the portal speaks of a token"),
        LookAlike(
            cause="identity-cloned", difference="two devices with one identity; ask before registering anew"
        ),
        LookAlike(
            cause="licensing-pki", difference="the portal judged the instance, not a certificate's signature"
        ),
    ),
    remedy=(
        (Platform.ASA, "New token with the same export flag, then `license smart register idtoken … force`."),
        (Platform.FXOS, "New token with the same export flag, then `scope license`, `register idtoken …`."),
        (
            Platform.IOSXE,
            "Up to 17.3.1 `license smart register idtoken … force`; later `license smart trust idtoken … force`.",
        ),
    ),
    verification="A new registration or trust code, and a success newer than it.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, row 24a"),
)
