import gzip
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from anchorwatch.cli.file import FileTroubleError
from anchorwatch.cli.log_file import select_log

LOG = b"09:00:00 fw : %ASA-6-302013: Built\n" * 50_000 + b"09:00:01 fw : %ASA-3-717027: Chain failed \xe9\n"


def test_a_log_is_the_same_plain_packed_and_in_utf_16(tmp_path: Path) -> None:
    """Plain, gzip (also of several members) and UTF-16 give the same lines with the same numbers."""
    plain, packed, wide = (tmp_path / name for name in ("a.log", "a.gz", "a.txt"))
    plain.write_bytes(LOG)
    packed.write_bytes(gzip.compress(LOG[:1000], 1) + gzip.compress(LOG[1000:], 1))
    wide.write_bytes(LOG.decode("latin-1").encode("utf-16"))
    said = {
        tuple((line.number, line.text) for line in select_log(str(path)).lines)
        for path in (plain, packed, wide)
    }
    assert said == {((50_001, "09:00:01 fw : %ASA-3-717027: Chain failed é"),)}


def test_a_packed_log_may_come_in_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be wound back is unpacked as it comes."""
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(LOG))))
    assert select_log("-").counts == {"717027": 1}


@pytest.mark.parametrize(
    "octets", [gzip.compress(LOG)[:-40], b"\x1f\x8bnothing", gzip.compress(LOG)[:500] + b"?" * 500]
)
def test_a_damaged_archive_is_one_sentence(tmp_path: Path, octets: bytes) -> None:
    """A truncated or damaged gzip file is refused with its name."""
    path = tmp_path / "cut.gz"
    path.write_bytes(octets)
    with pytest.raises(FileTroubleError, match=r"cut\.gz: "):
        select_log(str(path))


def test_no_such_log(tmp_path: Path) -> None:
    """A file that is not there is said so."""
    with pytest.raises(FileTroubleError, match="no such file"):
        select_log(str(tmp_path / "none"))
