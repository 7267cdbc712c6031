import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import license as license_screen
from anchorwatch.devices import transcript
from anchorwatch.devices.asa import certificate, registration, trustpool, trustpool_import
from anchorwatch.devices.capture import Line, clean
from anchorwatch.devices.rejoined import take_apart
from anchorwatch.devices.screen import to_lines


def refilled(text: str, width: int) -> str:
    """A text whose paragraphs a mail program joined and folded anew."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join("\n".join(textwrap.wrap(" ".join(each.split()), width)) for each in paragraphs)


@pytest.mark.parametrize("width", [60, 72, 80, 100, 1000])
def test_a_refilled_document_says_the_same(shared: Path, width: int) -> None:
    """Joined and folded at another width, the document's screens still give their facts."""
    text = (shared / "tac-213932.zh.txt").read_text(encoding="utf-8")
    before, after = (
        [line for block in transcript.read(form).blocks for line in block.lines]
        for form in (text, refilled(text, width))
    )
    assert registration.parse(after)[0].fact == registration.parse(before)[0].fact
    assert trustpool_import.parse(after)[0].fact == trustpool_import.parse(before)[0].fact
    assert trustpool.parse(after)[0].fact.last_result == trustpool.parse(before)[0].fact.last_result
    told = [[found.fact.registration for found in license_screen.parse(lines)] for lines in (before, after)]
    assert told[0] == told[1]
    names = [
        {found.fact.subject.value.key for found in certificate.parse(lines) if found.fact.subject}
        for lines in (before, after)
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("name", ["asa-license-all-healthy", "asa-version-unlicensed", "iosxe-trustpool"])
def test_a_clean_output_stays_as_it_is(shared: Path, name: str) -> None:
    """Nothing is cut where a device's own lines were kept."""
    lines = clean((shared / "transcripts" / f"{name}.txt").read_text())
    assert tuple(take_apart(lines)) == lines


def test_a_piece_knows_where_it_stood() -> None:
    """Line and column of a piece are those of its first word in the file."""
    lines = to_lines(
        "Smart Account: ACME Virtual\nAccount: Lab Registration Expires: Oct 09 17:33:07 2019 UTC"
    )
    pieces = list(take_apart(lines))
    assert [(piece.number, piece.offset, piece.text) for piece in pieces] == [
        (1, 0, "Smart Account: ACME"),
        (1, 20, "Virtual Account: Lab"),
        (2, 13, "Registration Expires: Oct 09 17:33:07 2019 UTC"),
    ]


def test_a_logged_message_is_not_cut() -> None:
    """Words of a message that happen to be labels elsewhere stay in the message."""
    text = "%SMART_LIC-3-AGENT_REG_FAILED: Smart Agent for Licensing Registration failed: Failure reason: x"
    assert tuple(take_apart(to_lines(text))) == to_lines(text)


@given(
    st.lists(
        st.sampled_from(
            ["Smart Account: x", "Registration:", "Status: y", "====", "asa# show clock", "\n", "cn=x", "a b"]
        ),
        max_size=30,
    ),
    st.sampled_from([" ", "\n", "  "]),
)
def test_no_word_is_lost_or_moved(words: list[str], joiner: str) -> None:
    """Whatever is cut, the words and their order stay."""
    lines = to_lines(joiner.join(words))
    pieces: list[Line] = list(take_apart(lines))
    assert " ".join(" ".join(piece.text for piece in pieces).split()) == " ".join(
        " ".join(line.text for line in lines).split()
    )
