"""The demonstration, as a person meets it: in a process of its own, with real labs behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anchorwatch", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture(scope="module")
def told() -> Mapping[str, Any]:
    done = demo("--json")
    document: Mapping[str, Any] = json.loads(done.stdout)
    missed = [claim for scene in document["scenes"] for claim in scene["claims"] if not claim["holds"]]
    assert (done.returncode, missed) == (0, []), done.stderr
    return document


def test_every_claim_of_both_stories_is_observed(told: Mapping[str, Any]) -> None:
    """Both incidents play, each scene claims something, and everything that is claimed was seen."""
    assert told["schema"] == "anchorwatch.demo/2"
    assert told["observed"] is True
    assert [scene["code"] for scene in told["scenes"]] == [
        "2016-move",
        "2016-register",
        "2016-renew",
        "2016-diagnose",
        "2016-repair",
        "2018-move",
        "2018-failing",
        "2018-wrong-place",
        "2018-repair",
    ]
    assert all(scene["claims"] for scene in told["scenes"])


def test_no_secret_is_told(told: Mapping[str, Any]) -> None:
    """An ID token is typed on the way, and stands nowhere in the tale."""
    text = json.dumps(told)
    assert "idtoken <token>" in text
    assert "SL1-" not in text


def test_a_pipe_gets_words_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but words is printed where no terminal listens, the last line counts, and nothing is left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = demo("2018")
    assert done.returncode == 0, done.stdout[-2000:]
    assert list(tmp_path.iterdir()) == []
    assert "\x1b" not in done.stdout
    assert "claims in 4 scenes observed" in done.stdout.splitlines()[-1]


def test_a_story_it_does_not_know() -> None:
    """The demonstration knows two stories, and says which."""
    result = CliRunner().invoke(app, ["demo", "1066"])
    assert result.exit_code == 2
    assert "2016 and 2018" in result.output
