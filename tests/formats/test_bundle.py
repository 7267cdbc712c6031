"""Recognising what an input is, and staying within limits whatever it is."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import pkcs7, read, tlv
from anchorwatch.formats.complaint import Code
from anchorwatch.formats.limits import DEFAULT
from anchorwatch.formats.writer import Form, write
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA
from formats.signers import ANCHORS, signed

POOL = (
    *ANCHORS,
    *(Certificate.from_der(CA.root(f"Pool {kind}", key=kind).der) for kind in ("ed25519", "ec521")),
)
FORMS = {
    Form.PEM: "pem",
    Form.DER: "der",
    Form.PKCS7: "pkcs7",
    Form.PKCS7_PEM: "pkcs7",
    Form.RUNNING_CONFIG: "running-config",
}


@given(certificates=st.lists(st.sampled_from(POOL), min_size=1, max_size=12), form=st.sampled_from(Form))
def test_law_read_of_write(certificates: list[Certificate], form: Form) -> None:
    """read(write(x)) == x for every form, order and duplicates included, and without a complaint."""
    bundle = read(write(certificates, form))
    assert list(bundle.certificates) == certificates
    assert bundle.complaints == ()
    assert bundle.form == FORMS[form]


@given(
    certificates=st.lists(st.sampled_from(POOL), min_size=1, max_size=4),
    form=st.sampled_from(Form),
    share=st.floats(0, 1, exclude_max=True),
)
def test_law_any_cut(certificates: list[Certificate], form: Form, share: float) -> None:
    """Cut anywhere, the certificates read are the first ones, and nothing raises."""
    data = write(certificates, form)
    bundle = read(data[: int(len(data) * share)])
    assert list(bundle.certificates) == certificates[: len(bundle.certificates)]
    assert len(bundle.places) == len(bundle.certificates)


@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_law_any_bytes(data: bytes) -> None:
    """Whatever the bytes, reading ends with certificates or at least one complaint."""
    bundle = read(data)
    assert bundle.certificates or bundle.complaints
    assert all(complaint.sentence for complaint in bundle.complaints)


@given(data=st.data())
def test_law_any_change_of_a_container(data: st.DataObject) -> None:
    """A list of certificates with any stretch of octets replaced never raises."""
    whole = pkcs7.write(POOL)
    start = data.draw(st.integers(0, len(whole)))
    piece = data.draw(st.binary(max_size=20))
    read(whole[:start] + piece + whole[start + data.draw(st.integers(0, 20)) :])


def test_concatenations() -> None:
    """Files put behind one another are read to the end, whatever their forms."""
    text = ANCHORS[3].pem.encode()
    bundle = read(ANCHORS[0].der + pkcs7.write(ANCHORS[1:3]) + text)
    assert bundle.certificates == ANCHORS
    assert bundle.form == "mixed"
    assert bundle.complaints == ()


def test_a_container_under_a_certificates_label() -> None:
    """The content decides, not the label: PKCS#7 labelled CERTIFICATE is read."""
    text = write(ANCHORS, Form.PKCS7_PEM).replace(b"PKCS7", b"CERTIFICATE")
    assert read(text).certificates == ANCHORS


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", Code.EMPTY),
        (b" \r\n\t", Code.EMPTY),
        (b"no certificate here", Code.NOT_RECOGNISED),
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", Code.OTHER_FORM),
        (b"PK\x03\x04....", Code.OTHER_FORM),
        (b"\x1f\x8b\x08\x00", Code.OTHER_FORM),
        (ANCHORS[0].der[:-1], Code.TRUNCATED),
        (b"\x30\x82\x01\x00", Code.TRUNCATED),
        (signed()[:500], Code.TRUNCATED),
        (tlv.encode(0x30, bytes(300)), Code.BAD_CERTIFICATE),
    ],
)
def test_each_trouble_is_one_sentence(data: bytes, code: Code) -> None:
    """Input that holds nothing yields one complaint that says why."""
    bundle = read(data, source="input")
    assert [complaint.code for complaint in bundle.complaints] == [code]
    assert bundle.certificates == ()
    assert not bundle.is_whole


def test_bytes_behind_a_certificate_are_told() -> None:
    """What follows the last structure is neither read nor ignored."""
    (complaint,) = read(ANCHORS[0].der + b"\x01\x02\x00").complaints
    assert (complaint.code, complaint.offset) == (Code.EXTRA_BYTES, len(ANCHORS[0].der))


def test_padding_zeros_behind_a_certificate() -> None:
    """Zeros and blanks that fill a block up are no content."""
    assert read(ANCHORS[0].der + bytes(40)).complaints == ()


def test_more_than_the_limit_is_not_read() -> None:
    """Too long an input or too many certificates: one sentence, and nothing of it is kept."""
    data = write(POOL, Form.PEM)
    few = read(data, limits=replace(DEFAULT, certificates=len(POOL) - 1))
    assert [complaint.code for complaint in few.complaints] == [Code.TOO_MANY]
    assert few.certificates == ()
    short = read(data, limits=replace(DEFAULT, size=len(data) - 1))
    assert [complaint.code for complaint in short.complaints] == [Code.TOO_LARGE]


def test_complaints_are_bounded() -> None:
    """A thousand damaged blocks are counted, not told one by one."""
    block = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    bundle = read((block * 1000).encode())
    assert bundle.lost == 1000
    assert len(bundle.complaints) == DEFAULT.complaints + 1
    assert bundle.complaints[-1].code is Code.MORE
    assert not bundle.is_whole


MEGABYTE = 1 << 20
JUNK = {
    "zeros": bytes(8 * MEGABYTE),
    "dashes": b"-" * (8 * MEGABYTE),
    "letters": b"A" * (8 * MEGABYTE),
    "letters then a mark": b"A" * (8 * MEGABYTE) + b"!",
    "short lines": b"A\n" * (4 * MEGABYTE),
    "long lines": (b"MII" + b"A" * 61 + b"\n") * (8 * MEGABYTE // 65),
    "empty lines": b"\n" * (8 * MEGABYTE),
    "opened and never closed": b"-----BEGIN CERTIFICATE-----\n" + b"A\n" * (4 * MEGABYTE),
    "opened often": b"-----BEGIN CERTIFICATE-----\n" * 19_000,
    "closed often": b"AAAAAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n" * 10_000,
    "nothing legal": b"-----BEGIN CERTIFICATE-----\n"
    + b"\xe9" * (8 * MEGABYTE)
    + b"\n-----END CERTIFICATE-----",
    "other blocks": b"-----BEGIN X-----\n" * (8 * MEGABYTE // 18),
    "quotes": b">" * (8 * MEGABYTE),
    "hex": b"crypto ca certificate chain X\n certificate ca 01\n" + b"30820000 " * MEGABYTE,
    "hex lines": b"crypto ca certificate chain X\n certificate ca 01\n" + b"30820000\n" * MEGABYTE,
    "chains": b"crypto ca certificate chain X\n certificate ca 01\n" * 100_000,
    "nested lengths": b"\x30\x80" * (4 * MEGABYTE),
    "nested pieces": b"\x24\x80" * MEGABYTE,
}


@pytest.mark.parametrize("kind", JUNK)
def test_junk_takes_bounded_time(kind: str) -> None:
    """Eight megabytes of each kind of junk are dismissed in seconds."""
    started = time.process_time()
    bundle = read(JUNK[kind])
    # Generous: a machine with other work; anything that grows squared would take minutes.
    assert time.process_time() - started < 8
    assert bundle.certificates == ()


def test_two_hundred_megabytes_are_refused_unread() -> None:
    """An input beyond the limit costs no time at all."""
    started = time.process_time()
    (complaint,) = read(bytes(200 * MEGABYTE), source="junk").complaints
    assert complaint.code is Code.TOO_LARGE
    assert complaint.sentence == "the input is longer than 33554432 bytes; nothing of it was read"
    assert time.process_time() - started < 2


def test_a_million_entries_are_refused() -> None:
    """A list of a million entries stops at the limit."""
    body = tlv.encode(
        0x30,
        b"\x02\x01\x01\x31\x00",
        tlv.encode(0x30, tlv.encode_oid(pkcs7.DATA)),
        tlv.encode(0xA0, b"\x30\x03\x02\x01\x00" * 1_000_000),
        b"\x31\x00",
    )
    data = tlv.encode(0x30, tlv.encode_oid(pkcs7.SIGNED_DATA), tlv.encode(0xA0, body))
    started = time.process_time()
    bundle = read(data)
    assert [complaint.code for complaint in bundle.complaints] == [Code.TOO_MANY]
    assert bundle.certificates == ()
    assert time.process_time() - started < 8


def test_all_public_certificates_are_read(shared: Path) -> None:
    """Every certificate of the collection is read, the two with fractional seconds with a remark."""
    data = b"".join(file.read_bytes() for file in sorted((shared / "pki" / "certs").glob("*.pem")))
    bundle = read(data)
    assert len(bundle.certificates) == 1458
    assert bundle.lost == 0
    assert {complaint.code for complaint in bundle.complaints} <= {Code.LENIENT}
    lenient = {found.sha256[:16] for found in bundle.certificates if found.leniency}
    assert {"8db49f4b13eead89", "f2a392571e33549a"} <= lenient
