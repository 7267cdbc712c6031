import json

from typer.testing import CliRunner

from anchorwatch.cli.app import app


def test_the_demo_tells_the_story() -> None:
    """Every scene is told, each as observed, and the exit status is that of a good end."""
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 0
    assert result.stdout.count("✓ observed") == 7
    assert "7 of 7 scenes, all observed" in result.stdout


def test_a_pipe_gets_no_colour() -> None:
    """Nothing but words is printed where no terminal listens."""
    assert "\x1b" not in CliRunner().invoke(app, ["demo"]).stdout


def test_the_demo_as_a_document() -> None:
    """The same scenes as one JSON document with its schema."""
    result = CliRunner().invoke(app, ["demo", "--json"])
    told = json.loads(result.stdout)
    assert told["schema"] == "anchorwatch.demo/1"
    assert told["observed"] is True
    assert [scene["code"] for scene in told["scenes"]][-1] == "proof"
    assert told["scenes"][1]["console"][0]["output"][-1] == "ERROR: Failed: CONNECT_FAILED(35)"
