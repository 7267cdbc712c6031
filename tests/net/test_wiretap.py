"""What the wiretap hears, against what the library kept and against hostile messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from anchorwatch.net import wiretap
from anchorwatch.net.limits import Limits
from anchorwatch.net.tls import TlsVersion, connect
from anchorwatch.net.wiretap import Alert, Message, Wiretap, authority_list, certificate_list
from builders.certs import CA
from builders.servers import CLOCK, ders, listening, store

ROOT = CA.root("Harbour Root")
LEAF = ROOT.issue_leaf("portal.example", san=["127.0.0.1"])
QUICK = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=2))


@pytest.mark.parametrize("version", list(TlsVersion), ids=str)
@pytest.mark.parametrize("trusted", [True, False])
def test_a_deaf_tap_leaves_the_librarys_chain(
    version: TlsVersion, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the message callback is missing, the chain comes from the library and is the same."""
    monkeypatch.setattr(wiretap, "lib", object())
    assert Wiretap.on(SSL.Context(SSL.TLS_CLIENT_METHOD), limit=1).deaf
    with listening((LEAF, ROOT, ROOT), minimum=version, maximum=version) as server:
        seen = connect(
            server.endpoint,
            clock=CLOCK,
            trust=store(*([ROOT] if trusted else [])),
            limits=QUICK,
            minimum=min(version, TlsVersion.TLS_1_2),
        )
    assert seen.presented == ders((LEAF, ROOT, ROOT))


def vector(octets: bytes, width: int) -> bytes:
    """Octets behind their length."""
    return len(octets).to_bytes(width, "big") + octets


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.booleans(), st.data())
def test_any_cut_of_a_certificate_message_yields_its_beginning(
    entries: list[bytes], tls13: bool, data: st.DataObject
) -> None:
    """A Certificate message read whole gives its entries, and cut anywhere the first ones of them."""
    if tls13:
        body = b"\0" + vector(b"".join(vector(entry, 3) + vector(b"ext", 2) for entry in entries), 3)
    else:
        body = vector(b"".join(vector(entry, 3) for entry in entries), 3)
    assert list(certificate_list(body, tls13=tls13)) == entries
    cut = body[: data.draw(st.integers(0, len(body)))]
    found = list(certificate_list(cut, tls13=tls13))
    assert found == entries[: len(found)]


@given(st.binary(max_size=200), st.sampled_from([0x0301, 0x0303, 0x0304]))
def test_hostile_messages_are_read_without_harm(body: bytes, version: int) -> None:
    """Any octets in place of a message are read to some end, and yield nothing that was not in them."""
    for found in (*certificate_list(body, tls13=version == 0x0304), *authority_list(body, version=version)):
        assert found in body


def test_authorities_are_read_in_each_version() -> None:
    """The names in a request for a client certificate are found where each version keeps them."""
    names = vector(vector(b"one", 2) + vector(b"two", 2), 2)
    old = vector(b"\x01\x40", 1)
    assert list(authority_list(old + names, version=0x0302)) == [b"one", b"two"]
    assert list(authority_list(old + vector(b"\4\3", 2) + names, version=0x0303)) == [b"one", b"two"]
    signatures = b"\x00\x0d" + vector(b"\4\3", 2)
    extensions = vector(signatures + b"\x00\x2f" + vector(names, 2), 2)
    assert list(authority_list(b"\0" + extensions, version=0x0304)) == [b"one", b"two"]
    assert list(authority_list(b"\0" + vector(signatures, 2), version=0x0304)) == []


def test_words_for_what_was_heard() -> None:
    """Alerts and messages have the RFCs' names, and a number where they have none."""
    assert Alert(116, True).name == "certificate_required"
    assert Alert(99, True).name == "alert 99"
    assert Message.SERVER_HELLO_DONE.title == "ServerHelloDone"
