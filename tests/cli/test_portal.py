"""A portal from the command line: made, filled, served, asked and stopped."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anchorwatch.cli.app import app
from anchorwatch.db.database import Database
from anchorwatch.licensing import trust_bundle
from builders.certs import CA
from builders.service import addresses


def portal(folder: Path, *words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["portal", *words, "--folder", str(folder)])
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "portal"
    portal(made, "init", "licensing.example")
    portal(made, "account", "add", "harbour.example", "Harbour Authority")
    return made


def test_what_is_entered_is_listed(folder: Path) -> None:
    """Accounts, licences and tokens appear where they were put; a token's secret is shown once and never again."""
    portal(folder, "virtual-account", "add", "North quay")
    assert "North quay" in portal(folder, "virtual-account", "list")
    portal(folder, "license", "define", "standard", "--mode", "hard")
    portal(
        folder, "license", "add", "standard", "10", "--ends", "2999-12-31", "--virtual-account", "North quay"
    )
    assert re.search(
        r"standard +hard +10 +0", portal(folder, "license", "list", "--virtual-account", "North quay")
    )
    text = portal(folder, "token", "create", "--uses", "3").strip()
    _, prefix, secret, _, _ = text.split("-")
    listed = portal(folder, "token", "list")
    assert re.search(rf"{prefix} +proof +0/3 .*good", listed)
    assert secret not in listed
    portal(folder, "token", "revoke", prefix)
    assert "revoked" in portal(folder, "token", "list")
    assert "harbour.example" in portal(folder, "account", "list")
    assert portal(folder, "device", "list").split() == [
        "device",
        "product",
        "serial",
        "state",
        "last",
        "seen",
        "deadline",
    ]


def test_trust_is_published_from_the_command_line(folder: Path, tmp_path: Path) -> None:
    """Each change is the next bundle: a root added and announced, one removed, a key turned over."""
    root = CA.root("Harbour Web Root")
    (tmp_path / "root.pem").write_text(root.pem)
    assert "bundle 2" in portal(folder, "trust", "plan", str(tmp_path / "root.pem"), "--after", "2999-01-01")
    shown = portal(folder, "trust", "show")
    assert "Harbour Web Root" in shown
    assert "2999-01-01" in shown
    assert "bundle 3" in portal(folder, "trust", "remove", root.sha256[:16])
    assert "bundle 4" in portal(
        folder, "trust", "add", str(tmp_path / "root.pem"), "--for", "elsewhere.example"
    )
    assert "bundle 5" in portal(folder, "trust", "rotate", "grant")
    portal(folder, "trust", "export", "-o", str(tmp_path / "bundle.jws"))
    bundle = trust_bundle.read((tmp_path / "bundle.jws").read_text().strip())
    assert (bundle.seq, len(bundle.grant_keys)) == (5, 2)


def test_seats_move_between_parts(folder: Path) -> None:
    """A rehearsed move tells what would be, a real one does it, and more than there is is refused."""
    portal(folder, "virtual-account", "add", "North quay")
    portal(folder, "license", "define", "standard")
    portal(folder, "license", "add", "standard", "10")
    said = portal(folder, "license", "move", "standard", "4", "--to", "North quay", "--dry-run")
    assert ("Default would have 6" in said, "North quay would have 4" in said) == (True, True)
    assert re.search(r"standard +limit +10 +0", portal(folder, "license", "list"))
    portal(folder, "license", "move", "standard", "4", "--to", "North quay")
    assert re.search(r"standard +limit +6 +0", portal(folder, "license", "list"))
    assert "not 7" in portal(folder, "license", "move", "standard", "7", "--to", "North quay", status=1)
    assert "nothing of x" in portal(folder, "license", "move", "x", "1", "--to", "North quay", status=1)
    portal(folder, "device", "move", "nonsense", "--to", "North quay", status=2)
    assert portal(folder, "alert", "list").split() == ["alert", "severity", "what", "due"]


def test_keys_are_made_listed_and_revoked(folder: Path) -> None:
    """An API key is shown once, listed by its beginning with its fence, and revoked; its secret is nowhere afterwards."""
    text = portal(folder, "key", "create", "night shift", "--role", "operator").strip()
    whole = portal(folder, "key", "create", "root move", "--portal", "--role", "admin").strip()
    _, prefix, secret = text.split("-", 2)
    listed = portal(folder, "key", "list")
    assert re.search(rf"{prefix} +night shift +operator +harbour.example .*good", listed)
    assert re.search(rf"{whole.split('-')[1]} +root move +admin +the portal .*good", listed)
    assert secret not in listed
    portal(folder, "key", "revoke", prefix)
    assert re.search(rf"{prefix} .*revoked", portal(folder, "key", "list"))
    assert "before" in portal(folder, "key", "revoke", prefix)
    portal(folder, "key", "revoke", "nothing", status=1)
    portal(folder, "key", "create", "x", "--role", "king", status=2)
    portal(folder, "key", "create", "x", "--portal", "--account", "harbour.example", status=2)
    portal(folder, "key", "create", "two\nlines", status=1)


def test_a_root_is_switched_to(folder: Path, tmp_path: Path) -> None:
    """A planned root whose day has come is switched to; one that is not planned, or not published, is refused."""
    root = CA.root("Harbour Web Root")
    (tmp_path / "root.pem").write_text(root.pem)
    assert "no root" in portal(folder, "trust", "readiness", root.sha256, status=1)
    portal(folder, "trust", "plan", str(tmp_path / "root.pem"), "--after", "2020-01-01")
    assert "0 of 0 devices" in portal(folder, "trust", "readiness", root.sha256)
    assert "bundle 3" in portal(folder, "trust", "switch", root.sha256)
    assert "not planned" in portal(folder, "trust", "switch", root.sha256, status=1)
    portal(folder, "trust", "switch", "nonsense", status=2)


def test_what_cannot_be_done_says_why(folder: Path, tmp_path: Path) -> None:
    """Refused is 1, asked wrongly 2, could not look 3; no second portal in a folder."""
    assert "there is a portal" in portal(folder, "init", "other.example", status=3)
    portal(tmp_path / "other", "init", "no name at all", status=2)
    assert not (tmp_path / "other").exists()
    nowhere = portal(tmp_path / "nowhere", "account", "list", status=3)
    assert "there is no portal" in nowhere
    assert "portal init" in nowhere
    assert "already" in portal(folder, "account", "add", "harbour.example", "Again", status=1)
    portal(folder, "trust", "remove", "12ab", status=2)
    portal(folder, "trust", "remove", "ab" * 32, status=1)
    portal(folder, "license", "add", "unknown", "1", status=1)
    portal(folder, "token", "create", "--network", "nonsense", status=2)
    portal(folder, "trust", "rotate", "nonsense", status=2)
    portal(folder, "device", "set", "approve", "nonsense", status=2)
    portal(folder, "serve", status=2)
    portal(folder, "serve", "--plain", "--host", "192.0.2.1", status=2)


def test_a_portal_that_cannot_be_shown_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    """A chain that is not there, another leaf's key, a text that is no key, a port that is taken: a sentence and 3."""
    leaf, other = (CA.root(each).issue_leaf("licensing.example") for each in ("one", "two"))
    chain, key, nonsense, absent = (
        tmp_path / each for each in ("chain.pem", "key.pem", "no.pem", "absent.pem")
    )
    chain.write_text(leaf.pem)
    key.write_text(leaf.key_pem)
    nonsense.write_text("nonsense")

    def served(*words: str) -> str:
        return portal(folder, "serve", "--port", "0", *words, status=3)

    assert "absent.pem cannot be read: no such file" in served("--chain", str(absent), "--key", str(key))
    assert "no key that can be read" in served("--chain", str(chain), "--key", str(nonsense))
    nonsense.write_text(other.key_pem)
    assert "not the key of the first" in served("--chain", str(chain), "--key", str(nonsense))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = served("--chain", str(chain), "--key", str(key), "--http-port", port)
    assert f"nobody can listen on 127.0.0.1 port {port}: address already in use\n" in said


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: a limit on the size of files")
def test_a_beginning_that_failed_is_no_portal(tmp_path: Path) -> None:
    """Where the disk takes no more in the middle of it, nothing is left, and the next attempt makes the portal."""
    made = tmp_path / "portal"
    typed = [
        sys.executable,
        "-m",
        "anchorwatch",
        "portal",
        "init",
        "licensing.example",
        "--folder",
        str(made),
    ]
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *typed], capture_output=True, text=True, check=False
    )
    assert (full.returncode, full.stderr.count("\n")) == (3, 1), full.stderr
    assert not made.exists()
    portal(made, "init", "licensing.example")


def test_a_database_that_others_hold_or_nobody_may_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is refused by the portal, so the status is 3; an address that means nothing is asked wrongly."""
    patient = Database.open
    with monkeypatch.context() as shorter:
        shorter.setattr(Database, "open", lambda where: patient(where, patience=timedelta(seconds=0.1)))
        with contextlib.closing(sqlite3.connect(folder / "portal.db", isolation_level=None)) as held:
            held.execute("BEGIN IMMEDIATE")
            assert "busy" in portal(folder, "account", "add", "b.example", "B", status=3)
    monkeypatch.setenv("ANCHORWATCH_PORTAL_DATABASE", "mysql://robot:secret@db.example/x")
    assert "secret" not in portal(folder, "account", "list", status=2)
    monkeypatch.delenv("ANCHORWATCH_PORTAL_DATABASE")
    (folder / "portal.db").unlink()
    (folder / "portal.db").mkdir()
    assert "cannot be opened" in portal(folder, "account", "list", status=3)


def test_a_backup_is_the_portal_again(folder: Path, tmp_path: Path) -> None:
    """What was saved fills an empty database beside the same keys; a database in use is not overwritten."""
    portal(folder, "license", "define", "standard")
    portal(folder, "license", "add", "standard", "7")
    portal(folder, "backup", str(tmp_path / "saved"))
    portal(folder, "backup", str(tmp_path / "saved"), status=3)
    portal(folder, "backup", str(tmp_path / "saved"), "--force")
    if os.name != "nt":
        assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o600
    assert "7" in portal(folder, "backup", "-")
    portal(folder, "backup", str(tmp_path / "no such folder" / "saved"), status=3)
    assert "not empty" in portal(folder, "restore", str(tmp_path / "saved"), status=1)
    for file in folder.glob("portal.db*"):
        file.unlink()
    portal(folder, "restore", str(tmp_path / "nothing"), status=3)
    portal(folder, "restore", str(tmp_path / "saved"))
    assert re.search(r"standard +limit +7 +0", portal(folder, "license", "list"))
    assert "bundle 1" in portal(folder, "trust", "show")


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: the signal that ends it")
def test_an_agent_registers_at_it(folder: Path, tmp_path: Path) -> None:
    """Both from the command line: the agent trusts no root but by its token, registers, renews and leaves."""
    root = CA.root("Harbour Web Root")
    leaf = root.issue_leaf("licensing.example")
    for name, text in {"root.pem": root.pem, "chain.pem": leaf.pem, "key.pem": leaf.key_pem}.items():
        (tmp_path / name).write_text(text)
    portal(folder, "license", "define", "standard")
    portal(folder, "license", "add", "standard", "5")
    portal(folder, "trust", "add", str(tmp_path / "root.pem"))
    (tmp_path / "token.txt").write_text(portal(folder, "token", "create"))
    words = [sys.executable, "-c", "from anchorwatch.cli.app import main; main()", "portal", "serve"]
    shown = ["--chain", str(tmp_path / "chain.pem"), "--key", str(tmp_path / "key.pem")]
    typed = [*words, "--port", "0", "--http-port", "0", *shown, "--folder", str(folder)]
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        try:
            tls, plain = (each.rpartition("//")[2] for each in addresses(served.stderr, 2))
            where = ["--folder", str(tmp_path / "agent"), "--address", tls, "--plain", plain]
            asked = [
                "--portal",
                "licensing.example",
                "--serial",
                "9ABC",
                "--want",
                "standard",
                "--wait",
                "20",
            ]
            agent = CliRunner()
            result = agent.invoke(
                app, ["agent", "register", *asked, "--token-file", str(tmp_path / "token.txt"), *where]
            )
            assert result.exit_code == 0, result.output
            assert "Status: REGISTERED" in result.output
            assert re.search(r"9ABC +active", portal(folder, "device", "list"))
            assert agent.invoke(app, ["agent", "renew", "auth", *where]).exit_code == 0
            assert agent.invoke(app, ["agent", "deregister", "--yes", *where]).exit_code == 0
            assert re.search(r"9ABC +removed", portal(folder, "device", "list"))
        finally:
            served.send_signal(signal.SIGINT)
    assert served.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="only on Linux and macOS: the signal that ends it")
def test_it_serves_until_interrupted(folder: Path) -> None:
    """Served over HTTP on loopback it is ready and gives its bundle; interrupted it ends well."""
    words = [sys.executable, "-c", "from anchorwatch.cli.app import main; main()", "portal", "serve"]
    typed = [*words, "--plain", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(typed, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        try:
            (base,) = addresses(served.stderr)
            with urllib.request.urlopen(f"{base}/readyz", timeout=10) as answer:
                assert answer.read() == b"ready\n"
            with urllib.request.urlopen(f"{base}/sl/v1/trust", timeout=10) as answer:
                assert trust_bundle.read(answer.read().decode()).iss == "licensing.example"
        finally:
            served.send_signal(signal.SIGINT)
    assert served.returncode == 0
