"""Endpoints as people write them, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.net.endpoint import Endpoint, looks_like_endpoint
from anchorwatch.net.errors import BadEndpoint
from anchorwatch.pki.name import PeerName


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tools.cisco.com", "tools.cisco.com", 443),
        ("Tools.Cisco.COM.:8443", "tools.cisco.com", 8443),
        (" localhost:1 ", "localhost", 1),
        ("192.0.2.7", "192.0.2.7", 443),
        ("192.0.2.7:65535", "192.0.2.7", 65535),
        ("[::1]:443", "::1", 443),
        ("[2001:DB8:0:0::1]", "2001:db8::1", 443),
        ("2001:db8::1", "2001:db8::1", 443),
        ("[fe80::1%eth0]:44", "fe80::1%eth0", 44),
        ("https://tools.cisco.com/its/service/oddce/services/DDCEService", "tools.cisco.com", 443),
        ("HTTPS://[::1]:8443/?x=1#y", "::1", 8443),
        ("bücher.example:444", "xn--bcher-kva.example", 444),
        ("straße.example", "xn--strae-oqa.example", 443),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", 443),
        ("a_b.example", "a_b.example", 443),
    ],
)
def test_an_endpoint_is_read(text: str, host: str, port: int) -> None:
    """Names, addresses and https URLs become the host that goes over the wire, and a port."""
    endpoint = Endpoint.parse(text)
    assert (endpoint.host, endpoint.port) == (host, port)
    assert looks_like_endpoint(text)
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("host:", "port number"),
        ("host:0", "between 1 and 65535"),
        ("host:65536", "between 1 and 65535"),
        ("host:99999999", "port number"),
        ("host:٤٤٣", "port number"),
        ("host:443:5", "neither HOST:PORT nor an IPv6 address"),
        ("[::1", "does not close"),
        ("[::1]443", "where :PORT should stand"),
        ("[192.0.2.1]:443", "not an IPv6 address"),
        ("[portal.example]", "not an IPv6 address"),
        ("http://tools.cisco.com/", "not an https URL"),
        ("file:///etc/ssl/cert.pem", "not an https URL"),
        ("https://user:word@portal.example/", "password"),
        ("https:///path", "names no host"),
        ("https://portal.example:x/", "not a URL"),
        ("user@portal.example", "user name"),
        ("./chain.pem", "slash"),
        ("C:\\chain.pem", "slash"),
        ("a..example", "label is empty"),
        ("-a.example", "label"),
        ("a b.example", "label"),
        ("192.0.2.300", "number"),
        ("x" * 64 + ".example", "label"),
        ("a." * 127 + "example", "253"),
        ("x" * 5000, "5000 characters"),
        ("evil\x1b[31m.example", "label"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_its_reason(text: str, reason: str) -> None:
    """A text that names no endpoint is refused in one sentence, with no control character in it."""
    with pytest.raises(BadEndpoint, match=reason) as refused:
        Endpoint.parse(text)
    assert str(refused.value).isprintable()
    assert looks_like_endpoint(text) == text.startswith("https://")


@pytest.mark.parametrize(
    "text",
    [
        "-",
        ".",
        "..",
        "~",
        "chain",
        "chain.pem",
        "portal.example.crt",
        "stores/cisco",
        "a.p7b",
        "C:",
        "C:443",
        "x.cer",
    ],
)
def test_files_are_not_taken_for_endpoints(text: str) -> None:
    """A single word, a certificate file's name, a path or a drive is meant as a file."""
    assert not looks_like_endpoint(text)


def test_a_word_with_a_port_is_an_endpoint() -> None:
    """A port makes an endpoint of any host name."""
    assert looks_like_endpoint("portal:443")


def test_an_endpoint_knows_its_peer_name() -> None:
    """The name a certificate must have is the host's, without the zone of a link-local address."""
    assert Endpoint.parse("Portal.example:8443").peer == PeerName("dns", "portal.example")
    assert Endpoint.parse("[fe80::1%eth0]").peer == PeerName("ip", "fe80::1")
    assert Endpoint.parse("bücher.example").readable_host == "bücher.example"


def test_a_host_is_checked_at_birth() -> None:
    """An endpoint made by hand holds a host as it goes over the wire, or is not made."""
    with pytest.raises(BadEndpoint, match=r"Endpoint\.parse"):
        Endpoint("Portal.Example")


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_refused(text: str) -> None:
    """Whatever is typed becomes an endpoint that reads back the same, or is refused."""
    try:
        endpoint = Endpoint.parse(text)
    except BadEndpoint as refused:
        words = str(refused)
    else:
        words = str(endpoint)
        assert Endpoint.parse(words) == endpoint
    assert words.isprintable()
