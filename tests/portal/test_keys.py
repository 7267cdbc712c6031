"""Keys: their files, their passphrase, their rotation."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.licensing import jws, trust_bundle, wire
from anchorwatch.licensing.claim import Grant
from anchorwatch.licensing.event import RenewAuthorization, Want
from anchorwatch.licensing.jws import Kind
from anchorwatch.licensing.status import AuthorizationState
from anchorwatch.portal import key_ring, publication
from anchorwatch.portal.error import ChainRefused, KeysRefused
from anchorwatch.portal.key_ring import KeyRole
from anchorwatch.portal.server import Front
from licensing.desk import PORTAL
from portal.office import STANDARD, START, Office, box, shown


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    """Files have mode 0600; one that others can read is refused, and so is a second making."""
    key_ring.create(tmp_path / "keys", PORTAL, START)
    files = sorted((tmp_path / "keys").iterdir())
    assert len(files) == 9
    with pytest.raises(KeysRefused, match="holds keys already"):
        key_ring.create(tmp_path / "keys", PORTAL, START)
    if os.name != "nt":
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        files[0].chmod(0o640)
        with pytest.raises(KeysRefused, match="0600"):
            key_ring.load(tmp_path / "keys")


def test_a_passphrase(tmp_path: Path) -> None:
    """Keys made with a passphrase are encrypted and open with it only; no message holds it."""
    key_ring.create(tmp_path / "keys", PORTAL, START, Secret("harbour light"))
    key_ring.load(tmp_path / "keys", Secret("harbour light"))
    with pytest.raises(KeysRefused, match="no passphrase was given"):
        key_ring.load(tmp_path / "keys")
    with pytest.raises(KeysRefused, match="the passphrase is another one") as refused:
        key_ring.load(tmp_path / "keys", Secret("wrong horse"))
    assert "wrong horse" not in str(refused.value)


def test_a_new_key_for_grants_signs_when_devices_know_it(office: Office) -> None:
    """After a rotation the old key goes on signing until every device has had two occasions to hear of the new one."""
    device = box(office)
    device.feed(Want(STANDARD))
    device.register(office.token())
    key_ring.rotate(office.portal.folder, KeyRole.GRANT, PORTAL, office.clock.now())
    office.portal.reread_keys()
    stored = publication.ensured(office.portal)
    assert stored.seq == 2
    old, new = (held.signing.public for held in office.portal.ring.all(KeyRole.GRANT))

    def signer() -> str:
        text = device.state.grant
        assert text is not None
        signed = jws.verify(text, (Kind.GRANT,), lambda header: {old.kid: old, new.kid: new}[header.kid])
        assert wire.parse(Grant, signed.payload).iss == PORTAL
        return signed.header.kid

    device.feed(RenewAuthorization())
    assert signer() == old.kid
    device.run(timedelta(days=45))
    assert device.authorization() is AuthorizationState.AUTHORIZED
    assert signer() == new.kid
    held = device.state.trust()
    assert held is not None
    assert held.seq == trust_bundle.read(stored.jws).seq


def test_a_chain_that_no_server_could_show(tmp_path: Path) -> None:
    """A chain with another's key is not taken; the one before stays, and a good one on disk is found."""
    old, new = shown(tmp_path, "Old"), shown(tmp_path, "New")
    front = Front(old.chain, old.key)
    with pytest.raises(ChainRefused):
        front.change(new.chain, old.key)
    assert not front.look()
    old.chain.write_text(new.chain.read_text())
    with pytest.raises(ChainRefused):
        front.look()
    old.key.write_text(new.key.read_text())
    assert front.look()
