"""What cannot be put into a step, and what holds for every plan; the rules of safe repair are in test_safe_repair."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.schema import SchemaError
from anchorwatch.devices.asa import step as asa
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import (
    AsRecorded,
    BadStep,
    Place,
    Question,
    Typed,
    Undo,
    lines,
)
from anchorwatch.doctor.plan import Plan, read, write
from anchorwatch.doctor.remedy import remedy
from anchorwatch.doctor.situation import Model, Situation, model_of
from anchorwatch.formats import read as read_certificates
from anchorwatch.pki.catalogue import Catalogue
from doctor.plans import asav, chassis, plan, planned, typed
from doctor.situations import DATES, situations

ASA = Place(platform=Platform.ASA)


@pytest.mark.parametrize(
    "line",
    [
        "configure terminal", "no route outside 0 0 192.0.2.1", "enter trustpoint x", "delete dns 192.0.2.1", "terminal x",
        "show running-config | redirect tftp://192.0.2.66/x", "show version | tee flash:x", "show version | append flash:x",
        "copy running-config tftp://192.0.2.66/x", "show", "shownothing", "call-home send alert-group configuration",
        "license smart renew auth", "quit", "<certificate>",
    ],
)  # fmt: skip
def test_a_step_that_says_it_looks_only_looks(line: str) -> None:
    """Whatever else a stranger writes into a check cannot be made, nor read out of a file: nobody decides about a look."""
    look = asa.check_clock(ASA)
    for typed_, cleanup in ((lines(line), ()), (lines("show clock", line), ()), (look.lines, lines(line))):
        with pytest.raises(BadStep, match="only looks"):
            replace(look, lines=typed_, cleanup=cleanup)
    found = plan(asav())
    text = write(found).replace('"show clock detail"', json.dumps(line))
    with pytest.raises(SchemaError, match="only looks"):
        read(text)


@pytest.mark.parametrize(
    "text", ["no ntp server <gateway>", "license smart register idtoken <ID token>", "x <fingerprint>"]
)
def test_an_undo_needs_nothing_its_step_does_not(text: str) -> None:
    """A value that is missing, or a secret, would stop a repair in the middle, after others of its steps were done."""
    step = asa.time_server(ASA)
    assert isinstance(step.undo, Undo)
    for line in (Typed(text=text), AsRecorded(setting=text), AsRecorded(setting="x", otherwise=text)):
        with pytest.raises(BadStep, match="needs <"):
            replace(step, undo=replace(step.undo, lines=(line,)))


def test_a_question_of_blanks_is_none() -> None:
    """It would be found in whatever a device asks, and answered."""
    for words in ("", " ", "\t "):
        with pytest.raises(BadStep):
            Question(text=words, reply="y")


@given(situations())
def test_a_finished_plan_planned_again_is_empty(situation: Situation) -> None:
    """When everything a plan claims holds, nothing is left to do."""
    first = planned(situation)
    claims = frozenset(step.expected.claim for step in first.steps if step.expected.claim is not None)
    again = remedy(replace(situation, holds=claims))
    assert isinstance(again, Plan)
    assert again.is_empty
    assert not any(part.prechecks for part in again.parts)


@given(situations())
def test_a_plan_survives_its_file(situation: Situation) -> None:
    """Reading what was written gives the plan back."""
    found = planned(situation)
    assert read(write(found)) == found


@given(situations())
def test_every_change_can_be_taken_back_or_says_why_not(situation: Situation) -> None:
    """A step that changes something has an undo or a reason, and what it undoes names the same things."""
    for part in planned(situation).parts:
        for step in part.steps:
            if not step.read_only:
                assert isinstance(step.undo, Undo) or step.undo.reason
        undone = [step.id for step, _ in part.backout]
        assert undone == [step.id for step in reversed(part.steps) if isinstance(step.undo, Undo)]


@given(situations(), st.sampled_from(["\n", "?", "\x1b[2J", "\x00", "é"]))
def test_nothing_a_stranger_named_reaches_a_line(situation: Situation, evil: str) -> None:
    """A host name from a capture with a line end or an escape cannot become a second command."""
    hostile = replace(situation, endpoint=f"tools.cisco.com{evil}reload", device=f"fw{evil}")
    found = remedy(hostile)
    if isinstance(found, Plan):
        assert all(re.fullmatch(r"[ -~]+", line) for line in typed(found))


def test_the_hardware_tells_the_owner() -> None:
    """4100 and 9300 in every spelling are a chassis; a 42xx is not."""
    assert {model_of(word) for word in ("FPR4K-SM-12", "FPR9K-SM-36", "FPR-4110-SUP", "FPR-9300")} == {
        Model.CHASSIS
    }
    assert {model_of(word) for word in ("FPR-2110", "FPR-1010", "FPR-3105", "FPR-4215")} == {Model.FIREPOWER}
    assert model_of("ASA5516") is Model.ASA5500X
    assert model_of("ASAv,") is Model.ASAV
    assert model_of("toaster") is Model.UNKNOWN


def test_dates_reach_every_period() -> None:
    """The space of the laws holds an unknown date, and one of every period of the table."""
    assert None in DATES
    assert {day.year for day in DATES if day} == {2016, 2018, 2022, 2026}


def test_genuine_certificates_are_no_look_alikes(shared: Path) -> None:
    """The roots of 2018 and 2022, from a folder of genuine certificates, are planned without a question about them."""
    folder = shared / "pki" / "certs"
    genuine = Catalogue.of(
        certificate
        for sha256 in ("85a0dd7dd720adb7", "5d56499be4d2e08b")
        for path in folder.glob(f"{sha256}*")
        for certificate in read_certificates(path.read_bytes()).certificates
    )
    for day, name in (
        (date(2018, 10, 9), "QuoVadis Root CA 2"),
        (date(2022, 3, 1), "IdenTrust Commercial Root CA 1"),
    ):
        found = plan(replace(chassis("fxos-trustpoint-missing"), at=day, catalogue=genuine))
        assert {paste.name for paste in found.pasted} == {name}
        assert not any("really the CA" in decision.question for decision in found.decisions)
