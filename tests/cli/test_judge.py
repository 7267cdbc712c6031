"""`anchorwatch judge` as a person uses it: files, folders, standard input and live servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anchorwatch.cli.app import app
from builders.certs import CA, Issued, bundle
from builders.servers import listening, says, scripted

ROOT = CA.root("Harbour Root")
MIDDLE = ROOT.issue_ca("Harbour Issuing 1")
LEAF = MIDDLE.issue_leaf("portal.example", san=["portal.example", "127.0.0.1"])


def judge(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["judge", *arguments], input=stdin)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the chain, a store that holds the root, an empty-handed store and a catalogue."""

    def put(name: str, *certificates: Issued) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(bundle(certificates))

    put("chain.pem", LEAF, MIDDLE)
    put("store.pem", ROOT)
    put("elsewhere.pem", CA.root("Harbour Root 2"))
    put("catalogue/root.pem", ROOT)
    return tmp_path


def test_a_trusted_chain_shows_its_path(files: Path) -> None:
    """The verdict comes first, then leaf, intermediate and anchor with where each came from; exit status 0."""
    result = judge(str(files / "chain.pem"), "--store", str(files / "store.pem"), "--host", "portal.example")
    assert result.exit_code == 0, result.output
    first, *rest = result.stdout.splitlines()
    assert first == "trusted: “portal.example” leads to “Harbour Root” in the store"
    assert "for portal.example" in rest[0]
    assert [line.strip().split(" (")[0] for line in rest[1:4]] == [
        "“portal.example”",
        "└ issued by “Harbour Issuing 1”",
        "└ issued by “Harbour Root”",
    ]


def test_a_refusal_says_what_is_missing_and_what_would_mend_it(files: Path) -> None:
    """Each issuer that would do is named, the nearest name shown as a difference, one fix recommended."""
    result = judge(
        *(str(files / "chain.pem"), "--store", str(files / "elsewhere.pem")),
        *("--catalogue", str(files / "catalogue")),
    )
    assert result.exit_code == 1
    assert result.stdout.startswith("refused: nothing presented leads to an anchor")
    assert "missing: any one of these would do" in result.stdout
    assert 'one word differs: "2" missing' in result.stdout or "nearest in the store" in result.stdout
    assert f"[recommended] add “Harbour Root” (SHA-256 {ROOT.sha256})" in result.stdout
    assert "lets in: every server whose certificate “Harbour Root”" in result.stdout


def test_what_only_the_session_showed_is_explained_apart(files: Path) -> None:
    """An intermediate that came with the chain is no proposal, and the text says why."""
    result = judge(str(files / "chain.pem"), "--store", str(files / "elsewhere.pem"))
    assert result.exit_code == 1
    assert "[recommended]" not in result.stdout
    assert "explanation only, never to be planned" in result.stdout
    assert "TLS-inspecting proxy" in result.stdout


def test_the_json_names_certificates_and_describes_each_once(files: Path) -> None:
    """One document with a schema, paths by SHA-256, every certificate it names described."""
    result = judge(str(files / "chain.pem"), "--store", str(files / "elsewhere.pem"), "--json")
    document = json.loads(result.stdout)
    assert document["schema"] == "anchorwatch.judgement/1"
    assert (document["verdict"], document["reason"]) == ("refused", "issuer-unknown")
    named = set(document["presented"]) | {h for a in document["attempts"] for h in a["path"]}
    assert named <= set(document["certificates"])
    assert {fix["change"] for fix in document["fixes"]} == {"add-anchor"}
    assert all(fix["caution"] for fix in document["fixes"])


def test_a_chain_may_come_on_standard_input(files: Path) -> None:
    """`-` is the chain, text around it does not matter."""
    text = "what the server sent:\r\n" + bundle([LEAF, MIDDLE]).replace("\n", "\r\n")
    assert judge("-", "--store", str(files / "store.pem"), stdin=text).exit_code == 0


def test_a_live_server_is_judged_by_all_it_sends(files: Path, tmp_path: Path) -> None:
    """The endpoint's name is asked for, the chain kept as sent, and an untrusted server is refused, not unreachable."""
    saved = tmp_path / "kept.pem"
    with listening((LEAF, MIDDLE)) as server:
        target = str(server.endpoint)
        good = judge(target, "--store", str(files / "store.pem"), "--save", str(saved))
        bad = judge(target, "--store", str(files / "elsewhere.pem"), "--json")
    assert good.exit_code == 0, good.output
    assert saved.read_text() == bundle([LEAF, MIDDLE])
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["observation"]["endpoint"] == target


def test_a_server_that_shows_nothing_could_not_be_looked_at(files: Path) -> None:
    """Refused and unreachable never share a number."""
    with scripted(says(b"SSH-2.0-x\r\n")) as endpoint:
        result = judge(str(endpoint), "--store", str(files / "store.pem"), "--timeout", "5")
    assert result.exit_code == 3
    assert "hint: nothing was presented" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (("chain.pem",), 2, "--store is not given"),
        ((), 2, "CHAIN is not given"),
        (("-", "--store", "-"), 2, "cannot both be standard input"),
        (("chain.pem", "--store", "store.pem", "--profile", "mine"), 2, "--profile"),
        (("chain.pem", "--store", "store.pem", "--purpose", "mine"), 2, "--purpose"),
        (("chain.pem", "--store", "store.pem", "--at", "soon"), 2, "soon"),
        (("chain.pem", "--store", "store.pem", "--host", "a b"), 2, "--host"),
        (("chain.pem", "--store", "nowhere.pem"), 3, "nowhere.pem"),
        (("nowhere.pem", "--store", "store.pem"), 3, "nowhere.pem"),
        (("note.txt", "--store", "store.pem"), 3, "note.txt"),
        (("--batch", "--store", "store.pem"), 2, "--batch"),
    ],
)
def test_a_wrong_question_is_told_in_one_sentence(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, word: str
) -> None:
    """Asked wrongly is 2, could not look is 3, and the sentence names what is wrong."""
    monkeypatch.chdir(files)
    (files / "note.txt").write_text("nothing to see here\n")
    result = judge(*arguments)
    assert result.exit_code == status, result.output
    assert word in result.stderr
    assert result.stdout == ""


def test_a_strangers_name_cannot_move_the_terminal(files: Path) -> None:
    """Control characters in a subject are spelled out."""
    evil = CA.root("Evil \x1b[2J Root").issue_leaf("portal.example")
    (files / "evil.pem").write_text(bundle([evil]))
    result = judge(str(files / "evil.pem"), "--store", str(files / "store.pem"))
    assert "\x1b" not in result.stdout
    assert "\\x1b" in result.stdout
