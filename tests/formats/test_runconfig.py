"""Certificates in hex inside a running configuration."""

from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import read
from anchorwatch.formats.complaint import Code
from anchorwatch.formats.runconfig import write
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA

TOWN = tuple(
    Certificate.from_der(CA.root(f"Town Root {serial:x}", serial=serial).der)
    for serial in (0x0509, 0x7FFFFFFF, 0x6ECC7AA5A7032009B8CEBCF4E952D491)
)
CONFIG = (
    "ASA Version 9.5(1)\nhostname asa\n"
    + write("ANCHOR", TOWN[:2])
    + write("OTHER", TOWN[2:])
    + "telnet timeout 5\nssh timeout 5\n"
)


def test_trustpoints_and_serials() -> None:
    """Each certificate is read with the trustpoint that holds it."""
    bundle = read(CONFIG.encode())
    assert bundle.certificates == TOWN
    assert [place.trustpoint for place in bundle.places] == ["ANCHOR", "ANCHOR", "OTHER"]
    assert bundle.form == "running-config"
    assert bundle.complaints == ()


def test_written_as_a_device_writes_it() -> None:
    """Eight words of eight digits a line, the serial as the octets of its number."""
    rows = write("ANCHOR", TOWN[:1]).splitlines()
    assert rows[:2] == ["crypto ca certificate chain ANCHOR", " certificate ca 0509"]
    assert [len(word) for word in rows[2].split()] == [8] * 8
    assert rows[-1] == "  quit"


def test_ios_spelling_and_certificates_kept_elsewhere() -> None:
    """IOS says `crypto pki`, and may print only the name of a file."""
    text = CONFIG.replace("crypto ca", "crypto pki").replace(
        "telnet", "crypto pki certificate chain FAR\n certificate ca 01 nvram:Far#1CA.cer\ntelnet"
    )
    bundle = read(text.encode())
    assert bundle.certificates == TOWN
    assert [complaint.code for complaint in bundle.complaints] == [Code.NOT_A_CERTIFICATE]
    assert "nvram:Far#1CA.cer" in bundle.complaints[0].sentence


def test_wrapped_lines_and_pager() -> None:
    """Digits wrapped elsewhere by a terminal, and a pager between them, are layout."""
    rows = CONFIG.splitlines()
    rows[6:8] = [rows[6][:30], rows[6][30:], "<--- More --->\r              \r" + rows[7]]
    bundle = read("\r\n".join(rows).encode())
    assert bundle.certificates == TOWN
    assert bundle.is_whole


def test_missing_digits_are_counted() -> None:
    """A line that lost digits is named, and what follows is read."""
    rows = CONFIG.splitlines()
    rows[6] = rows[6][:-9]
    bundle = read("\n".join(rows).encode())
    assert bundle.certificates == TOWN[1:]
    (complaint,) = bundle.complaints
    assert complaint.code is Code.DAMAGED_HEX
    assert complaint.damage is not None
    assert [(line.number, line.excess) for line in complaint.damage.uneven] == [(7, -8)]
    assert complaint.damage.missing_bytes == 4


def test_strange_character_in_hex_is_placed() -> None:
    """A letter O for a zero is found by line and column."""
    rows = CONFIG.splitlines()
    rows[6] = rows[6][:12] + "O" + rows[6][13:]
    (complaint,) = read("\n".join(rows).encode()).complaints
    assert complaint.damage is not None
    assert [found.character for found in complaint.damage.illegal] == ["O"]
    assert complaint.damage.illegal[0].line == 7


def test_lines_that_begin_like_hex_are_none() -> None:
    """Behind a certificate without `quit`, `access-list` and `feature` are configuration again."""
    rows = [row for row in CONFIG.splitlines() if row != "  quit"]
    rows += ["access-list OUT extended permit ip any any", "feature nat"]
    bundle = read("\n".join(rows).encode())
    assert bundle.certificates == TOWN
    assert [complaint.code for complaint in bundle.complaints] == [Code.MISSING_END] * 3


def test_another_serial_than_declared_is_told() -> None:
    """The declared serial is checked against the certificate."""
    bundle = read(CONFIG.replace("certificate ca 0509", "certificate ca 0508").encode())
    assert bundle.certificates == TOWN
    (complaint,) = bundle.complaints
    assert complaint.code is Code.SERIAL_DIFFERS
    assert not bundle.is_whole


def test_cut_configuration() -> None:
    """A capture that ends inside the digits says what is missing."""
    text = CONFIG[: CONFIG.index("quit") - 200]
    bundle = read(text.encode())
    assert bundle.certificates == ()
    assert bundle.complaints[0].code is Code.DAMAGED_HEX


@given(at=st.integers(0, len(CONFIG)))
def test_any_cut_is_read_to_its_end(at: int) -> None:
    """Cut anywhere, every certificate whose digits are whole is read and no other."""
    bundle = read(CONFIG[:at].encode())
    assert list(bundle.certificates) == list(TOWN[: len(bundle.certificates)])
