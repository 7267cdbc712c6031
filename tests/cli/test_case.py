"""Handing a case over: everything in it, nothing secret in it, the same bytes each time."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.cli.case import archive
from anchorwatch.doctor.diagnosis import diagnose

SECRET = "pbkdf2-harbour-5f1e2d3c4b"
CAPTURE = f"asa# show running-config\nenable password {SECRET} encrypted\nhostname asa\n"


def test_an_archive_holds_the_case_and_no_secret(tmp_path: Path) -> None:
    """Inputs, diagnosis, page and a case to be diagnosed again; the password is in none of them."""
    source = tmp_path / "console 1.log"
    source.write_text(CAPTURE)
    target = tmp_path / "asa.zip"
    result = CliRunner().invoke(app, ["case", "zip", str(source), "-o", str(target)])
    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(target) as packed:
        contents = {name: packed.read(name).decode() for name in packed.namelist()}
    assert set(contents) == {
        "README.txt",
        "case.json",
        "diagnosis.json",
        "report.html",
        "inputs/01-console_1.log",
    }
    assert not any(SECRET in text for text in contents.values())
    assert json.loads(contents["diagnosis.json"])["schema"] == "anchorwatch.diagnosis/1"


def test_an_archive_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    """An archive of that name stays as it was, and the error says how to replace it."""
    source = tmp_path / "console.log"
    source.write_text(CAPTURE)
    target = tmp_path / "asa.zip"
    target.write_text("mine")
    result = CliRunner().invoke(app, ["case", "zip", str(source), "-o", str(target)])
    assert result.exit_code == 3
    assert "--force" in result.stderr
    assert target.read_text() == "mine"


def test_two_archives_of_one_case_are_equal() -> None:
    """Nothing of the moment or the machine gets in."""
    report = diagnose([("console", CAPTURE)])
    assert archive(report) == archive(report)
    with zipfile.ZipFile(io.BytesIO(archive(report))) as packed:
        assert packed.testzip() is None


def test_a_masked_text_keeps_its_lines(tmp_path: Path) -> None:
    """Masking on the command line prints line for line what was read."""
    source = tmp_path / "console.log"
    source.write_text(CAPTURE)
    result = CliRunner().invoke(app, ["case", "mask", str(source)])
    assert SECRET not in result.stdout
    assert result.stdout.count("\n") == CAPTURE.count("\n")


def test_a_saved_case_is_diagnosed_again(tmp_path: Path) -> None:
    """What `diagnose --save` kept gives the same diagnosis, and an unknown version is refused in a sentence."""
    source, kept = tmp_path / "console.log", tmp_path / "asa.case.json"
    source.write_text(CAPTURE)
    first = CliRunner().invoke(
        app, ["diagnose", str(source), "--json", "--save", str(kept), "--at", "2018-10-09"]
    )
    again = CliRunner().invoke(app, ["diagnose", str(kept), "--json"])
    assert json.loads(first.stdout) == json.loads(again.stdout)
    kept.write_text(kept.read_text().replace("case/1", "case/9"))
    refused = CliRunner().invoke(app, ["diagnose", str(kept)])
    assert refused.exit_code == 3
    assert "anchorwatch.case/9" in refused.stderr
