from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.devices import transcript
from anchorwatch.devices.asa import certificate
from anchorwatch.devices.capture import clean


def test_a_clean_pool_of_ios_xe_is_reproduced(shared: Path) -> None:
    """Every byte of a real pool listing comes back from its facts, names broken at commas included."""
    text = (shared / "transcripts" / "iosxe-trustpool.txt").read_text()
    found = certificate.parse(clean(text))
    assert len(found) == 16
    assert "\n\n".join(certificate.render_iosxe(each.fact) for each in found) + "\n" == text


def test_a_listing_that_lost_its_shape_is_read(shared: Path) -> None:
    """The document's listing lost indentation and gained blank lines; every field is still found."""
    text = transcript.read((shared / "tac-213932.zh.txt").read_bytes())
    (found,) = [each for block in text.blocks for each in certificate.parse(block.lines)]
    fact = found.fact
    assert str(fact.serial) == "6ecc7aa5a7032009b8cebc2d491"
    assert fact.subject is not None
    assert fact.subject.value.label == "VeriSign Class 3 Secure Server CA - G3"
    assert fact.crl_urls == ("http://crl.verisign.com/pca3-g5.crl",)
    assert str(fact.not_after) == "23:59:59 UTC Feb 7 2020"
    assert fact.trustpoints is not None
    assert fact.trustpoints.value == ("_SmartCallHome_ServerCA",)
    assert certificate.parse(clean(certificate.render(fact)))[0].fact == fact


@given(
    st.lists(
        st.sampled_from(
            ["CA Certificate", "  Status: Available", "  Issuer Name:", "    cn=x", " y", "", "z:"]
        )
    )
)
def test_any_lines_may_come(lines: list[str]) -> None:
    """No order of lines makes the reader fail."""
    certificate.parse(clean("\n".join(lines)))
