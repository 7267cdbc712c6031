from pathlib import Path

from anchorwatch.devices.asa import syslog
from anchorwatch.devices.fact import NoTrustpoint
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.doctor.diagnosis import Status, diagnose
from anchorwatch.doctor.finding import Confidence, Finding

OLD = PrintedName((("ou", "Class 3 Public Primary"), ("c", "US")))
G5 = PrintedName((("cn", "VeriSign Primary - G5"), ("c", "US")))
G4 = PrintedName((("cn", "Symantec Class 3 Secure Server CA - G4"), ("c", "US")))
BURST = "\n".join(
    syslog.render(syslog.say("717009", refused, severity=3))
    for refused in (
        NoTrustpoint(serial="25", subject=G5, issuer=OLD),
        NoTrustpoint(serial="51", subject=G4, issuer=G5),
    )
)
STORE = (
    "asa# show crypto ca certificates\nCA Certificate\n  Status: Available\n  Certificate Serial Number: 6e\n"
    "  Subject Name:\n    cn={}\n    c=US\n  Associated Trustpoints: _SmartCallHome_ServerCA\n"
)


def findings(text: str) -> tuple[Finding, ...]:
    return tuple(finding for found in diagnose([("capture", text)]).diagnoses for finding in found.findings)


def test_every_sufficient_ca_is_named_outermost_first() -> None:
    """The issuers and the refused CAs themselves each would end the path; each is named once."""
    (finding,) = findings(BURST + "\n" + BURST)
    assert finding.sufficient == (OLD, G5, G4)
    assert len(finding.evidence) == 2


def test_without_the_store_the_cause_is_likely() -> None:
    """The log alone does not show what the device trusts."""
    (finding,) = findings(BURST)
    assert finding.confidence is Confidence.LIKELY


def test_with_a_store_that_lacks_them_the_cause_is_confirmed() -> None:
    """A listing without any of the sufficient CAs completes the evidence, and shows the name that is nearly one."""
    text = "asa# show logging\n" + BURST + "\n" + STORE.format("VeriSign Class 3 Secure Server CA - G3")
    (finding,) = findings(text)
    assert finding.confidence is Confidence.CONFIRMED
    assert finding.near_miss is not None
    assert finding.near_miss.differing == (("VeriSign", "Symantec"), ("G3", "G4"))


def test_a_ca_that_is_on_the_device_is_not_missing() -> None:
    """Where a sufficient CA is listed something else refuses it, maybe its usage: this rule says nothing."""
    text = "asa# show logging\n" + BURST + "\n" + STORE.format("VeriSign Primary - G5")
    assert [finding.code for finding in findings(text)] == ["trustpoint-usage"]


def test_nothing_seen_is_not_healthy() -> None:
    """An output without evidence leaves the device undetermined."""
    assert [found.status for found in diagnose([("capture", STORE)]).diagnoses] == [Status.UNDETERMINED]


def test_the_document_shows_the_missing_anchor(shared: Path) -> None:
    """The published document gives the cause, three sufficient CAs, and the two words that differ."""
    data = (shared / "tac-213932.zh.txt").read_bytes()
    found = next(d for d in diagnose([("document", data)]).diagnoses if d.case.device == "ASAv")
    finding = next(finding for finding in found.findings if finding.code == "anchor-missing")
    assert finding.confidence is Confidence.CONFIRMED
    assert [name.label for name in finding.sufficient] == [
        "Class 3 Public Primary Certification Authority",
        "VeriSign Class 3 Public Primary Certification Authority - G5",
        "Symantec Class 3 Secure Server CA - G4",
    ]
    assert finding.near_miss is not None
    assert finding.near_miss.differing == (("VeriSign", "Symantec"), ("G3", "G4"))
