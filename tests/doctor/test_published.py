"""What published outputs of real devices must be told, and the decoys that every diagnosis must survive."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.ladder import Footing
from anchorwatch.doctor.rule import Rung


def only(text: str | bytes, at: datetime | None = None) -> Diagnosis:
    (found,) = diagnose([("capture", text)], at=at).diagnoses
    return found


def codes(found: Diagnosis) -> dict[str, Finding]:
    return {finding.code: finding for finding in found.findings}


def troubles(found: Diagnosis) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity is Severity.TROUBLE}


# ------------------------------------------------------------------------------------ the transcripts


def test_a_healthy_asav_is_healthy(shared: Path) -> None:
    """Registered, authorized, the clock six minutes off, which is normal."""
    found = only((shared / "transcripts" / "asa-license-all-healthy.txt").read_bytes())
    assert found.status is Status.HEALTHY
    assert not troubles(found)
    assert "6 minutes" in codes(found)["clock-skew"].sentence
    assert "normal" in codes(found)["clock-skew"].sentence


def test_an_unregistered_asav_has_no_fault(shared: Path) -> None:
    """Never registered: a note, no fault of trust, and export functions that are not allowed are normal."""
    found = only((shared / "transcripts" / "asa-license-all-unregistered.txt").read_bytes())
    assert found.status is Status.UNDETERMINED
    assert set(codes(found)) == {"unregistered"}
    assert found.next_commands


def test_an_unlicensed_asav_asks_for_nothing(shared: Path) -> None:
    """No feature tier and no throughput level: said by the device itself, and no fault of trust."""
    found = only((shared / "transcripts" / "asa-version-unlicensed.txt").read_bytes())
    assert set(codes(found)) == {"entitlement-not-configured"}
    assert found.status is Status.TROUBLE


def test_out_of_compliance_is_no_fault_of_the_connection(shared: Path) -> None:
    """The portal was reached, and the next contact is twelve hours away."""
    found = only((shared / "transcripts" / "ios-license-status-out-of-compliance.txt").read_bytes())
    assert found.status is Status.TROUBLE
    assert troubles(found) == {"out-of-compliance"}
    finding = codes(found)["out-of-compliance"]
    assert finding.confidence is Confidence.CONFIRMED
    assert any("Aug 23 06:58:17 2022" in span.text for span in finding.evidence)
    assert found.ladder is not None
    assert found.ladder.of(Rung.TRUST).footing is Footing.GOOD


def test_a_pool_alone_proves_nothing(shared: Path) -> None:
    """A listing of CAs is neither health nor trouble: what to ask next is said."""
    found = only((shared / "transcripts" / "iosxe-trustpool.txt").read_bytes())
    assert found.status is Status.UNDETERMINED
    assert not found.findings
    assert found.next_commands[0].line == "show license all"


def test_the_document_is_three_moments(shared: Path) -> None:
    """The ASAv of 2016 lacks a CA; the chassis of 2018 fails, and then works."""
    report = diagnose([("document", (shared / "tac-213932.zh.txt").read_bytes())])
    asav, before, after = report.diagnoses
    assert codes(asav)["registration-retrying"].explained_by == "anchor-missing"
    assert before.status is Status.TROUBLE
    assert after.status is Status.HEALTHY
    assert before.ladder is not None
    assert before.ladder.failing is not None
    assert before.ladder.failing.rung is Rung.TRUST


# ------------------------------------------------------------------------------------------ the decoys

REGISTERED = """asa# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example
  Virtual Account: Example
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Dec 03 16:43:48 2018 UTC
  Last Renewal Attempt: {renewal}
  Next Renewal Attempt: Jun 01 16:43:47 2019 UTC
  Registration Expires: Dec 03 16:37:44 2019 UTC

License Authorization: 
  Status: AUTHORIZED on Dec 03 16:43:56 2018 UTC
  Last Communication Attempt: {last}
  Next Communication Attempt: Jan 02 16:43:55 2019 UTC
  Communication Deadline: Mar 03 16:37:54 2019 UTC
"""  # noqa: W291 - as the device prints it
GOOD = REGISTERED.format(renewal="None", last="SUCCESS on Dec 03 16:43:56 2018 UTC")


def test_a_last_import_that_failed_is_no_trouble_of_a_good_device() -> None:
    """Decoy 1: the word speaks of the automatic import, and stays after a good one by hand."""
    policy = (
        "asa# show crypto ca trustpool policy\n14 trustpool certificates installed\n"
        "Trustpool auto import statistics:\n  Last import result: FAILED\n"
        "  Next scheduled import at 22:00:00 UTC Tue Dec 4 2018\n"
    )
    imported = (
        "asa# crypto ca trustpool import url http://192.0.2.1/bundle.p7b\nRoot file signature verified.\n"
        "Trustpool import:\n  attempted: 14\n  installed: 14\n  duplicates: 0\n  expired: 0\n  failed: 0\n"
    )
    assert not troubles(only(imported + policy + GOOD))


def test_an_unsynchronized_clock_is_no_fault_by_itself() -> None:
    """Decoy 3: the footer's line says nothing about why a server's error came."""
    text = REGISTERED.format(
        renewal="None",
        last="FAILED on Jan 02 16:43:58 2019 UTC\n    Failure reason: Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT",
    )
    found = only(text + "\nClock sync-ed with NTP: False\nServer Identity Check: True\n")
    causes = {finding.code for finding in found.causes if finding.severity is Severity.TROUBLE}
    assert causes == {"portal-outage"}


def test_an_evaluation_that_expired_is_nothing_to_a_registered_product() -> None:
    """Decoy 4: the evaluation of a product that is registered by now."""
    text = GOOD + (
        "\nEvaluation Period:\n  Evaluation Mode: Not In Use\n"
        "  EVALUATION PERIOD EXPIRED on Nov 9 23:46:35 2017 UTC\n"
    )
    found = only(text)
    assert found.status is Status.HEALTHY
    assert "evaluation-used-up" not in codes(found)


def test_registered_is_no_proof() -> None:
    """Decoy 5: REGISTERED, and the renewal fails."""
    text = REGISTERED.format(
        renewal="FAILED on Jun 01 16:43:49 2019 UTC\n    Failure reason: Communication message send error",
        last="SUCCESS on Dec 03 16:43:56 2018 UTC",
    )
    found = only(text)
    assert found.status is Status.TROUBLE
    assert "communication-failing" in codes(found)


def test_a_vpn_client_is_not_the_portal() -> None:
    """Decoy 6: certificates of those who connect to the device say nothing about its own connections."""
    log = (
        "asa# show logging\n"
        "Dec 04 2018 08:00:00: %ASA-6-725001: Starting SSL handshake with client outside:198.51.100.9/50123 to "
        "192.0.2.1/443 for TLS session.\n"
        "Dec 04 2018 08:00:01: %ASA-7-717029: Identified client certificate within certificate chain. serial number: "
        "0A1B, subject name: cn=laptop,o=Example.\n"
        "Dec 04 2018 08:00:01: %ASA-3-717027: Certificate chain failed validation. No suitable trustpoint was found.\n"
        "Dec 04 2018 08:00:01: %ASA-6-725006: Device failed SSL handshake with client outside:198.51.100.9/50123 to "
        "192.0.2.1/443\n"
    )
    found = only(log + GOOD)
    assert found.ladder is not None
    assert found.ladder.failing is None
    assert found.status is Status.HEALTHY


def test_a_failure_at_boot_that_heals_is_none() -> None:
    """Decoy 9: communication failed while the device started, and came back."""
    log = (
        "asa# show logging\n"
        "Dec 03 2018 16:40:00: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing "
        "cloud: Communications init failure\n"
        "Dec 03 2018 16:43:00: %ASA-5-444305: %SMART_LIC-5-COMM_RESTORED: Communications with Cisco licensing cloud "
        "restored\n"
    )
    assert only(log).status is Status.HEALTHY
    assert only(GOOD + log).status is Status.HEALTHY


def test_a_log_without_years_is_put_before_the_newest_screen() -> None:
    """An old failure in a log that is printed after the screen is not newer than the screen's success."""
    log = (
        "asa# show logging\n"
        "Dec 01 10:00:00: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: "
        "Communication message send error\n"
    )
    assert only(GOOD + log).status is Status.HEALTHY


def test_a_failed_test_is_not_undone_by_an_older_success() -> None:
    """The connection was tried just now and failed; the screen below tells of weeks ago."""
    test = (
        "asa# call-home test profile License\n"
        "INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...\n"
        "ERROR: Failed: CONNECT_FAILED(35)\n"
    )
    assert only(test + GOOD).status is not Status.HEALTHY
    assert only(GOOD + test).status is Status.TROUBLE


# -------------------------------------------------------------------------------------------- neighbours

NSO = """admin@ncs# show license status
Smart Licensing is ENABLED

Registration:
Status: REGISTERED
Smart Account: Example Orchestrator
Virtual Account: Default
Export-Controlled Functionality: Allowed
Initial Registration: SUCCEEDED on Apr 21 09:29:11 2017 UTC
Last Renewal Attempt: SUCCEEDED on Apr 21 09:29:16 2017 UTC
Next Renewal Attempt: Oct 18 09:29:16 2017 UTC
Registration Expires: Apr 21 09:26:13 2018 UTC
Export-Controlled Functionality: Allowed

License Authorization:
License Authorization:
Status: IN COMPLIANCE on Apr 21 09:29:18 2017 UTC
Last Communication Attempt: SUCCEEDED on Apr 21 09:26:30 2017 UTC
Next Communication Attempt: Apr 21 21:29:32 2017 UTC
Communication Deadline: Apr 21 09:26:13 2018 UTC
"""
SUMMARY = """Router# show license summary
Smart Licensing is ENABLED
Registration:
Status: REGISTERED
Smart Account: ABC
Virtual Account: XYZ
Export-Controlled Functionality: Not Allowed
Last Renewal Attempt: None
Next Renewal Attempt: Jun 07 12:08:10 2017 UTC
License Authorization:
Status: AUTHORIZED
Last Communication Attempt: SUCCESS
Next Communication Attempt: Apr 13 07:11:48 2017 UTC
License Usage:
License                  Entitlement tag            Count Status
-----------------------------------------------------------------------------
ISR_4351_UnifiedCommun.. (ISR_4351_UnifiedCommun..) 1     AUTHORIZED
SRST v12 Endpoint Li...  (SRST_EP)                  4     AUTHORIZED
"""
POLICY = """sw-1#show license all
Smart Licensing Status
======================

Smart Licensing is ENABLED

License Conversion:
  Automatic Conversion Enabled: False

Export Authorization Key:
  Features Authorized:
    <none>

Utility:
  Status: DISABLED

Smart Licensing Using Policy:
  Status: ENABLED

Transport:
  Type: Smart
  URL: https://smartreceiver.cisco.com/licservice/license

Usage Reporting:
  Last ACK received: Sep 27 12:59:58 2021 UTC
  Next ACK deadline: Dec 26 12:59:58 2021 UTC
  Reporting push interval: 30  days
  Next ACK push check: <none>
  Next report push: Oct 27 12:55:50 2021 UTC
  Last report push: Sep 27 12:55:50 2021 UTC
  Last report file write: <none>

Trust Code Installed: Sep 27 12:22:33 2021 UTC

License Usage
=============

network-advantage (C9300-24 Network Advantage):
  Description: C9300-24 Network Advantage
  Count: 1
  Version: 1.0
  Status: IN USE
  Export status: NOT RESTRICTED
"""


@pytest.mark.parametrize("text", [GOOD, NSO, SUMMARY, POLICY], ids=["asa", "nso", "router", "policy"])
def test_a_neighbour_in_order_is_healthy(text: str) -> None:
    """Whoever prints it: registered and authorized with a success, or acknowledged under a policy."""
    found = only(text)
    assert found.status is Status.HEALTHY
    assert not troubles(found)


def test_a_router_without_strong_encryption_is_a_warning_only() -> None:
    """On a router it matters to those who use such functions; on a firewall it is a trouble."""
    assert codes(only(SUMMARY))["export-control"].severity is Severity.WARNING
    firewall = GOOD.replace("Functionality: Allowed", "Functionality: Not Allowed")
    firewall += "\nProduct Information\n===================\nUDI: PID:ASAv,SN:9AEXAMPLE09\n"
    assert codes(only(firewall))["export-control"].severity is Severity.TROUBLE


def test_a_deadline_is_measured_at_the_time_of_the_question() -> None:
    """An old screen of a healthy device, asked about years later, is neither healthy nor surely in trouble."""
    found = only(GOOD, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert found.status is Status.UNDETERMINED
    assert codes(found)["authorization-expired"].confidence is Confidence.CANDIDATE
    failing = REGISTERED.format(
        renewal="None",
        last="FAILED on Jan 02 16:43:58 2019 UTC\n    Failure reason: Communication message send error",
    )
    found = only(failing, at=datetime(2019, 6, 1, tzinfo=UTC))
    assert codes(found)["authorization-expired"].confidence is Confidence.LIKELY


def test_zone_labels_decide_nothing() -> None:
    """A date passes for a question only when it has passed in every zone."""
    at = datetime(2019, 3, 3, 20, 0, tzinfo=UTC)
    assert "authorization-expired" not in codes(only(GOOD.replace("UTC", "GMT"), at=at))


def test_the_clock_of_an_hour_ahead_is_told_from_one_screen() -> None:
    """The portal's dates lie 59 minutes before the device's own."""
    text = GOOD.replace("16:37:44 2019", "15:44:38 2019").replace("16:37:54 2019", "15:44:47 2019")
    finding = codes(only(text))["clock-skew"]
    assert finding.severity is Severity.NOTE
    assert "54 minutes ahead" in finding.sentence


@pytest.mark.parametrize(
    "reason",
    [
        '{"token":["The token \'EXAMPLE\' is not valid."]}',
        "The product and sudi has already been registered.",
        "Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT",
        '{"product_instance_identifier":["The identity for the instance 1 is not valid.Please re-register the instance."]}',
    ],
)
def test_what_only_the_portal_can_know_proves_everything_below_it(reason: str) -> None:
    """The ladder stands up to HTTP, fails at the portal, and nobody speaks of trust."""
    text = REGISTERED.format(
        renewal="None", last=f"FAILED on Jan 02 16:43:58 2019 UTC\n    Failure reason: {reason}"
    )
    text = text.replace("Status: REGISTERED", "Status: UNREGISTERED - REGISTRATION FAILED")
    found = only(text)
    assert found.ladder is not None
    assert found.ladder.of(Rung.TRUST).footing is Footing.GOOD
    assert found.ladder.failing is not None
    assert found.ladder.failing.rung is Rung.PORTAL
    assert found.status is Status.TROUBLE


def test_a_cause_not_known_asks_for_the_lowest_unknown_rung() -> None:
    """A send error proves nothing: name and port are asked for before the pool."""
    text = REGISTERED.format(
        renewal="None",
        last="FAILED on Jan 02 16:43:58 2019 UTC\n    Failure reason: Communication message send error",
    )
    lines = [command.line for command in only(text).next_commands]
    assert lines[0] == "show version"
    assert lines[1] == "show running-config dns"
    assert not any("trustpool" in line for line in lines)


def test_a_failure_whose_time_was_lost_is_not_outdone_by_a_dated_success() -> None:
    """A folded line leaves FAILED without its date: what came last cannot be told, so nothing is healthy."""
    folded = REGISTERED.format(renewal="None", last="FAILED on Jan\n 02 16:43:58 2019 UTC")
    assert only(folded).status is not Status.HEALTHY


def test_a_screen_without_its_last_communication_is_not_in_order() -> None:
    """AUTHORIZED without a contact that succeeded is no proof."""
    lines = [line for line in GOOD.split("\n") if "Last Communication" not in line]
    assert only("\n".join(lines)).status is Status.UNDETERMINED
