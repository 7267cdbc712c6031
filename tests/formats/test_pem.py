"""Base64 in text: what is layout is taken off, what is damage is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import pkcs7, read
from anchorwatch.formats.complaint import Code
from anchorwatch.formats.pem import write
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA

TOWN = tuple(Certificate.from_der(CA.root(f"Town Root {number}").der) for number in range(3))
ONE = TOWN[0]


def body(certificate: Certificate) -> list[str]:
    return certificate.pem.splitlines()[1:-1]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("prefix", ["", "> ", ">> ", "    ", "\t", "| ", '"'])
def test_quoting_and_line_ends_are_layout(prefix: str, ending: str) -> None:
    """A block quoted in a mail, indented or with any line end is read without a remark."""
    text = "".join(prefix + line + ending for line in ("hello", *ONE.pem.splitlines(), "bye"))
    bundle = read(text.encode())
    assert bundle.certificates == (ONE,)
    assert bundle.complaints == ()


@pytest.mark.parametrize("width", [1, 16, 63, 65, 76, 4096])
def test_any_width_is_layout(width: int) -> None:
    """Lines of another width than 64 are no damage."""
    text = "".join(body(ONE))
    rows = [text[at : at + width] for at in range(0, len(text), width)]
    block = "\n".join(("-----BEGIN CERTIFICATE-----", *rows, "-----END CERTIFICATE-----"))
    assert read(block.encode()).certificates == (ONE,)


@pytest.mark.parametrize("label", ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"])
def test_labels_of_certificates(label: str) -> None:
    """Each label that means a certificate is read as one."""
    assert read(write(ONE.der, label).encode()).certificates == (ONE,)


def test_trust_settings_behind_a_certificate_are_cut_off() -> None:
    """OpenSSL's TRUSTED CERTIFICATE has a second sequence behind the certificate."""
    settings = bytes.fromhex("300c300a06082b06010505070301")
    assert read(write(ONE.der + settings, "TRUSTED CERTIFICATE").encode()).certificates == (ONE,)


def test_json_text_on_one_line() -> None:
    """A block inside a JSON string, with line feeds spelled out, is read."""
    escaped = ONE.pem.replace("\n", "\\n")
    assert read(f'{{"ca": "{escaped}", "n": 1}}'.encode()).certificates == (ONE,)


def test_program_text() -> None:
    """A block quoted line by line in a program is read."""
    rows = "\n".join(f'    "{line}\\n",' for line in ONE.pem.splitlines())
    assert read(rows.encode()).certificates == (ONE,)


def test_utf16_text() -> None:
    """Text saved by a Windows shell is read by its byte order mark."""
    assert read(("\ufeff" + ONE.pem).encode("utf-16-le")).certificates == (ONE,)


def test_console_lines_inside_a_block_are_left_out_and_told() -> None:
    """A pager, a nag line and a syslog line inside a block are no part of it, and are counted."""
    lines = ONE.pem.splitlines()
    lines.insert(5, "<--- More --->\r              \r" + lines.pop(5))
    lines.insert(4, "Warning: ASAv platform license state is Unlicensed.")
    lines.insert(3, "%ASA-5-111008: User 'admin' executed the 'show' command.")
    bundle = read("\r\n".join(lines).encode())
    assert bundle.certificates == (ONE,)
    assert [complaint.code for complaint in bundle.complaints] == [Code.SKIPPED_LINES]
    assert bundle.is_whole


def test_missing_end_line_with_a_whole_body_is_a_remark() -> None:
    """A block that lost its END line is read when nothing else is missing, and says so."""
    text = "\n".join((*ONE.pem.splitlines()[:-1], "ciscoasa# show clock", TOWN[1].pem))
    bundle = read(text.encode())
    assert bundle.certificates == TOWN[:2]
    assert [complaint.code for complaint in bundle.complaints] == [Code.MISSING_END]
    assert bundle.is_whole


def test_truncated_block_says_what_is_missing() -> None:
    """A block cut in the middle tells the announced size and the missing characters."""
    text = "\n".join(ONE.pem.splitlines()[:5])
    (complaint,) = read(text.encode()).complaints
    assert complaint.code is Code.DAMAGED_BLOCK
    assert complaint.loss
    assert complaint.damage is not None
    assert complaint.damage.announced == len(ONE.der)
    assert complaint.damage.missing_bytes == len(ONE.der) - 4 * 48


def test_block_without_its_beginning_is_told() -> None:
    """A copy that starts in the middle of a block is no silence."""
    text = "\n".join(ONE.pem.splitlines()[4:]) + "\n" + TOWN[1].pem
    bundle = read(text.encode())
    assert bundle.certificates == (TOWN[1],)
    assert [(found.code, found.line) for found in bundle.complaints] == [(Code.DAMAGED_BLOCK, 1)]


def test_illegal_characters_have_line_and_column() -> None:
    """Stray back-ticks inside a block are placed, not removed."""
    lines = ["some text", *ONE.pem.splitlines()]
    lines[4] = lines[4][:10] + "`" + lines[4][10:]
    (complaint,) = read("\n".join(lines).encode()).complaints
    assert complaint.damage is not None
    (found,) = complaint.damage.illegal
    assert (found.character, found.line, found.column) == ("`", 5, 11)
    assert "back" not in complaint.sentence
    assert "1 character does not belong" in complaint.sentence


def test_uneven_lines_are_named_with_their_excess() -> None:
    """Lines that lost or gained characters are held against the block's own width."""
    lines = ONE.pem.splitlines()
    lines[2] = lines[2][3:]
    lines[5] += "AA"
    (complaint,) = read("\n".join(lines).encode()).complaints
    assert complaint.damage is not None
    assert [(line.number, line.excess) for line in complaint.damage.uneven] == [(3, -3), (6, 2)]
    assert complaint.damage.missing_characters == 1


def test_one_lost_character_is_never_repaired() -> None:
    """A certificate that lacks one character is not among the answers."""
    text = ONE.pem
    at = text.index("\n") + 200
    bundle = read((text[:at] + text[at + 1 :]).encode())
    assert bundle.certificates == ()
    assert bundle.lost == 1


def test_a_changed_character_that_breaks_the_structure() -> None:
    """Where all characters are there and the structure is not, the reader of the bytes says where."""
    text = ONE.pem
    at = text.index("\n") + 10
    (complaint,) = read((text[:at] + "z" + text[at + 1 :]).encode()).complaints
    assert complaint.code is Code.DAMAGED_BLOCK
    assert complaint.damage is not None
    assert complaint.damage.missing_bytes == 0
    assert "octets more than there are" in complaint.sentence


def test_a_damaged_list_is_called_a_list() -> None:
    """A torn PKCS7 block is not said to be a torn certificate."""
    text = write(pkcs7.write(TOWN), "PKCS7")
    (complaint,) = read((text[:300] + text[301:]).encode()).complaints
    assert "is not a list of certificates" in complaint.sentence


def test_private_keys_are_not_looked_at() -> None:
    """A private key beside a certificate is named, and no part of the answer."""
    issued = CA.root("Key Root")
    bundle = read((issued.pem + issued.key_pem).encode())
    assert len(bundle.certificates) == 1
    assert [complaint.code for complaint in bundle.complaints] == [Code.PRIVATE_KEY]
    assert "MII" not in repr(bundle)


def test_other_blocks_are_passed_over_by_name() -> None:
    """A revocation list or request is named and skipped."""
    bundle = read((write(b"0\x00" * 40, "X509 CRL") + ONE.pem).encode())
    assert bundle.certificates == (ONE,)
    assert [found.code for found in bundle.complaints] == [Code.NOT_A_CERTIFICATE]


def test_a_sentence_about_the_marks_is_no_block() -> None:
    """Instructions that name both marks, or one, are text like any other."""
    text = "Paste from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, both included.\n"
    text += "It starts with -----BEGIN CERTIFICATE----- always.\n" + ONE.pem
    bundle = read(text.encode())
    assert bundle.certificates == (ONE,)
    assert bundle.complaints == ()


def test_a_block_on_one_line() -> None:
    """A block whose line ends were lost altogether is read."""
    text = ONE.pem.replace("\n", " ")
    assert read(text.encode()).certificates == (ONE,)
    assert read(ONE.pem.replace("\n", "").encode()).certificates == (ONE,)


def test_misspelt_label_is_damage() -> None:
    """A label that lost a letter costs a certificate, and is no other kind of block."""
    bundle = read(ONE.pem.replace("CERTIFICATE", "CERTIFICTE").encode())
    assert [(found.code, found.loss) for found in bundle.complaints] == [(Code.DAMAGED_BLOCK, True)]


def test_base64_without_armour() -> None:
    """What people paste into `crypto ca authenticate` is read without BEGIN and END."""
    paste = "\n".join(
        ("asa(config)# crypto ca authenticate X", *body(ONE), "quit", *body(TOWN[1]), "quit", "")
    )
    bundle = read(paste.encode())
    assert bundle.certificates == TOWN[:2]
    assert bundle.form == "base64"


def test_damaged_base64_without_armour_is_told() -> None:
    """A run of base64 that starts like a certificate and is none is damage."""
    rows = body(ONE)
    rows[3] = rows[3][1:]
    (complaint,) = read("\n".join(rows).encode()).complaints
    assert complaint.code is Code.DAMAGED_BLOCK


NOISE = st.text(st.characters(exclude_characters="-", codec="utf-8"), max_size=80).filter(
    lambda text: "crypto" not in text
)


@given(before=NOISE, between=NOISE, after=NOISE, ending=st.sampled_from(["\n", "\r\n"]))
def test_text_around_blocks_changes_nothing(before: str, between: str, after: str, ending: str) -> None:
    """Whatever stands before, between and behind blocks, the same certificates are read."""
    blocks = [certificate.pem.replace("\n", ending) for certificate in TOWN]
    text = ending.join((before, blocks[0], between, blocks[1], blocks[2], after))
    assert read(text.encode()).certificates == TOWN


@given(at=st.integers(0, len(ONE.pem)), character=st.sampled_from(sorted("Aa0+/=-\n >`\x00é")))
def test_any_changed_character_is_told_or_harmless(at: int, character: str) -> None:
    """A changed character yields the certificate itself, another one, or a complaint; never silence."""
    text = ONE.pem[:at] + character + ONE.pem[at + 1 :]
    bundle = read(text.encode())
    assert bundle.certificates or not bundle.is_whole
