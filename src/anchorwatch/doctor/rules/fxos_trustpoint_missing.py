"""The chassis did not authenticate the portal's server: none of its trustpoints holds the CA.

On a Firepower 4100 or 9300 the licence agent lives in the FXOS, with trustpoints of its own; what the ASA running on it
trusts plays no part. The chassis says only that authentication failed, and names no CA. Which one is missing is
decided by the endpoint and the date.
"""

from __future__ import annotations

import re

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.fxos.trustpoint import ChassisTrustpoint, TrustpointPaste
from anchorwatch.devices.typed import Typed
from anchorwatch.doctor import chassis_trust, migration, platform, reach, spoken
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.portal_words import Topic
from anchorwatch.doctor.rule import FAILED_EXCHANGE, Example, LookAlike, Rule, Rung

CODE = "fxos-trustpoint-missing"
_WORDS = re.compile(r"authenticate\s*server", re.IGNORECASE)


def find(case: Case) -> tuple[Finding, ...]:
    """Find a failure to authenticate the server, on a chassis or where nothing tells the platform."""
    if platform.of(case) not in (Platform.FXOS, None):
        return ()
    said = [each for each in spoken.about(case, Topic.UNTRUSTED) if _WORDS.search(each.text)]
    if not said or reach.unresolved(case) or reach.unreachable(case):
        return ()
    if chassis_trust.expected(case):
        return ()  # it is there: what the chassis was shown came from somewhere else
    evidence = [span for each in said for span in each.spans]
    evidence += [point.status.span for point in case.facts(ChassisTrustpoint) if point.status]
    uncommitted = _uncommitted(case)
    evidence += [typed.span for typed in uncommitted]
    sentence = (
        "The chassis could not authenticate the portal's server: no trustpoint of the FXOS holds its CA."
    )
    sentence += _which(case)
    if uncommitted:
        sentence += " A trustpoint was entered, and nothing shows that it was committed."
    return (
        Finding(
            code=CODE,
            severity=Severity.TROUBLE,
            confidence=Confidence.LIKELY,
            sentence=sentence,
            evidence=tuple(dict.fromkeys(evidence)),
        ),
    )


def _which(case: Case) -> str:
    """The CA by endpoint and date; without a date, that it is needed."""
    host, at = chassis_trust.where_and_when(case)
    if at is None:
        return " Which CA that is depends on the date, which is not shown."
    expected = migration.expected_ca(host, at)
    if expected is None:
        return f" Which CA {host} has is not known here."
    roots = " or ".join(f"“{root.common_name or root.organizational_unit}”" for root in expected.roots)
    return f" On {at.isoformat()} the certificate of {host} came from {roots}."


def _uncommitted(case: Case) -> tuple[Typed, ...]:
    """Commands typed while changes waited, where no commit followed."""
    typed = [each for each in case.facts(Typed) if each.scope]
    last = max((index for index, each in enumerate(typed) if each.command.startswith("commit")), default=-1)
    pending = tuple(each for each in typed[last + 1 :] if each.pending)
    return pending if case.facts(TrustpointPaste) or pending else ()


RULE = Rule(
    code=CODE,
    severity=Severity.TROUBLE,
    rung=Rung.TRUST,
    sentence="The chassis does not trust the CA of the portal's certificate.",
    evidence=(
        "`show license all` in the FXOS: `Failure reason: Failed to authenticate server`",
        "`show trustpoint detail` in `scope security` lacks the CA of that date",
        "a prompt that still carries `*`: a trustpoint was entered and not committed",
    ),
    look_alikes=(
        LookAlike(
            cause="repaired-in-wrong-place",
            difference="an import into the ASA that runs on the chassis was made, and changes nothing for the FXOS",
        ),
        LookAlike(cause="clock-wrong", difference="`show clock` of the chassis is hours or years off"),
        LookAlike(
            cause="tls-inspection",
            difference="a proxy presents a CA of its own, which a capture of the chain shows",
        ),
        LookAlike(
            cause="pem-damaged", difference="a trustpoint was pasted, but the text is not a certificate"
        ),
    ),
    remedy=(
        (
            Platform.FXOS,
            (
                "On each chassis: scope security, enter trustpoint <name>, set certchain with the CA of the date "
                "taken from a verified bundle, ENDOFBUF alone on its line, commit-buffer; then scope license, "
                "scope licdebug, renew."
            ),
        ),
    ),
    verification=(
        "`show license all` in the FXOS shows a Last Renewal Attempt or Last Communication Attempt that succeeded later "
        "than the repair, and a next attempt about 30 days on."
    ),
    find=find,
    cap=Confidence.LIKELY,
    explains=(*FAILED_EXCHANGE, "id-certificate-expired"),
    holds=Example(
        title="A registered chassis whose renewal has failed since the portal moved to another root.",
        text="""FP4110-A /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Data Centre
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on May 02 10:12:44 2018 UTC
  Last Renewal Attempt: FAILED on Oct 29 10:12:51 2018 UTC
    Failure reason: Failed to authenticate server
  Next Renewal Attempt: Oct 29 11:12:51 2018 UTC
  Registration Expires: May 02 10:07:40 2019 UTC

License Authorization: 
  Status: AUTHORIZED on Sep 29 10:13:02 2018 UTC
  Last Communication Attempt: FAILED on Oct 29 10:13:05 2018 UTC
    Failure reason: Failed to authenticate server
  Next Communication Attempt: Oct 29 11:13:05 2018 UTC
  Communication Deadline: Dec 28 10:07:58 2018 UTC
""",
    ),
    silent=Example(
        title="The same chassis cannot resolve the portal's name: nothing was presented that could be refused.",
        text="""FP4110-A /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Data Centre
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on May 02 10:12:44 2018 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Oct 29 10:12:43 2018 UTC
  Registration Expires: May 02 10:07:40 2019 UTC

License Authorization: 
  Status: AUTHORIZED on Jul 31 10:13:02 2018 UTC
  Last Communication Attempt: FAILED on Aug 30 10:13:05 2018 UTC
    Failure reason: Unable to resolve server hostname/domain name
  Next Communication Attempt: Aug 30 11:13:05 2018 UTC
  Communication Deadline: Oct 29 10:07:58 2018 UTC
""",
    ),
    sources=("Cisco TAC document 213932", "FN70319", "FN72103"),
)
