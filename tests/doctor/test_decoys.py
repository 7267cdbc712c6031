"""Lines that look like the fault and are not; and the same fault in other clothes."""

from __future__ import annotations

import pytest

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Severity

HEALTHY = """{host}# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Example Networks
  Virtual Account: Edge
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Feb 11 09:20:14 2021 {zone}
  Last Renewal Attempt: None
  Next Renewal Attempt: Aug 10 09:20:14 2021 {zone}
  Registration Expires: Feb 11 09:15:10 2022 {zone}

License Authorization:
  Status: AUTHORIZED on Apr 12 09:20:20 2021 {zone}
  Last Communication Attempt: SUCCEEDED on Apr 12 09:20:20 2021 {zone}
  Next Communication Attempt: May 12 09:20:20 2021 {zone}
  Communication Deadline: Jul 11 09:15:16 2021 {zone}

License Usage
==============
{usage}
Product Information
===================
UDI: PID:ASAv,SN:9AEXAMPLE01
"""
USAGE = """
ASAv5 Standard - 100M (ASAv-STD-100M):
  Description: ASAv5 Standard - 100M
  Count: 1
  Version: 1.0
  Status: AUTHORIZED
"""
GOOD = HEALTHY.format(host="asa-edge", zone="UTC", usage=USAGE)
REFUSED = (
    "%ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate "
    "serial number: {serial}, subject name: {subject}, issuer name: {issuer} ."
)
HYDRANT = (
    "cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US",
    "cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US",
)
STAFF = ("cn=j.doe,ou=Staff,o=Example Networks,c=US", "cn=Example Staff CA,o=Example Networks,c=US")


def refused(names: tuple[str, str], serial: str = "5A00000012") -> str:
    return REFUSED.format(serial=serial, subject=names[0], issuer=names[1])


def only(text: str) -> Diagnosis:
    (found,) = diagnose([("capture", text)]).diagnoses
    return found


def troubles(text: str) -> dict[str, Confidence]:
    return {
        finding.code: finding.confidence
        for finding in only(text).findings
        if finding.severity is Severity.TROUBLE
    }


def test_1_a_failed_automatic_import_after_a_good_one_by_hand() -> None:
    """`Last import result: FAILED` is stale where an import by hand has filled the pool."""
    text = GOOD + (
        "asa-edge# crypto ca trustpool import default noconfirm\nTrustpool import:\n  attempted: 17\n"
        "  installed: 17\n  duplicates: 0\n  expired: 0\n  failed: 0\n"
        "asa-edge# show crypto ca trustpool policy\n17 trustpool certificates installed\n"
        "Trustpool auto import statistics:\n  Last import result: FAILED\n"
        "  Next scheduled import at 22:00:00 UTC Tue Apr 13 2021\nTrustpool Policy\n"
        "  Automatic import of trustpool certificates is enabled\n"
    )
    assert only(text).status is Status.HEALTHY
    codes = {finding.code for finding in only(text).findings}
    assert "auto-import-result-stale" in codes
    assert "auto-import-failing" not in codes


def test_2_an_expired_factory_trustpoint_with_a_live_pool() -> None:
    """An expired factory CA on a device whose licensing works is a note."""
    text = GOOD + (
        "asa-edge# show crypto ca certificates\nCA Certificate\n  Status: Available\n"
        "  Certificate Serial Number: 6ecc7aa5a7032009b8cebcf4e952d491\n  Subject Name:\n"
        "    cn=VeriSign Class 3 Secure Server CA - G3\n  Validity Date:\n"
        "    start date: 00:00:00 UTC Feb 8 2010\n    end   date: 23:59:59 UTC Feb 7 2020\n"
        "  Associated Trustpoints: _SmartCallHome_ServerCA\n"
    )
    assert only(text).status is Status.HEALTHY
    assert {finding.code for finding in only(text).findings} >= {"factory-ca-expired"}


def test_3_a_clock_nobody_vouches_for_while_the_server_fails() -> None:
    """`Clock sync-ed with NTP: False` decides nothing where the portal says what is wrong."""
    text = (
        "rtr-17#show license tech support\nClock sync-ed with NTP: False\nServer Identity Check: True\n"
        "Agent State: authorized\nProduction Cert: True\nrtr-17#show logging\n"
        "Apr 12 2021 10:00:00.000: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart "
        "Software Manager (CSSM) : Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT\n"
    )
    assert "clock-wrong" not in troubles(text)
    assert not set(troubles(text)) & {"anchor-missing", "tls-inspection"}


def test_5_registered_with_a_failing_renewal() -> None:
    """REGISTERED proves nothing: the newest renewal failed."""
    text = GOOD.replace(
        "Last Renewal Attempt: None",
        "Last Renewal Attempt: FAILED on Apr 13 09:20:14 2021 UTC\n    Failure reason: Communication message send error",
    )
    assert only(text).status is not Status.HEALTHY


@pytest.mark.parametrize("context", ["handshake", "identified", "tunnel"])
def test_6_a_vpn_client_beside_healthy_licensing(context: str) -> None:
    """A client's refused certificate leaves a healthy device healthy."""
    start = (
        "Apr 13 2021 10:00:00: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to "
        "198.51.100.2/443 for TLS session.\n"
    )
    named = (
        "Apr 13 2021 10:00:00: %ASA-7-717029: Identified client certificate within certificate chain. serial number: "
        f"5A00000012, subject name: {STAFF[0]}.\n"
    )
    before = {"handshake": start, "identified": named, "tunnel": start + named}[context]
    text = GOOD + "asa-edge# show logging\n" + before + f"Apr 13 2021 10:00:00: {refused(STAFF)}\n"
    assert only(text).status is Status.HEALTHY


def test_6_a_client_and_the_portal_in_one_log() -> None:
    """Both are refused; only the portal's CA is named as missing."""
    text = (
        "Apr 13 2021 10:00:00: %ASA-6-725001: Starting SSL handshake with client outside:203.0.113.44/51515 to "
        "198.51.100.2/443 for TLS session.\n"
        f"Apr 13 2021 10:00:00: {refused(STAFF)}\n"
        "Apr 13 2021 10:00:00: %ASA-6-725006: Device failed SSL handshake with client outside:203.0.113.44/51515 to "
        "198.51.100.2/443\n"
        "Apr 13 2021 10:01:00: %ASA-6-725001: Starting SSL handshake with server outside:192.0.2.10/31221 to "
        "72.163.4.38/443 for TLS session.\n"
        f"Apr 13 2021 10:01:00: {refused(HYDRANT, '40016EFB0A205CFAEBE18F71D73ABB78')}\n"
        "Apr 13 2021 10:01:00: %ASA-6-725006: Device failed SSL handshake with server outside:192.0.2.10/31221 to "
        "72.163.4.38/443\n"
    )
    (cause,) = [finding for finding in only(text).findings if finding.code == "anchor-missing"]
    assert [name.label for name in cause.sufficient] == [
        "IdenTrust Commercial Root CA 1",
        "HydrantID Server CA O1",
    ]


def test_7_names_that_differ_by_two_words() -> None:
    """Symantec G4 is not VeriSign G3: the near name does not count as present."""
    text = (
        refused(("cn=Symantec Class 3 Secure Server CA - G4,o=Symantec Corporation,c=US",
                 "cn=VeriSign Class 3 Public Primary Certification Authority - G5,c=US"))
        + "\nasa# show crypto ca certificates\nCA Certificate\n  Status: Available\n  Subject Name:\n"
        "    cn=VeriSign Class 3 Secure Server CA - G3\n    c=US\n  Associated Trustpoints: _SmartCallHome_ServerCA\n"
    )  # fmt: skip
    assert troubles(text)["anchor-missing"] is Confidence.CONFIRMED


def test_8_a_zone_label_that_lies() -> None:
    """GMT with a shift of eight hours is a zone, not a wrong clock."""
    text = (
        "asa-edge# show running-config clock\nclock timezone GMT +8\n"
        "asa-edge# show clock\n18:00:00.000 GMT Mon Apr 12 2021\n"
    ) + HEALTHY.format(host="asa-edge", zone="GMT", usage=USAGE)
    assert only(text).status is Status.HEALTHY


def test_9_a_failure_at_boot_that_heals() -> None:
    """COMM_FAILED while starting, COMM_RESTORED later: nothing is wrong."""
    text = (
        "Apr 13 2021 10:00:00: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing "
        "cloud: Communications init failure\n"
        "Apr 13 2021 10:02:00: %ASA-5-444305: %SMART_LIC-5-COMM_RESTORED: Communications with Cisco licensing cloud "
        "restored\n"
    )
    assert troubles(text) == {}
    assert only(text).status is not Status.TROUBLE


def test_10_an_import_of_duplicates() -> None:
    """Nothing installed is no fault by itself, and no repair where a CA is still refused."""
    counters = (
        "asa-edge# crypto ca trustpool import default noconfirm\nTrustpool import:\n  attempted: 14\n"
        "  installed: 0\n  duplicates: 14\n  expired: 0\n  failed: 0\n"
    )
    assert troubles(counters) == {}
    text = f"asa-edge# show logging\nFeb 09 2022 03:12:40: {refused(HYDRANT)}\n{counters}"
    assert troubles(text)["bundle-outdated"] is Confidence.CONFIRMED


TRUST = {"anchor-missing", "bundle-outdated", "fxos-trustpoint-missing"}


@pytest.mark.parametrize(
    "reason",
    [
        "The token 'abc' is not valid",
        "Server error occurred: LS_LICENGINE_FAIL_TO_CONNECT",
        "The product regid.2015-01.com.cisco.ASAV has already been registered",
        "Unable to resolve server hostname/domain name",
        "Communication message send error",
        "HTTP 407 Proxy Authentication Required",
    ],
)
@pytest.mark.parametrize("prefix", ["%ASA-3-444303: %SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for Licensing Registration with Cisco licensing cloud failed: ", "smartlicserver[261]: %LICENSE-SMART_LIC-3-COMM_FAILED : Communications failure with the Cisco Smart Software Manager : ", "2021 Apr 13 10:00:00 n9k %SMART_LIC-3-AUTH_RENEW_FAILED: Authorization renewal with Cisco Smart Software Manager (CSSM): "])  # fmt: skip
def test_what_is_no_trust_fault_is_not_called_one(prefix: str, reason: str) -> None:
    """The portal's, the name's, the proxy's and the transport's faults on ASA, XR and NX-OS."""
    assert not set(troubles(prefix + reason)) & TRUST


def test_an_enterprise_ca_is_inspection_and_never_a_missing_anchor() -> None:
    """A private issuer on the way to the portal."""
    for issuer in (
        "cn=Zscaler Intermediate Root CA (zscaler.net),ou=Zscaler Inc.,o=Zscaler Inc.,c=US",
        "cn=FGT-EXAMPLE,ou=Certificate Authority,o=Fortinet,c=US",
        "cn=EXAMPLE-DC01-CA,dc=corp,dc=example,dc=net",
    ):
        text = (
            f"Apr 13 2021 10:00:00: {refused(('cn=tools.cisco.com', issuer))}\n"
            "Apr 13 2021 10:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing "
            "cloud: Communication message send response error\n"
        )
        assert troubles(text).get("tls-inspection") is Confidence.LIKELY
        assert "anchor-missing" not in troubles(text)


def test_a_ca_nobody_knows_is_said_to_be_unsure() -> None:
    """Neither public nor private by its name: two candidates, no cause."""
    text = f"Apr 13 2021 10:00:00: {refused(('cn=tools.cisco.com', 'cn=Northwind Root X1,o=Northwind'))}\n"
    assert set(troubles(text).values()) == {Confidence.CANDIDATE}
    assert only(text).status is Status.UNDETERMINED


def test_a_router_that_aborts_and_finds_no_trustpoint() -> None:
    """ERR 205 alone is a candidate; with the debug that finds no trustpoint it is likely."""
    aborted = (
        "Feb 06 2022 10:00:00.000: %CALL_HOME-5-SL_MESSAGE_FAILED: Fail to send out Smart Licensing message to: "
        "https://tools.cisco.com/its/service/oddce/services/DDCEService (ERR 205 : Request Aborted)\n"
    )
    assert troubles(aborted)["anchor-missing"] is Confidence.CANDIDATE
    debug = "rtr-17#\nFeb 06 2022 10:00:00.000: CRYPTO_PKI: (A00C5) No suitable trustpoints found\n"
    assert troubles(debug + aborted)["anchor-missing"] is Confidence.LIKELY


def test_a_chassis_at_an_unknown_date_names_no_ca() -> None:
    """Without a date the text names nothing to paste."""
    text = (
        "FP4110-A /license # show license all\nRegistration:\n  Status: REGISTERED\n"
        "  Last Renewal Attempt: FAILED\n    Failure reason: Failed to authenticate server\n"
    )
    (cause,) = [finding for finding in only(text).findings if finding.code == "fxos-trustpoint-missing"]
    assert "QuoVadis" not in cause.sentence
    assert "IdenTrust" not in cause.sentence
