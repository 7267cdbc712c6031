"""Looking at TLS servers: what they presented, whatever the end."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.base.clock import TurnableClock
from anchorwatch.net.endpoint import Endpoint
from anchorwatch.net.limits import Deadline, Limits
from anchorwatch.net.listener import ClientCertificate, Listener, Terms
from anchorwatch.net.outcome import ClientCertificateWanted, Connected, HandshakeFailed, TrustRefused
from anchorwatch.net.tls import TlsVersion, connect, dial
from anchorwatch.pki.certificate import Certificate
from anchorwatch.pki.name import PeerName
from anchorwatch.pki.truststore import Anchor, TrustStore
from builders.certs import CA, Issued
from builders.servers import CLOCK, ders, identity, listening, store

ROOT = CA.root("Harbour Root")
MIDDLE = ROOT.issue_ca("Harbour Issuing")
LEAF = MIDDLE.issue_leaf("portal.example", san=["portal.example", "127.0.0.1", "::1"])
STRANGER = CA.root("Stranger Root")
QUICK = Limits(whole=timedelta(seconds=5), silence=timedelta(seconds=2))
VERSIONS = list(TlsVersion)
MODERN = [TlsVersion.TLS_1_2, TlsVersion.TLS_1_3]


@pytest.mark.parametrize(
    "chain",
    [
        pytest.param((LEAF, MIDDLE, ROOT), id="whole"),
        pytest.param((LEAF, MIDDLE), id="without-root"),
        pytest.param((LEAF,), id="without-intermediate"),
        pytest.param((LEAF, ROOT, MIDDLE), id="wrong-order"),
        pytest.param((LEAF, MIDDLE, MIDDLE, LEAF, STRANGER), id="repeated-and-unrelated"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("anchor", [None, ROOT, STRANGER], ids=["looking", "trusted", "refused"])
def test_presented_is_exactly_what_was_sent(
    chain: tuple[Issued, ...], version: TlsVersion, anchor: CA | None
) -> None:
    """The presented chain is byte for byte what the server sent, in every version, trusted or not."""
    with listening(chain, minimum=version, maximum=version) as server:
        seen = connect(
            server.endpoint,
            clock=CLOCK,
            trust=None if anchor is None else store(anchor),
            limits=QUICK,
            minimum=min(version, TlsVersion.TLS_1_2),
        )
    assert seen.presented == ders(chain)
    assert seen.version == str(version)
    assert seen.lowered == (version < TlsVersion.TLS_1_2)
    if anchor is None:
        assert seen.outcome == Connected(judged=False)
        assert seen.proven
    elif anchor is STRANGER or len(chain) == 1:
        assert isinstance(seen.outcome, TrustRefused)
        assert seen.outcome.fault == "chain"
        assert seen.outcome.words in seen.sentence
        assert not seen.proven
    else:
        assert seen.outcome == Connected(judged=True)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
@pytest.mark.parametrize("anchor", [None, ROOT], ids=["looking", "trusted"])
def test_a_demand_for_a_client_certificate_is_told(version: TlsVersion, anchor: CA | None) -> None:
    """A server that wants a client certificate still shows its chain, and whose certificates it takes."""
    with listening(
        (LEAF, MIDDLE),
        minimum=version,
        maximum=version,
        client_certificate=ClientCertificate.REQUIRED,
        client_authorities=ders([ROOT, STRANGER]),
    ) as server:
        seen = connect(
            server.endpoint,
            clock=CLOCK,
            trust=None if anchor is None else store(anchor),
            limits=QUICK,
            minimum=min(version, TlsVersion.TLS_1_2),
        )
    assert seen.presented == ders([LEAF, MIDDLE])
    assert isinstance(seen.outcome, ClientCertificateWanted)
    alert = "certificate_required" if version == TlsVersion.TLS_1_3 else "handshake_failure"
    assert seen.outcome.alert == alert
    assert seen.client_certificate_requested
    assert seen.client_authorities == tuple(ca.subject.public_bytes() for ca in (ROOT, STRANGER))


@pytest.mark.parametrize("version", MODERN, ids=str)
def test_an_optional_client_certificate_is_no_hindrance(version: TlsVersion) -> None:
    """A server that asks for a client certificate and does without is connected to, at once."""
    with listening(
        (LEAF, MIDDLE), minimum=version, maximum=version, client_certificate=ClientCertificate.ASKED
    ) as server:
        seen = connect(server.endpoint, clock=CLOCK, trust=store(ROOT), limits=QUICK)
    assert seen.outcome == Connected(judged=True)
    assert seen.client_certificate_requested
    assert seen.took < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2016, 3, 22, tzinfo=UTC), None),
        (datetime(2018, 1, 1, tzinfo=UTC), "certificate has expired"),
        (datetime(2013, 1, 1, tzinfo=UTC), "certificate is not yet valid"),
    ],
)
def test_certificates_are_judged_at_the_clocks_time(at: datetime, words: str | None) -> None:
    """The verification time is the clock's, years away from the machine's."""
    leaf = MIDDLE.issue_leaf(
        "portal.example",
        san=["127.0.0.1"],
        not_before=datetime(2015, 1, 1, tzinfo=UTC),
        not_after=datetime(2017, 1, 1, tzinfo=UTC),
    )
    with listening((leaf, MIDDLE)) as server:
        seen = connect(server.endpoint, clock=TurnableClock(at), trust=store(ROOT), limits=QUICK)
    assert seen.at == at
    if words is None:
        assert seen.outcome == Connected(judged=True)
    else:
        assert isinstance(seen.outcome, TrustRefused)
        assert seen.outcome.words.startswith(words)
        assert seen.outcome.depth == 0
        assert seen.outcome.certificate == leaf.sha256


def test_a_trusted_intermediate_ends_the_path() -> None:
    """A store that holds the intermediate alone vouches for its leaves, as a factory trustpoint does."""
    with listening((LEAF, MIDDLE)) as server:
        seen = connect(server.endpoint, clock=CLOCK, trust=store(MIDDLE), limits=QUICK)
    assert seen.outcome == Connected(judged=True)


def test_another_name_is_refused() -> None:
    """A good chain for another host is refused, inside the handshake, with the names it has."""
    with listening((LEAF, MIDDLE)) as server:
        seen = connect(
            server.endpoint,
            clock=CLOCK,
            trust=store(ROOT),
            peer=PeerName("dns", "other.example"),
            limits=QUICK,
        )
    assert isinstance(seen.outcome, TrustRefused)
    assert seen.outcome.fault == "name"
    assert "portal.example" in seen.outcome.words
    assert not seen.proven


def test_an_anchor_distrusted_for_new_certificates_is_refused() -> None:
    """An anchor with a distrust-after date vouches for older leaves only."""
    issued = datetime(2024, 6, 1, tzinfo=UTC)
    leaf = MIDDLE.issue_leaf("x", san=["127.0.0.1"], not_before=issued)
    anchor = Certificate.from_der(ROOT.der)
    with listening((leaf, MIDDLE)) as server:
        for days, fault in ((1, None), (-1, "distrusted-after")):
            trust = TrustStore((Anchor(anchor, issued + timedelta(days=days)),))
            seen = connect(server.endpoint, clock=CLOCK, trust=trust, limits=QUICK)
            assert getattr(seen.outcome, "fault", None) == fault


def test_the_server_hears_why_it_is_refused() -> None:
    """A refused server receives the alert that a device would send it."""
    with listening((LEAF, MIDDLE)) as server:
        connect(server.endpoint, clock=CLOCK, trust=store(STRANGER), limits=QUICK)
        # The server reads the alert in a thread of its own, which may come later than the client's answer.
        end = time.monotonic() + 10
        while not server.complaints and time.monotonic() < end:
            time.sleep(0.01)
        assert list(server.complaints) == ["tlsv1 alert unknown ca"]


def test_sni_selects_the_certificate() -> None:
    """The server name asked for decides which chain is seen."""
    other = ROOT.issue_leaf("other.example")
    with listening((LEAF, MIDDLE), by_name={"other.example": identity((other,))}) as server:
        assert connect(server.endpoint, clock=CLOCK, limits=QUICK).presented == ders([LEAF, MIDDLE])
        seen = connect(server.endpoint, clock=CLOCK, sni="Other.Example.", limits=QUICK)
        assert seen.presented == ders([other])
        assert seen.sni == "other.example"
        local = Endpoint("localhost", server.endpoint.port)
        assert connect(local, clock=CLOCK, limits=QUICK).sni == "localhost"
        assert connect(local, clock=CLOCK, sni="", limits=QUICK).sni is None


def test_the_chain_changes_while_the_server_runs() -> None:
    """A listener shows another chain from the next connection on."""
    with listening((LEAF, MIDDLE)) as server:
        assert connect(server.endpoint, clock=CLOCK, limits=QUICK).presented == ders([LEAF, MIDDLE])
        moved = STRANGER.issue_leaf("portal.example")
        server.change(Terms(identity=identity((moved,))))
        assert connect(server.endpoint, clock=CLOCK, limits=QUICK).presented == ders([moved])


def test_an_old_server_is_seen_only_on_request() -> None:
    """A TLS 1.0 server fails by its version at the ordinary level, and shows its chain when asked for."""
    with listening((LEAF, MIDDLE), minimum=TlsVersion.TLS_1_0, maximum=TlsVersion.TLS_1_1) as server:
        seen = connect(server.endpoint, clock=CLOCK, limits=QUICK)
        assert seen.outcome == HandshakeFailed(
            fault="alert", alert="protocol_version", words="tlsv1 alert protocol version"
        )
        seen = connect(server.endpoint, clock=CLOCK, limits=QUICK, minimum=TlsVersion.TLS_1_0)
    assert seen.presented == ders([LEAF, MIDDLE])
    assert seen.version == "TLS 1.1"


def test_ipv6() -> None:
    """A server on an IPv6 address is reached, and its address is what the certificate must name."""
    with listening((LEAF, MIDDLE), host="::1") as server:
        seen = connect(server.endpoint, clock=CLOCK, trust=store(ROOT), limits=QUICK)
    assert seen.outcome == Connected(judged=True)
    assert seen.address == f"[::1]:{server.endpoint.port}"


@pytest.mark.parametrize("version", MODERN, ids=str)
def test_an_oversized_chain_is_refused_in_one_sentence(version: TlsVersion) -> None:
    """A certificate list beyond OpenSSL's 100 KiB ends the look, and says so."""
    chain = (LEAF, *([MIDDLE] * 300))
    with listening(chain, minimum=version, maximum=version) as server:
        seen = connect(server.endpoint, clock=CLOCK, limits=QUICK)
    assert isinstance(seen.outcome, HandshakeFailed)
    assert seen.outcome.fault == "limit"
    assert "more than a handshake may hold" in seen.sentence


def test_a_dialled_stream_carries_octets_both_ways() -> None:
    """What is sent over a dialled stream comes back from an echoing server, larger than any buffer."""
    payload = bytes(range(256)) * 2048
    with listening((LEAF, MIDDLE)) as server:
        call = dial(server.endpoint, clock=CLOCK, trust=store(ROOT), limits=QUICK)
        assert call.stream is not None
        deadline = Deadline(QUICK)
        back = b""
        for start in range(0, len(payload), 65536):
            call.stream.send(payload[start : start + 65536], deadline)
            while len(back) < start + 65536:
                back += call.stream.receive(deadline)
        call.stream.close()
    assert back == payload


def test_nothing_is_dialled_to_a_server_that_is_not_trusted() -> None:
    """A refusal leaves no stream to send anything over, and the server received no octet of ours."""
    received: list[bytes] = []
    with Listener(
        lambda stream, deadline: received.append(stream.receive(deadline)),
        terms=Terms(identity=identity((LEAF, MIDDLE))),
    ) as server:
        call = dial(server.endpoint, clock=CLOCK, trust=store(STRANGER), limits=QUICK)
        other = dial(
            server.endpoint, clock=CLOCK, trust=store(ROOT), peer=PeerName("dns", "a.example"), limits=QUICK
        )
    assert call.stream is None
    assert other.stream is None
    assert received == []


@pytest.mark.parametrize("trust", [None, store(ROOT)], ids=["looking", "trusting"])
def test_a_stream_outlives_the_call_that_made_it(trust: TrustStore | None) -> None:
    """What OpenSSL calls back is kept by the stream, so that a collection of garbage between does no harm."""
    with listening((LEAF, MIDDLE)) as server:
        call = dial(server.endpoint, clock=CLOCK, trust=trust, peer=PeerName("dns", "portal.example"))
        gc.collect()
        assert call.stream is not None
        deadline = Deadline(QUICK)
        call.stream.send(b"hail", deadline)
        gc.collect()
        assert call.stream.receive(deadline) == b"hail"
        call.stream.close()


def test_versions_that_cross_are_asked_wrongly() -> None:
    """A lowest version above the highest is the caller's mistake."""
    with pytest.raises(ValueError, match="above the highest"):
        connect(Endpoint("localhost"), clock=CLOCK, minimum=TlsVersion.TLS_1_3, maximum=TlsVersion.TLS_1_2)


@pytest.mark.parametrize("text", ["1.2", "TLSv1.2", "TLS 1.2", "tls1.2"])
def test_versions_are_read_as_people_write_them(text: str) -> None:
    """A version of TLS is read in each of its usual spellings."""
    assert TlsVersion.parse(text) is TlsVersion.TLS_1_2
    assert str(TlsVersion.parse(text)) == "TLS 1.2"
    with pytest.raises(ValueError, match="no version of TLS"):
        TlsVersion.parse("9")
