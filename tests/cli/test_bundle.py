"""The bundle and store commands: what they say, how they end, and what they leave behind."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from typer import Typer
from typer.testing import CliRunner, Result

from anchorwatch.cli import bundle, store
from anchorwatch.formats import read
from anchorwatch.formats.writer import Form
from builders.certs import CA
from formats.signers import ANCHORS, ROOT, SIGNER, read_in, signed


def run(*words: str, stdin: bytes | None = None, app: Typer = bundle.app) -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a signer, its key, what it signs, and a bundle it signed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "root.pem").write_text(ROOT.pem)
    (tmp_path / "signer.pem").write_text(SIGNER.pem)
    (tmp_path / "signer.key").write_text(SIGNER.key_pem)
    (tmp_path / "roots.pem").write_text("".join(anchor.pem for anchor in ANCHORS))
    (tmp_path / "harbour.p7b").write_bytes(signed())
    (tmp_path / "torn.pem").write_text(ANCHORS[0].pem[:300] + ANCHORS[0].pem[301:])
    return tmp_path


BUILD = ["build", "roots.pem", "--signer", "signer.pem", "--key", "signer.key", "--issuer", "root.pem"]
BUILD += ["--name", "Harbour", "--bundle-version", "010", "--out", "new.p7b"]


@pytest.mark.usefixtures("harbour")
def test_show_lists_and_claims() -> None:
    """A signed bundle is listed, and its claims are told as claims."""
    result = run("show", "harbour.p7b")
    assert result.exit_code == 0
    assert 'claims to be "Harbour Core Bundle", version 4, signed on 2017-01-11' in result.stdout
    assert [line.split()[-1] for line in result.stdout.splitlines() if "Town Root" in line] == [
        anchor.sha256[:16] for anchor in ANCHORS
    ]


@pytest.mark.usefixtures("harbour")
def test_show_json() -> None:
    """The document holds the same, whole."""
    document = json.loads(run("show", "harbour.p7b", "--json").stdout)
    assert document["schema"] == "anchorwatch.bundle/1"
    assert [found["sha256"] for found in document["certificates"]] == [anchor.sha256 for anchor in ANCHORS]
    assert document["signed"][0]["version_text"] == "04"
    assert document["whole"] is True


def test_show_reads_standard_input() -> None:
    """`-` is standard input, for text and for octets."""
    assert "1 certificate" in run("show", "-", stdin=ANCHORS[0].der).stdout
    assert "4 certificates" in run("show", "-", stdin=signed()).stdout


@pytest.mark.usefixtures("harbour")
def test_damage_is_told_and_explained() -> None:
    """A torn block ends with exit status 1, its measures, and what it most likely was."""
    result = run("show", "torn.pem", "--catalogue", "roots.pem")
    assert result.exit_code == 1
    assert "against its own width of 64 it is 1 base64 character short" in result.stdout
    assert "most likely it was Town Root 0" in result.stdout
    assert ANCHORS[0].sha256 in result.stdout
    document = json.loads(run("show", "torn.pem", "--catalogue", "roots.pem", "--json").stdout)
    (complaint,) = document["complaints"]
    assert complaint["code"] == "damaged-block"
    assert complaint["damage"]["missing_characters"] == 1
    assert complaint["likely"]["sha256"] == ANCHORS[0].sha256


@pytest.mark.parametrize("block", ["seed-quovadis-1.pem", "seed-quovadis-2.pem"])
def test_the_documents_blocks(shared: Path, block: str) -> None:
    """Both blocks of the document are refused and named."""
    result = run("show", str(shared / "pki/garbled" / block), "--catalogue", str(shared / "pki/certs"))
    assert result.exit_code == 1
    assert "0 certificates, 1 could not be read" in result.stdout
    assert "most likely it was QuoVadis Root CA 2, valid until 2031-11-24" in result.stdout
    assert "85a0dd7dd720adb7ff05f83d542b209dc7ff4528f7d677b18389fea5e5c49e86" in result.stdout


def test_escapes_in_names_stay_harmless(tmp_path: Path) -> None:
    """A subject that would clear the screen is spelled out, in tables and in sentences."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Evil \x1b[2J\u202e Root")])
    (tmp_path / "evil.pem").write_text(CA.root(name).pem)
    result = run("show", str(tmp_path / "evil.pem"))
    assert "\x1b" not in result.output
    assert "\u202e" not in result.output
    assert r"Evil \x1b[2J\u202e Root" in result.stdout


def test_a_root_whose_own_signature_is_wrong(tmp_path: Path) -> None:
    """Damage that still decodes shows in a root's own signature."""
    octets = bytearray(ANCHORS[0].der)
    octets[-1] ^= 1
    (tmp_path / "root.der").write_bytes(octets)
    result = run("show", str(tmp_path / "root.der"))
    assert "its own key did not sign it: the copy may be damaged" in result.stdout


@pytest.mark.usefixtures("harbour")
def test_verify_against_a_pin() -> None:
    """A bundle is believed when its signer leads to a pin given as file or fingerprint, and only then."""
    by_file = run("verify", "harbour.p7b", "--pin", "root.pem", "--at", "2017-02-01")
    assert by_file.exit_code == 0
    assert "path: Harbour Bundle Signer <- Harbour Bundle Root" in by_file.stdout
    assert "verified at 2017-02-01" in by_file.stdout
    digits = ROOT.sha256.upper()
    colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2))
    assert run("verify", "harbour.p7b", "--pin", colons).exit_code == 0
    cisco = run("verify", "harbour.p7b")
    assert cisco.exit_code == 1
    assert "refused: no certificate that is pinned vouches for the signer (no-path-to-pin)" in cisco.stdout


@pytest.mark.usefixtures("harbour")
def test_verify_json_and_counters() -> None:
    """The document says the same, with the counters an import would have."""
    words = ["verify", "harbour.p7b", "--pin", "root.pem", "--into", "roots.pem", "--json"]
    document = json.loads(run(*words).stdout)
    assert document["schema"] == "anchorwatch.bundle-verification/1"
    assert document["verified"] is True
    assert document["import"] == {"attempted": 4, "installed": 0, "duplicates": 4, "expired": 0, "failed": 0}
    refused = json.loads(run("verify", "harbour.p7b", "--json").stdout)
    assert refused["verified"] is False
    assert [objection["code"] for objection in refused["objections"]] == ["no-path-to-pin"]


@pytest.mark.usefixtures("harbour")
def test_an_older_bundle_is_refused() -> None:
    """With a newer version held, the bundle is refused; with another name as well."""
    words = ["verify", "harbour.p7b", "--pin", "root.pem", "--held"]
    assert run(*words, "4").exit_code == 0
    older = run(*words, "Harbour Core Bundle=05")
    assert older.exit_code == 1
    assert "version 4 is older than the 5 already held" in older.stdout
    assert run(*words, "Union=1").exit_code == 1
    assert run(*words, "four").exit_code == 2


def test_ciscos_bundle_by_default(shared: Path) -> None:
    """Without any option Cisco's own bundle is verified by Cisco's own pin."""
    result = run("verify", str(shared / "pki/cisco/ios_core_v4_2017-01-11.p7b"), "--at", "2026-06-01")
    assert result.exit_code == 0
    assert "(Cisco's own pin)" in result.stdout


@pytest.mark.usefixtures("harbour")
def test_what_is_not_signed_is_not_verified() -> None:
    """A plain list of certificates is no signed bundle, however good its certificates."""
    result = run("verify", "roots.pem", "--pin", "root.pem")
    assert result.exit_code == 1
    assert "refused: roots.pem is not a signed bundle" in result.stdout


def test_build_then_verify(harbour: Path) -> None:
    """What `build` makes, `verify` believes; it is not written over without being asked."""
    result = run(*BUILD)
    assert result.exit_code == 0, result.output
    assert "Harbour, version 010: 4 certificates" in result.stderr
    assert run("verify", "new.p7b", "--pin", "root.pem", "--held", "9").exit_code == 0
    before = (harbour / "new.p7b").read_bytes()
    again = run(*BUILD)
    assert again.exit_code == 3
    assert "--force replaces it" in again.stderr
    assert (harbour / "new.p7b").read_bytes() == before
    assert run(*BUILD, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"roots.pem": "torn.pem"}, 1, "could not be read whole; nothing was done"),
        ({"signer.key": "root.pem"}, 1, "is no private key in PEM"),
        ({"signer.key": "none.key"}, 3, "no such file"),
        ({"signer.pem": "root.pem"}, 2, "the private key is not that of Harbour Bundle Root"),
        ({"010": "ten"}, 2, "a version is a number"),
    ],
)
def test_build_leaves_nothing_behind(harbour: Path, change: dict[str, str], status: int, words: str) -> None:
    """Whatever is wrong, it is said in one sentence and no file appears."""
    before = sorted(harbour.iterdir())
    result = run(*(change.get(word, word) for word in BUILD))
    assert (result.exit_code, words in result.stderr) == (status, True)
    assert sorted(harbour.iterdir()) == before


def test_passphrases_come_from_file_or_environment(harbour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encrypted key is opened with a file's or the environment's passphrase, and never shown."""
    secret = b"seven gulls"
    (harbour / "signer.key").write_bytes(
        SIGNER.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(secret),
        )
    )
    (harbour / "phrase").write_bytes(secret + b"\n")
    without = run(*BUILD)
    assert without.exit_code == 2
    assert "the key is encrypted" in without.stderr
    from_file = run(*BUILD, "--passphrase-file", "phrase")
    assert from_file.exit_code == 0
    monkeypatch.setenv("ANCHORWATCH_SIGNER_PASSPHRASE", secret.decode())
    assert run(*BUILD, "--force").exit_code == 0
    monkeypatch.setenv("ANCHORWATCH_SIGNER_PASSPHRASE", "wrong")
    wrong = run(*BUILD, "--force")
    assert wrong.exit_code == 1
    assert "seven gulls" not in "".join(found.output for found in (without, from_file, wrong))


@pytest.mark.parametrize("form", list(Form))
def test_convert_keeps_order(harbour: Path, form: Form) -> None:
    """Every form one can convert to reads back as the same certificates in the same order."""
    assert run("convert", "harbour.p7b", "--to", form.value, "-o", "out").exit_code == 0
    assert read((harbour / "out").read_bytes()).certificates == ANCHORS


def test_convert_of_damage_writes_nothing(harbour: Path) -> None:
    """Half a bundle is not converted."""
    result = run("convert", "torn.pem", "--to", "pem", "-o", "out")
    assert result.exit_code == 1
    assert not (harbour / "out").exists()


def test_convert_to_standard_output(harbour: Path) -> None:
    """`-` writes octets to standard output and talk to standard error."""
    result = run("convert", "harbour.p7b", "--to", "pkcs7", "-o", "-")
    assert read(result.stdout_bytes).certificates == ANCHORS
    assert "written as pkcs7" in result.stderr
    assert not (harbour / "-").exists()


def test_diff_by_fingerprint_and_key(harbour: Path) -> None:
    """What was added, removed, kept, and issued again for the same key."""
    again = CA.root("Town Root 0", key=CA.root("Other").key)
    first = CA.root("Moved", key=again.key)
    (harbour / "old.pem").write_text(ANCHORS[1].pem + ANCHORS[2].pem + first.pem)
    (harbour / "new.pem").write_text(ANCHORS[2].pem + ANCHORS[3].pem + again.pem)
    result = run("diff", "old.pem", "new.pem")
    assert result.exit_code == 1
    assert f"+ {ANCHORS[3].sha256[:16]}" in result.stdout
    assert f"- {ANCHORS[1].sha256[:16]}" in result.stdout
    assert f"~ {first.sha256[:16]} to {again.sha256[:16]}" in result.stdout
    document = json.loads(run("diff", "old.pem", "new.pem", "--json").stdout)
    assert document["schema"] == "anchorwatch.bundle-diff/1"
    assert document["kept"] == [ANCHORS[2].sha256]
    assert run("diff", "old.pem", "old.pem").exit_code == 0


@pytest.mark.usefixtures("harbour")
def test_stores() -> None:
    """A store is shown with what is over, and compared like a bundle."""
    shown = run("show", "roots.pem", "--at", "2050-06-01", app=store.app)
    assert shown.exit_code == 0
    assert shown.stdout.count(" over ") == 4
    assert run("diff", "roots.pem", "harbour.p7b", app=store.app).exit_code == 0
    assert run("show", "none.pem", app=store.app).exit_code == 3
    assert (
        json.loads(run("show", "certifi", "--json", app=store.app).stdout)["schema"] == "anchorwatch.store/1"
    )


@pytest.mark.usefixtures("harbour")
@pytest.mark.parametrize(
    "words",
    [
        ["show"],
        ["show", "roots.pem", "--at", "soon"],
        ["convert", "roots.pem", "--to", "word", "-o", "y"],
        ["convert", "roots.pem", "--to", "running-config", "--trustpoint", "a b", "-o", "y"],
        ["verify", "harbour.p7b", "--pin", "705eaafc3ff488030017"],
        ["verify", "harbour.p7b", "--held", "x"],
    ],
)
def test_asked_wrongly(words: list[str]) -> None:
    """A command line that makes no sense ends with exit status 2."""
    assert run(*words).exit_code == 2


def test_dates(harbour: Path) -> None:
    """A date that is none is refused with an example of one; zones are honoured."""
    result = run("verify", "harbour.p7b", "--at", "22.03.2016")
    assert result.exit_code == 2
    assert "2016-03-22" in result.stderr
    good = run("verify", "harbour.p7b", "--pin", "root.pem", "--at", "2017-01-01T23:00:00-05:00")
    assert "verified at 2017-01-02" in good.stdout
    assert (harbour / "harbour.p7b").exists()
    assert read_in(ROOT).not_before == datetime(2000, 1, 1, tzinfo=UTC)
