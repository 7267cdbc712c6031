"""What the words of a failure say, wherever a release prints them; and devices that need no portal."""

from __future__ import annotations

import pytest

from anchorwatch.doctor import platform
from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Severity

SCREEN = """chassis-b /license # show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Works
  Virtual Account: Lab
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on May 01 08:09:18 2020 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Oct 28 08:09:17 2020 UTC
  Registration Expires: May 01 08:03:41 2021 UTC

License Authorization:
  Status: AUTHORIZED on Jul 03 08:27:57 2020 UTC
  Last Communication Attempt: FAILED on Aug 04 06:29:01 2020 UTC
    Failure reason: {}
  Next Communication Attempt: Aug 05 06:29:01 2020 UTC
  Communication Deadline: Oct 01 08:22:30 2020 UTC
"""


def only(text: str) -> Diagnosis:
    (found,) = diagnose([("capture", text)]).diagnoses
    return found


def causes(text: str) -> dict[str, Confidence]:
    return {
        finding.code: finding.confidence
        for finding in only(text).findings
        if finding.severity is Severity.TROUBLE and finding.explained_by is None
    }


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Failed to resolve host", "dns-failing"),
        ("Couldn't resolve host name", "dns-failing"),
        ("Could not resolve host: tools.cisco.com", "dns-failing"),
        ("Couldn't connect to host", "no-route"),
        ("Failed to connect to host", "no-route"),
        (
            '{"timestamp":["The device date \'1453329321505\' is offset beyond the allowed tolerance limit."]}',
            "clock-wrong",
        ),
    ],
)
def test_a_reason_names_its_rung(reason: str, cause: str) -> None:
    """A reason in plain words is enough for the cause it names, and for none beside it."""
    assert set(causes(SCREEN.format(reason))) == {cause}


@pytest.mark.parametrize(
    "reason", ["Couldn't resolve proxy name", "Couldn't resolve proxy: gate.works.example"]
)
def test_a_proxy_without_an_address_is_not_the_portal(reason: str) -> None:
    """The name that is not resolved is the proxy's: a proxy may be wrong, the portal's name is not in question."""
    found = causes(SCREEN.format(reason))
    assert found["proxy-wrong"] is Confidence.CANDIDATE
    assert "dns-failing" not in found


@pytest.mark.parametrize(
    "reason", ["HTTP transport failed", "HTTP server returns error code >= 400", "Timeout was reached"]
)
def test_a_reason_that_names_nothing_decides_nothing(reason: str) -> None:
    """Where the words fit several rungs the cause stays open."""
    assert set(causes(SCREEN.format(reason))) == {"communication-failing"}


KEY = "Running Permanent Activation Key: 0x11112222 0x33334444 0x55556666 0x77778888 0x99990000"


def test_a_key_of_its_own_needs_no_portal() -> None:
    """A version screen with an activation key and without smart licensing is a device in order, whatever it is."""
    text = (
        "edge# show version\nCisco Adaptive Security Appliance Software Version 9.8(4)\n\n"
        "edge up 12 days 3 hours\n\nHardware:   ISA-3000-2C2F, 8192 MB RAM, CPU Atom C2000 series\n\n"
        f"Serial Number: FTX00000001\n{KEY}\n"
    )
    assert only(text).status is Status.HEALTHY
    smart = text.replace(KEY, "License mode: Smart Licensing")
    assert only(smart).status is Status.UNDETERMINED


@pytest.mark.parametrize(("hardware", "status"), [("ASA5516", Status.HEALTHY), ("ASAv", Status.UNDETERMINED)])
def test_a_saved_configuration_names_its_hardware(hardware: str, status: Status) -> None:
    """The head of a configuration tells a 5500-X, for which a bare trust pool policy is in order."""
    text = (
        f": Saved\n: \n: Serial Number: FTX00000001\n: Hardware:   {hardware}, 8192 MB RAM, CPU Atom 2416 MHz\n:\n"
        "ASA Version 9.8(4) \n!\nhostname edge\ninterface GigabitEthernet1/1\n nameif outside\n"
        "crypto ca trustpool policy\ntelnet timeout 5\ncall-home\n profile CiscoTAC-1\n  no active\n"
        "  destination transport-method http\n: end\n"
    )
    found = only(text)
    assert found.status is status
    assert not [each for each in found.findings if each.severity is Severity.TROUBLE]


@pytest.mark.parametrize(
    "reason",
    [
        "Peer certificate cannot be authenticated with given CA certificates",
        "Authentication of the proxy is required before the server answers",
    ],
)
def test_other_words_about_authentication_make_no_chassis(reason: str) -> None:
    """Only the chassis says that it failed to authenticate the server; others speak of authentication too."""
    text = (
        "Apr 12 10:00:01.100: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager "
        f"(CSSM) : {reason}\n"
    )
    assert "fxos-trustpoint-missing" not in causes(text)


def test_a_term_of_a_calendar_year_is_no_wrong_clock() -> None:
    """An identity of a year across a 29th of February lasts a day longer; that is no clock a day off."""
    text = SCREEN.format("Communication message send error").replace(
        "May 01 08:09:18 2020", "Aug 04 08:09:18 2019"
    )
    text = text.replace("May 01 08:03:41 2021", "Aug 04 08:03:41 2020").replace("Oct 28", "Jan 31")
    assert "clock-wrong" not in causes(text)


def test_an_old_difference_is_no_proof_of_todays_clock() -> None:
    """The dates of a registration tell how the clock ran then; a failure months later may have any cause."""
    text = SCREEN.format("Communication message send error").replace(
        "Expires: May 01 08:03:41 2021", "Expires: May 01 05:03:41 2021"
    )
    assert causes(text)["clock-wrong"] is Confidence.CANDIDATE
    soon = text.replace("May 01 08:09:18 2020", "Aug 03 08:09:18 2020").replace(
        "May 01 05:03:41", "Aug 03 05:03:41"
    )
    assert causes(soon)["clock-wrong"] is Confidence.LIKELY


def test_the_order_of_a_screen_tells_no_platform() -> None:
    """Newer firewalls print the transport before the registration, as routers do."""
    head, rest = SCREEN.format("Communication message send error").split("Registration:\n")
    text = head.replace("chassis-b /license", "edge") + "Transport:\n  Type: Smart\n\nRegistration:\n" + rest
    assert platform.of(only(text).case) is None


POLICY = """rtr-8#show license tech support
Smart Licensing Using Policy:
  Status: ENABLED

Usage Reporting:
  Last ACK received: {ack}
  Next ACK deadline: Mar 01 10:00:00 2022 UTC

Communication Statistics:
=======================
Trust Establishment:
  Attempts: Total=1, Success=1, Fail=0  Ongoing Failure: Overall=0 Communication=0
  Last Response: OK on Nov 30 09:55:02 2021 UTC
    Failure Reason: <none>
"""


@pytest.mark.parametrize(
    ("ack", "status"),
    [("<none>", Status.UNDETERMINED), ("Nov 30 10:01:00 2021 UTC", Status.HEALTHY)],
)
def test_trust_without_an_acknowledged_report_is_not_yet_in_order(ack: str, status: Status) -> None:
    """In the policy era the portal's acknowledgement is the proof, and a trust code alone is none."""
    assert only(POLICY.format(ack=ack)).status is status


@pytest.mark.parametrize("width", [58, 72, 80])
def test_the_portals_words_may_be_folded(width: int) -> None:
    """A terminal folds a long reason in the middle of words; an open brace shows that it goes on."""
    reason = (
        '{"product_instance_identifier":["The identity for the instance 11112222-aaaa-bbbb-cccc-333344445555 is not '
        'valid.Please re-register the instance."]}'
    )
    lines = SCREEN.format(reason).split("\n")
    folded = [line[at : at + width] for line in lines for at in range(0, max(len(line), 1), width)]
    assert set(causes("\n".join(folded))) == {"instance-removed"}


GOOD = SCREEN.format("-").replace(
    "FAILED on Aug 04 06:29:01 2020 UTC\n    Failure reason: -", "SUCCEEDED on Aug 04 06:29:01 2020 UTC"
)
LICENCE = "\nLicense Usage\n==============\n\n(ASAv-STD-1G):\n  Description: ASAv10 Standard - 1G\n  Count: 1\n  Version: 1.0\n  Status: {}\n"


def test_a_renewal_that_fails_is_not_mended_by_an_authorization() -> None:
    """The identity is renewed by an exchange of its own; while it fails the device is not called healthy."""
    assert only(GOOD).status is Status.HEALTHY
    failing = GOOD.replace(
        "Last Renewal Attempt: None", "Last Renewal Attempt: FAILED on Aug 03 06:00:00 2020 UTC"
    )
    assert only(failing).status is not Status.HEALTHY


@pytest.mark.parametrize("state", ["INVALID TAG", "OUT OF COMPLIANCE", "AUTHORIZATION EXPIRED"])
def test_one_licence_that_is_refused_is_enough(state: str) -> None:
    """A device is not called healthy while one of its licences is refused, whatever the overall line says."""
    assert only(GOOD + LICENCE.format("AUTHORIZED")).status is Status.HEALTHY
    assert only(GOOD + LICENCE.format(state)).status is not Status.HEALTHY
