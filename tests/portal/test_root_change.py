"""The licensing root, which devices pin, gives way to its successor."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyasn1.codec.der.decoder import decode
from pyasn1_alt_modules import rfc8649

from anchorwatch.base.secret import Secret
from anchorwatch.formats.bundle import read
from anchorwatch.formats.verification import Rule, Verified, verify
from anchorwatch.licensing import message, trust_bundle
from anchorwatch.licensing.event import Want
from anchorwatch.licensing.message import Udi
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.pki.certificate import Certificate
from anchorwatch.portal import authority, key_ring, management, publication, root_change
from anchorwatch.portal.error import KeysRefused, NotDone
from anchorwatch.portal.key_ring import Held, KeyRole
from anchorwatch.portal.server import Front, Server
from licensing import cable
from licensing.cable import PRODUCT, Box
from licensing.desk import PORTAL
from portal.office import STANDARD, START, Ask, Office, box, over_tls, shown


def promised(certificate: x509.Certificate) -> bytes:
    """The hash of the key to come, as the module of RFC 8649 reads it."""
    found = certificate.extensions.get_extension_for_oid(
        x509.ObjectIdentifier(str(rfc8649.id_ce_hashOfRootKey))
    )
    assert not found.critical
    assert isinstance(found.value, x509.UnrecognizedExtension)
    hashed, rest = decode(found.value.value, asn1Spec=rfc8649.HashedRootKey())
    assert (str(hashed["hashAlg"]["algorithm"]), rest) == ("2.16.840.1.101.3.4.2.1", b"")
    return bytes(hashed["hashValue"])


def sha256_of_key(held: Held) -> bytes:
    public = held.key.public_key()
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


@pytest.mark.parametrize("role", [KeyRole.ROOT, KeyRole.ID])
def test_a_root_promises_the_next(tmp_path: Path, role: KeyRole) -> None:
    """Every root holds the hash of the key of its successor, and no other key follows it."""
    folder, word = tmp_path / "keys", Secret("harbour light")
    key_ring.create(folder, PORTAL, START, word)
    to_come = folder / f"{role}-2.next.pem"
    assert b"ENCRYPTED" in to_come.read_bytes()
    away = to_come.read_bytes()
    to_come.unlink()
    with pytest.raises(KeysRefused, match="promised that key"):
        key_ring.rotate(folder, role, PORTAL, START, word)
    to_come.write_bytes((folder / f"{role}-1.key.pem").read_bytes())
    to_come.chmod(0o600)
    with pytest.raises(KeysRefused, match="is not the key that"):
        key_ring.rotate(folder, role, PORTAL, START, word)
    to_come.write_bytes(away)
    first, second = key_ring.rotate(folder, role, PORTAL, START, word).all(role)
    assert promised(first.certified) == sha256_of_key(second)
    assert promised(second.certified) not in (sha256_of_key(first), sha256_of_key(second))
    assert (to_come.exists(), (folder / f"{role}-3.next.pem").exists()) == (False, True)


def test_a_root_that_promised_nothing_is_followed_all_the_same(tmp_path: Path) -> None:
    """Keys of an earlier release, whose root says nothing of a next one, are rotated too."""
    folder = tmp_path / "keys"
    ring = key_ring.create(folder, PORTAL, START)
    old = ring.root
    bare = authority.cross_signed(old.certified, old.certified, old.key, START)
    (folder / "root-1.crt.pem").write_bytes(bare.public_bytes(Encoding.PEM))
    (folder / "root-2.next.pem").unlink()
    assert len(key_ring.rotate(folder, KeyRole.ROOT, PORTAL, START).all(KeyRole.ROOT)) == 2


def registered(
    office: Office, ask: Ask | None = None, monkeypatch: pytest.MonkeyPatch | None = None, sn: str = ""
) -> Box:
    """A device with its agent, another one where a serial number is given."""
    if monkeypatch is not None:
        monkeypatch.setattr(cable, "PRODUCT", replace(PRODUCT, udi=Udi(pid=PRODUCT.udi.pid, sn=sn)))
    device = box(office, ask)
    device.feed(Want(STANDARD))
    device.register(office.token())
    assert device.authorization() is AuthorizationState.AUTHORIZED
    return device


def roots_of(device: Box) -> list[str]:
    held = device.state.trust()
    assert held is not None
    return [key.kid for key in held.roots]


def test_devices_follow_the_licensing_root(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old alone, old and new, new alone: an agent goes along over TLS, and a token made after pins the new root."""
    tls = shown(tmp_path / "tls", "Web")
    with Server(office.portal, front=Front(tls.chain, tls.key)) as server:
        ask = over_tls(server.port, tls.root)
        device = registered(office, ask)
        old = office.portal.ring.root.signing.public.kid
        assert roots_of(device) == [old]

        with pytest.raises(KeysRefused, match="make the next one first"):
            root_change.finish(office.portal)
        root_change.begin(office.portal)
        new = office.portal.ring.all(KeyRole.ROOT)[-1].signing.public.kid
        with pytest.raises(KeysRefused, match="is changing already"):
            root_change.begin(office.portal)
        between = registered(office, ask, monkeypatch, "9A2")
        assert roots_of(between) == [old, new]
        with pytest.raises(NotDone, match="1 devices have not heard"):
            root_change.finish(office.portal)
        device.run(timedelta(days=40))
        assert roots_of(device) == [old, new]

        stored = root_change.finish(office.portal)
        assert office.portal.ring.root.signing.public.kid == new
        device.run(timedelta(days=40))
        held = device.state.trust()
        assert held is not None
        assert (held.seq, roots_of(device)) == (stored.seq, [new])
        assert device.authorization() is AuthorizationState.AUTHORIZED
        after = registered(office, ask, monkeypatch, "9A3")
        assert roots_of(after) == [new]


def test_the_pkcs7_bundle_leads_to_the_earlier_root_too(office: Office) -> None:
    """Before, while and after the licensing root changes, who pins the earlier one alone believes it, and no other does."""

    def believed(pin: bytes) -> bool:
        octets = office.ask("GET", message.TRUST_P7B, {}, None).body
        signed = read(octets).signed
        assert signed is not None
        known = Certificate.from_der(pin)
        rule = Rule(pins=frozenset({known.sha256}), anchors=(known,), purpose=None)
        return isinstance(verify(signed, at=office.clock.now(), rule=rule), Verified)

    old = publication.licensing_root(office.portal)
    stranger = authority.der(office.portal.ring.newest(KeyRole.ID).certified)
    assert believed(old)
    root_change.begin(office.portal)
    assert believed(old)
    root_change.finish(office.portal)
    new = publication.licensing_root(office.portal)
    assert new != old
    assert [believed(each) for each in (old, new, stranger)] == [True, True, False]


def test_who_missed_the_change_believes_nobody_else(office: Office) -> None:
    """A device that never saw both roots refuses the bundle of the new one, keeps what it has, and says so."""
    device = registered(office)
    root_change.begin(office.portal)
    root_change.finish(office.portal, leave_behind=1)
    before = device.state.bundle
    device.run(timedelta(days=20))
    assert device.state.bundle == before
    assert "bundle-signature" in device.told


def test_a_running_portal_does_not_take_a_change_back(office: Office) -> None:
    """A portal that still holds the keys of before reads them anew, and does not publish its own over the others'."""
    other = management.opened(office.portal.folder.parent, office.clock)
    root_change.begin(other)
    stored = root_change.finish(other)
    assert publication.ensured(office.portal) == stored
    assert trust_bundle.read(publication.ensured(office.portal).jws).seq == 3
    other.database.close()
