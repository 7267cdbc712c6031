import base64
import json
import string
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.base.secret import DOTS
from anchorwatch.devices.redaction import redact, redact_lines
from anchorwatch.devices.secret_grammar import Kind

WORDS = string.ascii_letters + string.digits

# A secret as people choose them; the letters in front and behind keep it from being a word of prose or a quotation.
secrets = st.builds(
    lambda first, middle, last: f"{first}{middle}{last}",
    st.sampled_from("QXZ"),
    st.text(WORDS + "!$%&*+-./:=?@^_~(){}[]", min_size=8, max_size=40),
    st.sampled_from("789"),
)
plain_secrets = st.builds(
    lambda first, middle, last: f"{first}{middle}{last}",
    st.sampled_from("QXZ"),
    st.text(WORDS, min_size=8, max_size=40),
    st.sampled_from("789"),
)


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """An ID token as a portal writes it: base64 of an identity and a hash, with or without its escapes."""
    raw = Random(draw(st.integers(0, 2**32))).randbytes(draw(st.integers(76, 94)))
    text = base64.b64encode(raw).decode()
    if draw(st.booleans()):
        text = text.replace("=", "%3D").replace("+", "%2B") + "%0A"
    return text


PLACES = {
    "enable password {} encrypted": Kind.PASSWORD,
    "enable password {} pbkdf2": Kind.PASSWORD,
    "enable secret 9 {}": Kind.PASSWORD,
    "enable secret level 5 5 {}": Kind.PASSWORD,
    "passwd {} encrypted": Kind.PASSWORD,
    "username admin password {} encrypted privilege 15": Kind.PASSWORD,
    "username admin privilege 15 secret 5 {}": Kind.PASSWORD,
    "fw/pri/act(config)# username admin password {}": Kind.PASSWORD,
    " password 7 {}": Kind.PASSWORD,
    "vpdn username u password {} store-local": Kind.PASSWORD,
    " ldap-login-password {}": Kind.PASSWORD,
    " neighbor 192.0.2.1 password 7 {}": Kind.PASSWORD,
    "FP9300 /security/local-user* # set password {}": Kind.PASSWORD,
    "crypto ca import tp pkcs12 {} nointeractive": Kind.PASSWORD,
    "crypto key export rsa k pem terminal 3des {}": Kind.PASSWORD,
    "crypto ca trustpoint tp\n password {}\n enrollment terminal": Kind.PASSWORD,
    " ikev1 pre-shared-key {}": Kind.KEY,
    " ikev2 remote-authentication pre-shared-key 8 {}": Kind.KEY,
    "  pre-shared-key address 0.0.0.0 0.0.0.0 key {}": Kind.KEY,
    "crypto isakmp key 6 {} address 192.0.2.1": Kind.KEY,
    "failover key hex {}": Kind.KEY,
    "aaa-server T (inside) host 192.0.2.1\n key {}\n": Kind.KEY,
    "tacacs-server host 192.0.2.1 key 7 {}": Kind.KEY,
    "radius-server host 192.0.2.1 auth-port 1812 acct-port 1813 key {}": Kind.KEY,
    "ntp authentication-key 1 md5 {} 7": Kind.KEY,
    " ospf authentication-key {}": Kind.KEY,
    " ip ospf message-digest-key 1 md5 7 {}": Kind.KEY,
    " authentication key eigrp 100 {} key-id 1": Kind.KEY,
    "  key-string 7 {}": Kind.KEY,
    " wpa-psk ascii 0 {}": Kind.KEY,
    "snmp-server user u g v3 auth sha {} priv aes 128 0a0b": Kind.KEY,
    "snmp-server user u g v3 auth sha ***** priv aes 128 {}": Kind.KEY,
    "snmp-server community {} ro": Kind.COMMUNITY,
    "snmp-server host inside 192.0.2.1 community {} version 2c udp-port 161": Kind.COMMUNITY,
    "snmp-server host 192.0.2.1 version 2c {}": Kind.COMMUNITY,
    "snmp-server host 192.0.2.1 {}": Kind.COMMUNITY,
    "<166>%ASA-5-111008: User 'u' executed the 'enable password {}' command.": Kind.PASSWORD,
    "%ASA-5-111010: User 'u', running 'CLI' from IP 192.0.2.1, executed 'key {}'": Kind.KEY,
}
PLAIN_PLACES = {
    "call-home http-proxy http://user:{}@proxy.example.net:8080/path": Kind.CREDENTIAL,
    "Authorization: Basic {}": Kind.CREDENTIAL,
    "curl -u admin:{} https://fw.example.net/": Kind.CREDENTIAL,
    "GET /api?token={}&x=1 HTTP/1.1": Kind.CREDENTIAL,
    '{{"user": "u", "password": "{}", "n": 1}}': Kind.PASSWORD,
    "<user><password>{}</password></user>": Kind.PASSWORD,
    "anything at all $sha512$5000${}${}": Kind.PASSWORD,
    "hash $9${}${}": Kind.PASSWORD,
}


def _check(text: str, secret: str, kind: Kind) -> None:
    done = redact(text)
    assert secret not in done.text
    assert done.counts.get(kind, 0) >= 1
    _laws(text, done.text)
    for before, after in zip(text.split("\n"), done.text.split("\n"), strict=True):
        place = before.find(secret)
        if place >= 0 and "$" not in before:  # a hash is masked whole, with its prefix
            assert after[:place] == before[:place]


def _laws(text: str, masked: str) -> None:
    assert redact(masked).text == masked
    assert redact(masked).total == 0
    assert len(masked.split("\n")) == len(text.split("\n"))
    assert len(masked.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize(("place", "kind"), PLACES.items())
@given(secret=secrets)
def test_no_secret_survives_where_a_configuration_holds_one(place: str, kind: Kind, secret: str) -> None:
    """A secret of any characters in any place of the grammar is masked, and what stands before it stays."""
    _check(place.format(secret), secret, kind)


@pytest.mark.parametrize(("place", "kind"), PLAIN_PLACES.items())
@given(secret=plain_secrets)
def test_no_secret_survives_in_protocols_and_hashes(place: str, kind: Kind, secret: str) -> None:
    """The same where the characters of the secret are those its protocol lets through."""
    _check(place.format(secret, secret), secret, kind)


TOKEN_PLACES: tuple[Callable[[str], str], ...] = (
    "ASAv# license smart register idtoken {} force".format,
    "lic smart reg idtok {}".format,
    "license smart trust idtoken {} local".format,
    "FP /license # register idtoken {}".format,
    "%ASA-5-111008: User 'enable_15' executed the 'license smart register idtoken {}' command.".format,
    lambda token: json.dumps({"cmd": f"license smart register idtoken {token} force", "n": 1}),
    lambda token: json.dumps({"id-token": token}),
    "the token is {} and nothing says so".format,
    "{}".format,
)


@given(words=st.lists(st.integers(0, 2**32 - 1), min_size=4, max_size=5))
def test_no_word_of_an_activation_key_survives(words: list[int]) -> None:
    """The key of a box that needs no portal is its licence: the show command and the configuration both print it."""
    key = " ".join(f"0x{word:08x}" for word in words)
    for place in (
        "Running Permanent Activation Key: {}",
        "activation-key {}",
        "The flash activation key: {} is",
    ):
        done = redact(place.format(key)).text
        assert not any(f"0x{word:08x}" in done for word in words)
        assert done.startswith(place.partition("{}")[0])


@pytest.mark.parametrize("place", TOKEN_PLACES)
@given(token=tokens(), width=st.integers(44, 140), tail=st.sampled_from(["", "\nfw# show clock", "\r\nexit"]))
def test_no_piece_of_a_token_survives(place: Callable[[str], str], token: str, width: int, tail: str) -> None:
    """No eight characters of a token are left, whole on its line or folded by a terminal of any width."""
    line = place(token)
    whole = line + tail
    folded = "\n".join(line[i : i + width] for i in range(0, len(line), width)) + tail
    cases = [whole]
    # Where only its shape tells, a piece shorter than that, in the middle of prose, cannot be told.
    if "token is" not in line and "id-token" not in line:
        cases.append(folded)
    for text in cases:
        done = redact(text)
        for start in range(len(token) - 7):
            assert token[start : start + 8] not in done.text, (text, done.text)
        assert done.text.endswith(tail)
        _laws(text, done.text)


@given(token=tokens())
def test_a_token_below_its_command(token: str) -> None:
    """A mail moves a long word to the next line; it is masked there."""
    done = redact(f"> license smart register idtoken\n> {token}\n> then wait")
    assert done.text == f"> license smart register idtoken\n> {DOTS}\n> then wait"


@given(
    body=st.binary(min_size=200, max_size=700),
    label=st.sampled_from(["RSA PRIVATE KEY", "PRIVATE KEY", "PKCS12"]),
)
def test_private_keys_are_masked_line_by_line(body: bytes, label: str) -> None:
    """Each line of a private key becomes dots, its first and last line stay, and the text behind it is untouched."""
    text = base64.b64encode(body).decode()
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    pem = "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "fw# show clock"])
    done = redact(pem)
    assert done.text.split("\n") == [
        f"-----BEGIN {label}-----",
        *[DOTS] * len(lines),
        f"-----END {label}-----",
        "fw# show clock",
    ]
    assert text[:60] not in redact(pem.replace("\n", "\\n")).text
    _laws(pem, done.text)


@given(body=st.binary(min_size=60, max_size=900))
def test_certificates_are_public(body: bytes) -> None:
    """What stands in a certificate's PEM block stays as it is."""
    text = "MII" + base64.b64encode(body).decode()[3:]
    lines = [text[i : i + 64] for i in range(0, len(text), 64)]
    pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])
    assert redact(pem).text == pem


@given(
    text=st.text(st.sampled_from("ab7 \n\r\"'<>:=$%/@-\x0b\u2028•") | st.sampled_from(WORDS), max_size=200)
)
def test_any_text_keeps_its_lines(text: str) -> None:
    """Whatever the text: masking keeps its lines, and masking again changes nothing."""
    words = ("password ", "key ", "idtoken ", "://", "pre-shared-key ")
    for word in ("", *words):
        noisy = text.replace("a", word)
        _laws(noisy, redact(noisy).text)


def test_real_outputs_hold_no_secret_and_stay_as_they_are(shared: Path) -> None:
    """Nothing in outputs without secrets is touched: not a certificate, a serial number, a fingerprint, a sentence."""
    for path in (*sorted((shared / "transcripts").iterdir()), shared / "tac-213932.zh.txt"):
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        assert redact(text).text == text, path.name


def test_what_looks_like_a_secret_and_is_none() -> None:
    """Words of the configuration and of sentences behind "password", numbers of keys, and what is masked already."""
    text = """no service password-recovery
password encryption aes
username u nopassword privilege 15
enable password ***** encrypted
 ikev1 pre-shared-key *****
license smart register idtoken <token>
ntp server 192.0.2.1 key 1 prefer
key chain K
 key 1
License Authorization:
Key version         : A
See https://tools.cisco.com:443/its/service/oddce/services/DDCEService
SHA256 5d56499be4d2e08bcfcad08a3e38723d50503bde706948e42f55603019e528ae
The password is required for this.
"""
    assert redact(text).text == text


def test_lines_come_out_as_they_go_in() -> None:
    """The streaming form gives one line for each, and never holds back more than a few."""
    token = base64.b64encode(bytes(range(90))).decode()
    taken: list[str] = []

    def feed() -> list[str]:
        return ["a", token[:70], token[70:], "b"] + ["ABCdef123" * 7] * 10 + ["c"]

    taken = list(redact_lines(feed()))
    assert taken == ["a", DOTS, DOTS, "b", *["ABCdef123" * 7] * 10, "c"]
