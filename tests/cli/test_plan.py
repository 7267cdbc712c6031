"""`anchorwatch plan show`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor.remedy import remedy
from doctor.plans import asav


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    found = remedy(replace(asav(), device="fw\x1b[2J"))
    assert isinstance(found, plans.Plan)
    path = tmp_path / "asa.plan.json"
    path.write_text(plans.write(found), encoding="utf-8")
    return path


def run(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["plan", "show", *words])
    return found.exit_code, found.stdout, found.stderr


def test_shows_a_change_procedure_without_escapes(plan_file: Path) -> None:
    """The text names what is typed, and an escape in a device's name does not reach the terminal."""
    status, out, _ = run(str(plan_file))
    assert status == 0
    assert "noconfirm signature-required" in out
    assert "\x1b" not in out


def test_shows_markdown(plan_file: Path) -> None:
    """Markdown has headings and fences."""
    status, out, _ = run(str(plan_file), "--markdown")
    assert status == 0
    assert out.startswith("# Let fw")
    assert out.count("```") % 2 == 0


def test_json_is_the_plan_again(plan_file: Path) -> None:
    """`--json` gives back a plan that reads as the same one."""
    status, out, _ = run(str(plan_file), "--json")
    assert status == 0
    assert plans.read(out) == plans.read(plan_file.read_bytes())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("anchorwatch.plan/1", "anchorwatch.plan/2"), "this release reads anchorwatch.plan/1"),
        (("license smart register idtoken", "license smart deregister "), "no step types"),
        (("noconfirm signature-required", "noconfirm"), "noconfirm alone"),
        (('"show clock detail"', '"show clock\\nreload"'), "printable ASCII"),
        (('"platform": "asa"', '"platform": "vax"'), "not fit to be used"),
    ],
)
def test_refuses_what_no_plan_may_hold(plan_file: Path, change: tuple[str, str], said: str) -> None:
    """Another schema and a plan that somebody changed for the worse are refused in one sentence."""
    text = plan_file.read_text(encoding="utf-8")
    assert change[0] in text
    plan_file.write_text(text.replace(*change), encoding="utf-8")
    status, out, err = run(str(plan_file))
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """What could not be looked at is not what was asked wrongly."""
    assert run(str(tmp_path / "none"))[0] == 3


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """A hostile file costs a sentence."""
    path = tmp_path / "deep.json"
    path.write_text(
        json.dumps({"schema": "anchorwatch.plan/1"})[:-1] + ', "parts": ' + "[" * 100_000, encoding="utf-8"
    )
    status, _, err = run(str(path))
    assert status == 2
    assert err.count("\n") == 1
