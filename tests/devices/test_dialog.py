from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import transcript
from anchorwatch.devices.asa import call_home, trustpool_import
from anchorwatch.devices.capture import clean
from anchorwatch.devices.fact import CallHomeTest, ImportReport
from anchorwatch.devices.span import Seen

counts = st.integers(0, 400).map(Seen)
urls = st.sampled_from(["http://www.cisco.com/security/pki/trs/ios_core.p7b", "http://10.0.0.9/b.p7b"]).map(
    Seen
)
reports = st.builds(
    ImportReport,
    attempted=counts,
    installed=counts,
    duplicates=counts,
    expired=counts,
    failed=counts,
    signature_verified=st.sampled_from([None, Seen(True)]),
) | st.builds(ImportReport, attempted=counts, installed=counts, size=counts, url=urls)
tests = st.builds(CallHomeTest, url=urls) | st.builds(
    CallHomeTest,
    url=urls,
    succeeded=st.just(Seen(False)),
    failure=st.sampled_from(["CONNECT_FAILED", "NO_ROUTE"]).map(Seen),
    number=st.none() | st.integers(0, 99),
)


@given(reports)
def test_an_import_reads_back(report: ImportReport) -> None:
    """The dialog of an import gives back signature, file and counters."""
    (found,) = trustpool_import.parse(clean(trustpool_import.render(report)))
    assert found.fact == report


@given(tests)
def test_a_call_home_test_reads_back(test: CallHomeTest) -> None:
    """A test of the connection gives back address and answer."""
    (found,) = call_home.parse(clean(call_home.render(test)))
    assert found.fact == test


def test_the_dialogs_of_the_document_are_reproduced(shared: Path) -> None:
    """The import and the failed test of the published document come back from their facts."""
    text = transcript.read((shared / "tac-213932.zh.txt").read_bytes())
    imports = [each.fact for block in text.blocks for each in trustpool_import.parse(block.lines)]
    tests = [each.fact for block in text.blocks for each in call_home.parse(block.lines)]
    assert [(report.adds_up, str(report.installed)) for report in imports] == [(True, "14")]
    assert call_home.render(tests[0]).endswith("\nERROR: Failed: CONNECT_FAILED(35)")


@given(st.text())
def test_any_text_may_come(text: str) -> None:
    """No text makes the readers fail."""
    trustpool_import.parse(clean("Trustpool import:\n" + text))
    call_home.parse(clean("INFO: Sending test message to https://x/...\n" + text))
