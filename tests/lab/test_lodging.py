"""The folder of a town: what is kept there, and a folder that somebody prepared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.lab import lodging
from anchorwatch.lab.lodging import LabTerms, LodgingError
from anchorwatch.lab.town import Town
from builders import harbour

pytestmark = pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS a lab is run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lab"
    lodging.establish(made, harbour.TEXT, LabTerms(port=0))
    return made


def test_what_is_kept_is_for_its_owner(folder: Path) -> None:
    """The folder, the words to log in with and the host keys are nobody else's to read."""
    lodging.host_key(folder, "open")
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in (folder / "login.json", folder / "lab.json", folder / "devices" / "open" / "host_key"):
        assert path.stat().st_mode & 0o777 == 0o600
    (folder / "login.json").chmod(0o644)
    with pytest.raises(LodgingError, match="others"):
        lodging.login(folder)


@pytest.mark.parametrize(
    "name", ["clock", "log", "town.json", "control", "devices", "devices/open", "devices/open/snapshot.json"]
)
def test_a_link_in_the_folder_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    """Whoever unpacks a lab of somebody else's does not let it write over a file of his own."""
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(victim)
    with pytest.raises(LodgingError, match="is a link"):
        lodging.terms(folder)
    ended = CliRunner().invoke(app, ["lab", "up", "--folder", str(folder)])
    assert ended.exit_code == 3
    assert "is a link" in ended.output
    assert victim.read_text(encoding="utf-8") == "mine"


def test_a_link_that_comes_later_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """The clock is written in place, so its file is opened as what it is."""
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (folder / "clock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        Town(harbour.story(), folder, login=lodging.login(folder))
    assert victim.read_text(encoding="utf-8") == "mine"
