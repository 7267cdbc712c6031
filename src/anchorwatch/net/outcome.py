"""How a look at a TLS server ended: one small type for each way, each with its sentence.

What the server *presented* is not told here: it is kept whatever the end was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["resolve", "route", "tcp", "proxy"]
TrustFault = Literal["chain", "name", "distrusted-after"]
HandshakeFault = Literal["alert", "closed", "reset", "silence", "protocol", "limit"]
Speech = Literal["http", "ssh", "smtp", "ftp", "imap", "pop3", "html", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The handshake was completed; where a store was given, chain and name passed."""

    judged: bool

    @property
    def sentence(self) -> str:
        return "the handshake was completed" + (" and the server is trusted" if self.judged else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRefused:
    """We refused the server; no octet of ours was sent over the connection.

    `words` are OpenSSL's own for a chain, ours otherwise. `number` is OpenSSL's X509_V_ERR, `depth` the
    place in the path it had built (0 the leaf), `certificate` the SHA-256 it stopped at; None where the
    refusal is not OpenSSL's.
    """

    fault: TrustFault
    words: str
    number: int | None = None
    depth: int | None = None
    certificate: str | None = None

    @property
    def sentence(self) -> str:
        return f"the server is not trusted: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificateWanted:
    """The server asked for a client certificate, got none, and ended the connection for it."""

    words: str
    alert: str | None = None

    @property
    def sentence(self) -> str:
        said = f" (alert {self.alert})" if self.alert else ""
        return f"the server wants a client certificate and ended the connection without one{said}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeFailed:
    """TLS was spoken, or nothing at all, and the handshake did not come to its end.

    `words` are OpenSSL's own where it said something. `after` names the last handshake message that came.
    """

    fault: HandshakeFault
    words: str = ""
    alert: str | None = None
    after: str | None = None

    @property
    def sentence(self) -> str:
        where = f" after its {self.after}" if self.after else " before it had said anything"
        match self.fault:
            case "alert":
                return f"the server ended the handshake with the alert {self.alert}"
            case "closed":
                return f"the server closed the connection{where}"
            case "reset":
                return f"the server reset the connection{where}"
            case "silence":
                return f"the server fell silent{where}, and the time was over"
            case "limit":
                return f"the server sent more than a handshake may hold{where}"
            case "protocol":
                return f"the handshake failed: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """There was no connection to speak TLS on. `stage` is the first rung that did not hold.

    `credentials` says that a proxy wants some, or others than were given (407).
    """

    stage: Stage
    words: str
    timed_out: bool = False
    credentials: bool = False

    @property
    def sentence(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTls:
    """Something answered, and not in TLS. `first` holds its first octets, at most 256."""

    speech: Speech
    first: bytes
    words: str

    @property
    def sentence(self) -> str:
        return self.words


Outcome = Connected | TrustRefused | ClientCertificateWanted | HandshakeFailed | Unreachable | NotTls


_GREETINGS: tuple[tuple[bytes, Speech], ...] = (
    (b"HTTP/", "http"),
    (b"SSH-", "ssh"),
    (b"* OK", "imap"),
    (b"+OK", "pop3"),
    (b"<", "html"),
)
_TITLES: dict[Speech, str] = {
    "http": "HTTP",
    "ssh": "SSH",
    "smtp": "SMTP",
    "ftp": "FTP",
    "imap": "IMAP",
    "pop3": "POP3",
    "html": "HTML",
}


def not_tls(first: bytes, *, through_proxy: bool = False) -> NotTls:
    """Say what spoke, from its first octets."""
    speech: Speech = "unknown"
    for start, name in _GREETINGS:
        if first.lstrip().startswith(start):
            speech = name
    if first.startswith(b"220"):
        speech = "ftp" if b"FTP" in first.upper() else "smtp"
    shown = _printable(first)
    if through_proxy and speech in {"http", "html"}:
        words = f"the proxy said yes and then sent a page of its own instead of a tunnel: {shown}"
    elif speech == "unknown":
        words = f"the server does not speak TLS; it sent {shown}"
    else:
        words = f"the server speaks {_TITLES[speech]}, not TLS: {shown}"
    return NotTls(speech=speech, first=first[:256], words=words)


def _printable(octets: bytes) -> str:
    """Show the first line, with nothing in it that a terminal would obey; hexadecimal where it is not text."""
    line = octets.lstrip().split(b"\n")[0].rstrip()[:60]
    if line and all(32 <= octet < 127 for octet in line):
        return f'"{line.decode("ascii")}"'
    return "the octets " + octets[:16].hex(" ")
