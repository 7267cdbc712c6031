"""What to ask next, and what is affected until then."""

import pytest

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import ask
from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.impact import Effect

CHASSIS = """fp-a /license # show license all

Smart Licensing Status
=====

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Jul 01 10:00:00 2018 UTC
  Last Renewal Attempt: FAILED on Dec 28 10:00:00 2018 UTC
    Failure reason: Communication message send error
"""
FIRST_AGENT = """asa# show license all
Smart licensing enabled: Yes

Compliance status: In compliance

Overall licensed status: Authorized (3)

Entitlement(s):

\tFeature tier:
\t\tTag: regid.2014-08.com.cisco.ASAv-STD-1G,1.0_00000000-0000-0000-0000-000000000000
\t\tVersion: 1.0
\t\tEnforce mode: Authorized
\t\tHandle: 1
\t\tRequested time: Tue, 15 Mar 2016 13:59:49 UTC
\t\tRequested count: 1
"""
FAILED = (
    "asa# show logging\n%ASA-3-444303: %SMART_LIC-3-AUTH_RENEW_FAILED: Authorization renewal with the Cisco licensing "
    "cloud failed: Communication message send error\n"
)


def only(text: str) -> Diagnosis:
    (found,) = diagnose([("capture", text)]).diagnoses
    return found


@pytest.mark.parametrize("platform", Platform)
def test_every_platform_has_a_block_that_only_reads(platform: Platform) -> None:
    """What is pasted before there is any file begins with looking and changes nothing."""
    commands = ask.block(platform)
    assert commands
    for command in commands:
        assert command.line.startswith(("show ", "ping ", "telnet ", "call-home test "))
        assert command.why


def test_a_chassis_is_asked_in_its_own_words() -> None:
    """The licence of a 4100/9300 lives in the FXOS: its commands and the place to type them are given."""
    commands = only(CHASSIS).next_commands
    assert commands
    assert all(command.place for command in commands)
    assert not any("crypto ca" in command.line for command in commands)


def test_what_the_case_holds_is_not_asked_again() -> None:
    """A screen that is there is not asked for."""
    assert "show license all" not in {command.line for command in only(CHASSIS).next_commands}


def test_at_most_five_questions_are_asked() -> None:
    """A person at night reads no list of twenty."""
    assert len(only("asa# show clock\n10:00:00.123 UTC Mon Dec 3 2018\n").next_commands) <= 5


def test_the_first_agents_declare_themselves_in_order() -> None:
    """They print no contact; their own verdict holds until something speaks against it."""
    assert only(FIRST_AGENT).status is Status.HEALTHY
    assert only(FIRST_AGENT + FAILED).status is Status.TROUBLE
    assert only(FAILED + FIRST_AGENT).status is Status.TROUBLE
    assert only(FIRST_AGENT.replace("Enforce mode: Authorized", "Enforce mode: Waiting")).status is (
        Status.UNDETERMINED
    )


def test_a_device_with_a_key_of_its_own_needs_no_portal() -> None:
    """A 5500-X with PAK licences and a bare trust pool policy is healthy."""
    text = (
        "fw# show version\n\nCisco Adaptive Security Appliance Software Version 9.8(4)\n\nfw up 100 days 3 hours\n\n"
        "Hardware:   ASA5516, 8192 MB RAM, CPU Atom C2000 series 2416 MHz, 1 CPU (8 cores)\n\n"
        "Licensed features for this platform:\nMaximum VLANs                     : 150            perpetual\n\n"
        "Serial Number: JADEXAMPLE1\n"
        "fw# show running-config crypto ca trustpool\ncrypto ca trustpool policy\n"
    )
    assert only(text).status is Status.HEALTHY


def test_what_has_expired_is_not_said_to_go_on() -> None:
    """With the authorization expired the report says what is refused, and until when the registration holds."""
    text = CHASSIS + (
        "  Registration Expires: Jul 01 09:55:00 2019 UTC\n\nLicense Authorization:\n"
        "  Status: AUTHORIZATION EXPIRED on Dec 01 10:00:00 2018 UTC\n"
        "  Last Communication Attempt: FAILED on Dec 28 10:00:00 2018 UTC\n"
    )
    impact = only(text).impact
    assert impact.effect is Effect.LIMITED
    assert "Jul 01 09:55:00 2019" in impact.sentence
