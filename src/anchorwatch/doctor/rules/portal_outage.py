"""The portal was reached and has trouble of its own."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "portal-outage"


def find(case: Case) -> tuple[Finding, ...]:
    """Find the portal's own error, or a server's 5xx."""
    own = spoken.about(case, Topic.PORTAL_TROUBLE)
    reasons = own or spoken.about(case, Topic.SERVER_ERROR)
    if not reasons:
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            # A proxy on the way can answer 5xx too.
            confidence=Confidence.CONFIRMED if own else Confidence.LIKELY,
            sentence=(
                "The portal was reached and could not do its work: the fault is on its side. "
                "The device will try again by itself; leave it alone."
            ),
            evidence=tuple(dict.fromkeys(span for each in reasons for span in each.spans)),
        ),
    )


HOLDS = Example(
    title="The renewal failed with the back end's own error.",
    text="""asa-hq# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: HQ
  Export-Controlled Functionality: ALLOWED
  Initial Registration: SUCCEEDED on Jan 10 08:00:00 2022 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Jul 09 08:00:00 2022 UTC
  Registration Expires: Jan 10 07:55:01 2023 UTC

License Authorization:
  Status: AUTHORIZED on Jan 10 08:00:11 2022 UTC
  Last Communication Attempt: FAILED on Feb 09 08:00:13 2022 UTC
    Failure reason: Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT
  Next Communication Attempt: Feb 09 09:00:13 2022 UTC
  Communication Deadline: Apr 10 07:55:10 2022 UTC

License Usage
==============

ASAv30 Standard - 2G (ASAv-STD-2G):
  Description: ASAv30 Standard - 2G
  Count: 1
  Version: 1.0
  Status: AUTHORIZED
  Export status: NOT RESTRICTED
""",
)
SILENT = Example(
    title="The same error, and an hour later a success.",
    text="""asa-hq# show logging | include 4443
Feb 09 2022 08:00:13: %ASA-3-444303: %SMART_LIC-3-AUTH_RENEW_FAILED: Authorization renewal with the Cisco licensing cloud failed: Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT
Feb 09 2022 09:00:20: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with the Cisco licensing cloud successful
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The portal, or what stands behind it, is out of order; the device is fine.",
    evidence=(
        "`LS_LICENGINE_FAIL_TO_CONNECT` or “Server error occurred” in a reason",
        "or an HTTP 5xx answer",
    ),
    look_alikes=(
        LookAlike(cause="anchor-missing", difference="the portal answered: TLS and trust worked"),
        LookAlike(
            cause="proxy-wrong", difference="a 502 to 504 may be a proxy's own; the portal's words are not"
        ),
        LookAlike(cause="token-invalid", difference="the portal said nothing about the token"),
    ),
    remedy=(
        (Platform.ASA, "Wait for the timer, then `license smart renew auth`; change nothing on the device."),
        (Platform.FXOS, "Wait for the timer; change nothing on the chassis."),
        (Platform.IOSXE, "Wait for the timer, then `license smart renew auth`; change nothing."),
    ),
    verification="The next attempt succeeds without any change.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, row 30"),
)
