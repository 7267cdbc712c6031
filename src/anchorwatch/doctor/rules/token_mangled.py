"""The token was damaged on its way to the device."""

from __future__ import annotations

import re

from anchorwatch.devices.fact import CommandRefused, Platform
from anchorwatch.doctor import spoken, standing
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import Example, LookAlike, Rule, Rung

CODE = "token-mangled"
# Tokens seen are 100 to 130 characters long; what is far outside of that was cut or glued.
_SHORTEST, _LONGEST = 90, 140
_QUOTED = re.compile(r"[Tt]oken\s+[‘'\"](?P<token>[^‘’'\"]{1,400})[’'\"]")
# The line ends inside a token travel as %0A; a program that unescapes them leaves blanks or backslashes.
_REGISTERS = re.compile(r"(?:license smart )?register idtoken\b")
_UNESCAPED = re.compile(r"\s|\\n|%25")


def find(case: Case) -> tuple[Finding, ...]:
    """Measure the token that the portal quotes; it is never shown."""
    for each in reversed(spoken.about(case, Topic.TOKEN_INVALID)):
        quoted = _QUOTED.search(each.text)
        if quoted is None or "•" in quoted["token"]:
            continue  # masked as a secret, so it has the form of a token
        token = quoted["token"]
        faults = []
        if not _SHORTEST <= len(token) <= _LONGEST:
            faults.append(f"is {len(token)} characters long, where tokens have 100 to 130")
        if _UNESCAPED.search(token):
            faults.append("holds blanks or doubly escaped characters")
        if faults:
            return (
                Finding(
                    code=CODE,
                    severity=Severity.TROUBLE,
                    confidence=Confidence.CANDIDATE,
                    sentence=(
                        f"The token that arrived at the portal {' and '.join(faults)}: it may have been damaged by "
                        "copying. Send the same token again, as one line."
                    ),
                    evidence=each.spans,
                ),
            )
    return _refused_at_once(case)


def _refused_at_once(case: Case) -> tuple[Finding, ...]:
    """A device that refuses a token itself has not asked anybody: the token is not of the form of one."""
    refused = [
        item.fact.text.span
        for item in case.items
        if isinstance(item.fact, CommandRefused)
        and _REGISTERS.match(item.command)
        and "token" in item.fact.text.value.lower()
    ]
    # The connection may well work; only a registration since says that another token was taken.
    if not refused or standing.is_settled(case):
        return ()
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.CANDIDATE,
            sentence=(
                "The device refused the token before it asked the portal: it may have been damaged by copying. Send the "
                "same token again, as one line."
            ),
            evidence=tuple(refused),
        ),
    )


HOLDS = Example(
    title="The token the portal quotes is half a token.",
    text="""br-sw-2#show license status
Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: NOT ALLOWED
  Initial Registration: FAILED on Jun 17 08:40:12 2020 UTC
    Failure reason: {"token":["The token 'EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE' is not valid."]}

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 64 days, 12 hours, 0 minutes, 21 seconds
""",
)
SILENT = Example(
    title="A token of full length that has expired.",
    text="""br-sw-2#show license status
Smart Licensing is ENABLED

Registration:
  Status: UNREGISTERED - REGISTRATION FAILED
  Export-Controlled Functionality: NOT ALLOWED
  Initial Registration: FAILED on Jun 17 08:40:12 2020 UTC
    Failure reason: {"token":["The token has expired."]}

License Authorization: 
  Status: EVAL MODE
  Evaluation Period Remaining: 64 days, 12 hours, 0 minutes, 21 seconds
""",
)

RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.PORTAL,
    sentence="The token may have been damaged on its way: cut, wrapped, or unescaped by a program.",
    evidence=("a token quoted by the portal whose length or characters no token has",),
    look_alikes=(
        LookAlike(
            cause="token-invalid", difference="the same words; there the token is whole and no longer valid"
        ),
        LookAlike(cause="anchor-missing", difference="the portal answered: TLS and trust worked"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Type the token as one line, its `%0A` and `%3D` as they are; compare its length first.",
        ),
        (Platform.FXOS, "Type the token as one line, its `%0A` and `%3D` as they are."),
        (Platform.IOSXE, "Type the token as one line, its `%0A` and `%3D` as they are."),
    ),
    verification="The same token registers the device.",
    find=find,
    cap=Confidence.CANDIDATE,
    holds=HOLDS,
    silent=SILENT,
    sources=("domain 2.1", "domain 4, row 23"),
)
