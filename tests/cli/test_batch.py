"""The batch protocol: one question a line, one answer a line, in order, whatever stands in a line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.clock import TurnableClock
from anchorwatch.cli import batch
from builders.certs import CA

NOW = datetime(2020, 6, 1, tzinfo=UTC)
CLOCK = TurnableClock(NOW)
ROOT = CA.root("Harbour Root")
MIDDLE = ROOT.issue_ca("Harbour Issuing 1")
LEAF = MIDDLE.issue_leaf("portal.example")
GOOD: dict[str, Any] = {
    "id": "good",
    "presented": [LEAF.pem, MIDDLE.pem],
    "anchors": [ROOT.pem],
    "peer": {"kind": "dns", "value": "portal.example"},
    "at": "2020-06-01T00:00:00Z",
    "purpose": "server_auth",
    "profile": "rfc5280",
    "revocation": "none",
    "crls": [],
    "peer_names": [],
    "max_path_length": None,
    "policies": None,
    "key_usage": [],
    "extended_key_usage": [],
    "signature_algorithms": [],
}


def ask(**changes: object) -> dict[str, Any]:
    return batch.answer(json.dumps({**GOOD, **changes}).encode(), CLOCK)


def test_a_good_chain_is_trusted_with_its_path() -> None:
    """The answer names the path by SHA-256, leaf first."""
    answer = ask()
    assert answer["verdict"] == "trusted"
    assert answer["path"] == [LEAF.sha256, MIDDLE.sha256, ROOT.sha256]
    assert set(answer) == {"id", "verdict", "reason", "sentence", "path", "attempts", "missing"}


def test_a_missing_anchor_is_refused_with_what_would_suffice() -> None:
    """Each missing issuer that would suffice is told with its subject."""
    answer = ask(anchors=[])
    assert (answer["verdict"], answer["reason"]) == ("refused", "issuer-unknown")
    assert [issuer["subject"] for issuer in answer["missing"]] == ["CN=Harbour Issuing 1", "CN=Harbour Root"]


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"peer": {"kind": "dns", "value": "elsewhere.example"}}, "refused", "name-mismatch"),
        ({"at": "1999-01-01T00:00:00Z"}, "refused", "not-yet-valid"),
        ({"at": None}, "trusted", None),
        ({"purpose": "client_auth"}, "refused", "wrong-purpose"),
        ({"purpose": "any"}, "trusted", None),
        ({"max_path_length": 0}, "refused", "path-too-long"),
        ({"key_usage": ["digitalSignature"]}, "trusted", None),
        ({"key_usage": ["keyAgreement"]}, "refused", "wrong-purpose"),
        ({"key_usage": ["paperWeight"]}, "unsupported", None),
        ({"extended_key_usage": ["clientAuth"]}, "refused", "wrong-purpose"),
        ({"extended_key_usage": ["1.3.6.1.5.5.7.3.1"]}, "trusted", None),
        ({"extended_key_usage": ["paperWeight"]}, "unsupported", None),
        ({"signature_algorithms": ["ECDSA_WITH_SHA256"]}, "trusted", None),
        ({"signature_algorithms": ["RSA_WITH_SHA256"]}, "refused", "weak-digest"),
        ({"signature_algorithms": ["WITH_A_QUILL"]}, "unsupported", None),
        ({"revocation": "crl"}, "refused", "revocation-unknown"),
        ({"revocation": "crl", "crls": ["no list at all"]}, "refused", "revocation-unknown"),
        ({"presented": ["no certificate"]}, "refused", "malformed"),
        ({"presented": [LEAF.pem, "no certificate", MIDDLE.pem]}, "trusted", None),
        ({"peer_names": [{"kind": "email", "value": "a@portal.example"}]}, "refused", "name-mismatch"),
        ({"policies": {"require_explicit": True}}, "refused", "policy"),
        ({"policies": {"initial": ["1.2.3"]}}, "trusted", None),
        ({"presented": []}, "error", None),
        ({"profile": "nobody"}, "error", None),
        ({"at": "yesterday"}, "error", None),
        ({"at": "2020-06-01T00:00:00"}, "error", None),
        ({"purpose": "decoration"}, "error", None),
        ({"peer": {"kind": "dns", "value": "not a name"}}, "error", None),
        ({"surprise": 1}, "error", None),
        ({"max_path_length": -1}, "error", None),
    ],
)
def test_every_field_is_honoured_or_said_not_to_be(
    changes: dict[str, object], verdict: str, reason: str | None
) -> None:
    """A constraint is decided, answered `unsupported`, or an error of whoever asked: never ignored."""
    answer = ask(**changes)
    assert (answer["verdict"], answer["reason"]) == (verdict, reason), answer["sentence"]
    assert answer["id"] == "good"
    assert answer["sentence"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_line_gets_one_answer(line: bytes) -> None:
    """Whatever stands in a line, one JSON object with a verdict comes back."""
    answer = batch.answer(line, CLOCK)
    assert answer["verdict"] in ("error", "refused", "trusted", "unsupported")
    assert json.loads(batch_text(answer))["sentence"]


def batch_text(answer: dict[str, Any]) -> str:
    """The answer as it is written."""
    lines: list[str] = []
    batch.serve(io.BytesIO(json.dumps(answer).encode() + b"\n"), lines.append, CLOCK)
    return lines[0]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner),
        max_leaves=12,
    )
)
def test_any_json_gets_an_answer(value: object) -> None:
    """Fields of every type and shape are answered, never raised."""
    for document in (value, {**GOOD, **value} if isinstance(value, dict) else {"id": value}):
        assert "verdict" in batch.answer(json.dumps(document).encode(), CLOCK)


def test_lines_that_are_too_long_are_skipped_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oversized line costs one error; the line behind it is answered."""
    monkeypatch.setattr(batch, "MAX_LINE", 20_000)
    lines: list[str] = []
    stream = io.BytesIO(b"x" * 3_000_000 + b"\n" + json.dumps(GOOD).encode() + b"\n")
    batch.serve(stream, lines.append, CLOCK)
    assert [json.loads(line)["verdict"] for line in lines] == ["error", "trusted"]


def test_the_stream_is_flushed_answer_by_answer() -> None:
    """A caller that waits for each answer before it asks again is served."""
    command = [sys.executable, "-m", "anchorwatch", "judge", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(json.dumps({**GOOD, "id": number}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(20) == 0
