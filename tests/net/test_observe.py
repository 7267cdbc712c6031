"""A look as a face asks for it, and the chain kept in a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from anchorwatch.net.errors import BadEndpoint
from anchorwatch.net.observe import observe, pem_chain
from anchorwatch.net.tls import TlsVersion
from builders.certs import CA
from builders.servers import CLOCK, ders, listening, says, scripted

ROOT = CA.root("Harbour Root")
LEAF = ROOT.issue_leaf("portal.example")
CHAIN = (LEAF, ROOT, ROOT)


def test_the_chain_is_saved_as_sent(tmp_path: Path) -> None:
    """The saved file holds the certificates in the order sent, repetitions kept, and nothing else is left."""
    saved = tmp_path / "chain.pem"
    saved.write_text("an older look")
    with listening(CHAIN, minimum=TlsVersion.TLS_1_0, maximum=TlsVersion.TLS_1_0) as server:
        seen = observe(str(server.endpoint), clock=CLOCK, minimum="1.0", sni="portal.example", save=saved)
    assert seen.presented == ders(CHAIN)
    kept = x509.load_pem_x509_certificates(saved.read_bytes())
    assert tuple(certificate.public_bytes(Encoding.DER) for certificate in kept) == ders(CHAIN)
    assert saved.read_text() == pem_chain(seen.presented) == "".join(issued.pem for issued in CHAIN)
    assert list(tmp_path.iterdir()) == [saved]


def test_nothing_is_saved_where_nothing_was_presented(tmp_path: Path) -> None:
    """A look that saw no certificate leaves no file, and an older file as it was."""
    saved = tmp_path / "chain.pem"
    with scripted(says(b"SSH-2.0-x\r\n"), connections=2) as endpoint:
        observe(str(endpoint), clock=CLOCK, save=saved)
        assert list(tmp_path.iterdir()) == []
        saved.write_text("an older look")
        observe(str(endpoint), clock=CLOCK, save=saved)
    assert saved.read_text() == "an older look"


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where the file cannot be put in its place, the error is the caller's and no half file stays."""
    taken = tmp_path / "chain.pem"
    (taken / "inside").mkdir(parents=True)
    with listening(CHAIN) as server, pytest.raises(OSError, match=r"chain\.pem"):
        observe(str(server.endpoint), clock=CLOCK, save=taken)
    assert list(tmp_path.iterdir()) == [taken]


def test_what_is_asked_wrongly_is_refused() -> None:
    """A bad name, version or time is the caller's mistake, told before anything is sent."""
    with pytest.raises(BadEndpoint):
        observe("a b", clock=CLOCK)
    with pytest.raises(ValueError, match="no version of TLS"):
        observe("localhost:1", clock=CLOCK, minimum="2")
    with pytest.raises(ValueError, match="time limit"):
        observe("localhost:1", clock=CLOCK, timeout=timedelta())
