"""The agent's folder: who may work there, what is in it, and what it does with damage."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from agent.town import Town, turn
from anchorwatch.agent import file
from anchorwatch.agent.clocks import MachineClocks
from anchorwatch.agent.error import FolderRefusedError, FolderTakenError
from anchorwatch.agent.folder import Folder, fresh, look
from anchorwatch.disk.file import UNFINISHED
from anchorwatch.licensing import state as document
from anchorwatch.licensing.error import EventRefusedError
from anchorwatch.licensing.event import Deregister
from anchorwatch.licensing.state import Slot
from licensing.cable import PRODUCT

POSIX = pytest.mark.skipif(os.name == "nt", reason="only on Windows are there no such modes")


def test_one_agent_for_a_folder(tmp_path: Path) -> None:
    """A second agent is refused while the first works, and may begin when it has gone."""
    with Folder(tmp_path / "a"), pytest.raises(FolderTakenError, match="another agent works on"):
        Folder(tmp_path / "a")
    with Folder(tmp_path / "a"):
        pass


def test_an_agent_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    """The lock ends with its process, however that ends."""
    program = (
        "import sys, pathlib; from anchorwatch.agent.folder import Folder;"
        "held = Folder(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(FolderTakenError):
            Folder(tmp_path)
        other.kill()
    with Folder(tmp_path):
        pass


def test_nothing_secret_leaves_its_file(town: Town) -> None:
    """Token and keys stand in their own files only: not in the state, not on the wire, not in what is told."""
    token = town.desk.issue_token()
    secret = token.secret.reveal()
    heard: list[str] = []
    answer = town.answer

    def overheard(scheme: str, request: object) -> object:
        heard.append(repr(request) + str(getattr(request, "headers", "")) + str(getattr(request, "body", "")))
        return answer(scheme, request)  # type: ignore[arg-type]  # what came

    town.answer = overheard  # type: ignore[method-assign,assignment]
    town.desk.approve = False
    with town.agent() as agent:
        agent.register(token)
        assert secret in (town.folder / f"token-{token.id}").read_text()
        pem = (town.folder / "next.key").read_text()
        key = pem.splitlines()[1]
        for text in (document.write(agent.state), repr(agent.state), repr(agent), *heard, str(town.told)):
            assert secret not in text
            assert key not in text
        town.desk.approve = True
        turn(agent, town, timedelta(hours=1))
        assert agent.state.identity is not None
    assert not list(town.folder.glob("token-*"))


@POSIX
def test_files_are_their_owners_alone(town: Town) -> None:
    """The folder is 0700 and every file 0600; one that others may read is refused."""
    with town.registered():
        assert town.folder.stat().st_mode & 0o777 == 0o700
        for path in town.folder.iterdir():
            assert path.stat().st_mode & 0o777 == 0o600
    (town.folder / "state.json").chmod(0o644)
    with pytest.raises(FolderRefusedError, match="can be read by others"):
        look(town.folder)


@POSIX
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """Whoever may write there could put a key of his own in place."""
    tmp_path.chmod(0o777)
    with pytest.raises(FolderRefusedError, match="can be written by others"):
        Folder(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema": "another/1"}', b"\xff\xfe", b"[" * 5000])
def test_a_damaged_state_is_refused_and_kept(tmp_path: Path, damage: bytes) -> None:
    """A state that cannot be read is never taken for a fresh agent, and never overwritten."""
    file.write(tmp_path / "state.json", damage)
    with pytest.raises(FolderRefusedError, match=r"state\.json cannot be used"):
        look(tmp_path)
    assert (tmp_path / "state.json").read_bytes() == damage


def test_a_folder_without_an_agent_has_no_state(tmp_path: Path) -> None:
    """Where nobody ever worked there is nothing to look at."""
    assert look(tmp_path) is None


def test_a_cut_write_is_cleared_away(tmp_path: Path) -> None:
    """What a crash left half written goes at the next start, for it may hold a key."""
    with Folder(tmp_path) as folder:
        folder.write(fresh(PRODUCT))
    (tmp_path / f".next.key.abc{UNFINISHED}").write_text("half a key")
    with Folder(tmp_path) as folder:
        assert folder.read() == fresh(PRODUCT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "state.json"]


def test_a_key_is_kept_until_it_takes_its_place(tmp_path: Path) -> None:
    """Asking for a key twice gives the same one; promoted, it is the active one."""
    with Folder(tmp_path) as folder:
        first = folder.make_key(Slot.NEXT, PRODUCT)
        assert folder.make_key(Slot.NEXT, PRODUCT) == first
        folder.promote_key()
        folder.promote_key()
        active = folder.key(Slot.ACTIVE)
        assert active is not None
        assert active.public.spki_sha256 == first[1]
        assert folder.key(Slot.NEXT) is None
        folder.arrange(active=first[1], coming=None, token=None)
        kept = folder.key(Slot.ACTIVE)
        assert kept is not None
        assert kept.public == active.public
        folder.arrange(active=None, coming=None, token=None)
        assert folder.key(Slot.ACTIVE) is None


def test_a_refused_registration_leaves_no_token(town: Town) -> None:
    """Where there can be no registration now, the token does not stay on disk."""
    with town.registered() as agent:
        town.tls.close()
        agent.take(Deregister())
        with pytest.raises(EventRefusedError):
            agent.register(town.desk.issue_token(2))
    assert not list(town.folder.glob("token-*"))


def test_a_lost_token_is_said(town: Town) -> None:
    """A registration whose token file is gone says so, in words without the token."""
    town.desk.approve = False
    with town.agent() as agent:
        agent.register(town.desk.issue_token())
    for path in town.folder.glob("token-*"):
        path.unlink()
    with town.agent() as agent:
        turn(agent, town, timedelta(hours=1))
        assert agent.state.failure is not None
        assert "the ID token is not on disk" in agent.state.failure.sentence


def test_the_machines_clocks_count_and_stop() -> None:
    """Monotonic time goes on, and a wait ends when somebody says so."""
    clocks = MachineClocks()
    before = clocks.reading()
    assert clocks.wait(timedelta(milliseconds=5))
    after = clocks.reading()
    assert after.mono > before.mono
    assert after.boot == before.boot
    clocks.stop()
    assert not clocks.wait(timedelta(hours=1))
