"""Words of the libraries below an agent, and signs that tell whose output it is."""

from __future__ import annotations

import pytest

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import platform
from anchorwatch.doctor.diagnosis import diagnose
from anchorwatch.doctor.finding import Confidence, Severity
from anchorwatch.doctor.ladder import Footing
from anchorwatch.doctor.plan import Plan
from anchorwatch.doctor.portal_words import Topic, understand
from anchorwatch.doctor.rule import Rung

FAILED = (
    "Aug  9 11:02:31.222: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager "
    "(CSSM) : SSL certificate problem: unable to get local issuer certificate\n"
    "Aug  9 11:02:31.223: %SMART_LIC-3-AUTH_RENEW_FAILED: Authorization renewal with the Cisco Smart Software Manager "
    "(CSSM) failed: Communication message send error for udi PID:ISR4331/K9,SN:FDO1234ABCD\n"
)


@pytest.mark.parametrize(
    "words",
    [
        "SSL certificate problem: unable to get local issuer certificate",
        "unable to get issuer certificate",
        "unable to verify the first certificate",
        "SSL certificate problem: self signed certificate in certificate chain",
        "self-signed certificate in certificate chain",
        "Peer certificate cannot be authenticated with given CA certificates",
    ],
)
def test_a_librarys_words_for_a_missing_issuer_are_of_trust_and_not_of_the_portal(words: str) -> None:
    """OpenSSL and curl say it in their own ways; none of them proves that the portal answered."""
    read = understand(words)
    assert read is not None
    assert read.topic is Topic.UNTRUSTED
    assert not read.proves_portal


def test_such_words_alone_make_candidates_and_a_failing_rung_of_trust() -> None:
    """A missing anchor and an inspecting proxy say the same, so neither is more than a candidate."""
    (case,) = diagnose([("router.log", FAILED)]).diagnoses
    trust = {
        each.code: each.confidence
        for each in case.findings
        if each.code in ("anchor-missing", "tls-inspection")
    }
    assert trust == {"anchor-missing": Confidence.CANDIDATE, "tls-inspection": Confidence.CANDIDATE}
    assert case.ladder is not None
    failing = [step.rung for step in case.ladder.steps if step.footing is Footing.FAILING]
    assert failing == [Rung.TRUST]


def test_the_udi_in_an_agents_line_tells_whose_commands_to_name() -> None:
    """A router is not asked with a firewall's commands."""
    (case,) = diagnose([("router.log", FAILED)]).diagnoses
    assert platform.of(case.case) is Platform.IOSXE
    asked = [command.line for command in case.next_commands]
    assert "show crypto pki trustpool" in asked
    assert not any("crypto ca" in line for line in asked)


CHASSIS = """FP9300-A /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Harbour
  Virtual Account: North
  Export-Controlled Functionality: Not Allowed
  Initial Registration: SUCCEEDED on Dec 14 14:41:55 2015 PST
  Last Renewal Attempt: FAILED on Aug 04 07:32:08 2016 PST
    Failure reason: Agent received a failure status in a response message.
  Next Renewal Attempt: Aug 04 08:33:48 2016 PST

License Authorization:
  Status: AUTHORIZATION EXPIRED on Aug 04 07:10:16 2016 PST
  Last Communication Attempt: FAILED on Aug 04 07:10:16 2016 PST
    Failure reason: Data and signature do not match
  Next Communication Attempt: Aug 04 08:10:14 2016 PST
  Communication Deadline: DEADLINE EXCEEDED
"""


def test_an_answer_with_a_failure_status_is_the_portals_and_no_new_token_is_asked_for() -> None:
    """The portal answered, so trust is not at fault; and nothing can be registered anew while the exchange fails."""
    (case,) = diagnose([("chassis.txt", CHASSIS)]).diagnoses
    assert platform.of(case.case) is Platform.FXOS
    assert case.findings[0].code == "authorization-expired"
    severity = {each.code: each.severity for each in case.findings}
    assert severity["export-control"] is Severity.WARNING
    assert not {"anchor-missing", "fxos-trustpoint-missing"} & severity.keys()
    assert isinstance(case.plan, Plan)
    assert not any("register" in line for step in case.plan.steps for line in step.typed)


def test_the_scope_in_a_prompt_tells_a_chassis() -> None:
    """Nobody else shows a path behind the name, so the chassis is asked with its own commands."""
    said = CHASSIS.replace("======================", "=" * 40)
    (case,) = diagnose([("chassis.txt", said)]).diagnoses
    assert platform.of(case.case) is Platform.FXOS
    assert any(command.place == "scope license" for command in case.next_commands)


EXPIRED = """Switch#show license all
Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Initial Registration: SUCCEEDED on Sep 30 13:25:04 2021 UTC
  Next Renewal Attempt: Mar 29 13:25:04 2022 UTC
  Registration Expires: Sep 30 13:19:55 2022 UTC

License Authorization:
  Status: AUTHORIZED on {success} UTC
  Last Communication Attempt: FAILED on Jan 22 01:34:58 2022 UTC
    Failure reason: Fail to send out Call Home HTTP message
  Next Communication Attempt: Jan 22 01:49:58 2022 UTC
  Communication Deadline: {deadline} UTC

*Jan 22 01:34:58.010: %PKI-3-CERTIFICATE_INVALID_EXPIRED: Certificate chain validation has failed. The certificate (SN: 0509) has expired. Validity period ended on 2021-11-24T18:23:33Z
"""


@pytest.mark.parametrize(
    ("success", "deadline", "cause"),
    [
        ("Jan 21 02:41:16 2022", "Apr 21 02:35:16 2022", "server-certificate-expired"),
        ("Oct 21 02:41:16 2021", "Jan 19 02:35:16 2022", "clock-wrong"),
    ],
    ids=["a success of yesterday", "a success of three months ago"],
)
def test_a_deadline_of_the_portal_vouches_for_a_clock_that_follows_no_server(
    success: str, deadline: str, cause: str
) -> None:
    """A star before a time says only that nobody vouches for the clock; the portal's date of yesterday does."""
    (case,) = diagnose([("switch.txt", EXPIRED.format(success=success, deadline=deadline))]).diagnoses
    told = {each.code: each.explained_by for each in case.findings}
    assert cause in told
    assert told[cause] is None
    assert ("clock-wrong" in told) == (cause == "clock-wrong")
