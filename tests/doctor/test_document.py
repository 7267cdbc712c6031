"""The published document, whole and in every state a copy of it may be in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.doctor.diagnosis import Diagnosis, Report, Status, diagnose
from anchorwatch.doctor.finding import Confidence, Finding, Severity

EXPECTED = {
    "anchor-missing", "fxos-trustpoint-missing", "communication-failing", "registration-retrying",
    "authorization-expired", "id-certificate-expired",
}  # fmt: skip
"""Every trouble that the document tells of: two causes and their consequences."""


@dataclass(frozen=True, slots=True)
class Page:
    """The document's text, kept out of what a failing test prints."""

    text: str = field(repr=False)


@pytest.fixture(scope="module")
def copied(shared: Path) -> Page:
    return Page((shared / "tac-213932.zh.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(copied: Page) -> str:
    return copied.text


@cache
def report(text: str) -> Report:
    return diagnose([("document", text)])


def named(diagnosis: Diagnosis, code: str) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.code == code]


def test_two_devices_and_three_moments(page: str) -> None:
    """The ASAv of March 2016, and the chassis of October 2018 before and after its repair."""
    found = [
        (found.case.device, found.case.moment.wall.year if found.case.moment else None, found.status)
        for found in report(page).diagnoses
    ]
    assert found == [
        ("ASAv", 2016, Status.TROUBLE),
        ("FP9300-1-A-A-A", 2018, Status.TROUBLE),
        ("FP9300-1-A-A-A", 2018, Status.HEALTHY),
    ]


def test_the_asav_lacks_an_anchor(page: str) -> None:
    """Three CAs would suffice, two words tell G3 from G4, and no success is shown after the import."""
    asav = report(page).diagnoses[0]
    (cause,) = named(asav, "anchor-missing")
    assert cause.confidence is Confidence.CONFIRMED
    assert [name.label for name in cause.sufficient] == [
        "Class 3 Public Primary Certification Authority",
        "VeriSign Class 3 Public Primary Certification Authority - G5",
        "Symantec Class 3 Secure Server CA - G4",
    ]
    assert cause.near_miss is not None
    assert cause.near_miss.differing == (("VeriSign", "Symantec"), ("G3", "G4"))
    assert "14 certificates" in cause.sentence
    assert "not shown" in cause.sentence
    assert [found.code for found in asav.causes if found.severity is Severity.TROUBLE] == ["anchor-missing"]


def test_a_failed_import_is_old_news(page: str) -> None:
    """The policy's FAILED speaks of the automatic import, and the version follows from its being there."""
    asav = report(page).diagnoses[0]
    assert named(asav, "auto-import-result-stale")
    assert not named(asav, "auto-import-failing")
    (version,) = named(asav, "version-inferred")
    assert "9.5(2)" in version.sentence


def test_the_chassis_did_not_authenticate_the_server(page: str) -> None:
    """The text names no CA; the date does, and only as history."""
    chassis = report(page).diagnoses[1]
    (cause,) = [found for found in chassis.causes if found.severity is Severity.TROUBLE]
    assert cause.code == "fxos-trustpoint-missing"
    assert "2018-10-09" in cause.sentence
    assert "QuoVadis Root CA 2" in cause.sentence


def test_the_repair_is_proven_by_its_dates(page: str) -> None:
    """180 and 30 days on the device's clock; 365 and 90 days less six minutes by the portal's."""
    (proof,) = named(report(page).diagnoses[2], "repair-proven")
    assert "next renewal 180 d, registration 365 d less 6 min 00 s" in proof.sentence
    assert "next communication 30 d, deadline 90 d less 6 min 01 s" in proof.sentence


def test_what_the_page_lost(page: str) -> None:
    """Both certificates are damaged, three serial numbers shortened, five blocks overwritten."""
    found = [finding for case in report(page).diagnoses for finding in case.findings]
    assert len([finding for finding in found if finding.code == "pem-damaged"]) == 2
    (serials,) = [finding for finding in found if finding.code == "serial-shortened"]
    assert len(serials.evidence) == 3
    overwritten = [finding for finding in found if finding.code == "text-overwritten"]
    assert sum(len(finding.evidence) for finding in overwritten) == 5


def test_no_word_of_the_prose_is_evidence(page: str) -> None:
    """Evidence is what a device printed: no line of it holds a Chinese character."""
    for case in report(page).diagnoses:
        for finding in case.findings:
            for span in finding.evidence:
                assert not any("\u4e00" <= character <= "\u9fff" for character in span.text)


def troubles(found: Report) -> set[str]:
    return {
        finding.code
        for case in found.diagnoses
        for finding in case.findings
        if finding.severity is Severity.TROUBLE
    }


def check(text: str) -> None:
    found = diagnose([("copy", text)])
    assert troubles(found) <= EXPECTED
    assert found.status is not Status.HEALTHY


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n\n"])
def test_line_ends_do_not_matter(page: str, ending: str) -> None:
    """Other line ends give the same causes."""
    assert troubles(diagnose([("copy", page.replace("\n", ending))])) == troubles(report(page))


def test_without_prompts_the_causes_stay(page: str) -> None:
    """A copy without any prompt has no devices, and still both causes."""
    bare = "\n".join(line.split("# ", 1)[-1] if "# " in line else line for line in page.split("\n"))
    assert {"anchor-missing", "fxos-trustpoint-missing"} <= troubles(diagnose([("copy", bare)]))
    check(bare)


@settings(max_examples=25)
@given(data=st.data())
def test_a_line_more_or_less_changes_no_cause(copied: Page, data: st.DataObject) -> None:
    """A line dropped or doubled never crashes, never brings another cause, never makes the whole healthy."""
    lines = copied.text.split("\n")
    place = data.draw(st.integers(0, len(lines) - 1))
    copies = data.draw(st.sampled_from([0, 2]))
    check("\n".join([*lines[:place], *[lines[place]] * copies, *lines[place + 1 :]]))


@settings(max_examples=20)
@given(data=st.data())
def test_a_page_cut_short_or_wrapped_changes_no_cause(copied: Page, data: st.DataObject) -> None:
    """Cut anywhere or wrapped at any width: no other cause, and never healthy."""
    if data.draw(st.booleans()):
        check(copied.text[: data.draw(st.integers(0, len(copied.text)))])
        return
    width = data.draw(st.integers(30, 200))
    lines = [
        line[i : i + width] for line in copied.text.split("\n") for i in range(0, max(len(line), 1), width)
    ]
    check("\n".join(lines))
