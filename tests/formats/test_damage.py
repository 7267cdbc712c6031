"""The two damaged blocks that the document prints, measured and explained."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import read
from anchorwatch.formats.likeness import common_characters, edits, nearest
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA

GENUINE = "85a0dd7dd720adb7ff05f83d542b209dc7ff4528f7d677b18389fea5e5c49e86"


@pytest.fixture(scope="module")
def catalogue(shared: Path) -> list[Certificate]:
    found: list[Certificate] = []
    for file in sorted((shared / "pki" / "certs").glob("*.pem")):
        found += read(file.read_bytes()).certificates
    return found


@pytest.mark.parametrize("source", ["tac-213932.zh.txt", "garbled"])
def test_the_two_damaged_blocks(shared: Path, catalogue: list[Certificate], source: str) -> None:
    """Both copies of QuoVadis Root CA 2 are refused, measured, and recognised for what they were."""
    if source == "garbled":
        files = sorted((shared / "pki" / "garbled").glob("*.pem"))
        bundles = [read(file.read_bytes()) for file in files]
        damages = [damage for bundle in bundles for damage in bundle.damages]
        assert not any(bundle.certificates for bundle in bundles)
    else:
        bundle = read((shared / source).read_bytes())
        assert bundle.certificates == ()
        assert bundle.lost == 2
        assert [complaint.line for complaint in bundle.complaints] == [262, 308]
        damages = list(bundle.damages)
    first, second = damages
    assert (first.width, first.characters, first.missing_characters) == (64, 1941, 15)
    assert first.impossible
    assert first.decoded is None
    assert [line.excess for line in first.uneven].count(-1) == 7
    assert (second.characters, second.missing_characters) == (1954, 2)
    assert (second.decoded, second.announced, second.missing_bytes) == (1465, 1467, 2)
    for damage, share in ((first, 0.955), (second, 0.964)):
        likeness = nearest(damage, catalogue)
        assert likeness is not None
        assert likeness.certificate.sha256 == GENUINE
        assert likeness.share == pytest.approx(share, abs=0.001)


def test_details_name_lines_and_numbers(shared: Path) -> None:
    """The sentences say which lines are short or long, and what the header announces."""
    details = read((shared / "pki/garbled/seed-quovadis-2.pem").read_bytes()).damages[0].details()
    assert details == (
        "too short: lines 5 (-1), 9 (-1), 13 (-1), 19 (-1), 25 (-1), 28 (-1), 30 (-1)",
        "too long: lines 3 (+2), 18 (+1), 20 (+2)",
        "against its own width of 64 it is 2 base64 characters short",
        "1954 base64 characters hold 1465 bytes, unpadded",
        "its DER header announces 1467 bytes, 1956 base64 characters: 2 missing",
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["MIIBAAAA", "AAAA"], "251 of the 260 bytes its DER header announces are missing"),
        (["MAMCAQAA"], "1 byte follows the 5 its DER header announces"),
        (["MAMCAQA"], "not a certificate"),
        (["MIIBA"], "5 base64 characters are no possible length"),
        (["MIIB!AAA"], "1 character does not belong to base64"),
        (["MII(B!AA"], "2 characters do not belong to base64"),
        (["MIIBAAAA", "AAAAAAA", "AAAAAAAA", "AAAAAAAA"], "it is 1 base64 character short"),
    ],
)
def test_the_first_thing_to_say(rows: list[str], said: str) -> None:
    """The sentence names the plainest of what is wrong."""
    text = "\n".join(("-----BEGIN CERTIFICATE-----", *rows, "-----END CERTIFICATE-----"))
    (complaint,) = read(text.encode()).complaints
    assert said in complaint.sentence


def test_characters_that_moved_between_lines() -> None:
    """A line too long beside one too short, nothing missing in sum, is said so."""
    rows = ["MIIBAAAA", "AAAAAAA", "AAAAAAAAA", "AAAAAAAA", "AAAAAAAA"]
    text = "\n".join(("-----BEGIN CERTIFICATE-----", *rows, "-----END CERTIFICATE-----"))
    (damage,) = read(text.encode()).damages
    assert any("nothing is missing in sum" in detail for detail in damage.details())


def test_nothing_is_near_to_another_town() -> None:
    """A block is not called by the name of a certificate it has nothing in common with."""
    certificates = [Certificate.from_der(CA.root(f"Root {number}", key="rsa2048").der) for number in range(2)]
    text = certificates[0].pem[:400] + certificates[0].pem[401:]
    (damage,) = read(text.encode()).damages
    found = nearest(damage, certificates)
    assert found is not None
    assert found.certificate == certificates[0]
    assert found.edits == 1
    assert nearest(damage, certificates[1:]) is None


def plain_edits(one: str, other: str) -> int:
    above = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        here = [row]
        for column, right in enumerate(other, 1):
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + (left != right)))
        above = here
    return above[-1]


def plain_common(one: str, other: str) -> int:
    above = [0] * (len(other) + 1)
    for left in one:
        here = [0]
        for column, right in enumerate(other, 1):
            here.append(above[column - 1] + 1 if left == right else max(above[column], here[-1]))
        above = here
    return above[-1]


SHORT = st.text("abc", max_size=20)


@given(one=SHORT, other=SHORT)
def test_alignment_in_bits_equals_the_table(one: str, other: str) -> None:
    """Both alignments give what the textbook's table gives."""
    assert edits(one, other) == plain_edits(one, other)
    assert common_characters(one, other) == plain_common(one, other)
