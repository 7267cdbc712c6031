"""The page repeats a block where another output must have stood: what it showed there is lost.

Nothing of the lost output is guessed. What the repeated block says counts once.
"""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.repetition import Repeated
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "text-overwritten"


def find(case: Case) -> tuple[Finding, ...]:
    """Find each block of a page that repeats an earlier one."""
    again = case.facts(Repeated)
    if not again:
        return ()
    places = ", ".join(f"line {each.again.span.line} (as line {each.first.line})" for each in again)
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.LIKELY,
            sentence=(
                f"{len(again)} block{'s' if len(again) != 1 else ''} of the page repeat{'' if len(again) != 1 else 's'} an "
                f"earlier one where another output must have stood: {places}."
            ),
            evidence=tuple(each.again.span for each in again),
        ),
    )


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="Blocks of the page are repeated where other outputs stood.",
    evidence=("the same block again, with sentences of the page between the two",),
    look_alikes=(
        LookAlike(cause="serial-shortened", difference="digits are lost, not blocks"),
        LookAlike(cause="pem-damaged", difference="a certificate is damaged, not replaced"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Nothing on the device; take the commands from the device's guide, not from this page.",
        ),
    ),
    verification="Another copy of the page, in its first language, shows other outputs there.",
    find=find,
    cap=Confidence.LIKELY,
    holds=Example(
        title="Below the announcement of a listing stands the command of the paragraph before.",
        text="""If the registration is there and the renewal fails, it can be asked for by hand:
asa-edge# license smart renew auth

The pool now shows the root of the portal, as this listing proves to the reader:
asa-edge# license smart renew auth
""",
    ),
    silent=Example(
        title="A person who types a command twice has not lost anything.",
        text="""asa-edge# license smart renew auth
asa-edge# license smart renew auth
asa-edge# show clock
10:11:12.000 UTC Mon Mar 4 2019
""",
    ),
    sources=("Cisco TAC document 213932, five of its blocks",),
)
