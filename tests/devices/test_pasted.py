"""Certificates whose octets stand in a capture, whole or damaged, with their lines."""

from __future__ import annotations

from anchorwatch.devices import pasted, transcript
from anchorwatch.devices.pasted import PastedCertificate
from builders.certs import CA

ROOT = CA.root("Harbour Root")


def parse(text: str) -> list[PastedCertificate]:
    blocks = transcript.read(text, "capture").blocks
    return [found.fact for block in blocks for found in pasted.parse(block.lines)]


def test_a_pasted_block_is_the_certificate_it_holds() -> None:
    """A block between FXOS's prompts is read whole and knows its line."""
    body = "".join(f">{line}\n" for line in ROOT.pem.splitlines())
    (found,) = parse(f"fp /security/trustpoint* # set certchain\n{body}>ENDOFBUF\nfp /security # top\n")
    assert found.certificate is not None
    assert found.certificate.sha256 == ROOT.sha256
    assert found.span.line == 2


def test_a_damaged_block_is_told_with_its_own_lines() -> None:
    """A line that lost characters is named by its number in the input."""
    lines = ROOT.pem.splitlines()
    lines[3] = lines[3][:-5]
    (found,) = parse("fp /security/trustpoint* # set certchain\n" + "\n".join(lines) + "\n")
    assert found.certificate is None
    assert found.damage is not None
    assert [uneven.number for uneven in found.damage.uneven] == [5]


def test_a_capture_without_certificates_has_none() -> None:
    """Nothing is found where nothing stands."""
    assert parse("asa# show version\nCisco Adaptive Security Appliance Software Version 9.8(2)\n") == []
