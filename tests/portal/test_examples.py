"""The examples of how to run a portal and an agent: what systemd says of them, and whether they name what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anchorwatch.base.clock import SystemClock
from anchorwatch.db.word import OperatorRole
from anchorwatch.portal import operator
from builders.service import addresses
from docs_pages import help_text
from portal.counter import Counter
from portal.office import Office, shown

UNITS = ("anchorwatch-portal.service", "anchorwatch-agent.service")
PROGRAM = "/usr/local/bin/anchorwatch"
EXPOSURE = 20
"""Tenths of systemd's scale of exposure, on which 100 is a service without any confinement."""
_NO_NEW_CODE = (
    "import ctypes, sys; said = ctypes.CDLL(None).prctl(65, 1, 0, 0, 0);"
    " sys.exit(77) if said else None; from anchorwatch.cli.app import main; main()"
)


def _examples(checkout: Path) -> Path:
    return checkout / "examples"


def _options(words: tuple[str, ...]) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", help_text(("anchorwatch", *words))))


def _command(unit: str) -> list[str]:
    text = unit.replace("\\\n", " ")
    found = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert found is not None
    return shlex.split(found[1])


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_units(checkout: Path, tmp_path: Path, name: str) -> None:
    """`systemd-analyze verify` finds nothing wrong in them, and little that they could do beyond their task."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze on this machine")
    text = (_examples(checkout) / name).read_text()
    # The program itself need not be installed here.
    (tmp_path / name).write_text(text.replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        [program, "verify", "--man=no", tmp_path / name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    words: list[str | Path] = [
        program,
        "security",
        "--offline=yes",
        f"--threshold={EXPOSURE}",
        "--no-pager",
        tmp_path / name,
    ]
    judged = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if "unrecognized option" in judged.stderr:
        pytest.skip("this systemd does not judge a unit that is not loaded")
    assert judged.returncode == 0, judged.stdout[-300:]


@pytest.mark.parametrize("name", UNITS)
def test_units_name_what_there_is(checkout: Path, name: str) -> None:
    """What a unit starts is a command of the program, with options it has; it is not root and keeps its folder to itself."""
    text = (_examples(checkout) / name).read_text()
    program, noun, verb, *rest = _command(text)
    assert program == PROGRAM
    given = {each for each in rest if each.startswith("--")}
    assert given <= _options((noun, verb))
    assert re.search(r"^User=anchorwatch", text, re.MULTILINE)
    assert "StateDirectoryMode=0700" in text
    variables = set(re.findall(r"^Environment=(ANCHORWATCH_[A-Z_]+)=", text, re.MULTILINE))
    known = (checkout / "src" / "anchorwatch" / "cli").glob("*.py")
    source = "".join(each.read_text() for each in known)
    for each in variables:
        assert each in source or each.removesuffix("_FILE") in source, each


def test_the_container_is_nobodys_root(checkout: Path) -> None:
    """It runs as a user without rights, is built from wheels held to their hashes, and starts a command there is."""
    text = (_examples(checkout) / "Containerfile").read_text()
    steps = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    names = [line.split()[0] for line in steps]
    user = names.index("USER")
    assert steps[user] == "USER 10001:10001"
    assert user < names.index("ENTRYPOINT") < names.index("CMD", names.index("ENTRYPOINT"))
    assert "ADD" not in names
    assert "--require-hashes" in text
    assert all("--no-index" in line for line in steps if "pip install" in line)
    assert set(re.findall(r'"(--[a-z-]+)"', steps[-1])) <= _options(("portal", "serve"))
    assert not re.search(r"PASSPHRASE|PASSWORD|SECRET=", text)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: memory that becomes no code")
def test_a_portal_needs_no_new_code_in_memory(office: Office, tmp_path: Path) -> None:
    """What the unit forbids, memory that is written and then run, a portal with TLS, API and metrics does without."""
    made = shown(tmp_path / "tls", "Confined")
    office.clock.turn_to(SystemClock().now())
    _, key = operator.make_key(office.portal, "x", OperatorRole.VIEWER, office.account)
    typed = [sys.executable, "-c", _NO_NEW_CODE, "portal", "serve", "--port", "0", "--api"]
    typed += ["--folder", str(office.portal.folder.parent), "--metrics-listen", "0"]
    typed += ["--chain", str(made.chain), "--key", str(made.key)]
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        found = addresses(run.stderr)
        if not found and run.wait(10) == 77:
            pytest.skip("this kernel cannot forbid it")
        try:
            counter = Counter(int(found[0].rpartition(":")[2]), made.root, key)
            assert counter.get("/health").json["ready"] is True
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(20)
    assert run.returncode == 0
