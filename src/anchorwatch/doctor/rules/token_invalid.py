"""The portal refuses the ID token: it has expired, is used up, was revoked, or was never one of its own."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import TOKEN_TOPICS, Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "token-invalid"
_WHY = {
    Topic.TOKEN_EXPIRED: "has expired",
    Topic.TOKEN_EXHAUSTED: "has been used as often as it may be",
    Topic.TOKEN_REVOKED: "was revoked",
    Topic.TOKEN_INVALID: "is not one the portal knows",
}


def find(case: Case) -> tuple[Finding, ...]:
    """Find the portal's words about a token."""
    reasons = spoken.about(case, *TOKEN_TOPICS)
    if not reasons:
        return ()
    newest = reasons[-1]
    why = _WHY[newest.words.topic] if newest.words else ""
    # The raw JSON of the portal has a known form; its sentences in running text were not seen on a device.
    structured = any(each.words and each.words.structured for each in reasons)
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CONFIRMED if structured else Confidence.LIKELY,
            sentence=(
                f"The portal was reached and refused the ID token: it {why}. "
                "Name, route, TLS and trust work; a new token is needed."
            ),
            evidence=tuple(dict.fromkeys(span for each in reasons for span in each.spans)),
        ),
    )


HOLDS = Example(
    title="The registration failed, and the reason is what the portal said about the token.",
    text="""br-sw-1#show license status
Smart Licensing is ENABLED

Utility:
  Status: DISABLED

Transport:
  Type: Smart
  URL: https://smartreceiver.cisco.com/licservice/license

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: NOT ALLOWED
  Initial Registration: FAILED on Jun 17 08:40:12 2020 UTC
    Failure reason: {"token":["The token 'EXAMPLEEXAMPLEEXAMPLE' has expired."]}
  Next Registration Attempt: Jun 17 08:56:10 2020 UTC

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 64 days, 12 hours, 0 minutes, 21 seconds
""",
)
SILENT = Example(
    title="The request never got out: nothing is known about the token.",
    text="""br-sw-1#show logging | include SMART
Jun 17 08:40:12.412: %SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for Licensing Registration with the Cisco Smart Software Manager (CSSM) failed: Fail to send out Call Home HTTP message.
Jun 17 08:40:12.413: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager (CSSM) : Fail to send out Call Home HTTP message.
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The portal refuses the ID token: expired, used up, revoked or unknown.",
    evidence=(
        "a reason that speaks of the token: not valid, expired, revoked, maximum use count",
        "no success newer than it",
    ),
    look_alikes=(
        LookAlike(
            cause="anchor-missing", difference="only the portal can judge a token: TLS and trust worked"
        ),
        LookAlike(cause="dns-failing", difference="the portal answered, so its name was resolved"),
        LookAlike(cause="token-mangled", difference="the same words, and the token works on another device"),
        LookAlike(
            cause="instance-removed", difference="there the portal speaks of the instance, not of a token"
        ),
    ),
    remedy=(
        (
            Platform.ASA,
            (
                "New token in the right virtual account with the same export flag; `license smart renew auth` where the "
                "device is still REGISTERED, else `license smart register idtoken …` (`force` where it was registered)."
            ),
        ),
        (Platform.FXOS, "New token with the same export flag; `scope license`, `register idtoken …`."),
        (Platform.IOSXE, "New token with the same export flag; `license smart register idtoken …`."),
    ),
    verification="REGISTERED with a date later than the command, and the export flag as before.",
    find=find,
    explains=FAILED_EXCHANGE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.13", "domain 4, row 22", "domain 4.1, rule 6"),
)
