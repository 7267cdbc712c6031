"""The page about plan files tells every key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from anchorwatch.devices import step as steps
from anchorwatch.devices.blank import BLANKS
from anchorwatch.doctor import plan as plans
from doctor import test_safe_repair as rules

VALUES = (
    plans.Plan, plans.MadeFor, plans.Part, plans.Decision, plans.Admission, plans.Anchor,
    steps.Step, steps.Place, steps.Expected, steps.Claim, steps.Question, steps.Typed, steps.Pasted,
    steps.Undo, steps.NoUndo, steps.Risk, steps.Repeat,
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_every_key_of_a_plan_file_is_documented(value: type, checkout: Path) -> None:
    """Whoever reads a plan file finds each key on its page."""
    page = (checkout / "docs" / "reference" / "plan.md").read_text(encoding="utf-8")
    assert [field.name for field in dataclasses.fields(value) if f"`{field.name}`" not in page] == []


def test_every_blank_is_documented(checkout: Path) -> None:
    """Whoever fills a plan in finds each blank on its page."""
    page = (checkout / "docs" / "reference" / "plan.md").read_text(encoding="utf-8")
    assert [name for name in BLANKS if f"`{name}`" not in page] == []


def test_every_rule_has_a_test(checkout: Path) -> None:
    """Each numbered rule of the page about safe repair has a test that carries its number."""
    page = (checkout / "docs" / "explanation" / "safe-repair.md").read_text(encoding="utf-8")
    for number in range(1, 11):
        assert f"\n## {number} " in page
        assert any(name.startswith(f"test_rule_{number}_") for name in vars(rules))
