"""What a STORE, a CHAIN or a catalogue may be on a command line."""

from pathlib import Path

import pytest

from anchorwatch.cli import source
from anchorwatch.cli.source import CouldNotLookError, gather_catalogue, load_certificates, load_store
from anchorwatch.pki.catalogue import Origin
from formats.signers import ANCHORS


def test_a_folder_of_anything(tmp_path: Path) -> None:
    """Every file of a folder that holds certificates is read, others are passed over, hidden ones too."""
    (tmp_path / "b.pem").write_text(ANCHORS[1].pem)
    (tmp_path / "a.der").write_bytes(ANCHORS[0].der)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.txt").write_text("note\n" + ANCHORS[2].pem)
    (tmp_path / "README").write_text("nothing here")
    (tmp_path / ".hidden.pem").write_text(ANCHORS[3].pem)
    found = load_certificates(str(tmp_path))
    assert found.certificates == ANCHORS[:3]
    assert found.is_whole
    assert found.name == tmp_path.name


def test_damage_in_a_folder_is_told_with_its_file(tmp_path: Path) -> None:
    """A damaged file among good ones is no silence."""
    (tmp_path / "good.pem").write_text(ANCHORS[0].pem)
    (tmp_path / "torn.pem").write_text(ANCHORS[1].pem[:200])
    found = load_certificates(str(tmp_path))
    assert found.certificates == ANCHORS[:1]
    assert not found.is_whole
    ((file, _),) = found.complaints
    assert file.endswith("torn.pem")


@pytest.mark.parametrize("name", ["nowhere.pem", "nowhere/else"])
def test_what_is_not_there(tmp_path: Path, name: str) -> None:
    """A name without a file cannot be looked at."""
    with pytest.raises(CouldNotLookError, match="no such file"):
        load_certificates(str(tmp_path / name))


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without files is no empty store but a mistake."""
    with pytest.raises(CouldNotLookError, match="no files"):
        load_certificates(str(tmp_path))


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder beyond the limit is refused before it is read."""
    monkeypatch.setattr(source, "MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.pem").write_text("")
    with pytest.raises(CouldNotLookError, match="more than 2 files"):
        load_certificates(str(tmp_path))


def test_certifi_and_catalogues(tmp_path: Path) -> None:
    """`certifi` is a root programme; a file is what the user gave."""
    (tmp_path / "mine.pem").write_text(ANCHORS[0].pem)
    store = load_store("certifi")
    assert store.name == "certifi"
    assert len(store) > 100
    catalogue = gather_catalogue(["certifi", str(tmp_path / "mine.pem")])
    assert {known.origin for known in catalogue.entries} == {Origin.PROGRAMME, Origin.GIVEN}


def test_the_system_store() -> None:
    """Where this machine keeps a store for OpenSSL, it is read."""
    try:
        found = load_certificates("system")
    except CouldNotLookError as error:
        pytest.skip(f"only where there is one: {error}")
    assert found.certificates
