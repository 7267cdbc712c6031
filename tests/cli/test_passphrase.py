"""Where the passphrase of a portal's keys comes from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from typer.testing import CliRunner

from anchorwatch.cli import passphrase
from anchorwatch.cli.app import app

WORDS = "the harbour sleeps at nine"


class Drawer(KeyringBackend):
    """A keyring that keeps things while the test runs."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def drawer() -> Iterator[Drawer]:
    """The keyring of this test."""
    before, made = keyring.get_keyring(), Drawer()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def portal(folder: Path, *words: str, status: int = 0, given: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(app, ["portal", *words, "--folder", str(folder)], env=given)
    assert result.exit_code == status, result.output
    return result.output


def test_keys_are_opened_by_the_keyring(drawer: Drawer, tmp_path: Path) -> None:
    """Keys made with a passphrase of the keyring are encrypted, and opened by it again, and by nothing else."""
    folder = tmp_path / "portal"
    keyring.set_password("anchorwatch/portal", "harbour", WORDS)
    named = {passphrase.KEYRING: "anchorwatch/portal/harbour"}
    assert "not encrypted" not in portal(folder, "init", "licensing.example", given=named)
    assert all(b"ENCRYPTED" in each.read_bytes() for each in (folder / "keys").glob("*.key.pem"))
    assert "bundle 1" in portal(folder, "trust", "show", given=named)
    assert "no passphrase was given" in portal(folder, "trust", "show", status=3)
    assert "bundle 1" in portal(folder, "trust", "show", given={passphrase.PASSPHRASE: WORDS})
    (tmp_path / "words").write_text(f"{WORDS}\n")
    assert "bundle 1" in portal(folder, "trust", "show", given={passphrase.FILE: str(tmp_path / "words")})
    drawer.kept.clear()
    assert "holds nothing" in portal(folder, "trust", "show", status=3, given=named)


def test_a_keyring_that_cannot_be_asked(
    drawer: Drawer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No keyring on the machine, no library for it, no entry's name: a sentence and status 3, never keys without encryption."""
    folder = tmp_path / "portal"
    assert "SERVICE/USER" in portal(
        folder, "init", "x.example", status=3, given={passphrase.KEYRING: "nothing"}
    )
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    said = portal(folder, "init", "x.example", status=3, given={passphrase.KEYRING: "a/b"})
    assert "cannot be asked" in said
    hidden: Any = None
    monkeypatch.setitem(sys.modules, "keyring", hidden)
    said = portal(folder, "init", "x.example", status=3, given={passphrase.KEYRING: "a/b"})
    assert "anchorwatch[keyring]" in said
    assert not (folder / "keys").exists()
    assert drawer.kept == {}
