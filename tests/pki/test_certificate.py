"""Reading one certificate: strict where it can be, lenient where a pool must not fail, never a surprise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.pki import der
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError
from anchorwatch.pki.distinguished_name import encode
from builders.certs import CA, Issued

ROOT = CA.root("CN=Harbour Root, O=Harbour\\, Inc., C=US", serial=0x0509)
LEAF = ROOT.issue_leaf("portal.example", key="rsa2048")


def test_the_fields_are_those_of_cryptography() -> None:
    """Names, dates, serial, key and usages agree with what `cryptography` reads."""
    ours, theirs = Certificate.from_der(LEAF.der), LEAF.certificate
    assert ours.serial == theirs.serial_number
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    assert ours.subject.der == theirs.subject.public_bytes()
    assert (ours.key.kind, ours.key.bits) == ("rsa", 2048)
    assert ours.authority_key_id is not None
    assert ours.authority_key_id.key_id == Certificate.from_der(ROOT.der).subject_key_id
    assert ours.pem == LEAF.pem
    assert ours.leniency is None


def test_a_version_that_does_not_exist_is_read_leniently_and_said() -> None:
    """A certificate of version 49 has its fields, and the objection of the strict reader."""
    octets = ROOT.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x30", 1)
    found = Certificate.from_der(octets)
    assert found.version == 49
    assert found.leniency is not None
    assert "version" in found.leniency


@given(st.integers(0, len(ROOT.der) - 1))
def test_a_certificate_that_is_cut_is_malformed(length: int) -> None:
    """Any beginning of a certificate is refused in one sentence."""
    with pytest.raises(MalformedCertificateError) as caught:
        Certificate.from_der(ROOT.der[:length])
    assert "\n" not in str(caught.value)


@given(st.integers(0, len(LEAF.der) - 1), st.integers(1, 255))
def test_a_changed_octet_is_read_or_refused(place: int, change: int) -> None:
    """A flipped octet anywhere ends in another certificate or in the one error."""
    octets = bytearray(LEAF.der)
    octets[place] ^= change
    try:
        found = Certificate.from_der(bytes(octets))
    except MalformedCertificateError:
        return
    assert found != Certificate.from_der(LEAF.der)


def _variants(octets: bytes) -> Iterator[bytes]:
    """A DER value with each of its elements, however deep, emptied or left out in turn; all lengths are right."""
    at = 0
    while at < len(octets):
        item = der.element(octets, at, len(octets))
        before, after = octets[:at], octets[item.stop :]
        content = octets[item.content : item.stop]
        yield before + after
        yield before + encode(item.tag, b"") + after
        if item.tag & 0x20:
            for variant in _variants(content):
                yield before + encode(item.tag, variant) + after
        at = item.stop


@pytest.mark.parametrize("issued", [ROOT, LEAF], ids=["root", "leaf"])
def test_a_certificate_that_lacks_any_element_is_read_or_refused(issued: CA | Issued) -> None:
    """Whatever is emptied or left out, the answer is a certificate or that it is none, never anything else."""
    read = refused = 0
    for octets in _variants(issued.der):
        try:
            Certificate.from_der(octets)
            read += 1
        except MalformedCertificateError:
            refused += 1
    assert read > 10
    assert refused > 10
