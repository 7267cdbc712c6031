"""Whose connection a refused certificate belongs to, and what the portal has answered in the meantime."""

from __future__ import annotations

import time

import pytest

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Severity

NO_ANCHOR = (
    "%ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate "
    "serial number: {serial}, subject name: {subject}, issuer name: {issuer} ."
)
PORTAL = NO_ANCHOR.format(
    serial="40016EFB0A205CFAEBE18F71D73ABB78",
    subject="cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US",
    issuer="cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US",
)
STAFF = NO_ANCHOR.format(
    serial="5B000412",
    subject="cn=tablet-9,o=Example Works",
    issuer="cn=Example Works Device CA,o=Example Works",
)
DIRECTORY = NO_ANCHOR.format(
    serial="11", subject="cn=dir1.works.example", issuer="cn=Works Issuing CA,dc=works,dc=example"
)
CHAIN = (
    "%ASA-3-717027: Certificate chain failed validation. No suitable trustpoint was found to validate chain."
)
IDENTIFIED = (
    "%ASA-7-717029: Identified client certificate within certificate chain. serial number: 5B000412, "
    "subject name: cn=tablet-9,o=Example Works."
)
CLIENT = "client outside:198.51.100.7/50112 to 203.0.113.5/443"
SERVER = "server outside:203.0.113.5/31204 to 192.0.2.80/443"
LDAPS = "server inside:10.9.0.1/31260 to 10.9.0.20/636"
START = "%ASA-6-725001: Starting SSL handshake with {} for TLSv1.2 session"
DONE = "%ASA-6-725002: Device completed SSL handshake with {} for TLSv1.2 session"
FAILED = "%ASA-6-725006: Device failed SSL handshake with {}"
DOWN = (
    "%ASA-3-444303: %SMART_LIC-3-COMM_FAILED:Communications failure with the Cisco Smart Software Manager (CSSM) : "
    "Communication message send response error"
)


def log(*lines: str) -> str:
    return "".join(
        f"<163>Apr 12 2023 {10 + at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d} edge : {line}\n"
        for at, line in enumerate(lines)
    )


def only(text: str) -> Diagnosis:
    (found,) = diagnose([("capture", text)]).diagnoses
    return found


def established(found: Diagnosis) -> set[str]:
    return {
        finding.code
        for finding in found.findings
        if finding.severity is Severity.TROUBLE and finding.confidence is not Confidence.CANDIDATE
    }


@pytest.mark.parametrize("end", [DONE, FAILED])
def test_a_client_that_has_gone_hides_no_refusal_of_the_portal(end: str) -> None:
    """What follows a client's handshake that has ended is the device's own where a public CA is refused."""
    found = only(log(START.format(CLIENT), end.format(CLIENT), PORTAL, CHAIN, DOWN))
    assert "anchor-missing" in established(found)


def test_a_client_and_the_portal_at_once() -> None:
    """While both are connecting, a chain that names a client's certificate is the client's, the next is not."""
    found = only(
        log(
            START.format(CLIENT),
            START.format(SERVER),
            IDENTIFIED,
            STAFF,
            CHAIN,
            PORTAL,
            CHAIN,
            FAILED.format(SERVER),
            FAILED.format(CLIENT),
            DOWN,
        )
    )
    assert "anchor-missing" in established(found)
    assert "Example Works" not in " ".join(finding.sentence for finding in found.findings)


def test_a_client_tried_twice_is_still_a_client() -> None:
    """A certificate that was named a client's once is a client's in the next attempt that is logged in less detail."""
    found = only(log(IDENTIFIED, STAFF, CHAIN, STAFF, CHAIN, DOWN))
    assert not established(found) & {"tls-inspection", "anchor-missing"}


def test_a_directory_with_a_private_ca_is_not_the_portal() -> None:
    """The device connects to other servers too: LDAP over TLS has its own port and says nothing about licensing."""
    found = only(log(START.format(LDAPS), DIRECTORY, CHAIN, FAILED.format(LDAPS), DOWN))
    assert not established(found) & {"tls-inspection", "anchor-missing"}
    alone = only(log(START.format(LDAPS), DIRECTORY, CHAIN, FAILED.format(LDAPS)))
    assert alone.status is Status.UNDETERMINED


def test_a_private_ca_without_a_handshake_is_nobodys() -> None:
    """At the default level no handshake is logged: a private CA beside a failing agent may be a VPN client's."""
    assert not established(only(log(STAFF, CHAIN, DOWN))) & {"tls-inspection", "anchor-missing"}


def test_a_private_ca_that_signs_for_the_portal_is_inspection() -> None:
    """A private CA that vouches for the portal's own name stands between, whatever else is logged."""
    fake = NO_ANCHOR.format(
        serial="77",
        subject="cn=tools.cisco.com,o=Cisco Systems\\, Inc.",
        issuer="cn=Example Works Internal CA",
    )
    assert "tls-inspection" in established(only(log(fake, CHAIN, DOWN)))


def test_an_answer_of_the_portal_takes_a_refusal_back() -> None:
    """A reason that only the portal can have given, after a refused certificate, proves that TLS works now."""
    answer = (
        "%ASA-3-444303: %SMART_LIC-3-AGENT_REG_FAILED:Smart Agent for Licensing Registration with the Cisco Smart "
        'Software Manager (CSSM) failed: {"token":["The token \'Zm9v\' is not valid."]}'
    )
    for refused in (PORTAL, STAFF):
        assert established(only(log(refused, CHAIN, answer))) - {"communication-failing"} == {"token-invalid"}
    assert "anchor-missing" in established(only(log(answer, PORTAL, CHAIN, DOWN)))


def test_a_long_log_of_one_refusal_takes_seconds() -> None:
    """Every rule looks at every message; what they ask of the whole log is computed once."""
    started = time.monotonic()
    found = only(log(*[PORTAL, CHAIN, DOWN] * 1000))
    assert "anchor-missing" in established(found)
    assert time.monotonic() - started < 20


def test_another_hosts_name_is_not_the_portals() -> None:
    """A name that is not resolved counts where licensing needs it: the portal's, or the place of the trust bundle."""
    line = "%ASA-4-717026: Name lookup failed for hostname {} during PKI operation."
    other = only(log(line.format("crl.works.example")))
    assert not established(other)
    assert "dns-failing" in established(only(log(line.format("tools.cisco.com"))))
    assert "dns-failing" in established(only(log(line.format("www.cisco.com"), DOWN)))


def test_a_public_ca_that_the_portal_never_had_is_a_hint_until_licensing_fails() -> None:
    """A firewall connects to more than the portal; a public CA of others is no proof while nothing says licensing fails."""
    other = NO_ANCHOR.format(
        serial="0A11",
        subject="cn=login.works.example",
        issuer="cn=GeoTrust TLS RSA CA G1,ou=www.digicert.com,c=US",
    )
    assert not established(only(log(other, CHAIN)))
    assert "anchor-missing" in established(only(log(other, CHAIN, DOWN)))
    assert "anchor-missing" in established(only(log(PORTAL, CHAIN)))


def test_the_lowest_rung_that_fails_now_is_the_cause() -> None:
    """A refusal of old says nothing once the name is not resolved any more, and a name of old nothing once TLS is refused."""
    unnamed = "%ASA-4-717026: Name lookup failed for hostname tools.cisco.com during PKI operation."
    assert established(only(log(PORTAL, CHAIN, unnamed, DOWN))) - {"communication-failing"} == {"dns-failing"}
    assert established(only(log(unnamed, PORTAL, CHAIN, DOWN))) - {"communication-failing"} == {
        "anchor-missing"
    }


def test_a_list_that_is_not_fetched_is_no_cause_by_itself() -> None:
    """A revocation list that is not fetched is common noise, and not fetched either where no name is resolved."""
    fetch = "Apr 12 10:00:00.100: %PKI-3-CRL_FETCH_FAIL: CRL fetch for trustpoint SLA-TrustPoint failed\n"
    unresolved = (
        "Apr 12 10:00:01.100: %SMART_LIC-3-COMM_FAILED: Communications failure with the Cisco Smart Software Manager "
        "(CSSM) : Unable to resolve server hostname/domain name\n"
    )
    assert not established(only(fetch))
    assert established(only(fetch + unresolved)) - {"communication-failing"} == {"dns-failing"}
