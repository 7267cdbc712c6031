"""Plain EST clients, that know nothing of us: openssl makes the request and curl carries it, over real TLS."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pyasn1.codec.der.decoder import decode
from pyasn1_alt_modules import rfc5280, rfc7030, rfc9908

from anchorwatch.licensing import jws, trust_bundle
from anchorwatch.licensing.account import DeviceState
from anchorwatch.licensing.claim import Role
from anchorwatch.licensing.jws import Kind
from anchorwatch.portal import key_ring, publication
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.server import Front, Server, authorities
from licensing.desk import PORTAL
from portal.office import Office, Shown, shown

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("openssl") is None, reason="curl and openssl are not here"
)


def run(*words: str, given: bytes = b"") -> bytes:
    done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Client:
    """A folder, openssl and curl."""

    def __init__(self, folder: Path, server: Server, tls: Shown) -> None:
        self.folder = folder
        self.base = f"https://{PORTAL}:{server.port}/.well-known/est/sl1"
        self.curl = (
            "curl",
            "-sS",
            "--cacert",
            str(tls.root),
            "--resolve",
            f"{PORTAL}:{server.port}:127.0.0.1",
        )

    def request(self, name: str, *more: str) -> bytes:
        key, csr = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(csr),
            "-outform", "DER", "-subj", "/serialNumber=R-77/CN=router", *more)  # fmt: skip
        return base64.encodebytes(csr.read_bytes())

    def post(self, what: str, body: bytes, *more: str) -> bytes:
        typed = ("-H", "Content-Type: application/pkcs10", "--data-binary", "@-")
        return run(*self.curl, *typed, *more, f"{self.base}/{what}", given=body)

    def certificate(self, name: str, answer: bytes) -> Path:
        """The certificate in an answer, read by openssl and checked with the authorities E1 gave."""
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            run("openssl", "pkcs7", "-inform", "DER", "-print_certs", given=base64.b64decode(answer))
        )
        assert b"OK" in run("openssl", "verify", "-CAfile", str(self.folder / "ca.pem"), str(file))
        return file


def test_enrolment_and_renewal_by_curl(office: Office, tmp_path: Path) -> None:
    """E1 to E4 with a basic token and then the client certificate; the certificate is one of the portal's device."""
    tls = shown(tmp_path / "tls", "Web")
    front = Front(tls.chain, tls.key, authorities=authorities(office.portal))
    with Server(office.portal, front=front) as server:
        client = Client(tmp_path, server, tls)
        answer = run(*client.curl, f"{client.base}/cacerts")
        assert b"\n" not in answer
        found = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", given=base64.b64decode(answer))
        (tmp_path / "ca.pem").write_bytes(found)
        body = client.request("first", "-addext", "subjectAltName=URI:urn:sl:udi:RX1:R-77")
        refused = client.post("simpleenroll", body, "-w", "%{http_code}")
        assert refused.endswith(b"401")
        (tmp_path / "netrc").write_text(f"machine {PORTAL} login token password {office.basic().reveal()}\n")
        answer = client.post("simpleenroll", body, "--netrc-file", str(tmp_path / "netrc"))
        assert b"\n" not in answer
        first = client.certificate("first", answer)
        (row,) = office.devices()
        assert (row.pid, row.sn, row.state) == ("RX1", "R-77", DeviceState.ACTIVE)
        assert b"URI:urn:sl:udi:RX1:R-77" in run(
            "openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(first)
        )

        body = client.request("second")
        shows = ("--cert", str(first), "--key", str(tmp_path / "first.key"))
        client.certificate("second", client.post("simplereenroll", body, *shows))
        assert client.post("simplereenroll", body, "-w", "%{http_code}").endswith(b"401")
        forged = (
            "-H",
            f"Client-Cert: :{base64.b64encode(first.read_bytes()).decode()}:",
            "-w",
            "%{http_code}",
        )
        assert client.post("simplereenroll", body, *forged).endswith(b"401")


def test_what_a_request_should_hold(office: Office) -> None:
    """E2 is read by the modules of RFC 7030 and RFC 9908: key, serial number and a URI to be filled in."""
    reply = office.ask("GET", "/.well-known/est/csrattrs", {}, None)
    assert reply.media_type == "application/csrattrs"
    listed, rest = decode(base64.b64decode(reply.body, validate=True), asn1Spec=rfc7030.CsrAttrs())
    assert rest == b""
    assert [str(each["oid"]) for each in listed if each.getName() == "oid"] == [
        "1.2.840.10045.4.3.2",
        "2.5.4.5",
    ]
    attributes = {
        str(each["attribute"]["attrType"]): each["attribute"]["attrValues"]
        for each in listed
        if each.getName() == "attribute"
    }
    assert str(decode(bytes(attributes["1.2.840.10045.2.1"][0]))[0]) == "1.2.840.10045.3.1.7"
    (held,) = attributes[str(rfc9908.id_aa_certificationRequestInfoTemplate)]
    template, rest = decode(bytes(held), asn1Spec=rfc9908.CertificationRequestInfoTemplate())
    assert rest == b""
    ((serial,),) = template["subject"][0]
    assert (str(serial["type"]), serial["value"].hasValue()) == ("2.5.4.5", False)
    key = template["subjectPKInfo"]
    assert str(key["algorithm"]["algorithm"]) == "1.2.840.10045.2.1"
    assert str(decode(bytes(key["algorithm"]["parameters"]))[0]) == "1.2.840.10045.3.1.7"
    assert not key["subjectPublicKey"].hasValue()
    (attribute,) = template["attributes"]
    assert attribute["type"] == rfc9908.id_aa_extensionReqTemplate
    (value,) = attribute["values"]
    (extension,), _ = decode(bytes(value), asn1Spec=rfc9908.ExtensionReqTemplate())
    assert str(extension["extnID"]) == "2.5.29.17"
    (name,), _ = decode(bytes(extension["extnValue"]), asn1Spec=rfc5280.SubjectAltName())
    assert (name.getName(), str(name.getComponent())) == ("uniformResourceIdentifier", "")


def test_trust_and_time_by_curl(office: Office, tmp_path: Path) -> None:
    """T0 to T2 with curl: the bundle is sent once and then said to be the same, and time is signed for the nonce."""
    with Server(office.portal) as server:
        base = f"http://127.0.0.1:{server.port}"
        told = json.loads(run("curl", "-sS", f"{base}/.well-known/smart-licensing"))
        kept = ("--etag-save", str(tmp_path / "tag"), "-D", str(tmp_path / "head"))
        first = run("curl", "-sS", *kept, f"{base}{told['trust']}")
        assert trust_bundle.read(first.decode()).iss == told["portal"] == PORTAL
        again = ("--etag-compare", str(tmp_path / "tag"), "-w", "%{http_code}")
        assert run("curl", "-sS", *again, f"{base}/sl/v1/trust") == b"304"
        publication.publish(office.portal)
        newer = run("curl", "-sS", *again, f"{base}/sl/v1/trust")
        assert newer.endswith(b"200")
        assert trust_bundle.read(newer[:-3].decode()).seq == 2
        asked = json.dumps({"nonce": "A" * 22})
        time = run("curl", "-sS", "--json", asked, f"{base}/sl/v1/time").decode()
    bundle = trust_bundle.read(first.decode())
    signed = jws.verify(time, (Kind.TIME,), lambda header: trust_bundle.grant_key(bundle, header.kid))
    assert json.loads(signed.payload)["nonce"] == "A" * 22


def test_the_bundle_as_openssl_reads_it(office: Office, tmp_path: Path) -> None:
    """T1 as PKCS#7 is signed by the licensing root's signer, over plain HTTP too, and holds the anchors."""
    tls = shown(tmp_path / "tls", "Web")
    web = publication.anchor(_der(tls.root), Role.TLS, (PORTAL,))
    publication.publish(office.portal, lambda bundle: publication.with_anchor(bundle, web))
    root = tmp_path / "root.der"
    root.write_bytes(publication.licensing_root(office.portal))
    with Server(office.portal) as server:
        bundle = run("curl", "-sS", f"http://127.0.0.1:{server.port}/sl/v1/trust.p7b")
    inner = run(
        "openssl",
        "cms",
        "-verify",
        "-inform",
        "DER",
        "-purpose",
        "any",
        "-CAfile",
        str(_pem(root)),
        given=bundle,
    )
    names = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", "-noout", given=inner).decode()
    assert "CN = Web" in names
    assert f"CN = {PORTAL} licensing root 1" in names


def test_a_new_authority_is_published_with_what_ties_it_to_the_old(office: Office, tmp_path: Path) -> None:
    """After a rotation E1 gives both authorities, OldWithNew and NewWithOld, and openssl finds both paths."""
    key_ring.rotate(office.portal.folder, KeyRole.ID, PORTAL, office.clock.now())
    office.portal.reread_keys()
    answer = office.ask("GET", "/.well-known/est/sl1/cacerts", {}, None).body
    found = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", given=base64.b64decode(answer)).decode()
    assert found.count("BEGIN CERTIFICATE") == 4
    held = office.portal.ring.all(KeyRole.ID)
    for trusted, shown_ in ((held[0], held[1]), (held[1], held[0])):
        anchor, crossed = tmp_path / "anchor.pem", tmp_path / "crossed.pem"
        anchor.write_bytes(_as_pem(trusted))
        (one,) = [each for each in held[1].crossed if each.subject == shown_.certified.subject]
        crossed.write_bytes(one.public_bytes(Encoding.PEM))
        run("openssl", "verify", "-CAfile", str(anchor), str(crossed))


def _as_pem(held: key_ring.Held) -> bytes:
    return held.certified.public_bytes(Encoding.PEM)


def _der(pem: Path) -> bytes:
    return run("openssl", "x509", "-in", str(pem), "-outform", "DER")


def _pem(der: Path) -> Path:
    out = der.with_suffix(".pem")
    run("openssl", "x509", "-inform", "DER", "-in", str(der), "-out", str(out))
    return out
