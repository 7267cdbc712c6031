"""Files appear whole or not at all, whatever happens while they are made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from anchorwatch.disk.file import NotPrivateError, beside, read_private, write

POSIX = pytest.mark.skipif(os.name == "nt", reason="only on Windows are there no such modes")


@POSIX
@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o640)])
def test_the_mode_is_the_owners_alone_or_the_umasks(tmp_path: Path, private: bool, mode: int) -> None:
    """A private file is nobody else's whatever the umask; another gets what the umask gives."""
    before = os.umask(0o027)
    try:
        write(tmp_path / "file", b"data", private=private)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_block_that_raises_leaves_what_was_there(tmp_path: Path) -> None:
    """The old file stays as it was, and nothing lies beside it."""
    write(tmp_path / "file", b"old", private=True)

    def spoil() -> None:
        with beside(tmp_path / "file") as unfinished:
            unfinished.write_bytes(b"half")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        spoil()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_as_long_as_the_system_takes_can_be_written(tmp_path: Path) -> None:
    """The name beside it is no longer than the system allows either."""
    name = "n" * 255
    write(tmp_path / name, b"data", private=False)
    assert (tmp_path / name).read_bytes() == b"data"


@POSIX
def test_a_private_file_that_others_may_read_is_not_read(tmp_path: Path) -> None:
    """A key that leaked is not used in silence; the sentence says which mode it must have."""
    write(tmp_path / "key", b"secret", private=True)
    assert read_private(tmp_path / "key", 3) == b"secr"
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(NotPrivateError, match="0600"):
        read_private(tmp_path / "key", 3)
