"""Signed bundles: what is read, what is believed, and every reason not to."""

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import algos, cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.formats import read
from anchorwatch.formats.complaint import Code
from anchorwatch.formats.pem import write as write_pem
from anchorwatch.formats.signing import BundleSigner, SigningError
from anchorwatch.formats.verification import (
    CISCO_PINS,
    Held,
    NotVerified,
    ObjectionCode,
    Rule,
    Verified,
    verify,
)
from builders.certs import CA, Issued, KeyKind
from formats.signers import (
    ANCHORS,
    AT,
    PURPOSE,
    ROOT,
    RULE,
    SIGNER,
    bundle_signer,
    read_in,
    signed,
    signer_of_kind,
)

BUNDLES = {
    "ios_core_v4_2017-01-11.p7b": (20_109, 17, "Trusted Core Bundle", 4, "2017-01-11T21:10:10+00:00"),
    "ios_v3_2016-11-22.p7b": (146_259, 132, "Trusted Intersect Bundle", 3, "2016-11-22T20:54:31+00:00"),
    "ios_v10_2021-09-01.p7b": (117_245, 108, "Trusted Intersect Bundle", 10, "2021-09-01T17:05:07+00:00"),
    "ios_union_v5_2016-11-22.p7b": (435_769, 367, "Trusted Union Bundle", 5, "2016-11-22T21:01:15+00:00"),
}


def codes(outcome: Verified | NotVerified) -> list[ObjectionCode]:
    return [objection.code for objection in outcome.objections] if isinstance(outcome, NotVerified) else []


def check(
    data: bytes, *, rule: Rule = RULE, at: datetime = AT, held: Held | None = None
) -> Verified | NotVerified:
    bundle = read(data)
    assert bundle.signed is not None
    return verify(bundle.signed, at=at, rule=rule, held=held)


@pytest.mark.parametrize("file", BUNDLES)
def test_ciscos_own_bundles(shared: Path, file: str) -> None:
    """Each published bundle is read whole and verified to the pinned Cisco Root CA M1."""
    size, count, name, version, time = BUNDLES[file]
    data = (shared / "pki" / "cisco" / file).read_bytes()
    bundle = read(data, source=file)
    assert len(data) == size
    assert (bundle.form, len(bundle.certificates), bundle.lost) == ("signed", count, 0)
    assert {complaint.code for complaint in bundle.complaints} <= {Code.LENIENT}
    assert bundle.is_whole
    claims = bundle.signed
    assert claims is not None
    assert claims.signing_time is not None
    assert (claims.name, claims.version, claims.signing_time.isoformat()) == (name, version, time)
    outcome = verify(claims, at=datetime(2026, 6, 1, tzinfo=UTC))
    assert isinstance(outcome, Verified)
    assert [link.title for link in outcome.path] == ["Trusted Root Store Signer", "Cisco Root CA M1"]
    assert outcome.pin in CISCO_PINS


def test_every_octet_of_a_bundle_is_protected(shared: Path) -> None:
    """A real bundle with any one octet changed is refused, or is still the same bundle."""
    data = (shared / "pki" / "cisco" / "ios_core_v4_2017-01-11.p7b").read_bytes()
    whole = read(data).certificates
    at = datetime(2020, 1, 1, tzinfo=UTC)
    for place in range(0, len(data), 131):
        changed = read(data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :])
        if changed.signed is not None and isinstance(verify(changed.signed, at=at), Verified):
            # The outer certificates are not under the signature; the content is.
            assert changed.certificates == whole


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "ec256", "ec384"])
def test_our_own_bundle_is_believed(kind: KeyKind) -> None:
    """A bundle made by `sign` is read back as it was and verified to the pin, for every kind of key."""
    data = signed(signer=bundle_signer(signer_of_kind(kind)))
    bundle = read(data)
    assert bundle.certificates == ANCHORS
    assert bundle.complaints == ()
    assert bundle.signed is not None
    assert (bundle.signed.name, bundle.signed.version_text, bundle.signed.version) == (
        "Harbour Core Bundle",
        "04",
        4,
    )
    assert bundle.signed.signing_time == AT
    assert isinstance(check(data), Verified)


@pytest.mark.parametrize("kind", ["rsa2048", "ec256"])
def test_openssl_believes_our_bundle(tmp_path: Path, kind: KeyKind) -> None:
    """`openssl cms -verify` accepts what we sign and yields the inner layer; changed, it refuses."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command on this machine")
    data = signed(signer=bundle_signer(signer_of_kind(kind)))
    (tmp_path / "root.pem").write_text(ROOT.pem)
    command = [
        openssl,
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-in",
        "bundle",
        "-CAfile",
        "root.pem",
        "-purpose",
        "any",
    ]
    command += ["-attime", str(int(AT.timestamp())), "-binary", "-out", "inner"]
    (tmp_path / "bundle").write_bytes(data)
    good = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert good.returncode == 0, good.stderr.decode()
    assert read((tmp_path / "inner").read_bytes()).certificates == ANCHORS
    assert read((tmp_path / "inner").read_bytes()).form == "pkcs7"
    place = data.index(ANCHORS[0].der) + 60
    (tmp_path / "bundle").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("kind", ["rsa2048", "ec256"])
def test_pyhanko_believes_our_bundle(kind: KeyKind) -> None:
    """A second implementation finds the same signature intact and valid; changed, it does not."""
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    def judged(data: bytes) -> tuple[bool, bool]:
        body = cms.ContentInfo.load(data)["content"]
        content = body["encap_content_info"]["content"].native
        signer = body["certificates"][0].chosen
        digest = hashes.Hash(hashes.SHA256())
        digest.update(content)
        info = body["signer_infos"][0]
        return validate_sig_integrity(info, signer, "data", digest.finalize())

    data = signed(signer=bundle_signer(signer_of_kind(kind)))
    assert judged(data) == (True, True)
    place = data.index(ANCHORS[0].der) + 60
    assert judged(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]) == (False, True)


def test_pyhanko_and_we_agree_on_ciscos_bundles(shared: Path) -> None:
    """The second implementation says of the real bundles what we say."""
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    for file in BUNDLES:
        body = cms.ContentInfo.load((shared / "pki" / "cisco" / file).read_bytes())["content"]
        digest = hashes.Hash(hashes.SHA256())
        digest.update(body["encap_content_info"]["content"].native)
        signer = body["certificates"][0].chosen
        result = validate_sig_integrity(body["signer_infos"][0], signer, "data", digest.finalize())
        assert result == (True, True)


def test_a_copy_inside_the_bundle_proves_nothing() -> None:
    """A bundle that brings its own root along is not believed unless that root is pinned."""
    data = signed()
    assert codes(check(data, rule=Rule())) == [ObjectionCode.NO_PATH_TO_PIN]
    assert isinstance(check(data), Verified)


def test_a_root_of_the_same_name_is_not_the_pinned_one() -> None:
    """The pin is a fingerprint: a root with the same name and another key does not stand in for it."""
    twin = CA.root("Harbour Bundle Root", key="rsa2048")
    forger = twin.issue_leaf("Harbour Bundle Signer", key="rsa2048", eku=[PURPOSE], san=[])
    outcome = check(signed(signer=bundle_signer(forger, issuers=(twin, ROOT))))
    assert codes(outcome) == [ObjectionCode.NO_PATH_TO_PIN]


def test_an_anchor_from_elsewhere_completes_the_path() -> None:
    """A bundle that does not send its signer's issuer along is verified with a pinned certificate from a file."""
    data = signed(signer=bundle_signer(issuers=()))
    assert codes(check(data)) == [ObjectionCode.NO_PATH_TO_PIN]
    outcome = check(data, rule=replace(RULE, anchors=(read_in(ROOT),)))
    assert isinstance(outcome, Verified)
    unpinned = Rule(pins=frozenset(), anchors=(read_in(ROOT),))
    assert codes(check(data, rule=unpinned)) == [ObjectionCode.NO_PATH_TO_PIN]


def test_an_intermediate_on_the_signers_path() -> None:
    """The path may have an intermediate, which must be allowed to issue."""
    middle = ROOT.issue_ca("Harbour Signing CA", key="rsa2048")
    signer = middle.issue_leaf("Deep Signer", key="rsa2048", eku=[PURPOSE], san=[])
    outcome = check(signed(signer=bundle_signer(signer, issuers=(middle, ROOT))))
    assert isinstance(outcome, Verified)
    assert [link.title for link in outcome.path] == [
        "Deep Signer",
        "Harbour Signing CA",
        "Harbour Bundle Root",
    ]


def test_a_leaf_cannot_stand_between_signer_and_pin() -> None:
    """An end entity of the pinned root cannot vouch for another signer."""
    leaf = ROOT.issue_leaf("Harbour Web", key="rsa2048", san=[])
    pretender = CA(certificate=leaf.certificate, key=leaf.key)
    signer = pretender.issue_leaf("Forged Signer", key="rsa2048", eku=[PURPOSE], san=[])
    assert codes(check(signed(signer=bundle_signer(signer, issuers=(leaf, ROOT))))) == [
        ObjectionCode.PATH_BROKEN
    ]


def test_a_critical_extension_that_nobody_checks() -> None:
    """A signer that asks for more than is looked at here is refused, and the extension is named."""
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    signer = ROOT.issue_leaf("Odd", key="rsa2048", eku=[PURPOSE], san=[], extra=[(extension, True)])
    outcome = check(signed(signer=bundle_signer(signer)))
    assert codes(outcome) == [ObjectionCode.PATH_BROKEN]
    assert isinstance(outcome, NotVerified)
    assert "1.3.6.1.4.1.55555.1" in outcome.objections[0].sentence


def test_armoured_bundles() -> None:
    """A signed bundle inside a PEM block is read and verified like the octets."""
    data = write_pem(signed(), "CMS").encode()
    assert isinstance(check(data), Verified)
    assert read(data).certificates == ANCHORS


def test_another_purpose_is_refused() -> None:
    """A web server's certificate of the same root does not sign bundles."""
    web = ROOT.issue_leaf("Harbour Web", key="rsa2048", san=[])
    data = signed(signer=bundle_signer(web))
    assert codes(check(data)) == [ObjectionCode.WRONG_PURPOSE]
    assert isinstance(check(data, rule=replace(RULE, purpose=None)), Verified)


@pytest.mark.parametrize("at", [datetime(1999, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)])
def test_time_is_an_argument(at: datetime) -> None:
    """Outside the validity of signer and root the bundle is refused, and both are named."""
    assert codes(check(signed(), at=at)) == [ObjectionCode.PATH_EXPIRED] * 2


@pytest.mark.parametrize(
    ("version", "held", "expected"),
    [
        ("04", Held(version=4), []),
        ("04", Held(version=3, name="Harbour Core Bundle"), []),
        ("04", Held(version=5), [ObjectionCode.OLDER]),
        ("010", Held(version=9), []),
        ("9", Held(version=10), [ObjectionCode.OLDER]),
        ("04", Held(version=1, name="Harbour Union Bundle"), [ObjectionCode.OTHER_NAME]),
    ],
)
def test_versions_are_numbers_within_one_name(
    version: str, held: Held, expected: list[ObjectionCode]
) -> None:
    """`04`, `010` compare as 4 and 10; an older bundle or one of another name is refused."""
    assert codes(check(signed(version=version), held=held)) == expected


def test_the_digest_of_the_bundle_must_be_sound() -> None:
    """SHA-1 is taken under the signer's certificate, but not over the bundle itself."""
    assert read_in(SIGNER).digest == "sha1"
    weak = replace(RULE, digests=frozenset({"sha512"}))
    assert codes(check(signed(), rule=weak)) == [ObjectionCode.WEAK_DIGEST]


def test_changed_content_is_named_as_such() -> None:
    """A certificate exchanged inside the content does not go with the signed digest."""
    data = signed()
    place = data.index(ANCHORS[1].der) + len(ANCHORS[1].der) - 1
    outcome = check(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    assert codes(outcome) == [ObjectionCode.CONTENT_CHANGED]


def resigned(data: bytes, issued: Issued, **changed: object) -> bytes:
    """The same message with parts of its signer changed and the signature made anew over them."""
    message = cms.ContentInfo.load(data)
    info = message["content"]["signer_infos"][0]
    for key, value in changed.items():
        info[key] = value
    attributes = info["signed_attrs"]
    over = message["content"]["encap_content_info"]["content"].native
    if len(attributes):
        over = attributes.retag(None).untag().dump(force=True)
    assert isinstance(issued.key, rsa.RSAPrivateKey)
    if info["signature_algorithm"]["algorithm"].native == "rsassa_pss":
        scheme: padding.AsymmetricPadding = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    else:
        scheme = padding.PKCS1v15()
    info["signature"] = issued.key.sign(over, scheme, hashes.SHA256())
    return bytes(message.dump(force=True))


def test_probabilistic_signatures() -> None:
    """RSASSA-PSS is checked with its own parameters (RFC 4056)."""
    parameters = algos.RSASSAPSSParams(
        {
            "hash_algorithm": {"algorithm": "sha256"},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
            "salt_length": 32,
        }
    )
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})
    data = resigned(signed(), SIGNER, signature_algorithm=algorithm)
    assert isinstance(check(data), Verified)


def test_a_digest_that_contradicts_the_signature_algorithm() -> None:
    """SHA-512 over the content beside a signature with SHA-256 is no agreement."""
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha256_rsa"})
    assert isinstance(check(resigned(signed(), SIGNER, signature_algorithm=algorithm)), Verified)
    other = algos.SignedDigestAlgorithm({"algorithm": "sha512_rsa"})
    assert ObjectionCode.UNKNOWN_ALGORITHM in codes(
        check(resigned(signed(), SIGNER, signature_algorithm=other))
    )


def test_a_signature_by_someone_else() -> None:
    """A signature of another key under the signer's name is bad."""
    other = signer_of_kind("rsa2048")
    data = resigned(signed(), other)
    assert codes(check(data)) == [ObjectionCode.BAD_SIGNATURE]


def test_two_signers_are_refused() -> None:
    """A bundle has one signer; a second one leaves open whose word counts."""
    message = cms.ContentInfo.load(signed())
    infos = message["content"]["signer_infos"]
    infos.append(infos[0])
    assert codes(check(message.dump(force=True))) == [ObjectionCode.SIGNER_COUNT]


def test_the_signer_is_not_sent_along() -> None:
    """Without the signer's certificate nothing can be checked, and the sentence says whose is missing."""
    message = cms.ContentInfo.load(signed())
    message["content"]["certificates"] = [
        found
        for found in message["content"]["certificates"]
        if found.chosen.sha256 != bytes.fromhex(SIGNER.sha256)
    ]
    outcome = check(message.dump(force=True))
    assert codes(outcome) == [ObjectionCode.SIGNER_ABSENT]
    assert isinstance(outcome, NotVerified)
    assert f"{read_in(SIGNER).serial:x}" in outcome.objections[0].sentence


def signed_by_openssl(folder: Path, *options: str) -> bytes:
    """The inner layer of our bundle, signed by the openssl command."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl command on this machine")
    inner = read(signed()).signed
    assert inner is not None
    (folder / "inner").write_bytes(inner.content)
    (folder / "signer.pem").write_text(SIGNER.pem)
    (folder / "key.pem").write_text(SIGNER.key_pem)
    (folder / "root.pem").write_text(ROOT.pem)
    command = [openssl, "cms", "-sign", "-binary", "-nodetach", "-in", "inner", "-md", "sha256"]
    command += ["-signer", "signer.pem", "-inkey", "key.pem", "-certfile", "root.pem", *options]
    command += ["-outform", "DER", "-out", "bundle"]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return (folder / "bundle").read_bytes()


@pytest.mark.parametrize(
    "options",
    [(), ("-stream", "-indef"), ("-keyid",), ("-noattr",), ("-keyopt", "rsa_padding_mode:pss")],
    ids=["plain", "indefinite lengths", "signer by key identifier", "no signed attributes", "pss"],
)
def test_what_openssl_signs(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A bundle that openssl signed, in each of its ways, is read and verified; changed, it is refused."""
    data = signed_by_openssl(tmp_path, *options)
    assert (data[1] == 0x80) == ("-indef" in options)
    bundle = read(data)
    assert bundle.certificates == ANCHORS
    assert isinstance(check(data), Verified)
    assert codes(check(data, held=Held(version=1))) == [ObjectionCode.NO_VERSION]
    place = data.index(ANCHORS[0].der) + 60
    expected = ObjectionCode.BAD_SIGNATURE if "-noattr" in options else ObjectionCode.CONTENT_CHANGED
    assert codes(check(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])) == [expected]


def test_an_inner_layer_that_fails_is_one_sentence() -> None:
    """The outer signature may be good while the content is no list of certificates."""
    message = cms.ContentInfo.load(signed())
    message["content"]["encap_content_info"]["content"] = b"not a list"
    bundle = read(message.dump(force=True))
    assert bundle.certificates == ()
    assert [complaint.code for complaint in bundle.complaints] == [Code.BAD_INNER_LAYER]


def test_one_bad_entry_does_not_fail_the_bundle() -> None:
    """An entry that is no certificate is counted as lost; its neighbours are read."""
    data = signed()
    place = data.index(ANCHORS[2].der)
    # The version's tag: what follows is still cut out by its length.
    spoilt = data[: place + 8] + b"\xff" + data[place + 9 :]
    bundle = read(spoilt)
    assert bundle.certificates == (ANCHORS[0], ANCHORS[1], ANCHORS[3])
    assert bundle.lost == 1
    (complaint,) = bundle.complaints
    assert (complaint.code, complaint.entry) == (Code.BAD_CERTIFICATE, 3)


def test_what_no_reader_would_accept_is_not_signed() -> None:
    """A foreign key, an empty bundle, a version that is no number: each is refused with a sentence."""
    with pytest.raises(SigningError, match="private key is not that of"):
        BundleSigner(certificate=read_in(ROOT), key=bundle_signer().key)
    with pytest.raises(SigningError, match="without certificates"):
        signed(())
    with pytest.raises(SigningError, match="version is a number"):
        signed(version="4b")
    with pytest.raises(SigningError, match="name"):
        signed(name="")


@given(
    order=st.permutations(range(4)),
    count=st.integers(1, 4),
    name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    version=st.integers(0, 10**17).map(str) | st.sampled_from(["04", "010", "000"]),
    time=st.datetimes(datetime(1951, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_law_read_of_sign(order: list[int], count: int, name: str, version: str, time: datetime) -> None:
    """read(sign(x)) == x, and what was signed is verified."""
    chosen = [ANCHORS[number] for number in order[:count]]
    data = signed(chosen, name=name, version=version, signing_time=time)
    bundle = read(data)
    assert list(bundle.certificates) == chosen
    claims = bundle.signed
    assert claims is not None
    assert (claims.name, claims.version_text, claims.version) == (name, version, int(version))
    assert claims.signing_time == time.replace(microsecond=0)
    assert isinstance(check(data), Verified)


WHOLE = signed()


@given(at=st.integers(0, len(WHOLE) - 1))
def test_law_any_cut_is_refused(at: int) -> None:
    """A signed bundle cut anywhere is never taken for a whole one."""
    bundle = read(WHOLE[:at])
    assert not bundle.is_whole
    assert bundle.signed is None


@given(at=st.integers(0, len(WHOLE) - 1), octet=st.integers(0, 255))
def test_law_a_changed_octet_never_changes_what_is_believed(at: int, octet: int) -> None:
    """With one octet exchanged a bundle is refused, or holds exactly what was signed."""
    bundle = read(WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :])
    if bundle.signed is not None and isinstance(verify(bundle.signed, at=AT, rule=RULE), Verified):
        assert bundle.certificates == ANCHORS
        assert bundle.signed.version == 4
