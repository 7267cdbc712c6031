"""What the doctor says of a bundle that was not fetched one night, by what is known of its server by day."""

from anchorwatch.doctor.diagnosis import Diagnosis, Status, diagnose

POLICY = """asa-edge# show crypto ca trustpool policy
{count} trustpool certificates installed
Trustpool auto import statistics:
  Last import result: FAILED
  Next scheduled import at 22:00:00 UTC Wed Mar 3 2021
Trustpool Policy
  Trustpool revocation checking is disabled
  Automatic import of trustpool certificates is enabled
  Automatic import URL: {url}
  Download time: 22:00:00
"""
URL = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
NIGHT = "Mar 02 2021 22:04:10: %ASA-3-717057: Automatic import of trustpool certificate bundle has failed. Maximum retry attempts reached. Failed to reach CA server\n"
GOOD_NIGHT = "Mar 01 2021 22:00:10: %ASA-6-717058: Automatic import of trustpool certificate bundle is successful: No change in trustpool bundle\n"
RENEWED = "Mar 03 2021 07:15:55: %ASA-6-444306: %SMART_LIC-6-AUTH_RENEW_SUCCESS: Authorization renewal with Cisco licensing cloud successful. State=authorized for udi PID:ASAv,SN:9AEXAMPLE01\n"


def ping(marks: str, rate: str, host: str = "www.cisco.com", port: int = 80) -> str:
    return f"""asa-edge# ping tcp {host} {port}
Type escape sequence to abort.
No source specified. Pinging from identity interface.
Sending 5 TCP SYN requests to 203.0.113.80 port {port}
from 192.0.2.10, timeout is 2 seconds:
{marks}
Success rate is {rate}
"""


ANSWERED = ping("!!!!!", "100 percent (5/5), round-trip min/avg/max = 1/1/1 ms")
SILENT = ping("?????", "0 percent (0/5)")


def seen(*parts: str, count: int = 14, url: str = URL, night: str = NIGHT) -> Diagnosis:
    log = "asa-edge# show logging\n" + night + RENEWED
    text = POLICY.format(count=count, url=url) + log + "".join(parts)
    return diagnose([("capture", text)]).diagnoses[-1]


def said(found: Diagnosis) -> dict[str, str]:
    codes = {finding.code: finding.confidence.value for finding in found.findings}
    codes.pop("version-inferred", None)
    return codes


def test_a_night_out_of_reach_is_asked_about() -> None:
    """With nothing but the night's line the block is likely, and the doctor asks for the port."""
    found = seen()
    assert found.status is Status.HEALTHY
    assert said(found)["bundle-url-blocked"] == "likely"
    assert [command.line for command in found.next_commands] == ["ping tcp www.cisco.com 80"]


def test_a_silent_port_confirms_it() -> None:
    """A port that does not answer is the block; the portal, which answered, is not called unreachable."""
    found = seen(SILENT)
    assert said(found)["bundle-url-blocked"] == "confirmed"
    assert found.next_commands == ()
    assert "no-route" not in said(found)
    assert found.ladder is not None
    assert found.ladder.failing is None


def test_a_port_that_answers_makes_it_old_news() -> None:
    """The pool is filled and the port answers: the night's FAILED is stale, and nothing is blocked."""
    found = seen(ANSWERED)
    assert said(found) == {"auto-import-result-stale": "likely"}
    assert found.next_commands == ()


def test_a_pool_that_an_earlier_night_filled_is_no_sign_of_an_import_by_hand() -> None:
    """The port answers, but the night before had succeeded: why the last one failed is not told."""
    assert said(seen(ANSWERED, night=GOOD_NIGHT + NIGHT)) == {"auto-import-failing": "likely"}


def test_an_empty_pool_is_no_old_news() -> None:
    """Licensing works by a trustpoint, the pool is empty still: the next change will not be followed."""
    assert said(seen(ANSWERED, count=0)) == {"auto-import-failing": "likely"}


def test_a_bundle_fetched_by_hand_proves_the_way() -> None:
    """Counters of an import from an address are as good as a ping."""
    dialog = f"""asa-edge# crypto ca trustpool import url {URL}
Root file signature verified.
You are about to update the current trusted certificate pool
with the 17145 byte file at {URL}
Do you want to continue? (y/n)
Trustpool import:
  attempted: 14
  installed: 14
  duplicates: 0
  expired: 0
  failed: 0
"""
    assert said(seen(dialog)) == {"auto-import-result-stale": "confirmed"}


def test_the_server_is_the_one_the_device_is_told() -> None:
    """Where the bundle is served inside, that server is asked about, and a ping to another one decides nothing."""
    inside = "http://bundles.harbour.example:8080/ios_core.p7b"
    found = seen(ANSWERED, url=inside)
    assert said(found)["bundle-url-blocked"] == "likely"
    assert [command.line for command in found.next_commands] == ["ping tcp bundles.harbour.example 8080"]
    blocked = seen(ping("?????", "0 percent (0/5)", "bundles.harbour.example", 8080), url=inside)
    assert said(blocked)["bundle-url-blocked"] == "confirmed"


def test_an_empty_pool_that_was_never_filled_is_not_lost() -> None:
    """A first night that failed leaves an empty pool; only a pool that held something can be lost."""
    refused = "Mar 03 2021 08:00:02: %ASA-3-444303: %SMART_LIC-3-COMM_FAILED: Communications failure with Cisco licensing cloud: Communication message send response error\n"
    policy = POLICY.format(count=0, url=URL)
    new = diagnose([("capture", policy + "asa-edge# show logging\n" + NIGHT + refused)]).diagnoses[-1]
    assert "trust-store-lost" not in said(new)
    lost = diagnose(
        [("capture", policy + "asa-edge# show logging\n" + GOOD_NIGHT + NIGHT + refused)]
    ).diagnoses[-1]
    assert said(lost)["trust-store-lost"] == "candidate"
