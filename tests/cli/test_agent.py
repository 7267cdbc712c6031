"""`anchorwatch agent` against a portal behind real TLS."""

from __future__ import annotations

import base64
import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.town import Town, a_town
from anchorwatch.base.clock import SystemClock
from anchorwatch.cli import agent_want, agent_work
from anchorwatch.cli.app import app
from builders.certs import CA
from builders.servers import scripted, tunnelling
from licensing.desk import PORTAL


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with a_town(tmp_path / "agent", SystemClock().now()) as made:
        yield made


def where(town: Town) -> list[str]:
    return [
        "--folder",
        str(town.folder),
        "--address",
        str(town.tls.listener.endpoint),
        "--plain",
        str(town.plain.listener.endpoint),
    ]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["agent", *words], env={"COLUMNS": "200"})


def register(town: Town, *more: str) -> Result:
    file = town.folder.parent / "token.txt"
    file.write_text(town.desk.issue_token().text().reveal() + "\n")
    asked = ["--portal", PORTAL, "--serial", "9ABC", "--token-file", str(file), "--want", "standard"]
    return run("register", *asked, *where(town), *more)


def test_a_life_by_hand(town: Town) -> None:
    """Register, look, renew both, give back; each with its exit status."""
    result = register(town)
    assert result.exit_code == 0, result.output
    assert "  Status: REGISTERED" in result.stdout
    assert "(standard):" in result.stdout
    result = run("status", "--folder", str(town.folder), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["grant"]["sequence"] == 1
    assert run("renew", "auth", *where(town)).exit_code == 0
    assert run("renew", "id", *where(town)).exit_code == 0
    found = json.loads(run("status", "--folder", str(town.folder), "--json").stdout)
    assert found["grant"]["sequence"] >= 2
    assert run("deregister", *where(town)).exit_code == 2
    assert town.desk.pool.in_use == 1
    assert run("deregister", "--yes", *where(town)).exit_code == 0
    assert town.desk.pool.in_use == 0
    assert run("status", "--folder", str(town.folder)).exit_code == 1


def test_what_is_registered_stays_so(town: Town) -> None:
    """Registering again is refused here, with the next step, and changes nothing; with --force the portal decides."""
    assert register(town).exit_code == 0
    again = register(town)
    assert again.exit_code == 1
    assert f"9ABC is registered at {PORTAL} already" in again.stderr
    assert "--force" in again.stderr
    assert run("renew", "auth", *where(town)).exit_code == 0
    meant = register(town, "--force")
    assert meant.exit_code == 1
    assert "The ID token has been used" in meant.stderr


def test_the_token_is_never_an_argument_nor_printed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come from the environment; a damaged one is refused without being repeated."""
    text = town.desk.issue_token().text().reveal()
    monkeypatch.setenv("ANCHORWATCH_ID_TOKEN", text[:-4])
    asked = ("register", "--portal", PORTAL, "--serial", "9ABC", *where(town))
    result = run(*asked)
    assert result.exit_code == 2
    assert text[:40] not in result.output
    monkeypatch.setenv("ANCHORWATCH_ID_TOKEN", text)
    result = run(*asked)
    assert result.exit_code == 0, result.output
    assert text.split("-")[2] not in result.output
    monkeypatch.delenv("ANCHORWATCH_ID_TOKEN")
    assert run(*asked, "--force").exit_code == 2


def test_a_portal_that_cannot_be_reached_is_not_a_refusal(town: Town) -> None:
    """Exit status 3, with the reason and what goes on trying."""
    town.tls.close()
    town.plain.close()
    result = register(town)
    assert result.exit_code == 3
    assert "agent run" in result.stderr


def test_a_root_that_moved_is_told_with_who_is_missing(town: Town) -> None:
    """The renewal fails, the status names the cause, and the bundle by hand mends it."""
    assert register(town).exit_code == 0
    new = CA.root("New Root")
    town.move(new)
    result = run("renew", "auth", *where(town))
    assert result.exit_code == 3
    assert "New Root" in result.stderr
    assert "hint: " in result.stderr
    found = json.loads(run("status", "--folder", str(town.folder), "--json").stdout)
    assert found["failure"]["missing"] == ["CN=Issuing of New Root", "CN=New Root"]
    assert found["failure"]["next_step"]
    assert found["incidents"][0]["class"] == "unknown_root"
    town.publish(2, new)
    file = town.folder.parent / "bundle.jws"
    file.write_text(town.desk.bundle)
    assert run("trust", "import", str(file), "--folder", str(town.folder)).exit_code == 0
    assert run("status", "--folder", str(town.folder)).exit_code == 1
    result = run("retry", *where(town))
    assert result.exit_code == 0, result.output
    assert run("status", "--folder", str(town.folder)).exit_code == 0
    file.write_text(town.desk.bundle[:-8] + "AAAAAAAA")
    result = run("trust", "import", str(file), "--folder", str(town.folder))
    assert result.exit_code == 1
    assert "portal trust export" in result.stderr


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Portal.example", "portal.example"),
        ("portal.example:443", "portal.example"),
        ("portal.example:8443", "portal.example:8443"),
    ],
)
def test_a_portal_is_named_as_it_is_addressed(given: str, name: str) -> None:
    """The name that requests are signed for has its port, where that is not the port of https."""
    assert agent_want.product_of(None, given, "9ABC", "appliance").portal == name


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["register", "--serial", "9ABC"], 2),
        (["register", "--portal", "a b", "--serial", "9ABC"], 2),
        (["register", "--portal", PORTAL, "--serial", "bad serial!"], 2),
        (["register", "--portal", PORTAL, "--serial", "9ABC", "--want", "a=b"], 2),
        (["register", "--portal", PORTAL, "--serial", "9ABC", "--want", "bad tag=1"], 2),
        (["register", "--serial", "9ABC", "--portal", PORTAL, "--want", "a=\u00b2"], 2),
        (["register", "--serial", "9ABC", "--portal", PORTAL, "--want", "a", "--want", "a=2"], 2),
        (["want"], 2),
        (["want", "a", "--nothing"], 2),
        (["want", "a"], 2),
        (["want", "a=b", "--portal", PORTAL, "--serial", "9ABC"], 2),
        (["status"], 3),
        (["renew", "auth"], 3),
        (["deregister", "--yes"], 3),
        (["run"], 3),
        (["trust", "import", "nothing.jws"], 3),
        (["trust", "show"], 3),
        (["trust", "clear"], 3),
        (["retry"], 3),
    ],
)
def test_what_is_asked_wrongly_leaves_nothing(tmp_path: Path, words: list[str], status: int) -> None:
    """Bad words and missing folders have their exit statuses, and no folder is made."""
    folder = tmp_path / "agent"
    result = run(*words, "--folder", str(folder))
    assert result.exit_code == status, result.output
    assert not folder.exists()


def test_a_running_agent_holds_its_folder_and_ends_by_a_signal(town: Town) -> None:
    """While `run` works nobody else does; a signal ends it with status 0."""
    assert register(town).exit_code == 0
    command = [sys.executable, "-m", "anchorwatch", "agent", "run", *where(town)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            assert running.stderr is not None
            assert b"at work in" in running.stderr.readline()
            result = run("renew", "auth", *where(town))
            assert result.exit_code == 3
            assert "another agent works on" in result.stderr
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=20) in ({0} if sys.platform != "win32" else {0, 1})
        finally:
            running.kill()


def test_the_bundle_in_use_is_shown(town: Town) -> None:
    """Its number, its anchors with their names, and the state of it, for people and for programs."""
    assert register(town).exit_code == 0
    result = run("trust", "show", "--folder", str(town.folder))
    assert result.exit_code == 0
    assert result.stdout.startswith(f"trust bundle 1 of {PORTAL}: fresh")
    assert f"CN=Old Root, until 2049-01-01, for {PORTAL}" in result.stdout
    found = json.loads(run("trust", "show", "--folder", str(town.folder), "--json").stdout)
    assert (found["state"], found["bundle"]["seq"]) == ("fresh", 1)
    assert run("trust", "clear", "--folder", str(town.folder)).stdout == "there is no alarm\n"


def test_an_older_bundle_raises_an_alarm_that_a_person_ends(town: Town) -> None:
    """Shown an older bundle, the agent keeps its own and says so until somebody has looked."""
    town.publish(7, town.root)
    assert register(town).exit_code == 0
    newer, root = town.desk.bundle, town.root
    town.publish(3, root)
    town.move(CA.root("New Root"))
    assert run("renew", "auth", *where(town)).exit_code == 3
    town.desk.bundle = newer
    town.move(root)
    assert run("retry", *where(town)).exit_code == 0
    result = run("status", "--folder", str(town.folder))
    assert result.exit_code == 1
    assert "agent trust clear" in result.stderr
    assert run("trust", "clear", "--folder", str(town.folder)).exit_code == 0
    assert run("trust", "show", "--folder", str(town.folder)).exit_code == 1
    assert run("status", "--folder", str(town.folder)).exit_code == 0


def test_a_proxys_password_comes_from_a_file(town: Town) -> None:
    """The CONNECT proxy gets the user and password that were given, and neither is printed."""
    file = town.folder.parent / "password.txt"
    file.write_text("s3cret pass\n")
    good = b"Basic " + base64.b64encode(b"robot:s3cret pass")
    script = tunnelling(town.tls.listener.endpoint, password=good)
    with scripted(script, connections=30) as proxy:
        asked = ["--proxy", f"robot@{proxy}"]
        result = register(town, *asked)
        assert result.exit_code == 3
        assert "--proxy-password-file" in result.stderr
        result = run("retry", *where(town), *asked, "--proxy-password-file", str(file))
        assert result.exit_code == 0, result.output
        assert "s3cret" not in result.output
    assert run("retry", *where(town), *asked, "--proxy-password-file", str(file) + "x").exit_code == 3
    file.write_text("\n")
    assert run("retry", *where(town), *asked, "--proxy-password-file", str(file)).exit_code == 3


def test_anchors_in_a_file_are_read_again_when_it_changes(tmp_path: Path) -> None:
    """A pool that was repaired counts from the next connection on, and half a file does not empty it."""
    file = tmp_path / "anchors.pem"
    first, second = CA.root("First"), CA.root("Second")
    file.write_text(first.pem)
    reach = agent_work.Road(anchors=str(file)).reach(PORTAL)
    assert [each.certificate.sha256 for each in reach.store().anchors] == [first.sha256]
    file.write_text(first.pem + second.pem)
    assert len(reach.store().anchors) == 2
    file.write_text("-----BEGIN")
    assert len(reach.store().anchors) == 2
    file.unlink()
    assert len(reach.store().anchors) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_a_running_agent_says_what_comes_next_and_tries_again_when_rung(town: Town) -> None:
    """As JSON lines: what fails, what to do, what comes next; SIGHUP tries at once, and the end is said."""
    assert register(town).exit_code == 0
    town.move(CA.root("New Root"))
    assert run("renew", "auth", *where(town)).exit_code == 3
    command = [sys.executable, "-m", "anchorwatch", "agent", "run", "--json", *where(town)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            lines = (json.loads(line) for line in running.stdout)
            seen = list(itertools.takewhile(lambda line: line["code"] != "next", lines))
            assert [each["code"] for each in seen][-2:] == ["started", "failed"]
            assert seen[-1]["next_step"]
            town.publish(2, town.root)
            running.send_signal(signal.SIGHUP)
            codes = []
            for line in lines:
                codes.append(line["code"])
                if line["code"] == "recovered":
                    break
            assert "bundle-accepted" in codes
            running.send_signal(signal.SIGTERM)
            assert [line["code"] for line in lines][-1] == "stopped"
            assert running.wait(timeout=20) == 0
        finally:
            running.kill()
    assert run("status", "--folder", str(town.folder)).exit_code == 0


def test_what_is_used_can_change(town: Town) -> None:
    """More, less and nothing are asked for at once, and the seats follow."""
    assert register(town).exit_code == 0
    assert run("want", "standard=4", *where(town)).exit_code == 0
    assert town.desk.pool.in_use == 4
    assert run("want", "standard=2", *where(town)).exit_code == 0
    assert town.desk.pool.in_use == 2
    found = json.loads(run("status", "--folder", str(town.folder), "--json").stdout)
    assert found["grant"]["entitlements"] == [{"tag": "standard", "count": 2, "status": "authorized"}]


def test_an_evaluation_is_on_the_screen_and_counted_by_run(tmp_path: Path) -> None:
    """An appliance that was never registered may be used for 90 days, and says how many are left."""
    folder = str(tmp_path / "agent")
    result = run("want", "standard", "--portal", PORTAL, "--serial", "9ABC", "--folder", folder)
    assert result.exit_code == 0, result.output
    assert "  Status: EVAL MODE\n  Evaluation Period Remaining: 90 days, 0 hours" in result.stdout
    command = [sys.executable, "-m", "anchorwatch", "agent", "run", "--folder", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as running:
        try:
            assert running.stderr is not None
            assert b"at work in" in running.stderr.readline()
            time.sleep(1.2)
            running.send_signal(signal.SIGTERM)
            assert running.wait(timeout=20) in ({0} if sys.platform != "win32" else {0, 1})
        finally:
            running.kill()
    found = json.loads(run("status", "--folder", folder, "--json").stdout)
    assert found["authorization"] == "evaluation"
    if sys.platform != "win32":
        assert found["evaluation_used_seconds"] >= 1
    assert run("want", "--nothing", "--folder", folder).exit_code == 0
    assert run("run", "--folder", folder).exit_code == 1
