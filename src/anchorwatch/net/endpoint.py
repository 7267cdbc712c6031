"""The name of a TLS endpoint: `HOST[:PORT]`, an address, or an `https` URL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from anchorwatch.net.errors import BadEndpoint
from anchorwatch.pki.name import PeerName, dns_fault, to_ascii

HTTPS_PORT = 443

# What a chain is kept in. A bare word with such an ending is a file that is not there, not a host: none of
# these is a top-level domain.
_FILE_ENDINGS = frozenset(
    [
        "bin",
        "bundle",
        "cer",
        "cert",
        "cfg",
        "conf",
        "crl",
        "crt",
        "csr",
        "csv",
        "der",
        "jks",
        "json",
        "key",
        "log",
        "p12",
        "p7b",
        "p7c",
        "p7m",
        "p7s",
        "pem",
        "pfx",
        "pkcs7",
        "spc",
        "toml",
        "txt",
        "xml",
        "yaml",
        "yml",
    ]
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port.

    `host` is an address in its shortest form (an IPv6 zone kept), or a DNS name in lower case, its labels as
    they go over the wire (`xn--…`), without a final dot.
    """

    host: str
    port: int = HTTPS_PORT

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise BadEndpoint(f"a port lies between 1 and 65535, not {self.port}")
        if self.host != _host(self.host):
            raise BadEndpoint(
                f"{self.host!r} is not written as a host goes over the wire; use Endpoint.parse"
            )

    @classmethod
    def parse(cls, text: str, *, port: int = HTTPS_PORT) -> Endpoint:
        """Read an endpoint as people write it; `port` is the one meant when none is written.

        Raises `BadEndpoint` with the reason in one sentence.
        """
        written = text.strip()
        if not written:
            raise BadEndpoint("an empty text names no endpoint")
        if len(written) > 2048:
            raise BadEndpoint(f"a text of {len(written)} characters is no endpoint")
        if "://" in written:
            return cls._from_url(written)
        if "/" in written or "\\" in written:
            raise BadEndpoint(f"{_quoted(written)} has a slash in it: a path, not HOST[:PORT]")
        if "@" in written:
            raise BadEndpoint(f"{_quoted(written)} has a user name in it; an endpoint is HOST[:PORT]")
        if written.startswith("["):
            return cls._from_brackets(written, port)
        if written.count(":") > 1:
            return cls(_host(written), port)
        host, colon, digits = written.partition(":")
        return cls(_host(host), _port(digits, written) if colon else port)

    @classmethod
    def _from_url(cls, written: str) -> Endpoint:
        try:
            parts = urlsplit(written)
            host, port = parts.hostname, parts.port
        except ValueError as problem:
            raise BadEndpoint(f"{_quoted(written)} is not a URL: {problem}") from None
        if parts.scheme.lower() != "https":
            raise BadEndpoint(f"{_quoted(written)} is not an https URL, so no certificate is shown there")
        if parts.username is not None or parts.password is not None:
            raise BadEndpoint("a URL with a user name or a password in it is not an endpoint")
        if not host:
            raise BadEndpoint(f"{_quoted(written)} names no host")
        return cls(_host(host), HTTPS_PORT if port is None else port)

    @classmethod
    def _from_brackets(cls, written: str, port: int) -> Endpoint:
        inside, bracket, rest = written[1:].partition("]")
        if not bracket:
            raise BadEndpoint(f"{_quoted(written)} opens a bracket and does not close it")
        if rest and not rest.startswith(":"):
            raise BadEndpoint(f"{_quoted(written)} has {_quoted(rest)} where :PORT should stand")
        host = _address(inside)
        if host is None or ":" not in host:
            raise BadEndpoint(f"{_quoted(inside)} in brackets is not an IPv6 address")
        return cls(host, _port(rest[1:], written) if rest else port)

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address; then no SNI is sent (RFC 6066 §3)."""
        return _address(self.host) is not None

    @property
    def readable_host(self) -> str:
        """The host with its labels as people write them, where they can be decoded."""
        if self.is_address or "xn--" not in self.host:
            return self.host
        try:
            return self.host.encode("ascii").decode("idna")
        except UnicodeError:
            return self.host

    @property
    def peer(self) -> PeerName:
        """The name that a certificate shown here must have (RFC 9525); a zone is no part of it."""
        return PeerName("ip" if self.is_address else "dns", self.host)

    def __str__(self) -> str:
        """`host:port`, an IPv6 address in brackets: what `parse` reads back."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def looks_like_endpoint(text: str) -> bool:
    """Say whether a text is meant as an endpoint, where a file name might stand as well.

    Only the text is looked at, and an https URL is always meant as one, even where `Endpoint.parse` then
    refuses it; a caller who finds a file of that name has a file. A single word without a
    port is a file that is missing (except `localhost`), and so is a name with the ending of a certificate
    file.
    """
    written = text.strip()
    scheme, separator, _ = written.partition("://")
    if separator:
        return scheme.lower() == "https"
    try:
        endpoint = Endpoint.parse(written)
    except BadEndpoint:
        return False
    if endpoint.is_address or endpoint.host == "localhost":
        return True
    # "C:443" is rather a drive with a file on it than a host of one letter.
    if ":" in written:
        return len(endpoint.host) > 1
    return "." in endpoint.host and endpoint.host.rpartition(".")[2] not in _FILE_ENDINGS


def _port(digits: str, written: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        raise BadEndpoint(f"{_quoted(written)} has {_quoted(digits)} where a port number should stand")
    return int(digits)


def _address(text: str) -> str | None:
    """Return an address in its shortest form, or None where the text is none. `%25` opens a zone in URLs."""
    try:
        return str(ipaddress.ip_address(text.replace("%25", "%")))
    except ValueError:
        return None


def _host(text: str) -> str:
    """Return the host as it goes over the wire."""
    address = _address(text)
    if address is not None:
        return address
    if ":" in text:
        raise BadEndpoint(f"{_quoted(text)} is neither HOST:PORT nor an IPv6 address")
    name = to_ascii(text.removesuffix("."))
    if name is None:
        raise BadEndpoint(f"{_quoted(text)} is not a host name: a label of it cannot be written as xn--…")
    fault = dns_fault(name)
    if fault is not None:
        raise BadEndpoint(f"{_quoted(text)} is not a host name: {fault}")
    return name


def _quoted(text: str) -> str:
    """Quote a text from outside, shortened, with nothing in it that a terminal would obey."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")
