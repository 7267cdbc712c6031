r"""What a failure's words prove: one vocabulary for every rule and for the ladder.

The agent prints few reasons, and each tells how far an attempt came. The rule that matters most stands here once: a
reason that quotes something only the portal can know (a token, an account, this product instance, a licence) proves
that name, route, TLS and trust all worked, so it is never evidence for a trust fault. "Message send error" proves
nothing beyond the transport.

Case, blanks and prefixes vary from release to release and get lost in copying, so words are compared without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a reason is about."""

    TOKEN_EXPIRED = "token-expired"  # noqa: S105 - a topic
    TOKEN_EXHAUSTED = "token-exhausted"  # noqa: S105 - a topic
    TOKEN_REVOKED = "token-revoked"  # noqa: S105 - a topic
    TOKEN_INVALID = "token-invalid"  # noqa: S105 - a topic
    ALREADY_REGISTERED = "already-registered"
    INSTANCE_REMOVED = "instance-removed"
    PORTAL_TROUBLE = "portal-trouble"
    PORTAL_OTHER = "portal-other"
    SERVER_ERROR = "server-error"
    IDENTITY_MISMATCH = "identity-mismatch"
    LICENSING_CERTIFICATE = "licensing-certificate"
    RESERVATION = "reservation"
    UNTRUSTED = "untrusted"
    CLOCK_REFUSED = "clock-refused"
    UNRESOLVED = "unresolved"
    UNCONNECTED = "unconnected"
    PROXY_FAILING = "proxy-failing"
    PROXY_LOGIN = "proxy-login"
    TRANSPORT_OFF = "transport-off"
    NOT_READY = "not-ready"
    NOT_REGISTERED = "not-registered"
    IN_PROGRESS = "in-progress"
    AGENT_DEFECT = "agent-defect"
    RESPONSE_ERROR = "response-error"
    NOT_SENT = "not-sent"
    TIMED_OUT = "timed-out"


TOKEN_TOPICS = frozenset(
    {Topic.TOKEN_EXPIRED, Topic.TOKEN_EXHAUSTED, Topic.TOKEN_REVOKED, Topic.TOKEN_INVALID}
)
"""The portal refused the ID token."""

_OF_THE_PORTAL = TOKEN_TOPICS | {
    Topic.ALREADY_REGISTERED,
    Topic.INSTANCE_REMOVED,
    Topic.PORTAL_TROUBLE,
    Topic.PORTAL_OTHER,
    Topic.CLOCK_REFUSED,
}

# In order, the first that is found decides; written in lower case without blanks, as the words are compared.
_TOKEN = r"(?:(?:id)?token\b|[\"'{]token|thetoken|idtoken|registrationtoken)"  # noqa: S105 - a pattern
_NOT = r"unableto|failedto|(?:could|can)(?:not|n['\u2019]?t)"
_TABLE: tuple[tuple[str, Topic], ...] = (
    (
        r"product_?instance_?identifier.*(?:notvalid|re-?register)|identityfortheinstance.*notvalid",
        Topic.INSTANCE_REMOVED,
    ),
    (rf"{_TOKEN}.*(?:maximum|usecount|exceed|exhaust|usagelimit)", Topic.TOKEN_EXHAUSTED),
    (rf"{_TOKEN}.*revoked", Topic.TOKEN_REVOKED),
    (rf"{_TOKEN}.*expired", Topic.TOKEN_EXPIRED),
    (rf"{_TOKEN}.*(?:notvalid|invalid|notfound|notrecogni)|invalid(?:id)?token", Topic.TOKEN_INVALID),
    (r"already(?:been)?registered", Topic.ALREADY_REGISTERED),
    (r"(?:date|time|timestamp)\b.*offset.*(?:allowed|tolerance|limit)", Topic.CLOCK_REFUSED),
    (r"ls_[a-z]+_[a-z_]+|servererroroccurred", Topic.PORTAL_TROUBLE),
    (
        (
            r"http(?:/\d\.\d)?(?:status|server|response|error|code|:|=)*5\d\d(?!\d)|internalservererror"
            r"|serviceunavailable|badgateway|gatewaytimeout"
        ),
        Topic.SERVER_ERROR,
    ),
    (r"proxyauthentication|http\D{0,12}407", Topic.PROXY_LOGIN),
    (
        (
            r"failedtoauthenticateserver|tlscert\w*cannotbevalidated|certificateverifyfailed"
            r"|cannotestablishsecureconnection|unabletoget(?:local)?issuercert|unabletoverifythefirstcert"
            r"|self-?signedcert\w*incert|peercert\w*cannotbeauthenticated|certificateissuer(?:isnot|not)(?:known|recogni)"
        ),
        Topic.UNTRUSTED,
    ),
    (
        r"codevalidationfailed|failedtomatch.*identif|identif.*failedtomatch|certmatchessubset|subsetof(?:the)?udis?",
        Topic.IDENTITY_MISMATCH,
    ),
    (rf"(?:{_NOT})(?:be)?(?:resolve|connectto)(?:the)?proxy", Topic.PROXY_FAILING),
    (rf"(?:{_NOT})(?:be)?resolve|namelookupfailed|invalidhostname", Topic.UNRESOLVED),
    (rf"(?:{_NOT})connectto(?:the)?(?:remote)?(?:host|server|port)|connectionrefused", Topic.UNCONNECTED),
    (
        r"transport(?:is)?disabled|call-?home(?:service)?(?:is)?(?:disabled|off)\b|communicationsdisabled",
        Topic.TRANSPORT_OFF,
    ),
    (r"communications?init(?:ialization)?fail", Topic.NOT_READY),
    (r"nullpointer|buildrequesterror", Topic.AGENT_DEFECT),
    (
        (
            r"certificatevalidation|(?:id|node|signing|sub-?ca|licensing)cert\w*(?:is|has)?(?:invalid|expired|mismatch)"
            r"|verifysignature|signature(?:verification|validation)fail|trustchain|certificatemismatch"
            r"|rootcertificatemismatch|dataandsignaturedonotmatch|rootcaimport|failedtoverify\w*signature"
        ),
        Topic.LICENSING_CERTIFICATE,
    ),
    (r"agentisnotregistered", Topic.NOT_REGISTERED),
    (r"(?:license|licensing|specific|permanent)\w*reservation|isreserved", Topic.RESERVATION),
    (r"alreadyinprogress|(?:registration|renewal)inprogress", Topic.IN_PROGRESS),
    (r"sendresponseerror", Topic.RESPONSE_ERROR),
    (r"messagesenderror|fail(?:ed)?tosendout", Topic.NOT_SENT),
    (r"timed?-?out", Topic.TIMED_OUT),
    (
        (
            r"(?:smart|virtual)account\W*.*(?:notfound|invalid|notvalid|doesnotexist|noaccess)"
            r"|failurestatusina?response|entitlement\W*.*(?:notvalid|invalid|notfound)|^\W{0,3}\{\"[a-z_]+\":[\[\"]"
        ),
        Topic.PORTAL_OTHER,
    ),
)
_PATTERNS = tuple((re.compile(pattern), topic) for pattern, topic in _TABLE)
_BLANKS = re.compile(r"\s+")
# Reasons are a line; what is longer is cut rather than searched.
_LONGEST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A reason, read: `proves_portal` says that only the portal can have said it; `structured` that it is raw JSON."""

    topic: Topic
    proves_portal: bool
    structured: bool


def understand(text: str) -> Words | None:
    """Read a reason or a message's text; None for words that are not in the vocabulary."""
    plain = _BLANKS.sub("", text[:_LONGEST]).lower()
    topic = next((topic for pattern, topic in _PATTERNS if pattern.search(plain)), None)
    if topic is None:
        return None
    return Words(topic=topic, proves_portal=topic in _OF_THE_PORTAL, structured='{"' in plain)


def proves_portal(text: str) -> bool:
    """Whether a reason proves that the portal was reached and answered."""
    words = understand(text)
    return words is not None and words.proves_portal


def names_local_utility(text: str) -> bool:
    """Whether a message speaks of a licensing utility on site (CSLU), which IOS-XE looks for by default."""
    plain = _BLANKS.sub("", text[:_LONGEST]).lower()
    return "cslu" in plain or "licenseutility" in plain
