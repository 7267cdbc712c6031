"""Programs that others wrote, against a real portal over real TLS: strongSwan's EST client, and a JWT library."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from anchorwatch.base.clock import SystemClock
from anchorwatch.licensing import message, trust_bundle
from anchorwatch.licensing.account import DeviceEvent, DeviceState
from anchorwatch.licensing.message import Wanted
from anchorwatch.portal import enrolment, key_ring, management
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.management import TokenTerms
from anchorwatch.portal.server import Front, Server, authorities
from licensing.desk import PORTAL
from portal.hand import enrolled
from portal.office import Office, Shown, over_tls, shown

strongswan = pytest.mark.skipif(
    shutil.which("pki") is None,
    reason="strongSwan's pki is not here (Debian: apt-get install strongswan-pki libstrongswan-standard-plugins)",
)


class Pki:
    """strongSwan's `pki` in a folder. It knows no label, and judges certificates at the machine's time."""

    def __init__(self, folder: Path, port: int, tls: Shown) -> None:
        self.folder = folder
        self.at = ("--url", f"https://127.0.0.1:{port}", "--cacert", str(tls.root))

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(("pki", *words), cwd=self.folder, capture_output=True, timeout=60, check=False)

    def made(self, name: str, *words: str) -> Path:
        """The file with what a command put out."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr.decode()
        file = self.folder / name
        file.write_bytes(done.stdout)
        return file

    def authorities(self) -> tuple[Path, ...]:
        """`--estca`: the roots it was given, then what is signed by another."""
        done = self.run(
            "--estca", *self.at, "--caout", str(self.folder / "ca.pem"), "--outform", "pem", "--force"
        )
        assert done.returncode == 0, done.stderr.decode()
        return tuple(
            sorted(
                self.folder.glob("ca*.pem"), key=lambda path: (b"root" not in path.name.encode(), path.name)
            )
        )

    def request(self, name: str, *kind: str, sn: str = "R-77") -> Path:
        key = self.made(f"{name}.key", "--gen", "--type", *kind, "--outform", "pem")
        return self.made(f"{name}.csr", "--req", "--in", str(key), "--dn", f"serialNumber={sn}, CN=router")

    def enrol(self, name: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        trusted = ("--cacert", str(self.folder / "ca.pem"))
        asked = ("--est", *self.at, *trusted, "--in", str(self.folder / f"{name}.csr"), "--outform", "pem")
        done = self.run(*asked, *words)
        (self.folder / f"{name}.pem").write_bytes(done.stdout)
        return done


@pytest.fixture
def pki(office: Office, tmp_path: Path) -> Iterator[Pki]:
    """A portal behind TLS at the machine's time, and the client beside it."""
    office.clock.turn_to(SystemClock().now())
    tls = shown(tmp_path / "tls", "Web")
    front = Front(tls.chain, tls.key, authorities=authorities(office.portal))
    with Server(office.portal, front=front) as server:
        yield Pki(tmp_path, server.port, tls)


@strongswan
@pytest.mark.parametrize("kind", [("ecdsa", "--size", "256"), ("rsa", "--size", "2048"), ("ed25519",)])
def test_strongswan_enrols_and_renews(office: Office, pki: Pki, kind: tuple[str, ...]) -> None:
    """StrongSwan gets the authority, a certificate with a password, and the next one with that certificate."""
    pki.authorities()
    pki.request("first", *kind)
    refused = pki.enrol("first", "--userpass", "token:nonsense")
    assert refused.returncode != 0
    assert b"HTTP 401" in refused.stderr
    done = pki.enrol("first", "--userpass", f"token:{office.basic().reveal()}")
    assert done.returncode == 0, done.stderr.decode()
    assert b"certificate is trusted" in done.stderr
    (row,) = office.devices()
    assert (row.sn, row.state) == ("R-77", DeviceState.ACTIVE)

    pki.request("second", "ecdsa", "--size", "256")
    assert pki.enrol("second").returncode != 0
    shows = ("--cert", str(pki.folder / "first.pem"), "--key", str(pki.folder / "first.key"))
    done = pki.enrol("second", *shows)
    assert done.returncode == 0, done.stderr.decode()
    assert b"certificate is trusted" in done.stderr
    made = x509.load_pem_x509_certificate((pki.folder / "second.pem").read_bytes())
    (common,) = made.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert common.value == str(office.devices()[0].id)
    assert len(office.devices()) == 1


@strongswan
def test_strongswan_waits_for_approval(office: Office, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told 202 and when to come again, strongSwan comes again then, and has its certificate once somebody said yes."""
    monkeypatch.setattr(enrolment, "APPROVAL_WAIT", timedelta(seconds=2))
    pki.authorities()
    pki.request("waits", "ecdsa", "--size", "256")
    password = office.basic(TokenTerms(basic=True, approval=True)).reveal()

    def approve() -> None:
        while not office.devices():
            time.sleep(0.02)
        management.move_device(office.portal, office.account, office.devices()[0].id, DeviceEvent.APPROVED)

    someone = threading.Thread(target=approve, daemon=True)
    someone.start()
    done = pki.enrol("waits", "--userpass", f"token:{password}", "--interval", "1", "--maxpolltime", "30")
    assert done.returncode == 0, done.stderr.decode()
    assert b"pending" in done.stderr
    assert b"every 2 seconds" in done.stderr
    assert b"certificate is trusted" in done.stderr


@strongswan
def test_strongswan_follows_a_new_authority(office: Office, pki: Pki) -> None:
    """After a rotation strongSwan is given both authorities, OldWithNew and NewWithOld, and verifies by each path."""
    pki.authorities()
    key_ring.rotate(office.portal.folder, KeyRole.ID, PORTAL, office.clock.now())
    office.portal.reread_keys()
    given = [x509.load_pem_x509_certificate(file.read_bytes()) for file in pki.authorities()]
    roots = [each for each in given if each.subject == each.issuer]
    crossed = [each for each in given if each.subject != each.issuer]
    assert [len(roots), len(crossed)] == [2, 2]
    assert {each.subject for each in crossed} == {each.subject for each in roots}
    by_subject = {each.subject: each for each in roots}
    for each in crossed:
        anchor, below = pki.folder / "anchor.pem", pki.folder / "below.pem"
        anchor.write_bytes(by_subject[each.issuer].public_bytes(Encoding.PEM))
        below.write_bytes(each.public_bytes(Encoding.PEM))
        done = pki.run("--verify", "--in", str(below), "--cacert", str(anchor))
        assert b"certificate trusted" in done.stdout, done.stderr.decode()
    pki.request("after", "ecdsa", "--size", "256")
    done = pki.enrol("after", "--userpass", f"token:{office.basic().reveal()}")
    assert done.returncode == 0, done.stderr.decode()


def test_a_grant_as_a_jwt_library_reads_it(office: Office, tmp_path: Path) -> None:
    """PyJWT verifies a grant with the key the bundle names for it: its kind, who gave it, its times, and its holder."""
    office.clock.turn_to(SystemClock().now())
    tls = shown(tmp_path / "tls", "Web")
    with Server(office.portal, front=Front(tls.chain, tls.key)) as server:
        ask = over_tls(server.port, tls.root)
        hand = enrolled(office)
        body = hand.wants(Wanted(tag="standard", count=2))
        reply = ask("PUT", message.ENTITLEMENTS, hand.signed("PUT", message.ENTITLEMENTS, body), body)
        bundle = trust_bundle.read(ask("GET", message.TRUST, {}, None).body.decode())
    text = reply.body.decode()
    header = jwt.get_unverified_header(text)
    assert header["typ"] == "sl-grant+jwt"
    named = {key.kid: key for key in bundle.grant_keys}[header["kid"]]
    public = load_der_public_key(named.spki)
    must = {"require": ["iss", "sub", "jti", "iat", "nbf", "exp", "cnf"]}
    told = jwt.decode(text, public, algorithms=["ES256"], issuer=PORTAL, options=must)  # type: ignore[arg-type]  # P-256
    assert told["sub"] == str(office.devices()[0].id)
    assert told["cnf"] == {"x5t#S256": hand.keyid}
    assert hand.keyid == jwt.utils.base64url_encode(hashlib.sha256(hand.certificate).digest()).decode()
    assert [(each["tag"], each["n"], each["status"]) for each in told["ent"]] == [
        ("standard", 2, "authorized")
    ]
    assert timedelta(seconds=told["exp"] - told["nbf"]) == timedelta(days=90)
    with pytest.raises(jwt.InvalidIssuerError):
        jwt.decode(text, public, algorithms=["ES256"], issuer="elsewhere.example")  # type: ignore[arg-type]  # P-256
    with pytest.raises(jwt.InvalidAlgorithmError):
        jwt.decode(text, public, algorithms=["EdDSA"], issuer=PORTAL)  # type: ignore[arg-type]  # P-256
    other = load_der_public_key(bundle.roots[0].spki)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(text, other, algorithms=["ES256"], issuer=PORTAL)  # type: ignore[arg-type]  # P-256
