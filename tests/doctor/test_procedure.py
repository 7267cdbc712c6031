"""A plan as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given

from anchorwatch.doctor import procedure
from anchorwatch.doctor.plan import Plan
from anchorwatch.doctor.remedy import remedy
from anchorwatch.doctor.situation import Situation
from anchorwatch.pki.catalogue import Catalogue
from doctor.plans import asav, chassis, plan, planned
from doctor.situations import QUOVADIS, ca, printed, situations


@given(situations())
def test_nothing_of_a_plan_is_left_out(situation: Situation) -> None:
    """Every line, every expectation, every danger and every undo stands in both forms."""
    found = planned(situation)
    for shown in (procedure.text(found), procedure.markdown(found).replace("\\<", "<")):
        for step in found.steps:
            for line in step.typed:
                assert line in shown
            assert step.expected.sentence in shown
            assert step.unconfirmed in shown
            assert all(risk.sentence in shown for risk in step.risks)
        for part in found.parts:
            assert all(undo.sentence in shown for _, undo in part.backout)
        assert all(decision.question in shown for decision in found.decisions)
        assert found.admits is None or found.admits.sentence in shown


def test_the_plan_of_2016_as_a_ticket() -> None:
    """Precheck, change, verification and backout stand in this order, and the release and the portal are named."""
    shown = procedure.text(plan(asav()))
    heads = [shown.index(word) for word in ("\nPrecheck", "\nChange", "\nVerify", "\nBackout", "\nProof")]
    assert heads == sorted(heads)
    assert "release 9.5(2), portal tools.cisco.com" in shown
    assert "<ID token> (secret)" in shown


def test_the_chassis_pastes_and_commits_in_the_order_of_the_prose() -> None:
    """FXOS: the trustpoint, the paste, its end, the commit, and then the renewal in its own scope."""
    found = plan(
        replace(
            chassis(),
            needed=(printed(QUOVADIS),),
            at=date(2018, 10, 9),
            catalogue=Catalogue.of([ca(QUOVADIS)]),
        )
    )
    said = [line for step in found.parts[0].steps for line in step.typed]
    wanted = [
        "scope security",
        "set certchain",
        "ENDOFBUF",
        "commit-buffer",
        "scope license",
        "scope licdebug",
        "renew",
    ]
    assert [said.index(line) for line in wanted] == sorted(said.index(line) for line in wanted)


def test_markdown_shows_a_strangers_name_as_text() -> None:
    """A device that calls itself a tag is shown, and is no tag."""
    found = remedy(replace(asav(), device="<script>"))
    assert isinstance(found, Plan)
    outside = procedure.markdown(found).split("```")[::2]
    assert not any("<script>" in piece.replace("\\<script>", "") for piece in outside)
