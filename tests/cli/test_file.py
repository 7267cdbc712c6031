"""Files appear whole or not at all."""

import sys
from pathlib import Path

import pytest

from anchorwatch.cli.file import FileTroubleError, read_bounded, write_atomically


def test_written_whole(tmp_path: Path) -> None:
    """A file is written under its name and nothing else is left beside it."""
    target = tmp_path / "out.pem"
    write_atomically(str(target), b"data", replace=False)
    assert target.read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """A file is replaced only when asked."""
    target = tmp_path / "out.pem"
    target.write_bytes(b"old")
    with pytest.raises(FileTroubleError, match="--force"):
        write_atomically(str(target), b"new", replace=False)
    assert target.read_bytes() == b"old"
    write_atomically(str(target), b"new", replace=True)
    assert target.read_bytes() == b"new"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Writing where nothing can be written is one sentence, and leaves nothing."""
    with pytest.raises(FileTroubleError, match="no such file"):
        write_atomically(str(tmp_path / "none" / "out.pem"), b"data", replace=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    """When the name turns out to be a folder, the half-made file is taken away."""
    (tmp_path / "out").mkdir()
    with pytest.raises(FileTroubleError):
        write_atomically(str(tmp_path / "out"), b"data", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_reading_stops_one_byte_behind_the_limit(tmp_path: Path) -> None:
    """A file longer than the limit is not read to its end."""
    (tmp_path / "long").write_bytes(b"x" * 100)
    assert len(read_bounded(str(tmp_path / "long"), 10)) == 11


@pytest.mark.skipif(sys.platform == "win32", reason="no endless device on Windows")
def test_an_endless_device_ends_at_the_limit() -> None:
    """A device that never ends is read up to the limit."""
    assert len(read_bounded("/dev/zero", 1000)) == 1001
