"""The list of certificates inside a PKCS#7 or CMS SignedData, read entry by entry.

A "certs-only" message is a SignedData without signers (RFC 5652 section 5.1, RFC 2315 section 9): no
one vouches for it, it is only a box. Libraries load such a box whole or not at all; two of Cisco's own
roots are refused by strict readers and would take their bundle with them. Here each entry is cut out
by its own length, and a bad one is a complaint about that entry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anchorwatch.formats import tlv
from anchorwatch.formats.tlv import Element, TlvError
from anchorwatch.pki import der
from anchorwatch.pki.certificate import Certificate

__all__ = ["DATA", "SIGNED_DATA", "SignedData", "entries", "is_signed_data", "open_signed_data", "write"]

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedData:
    """The parts of a SignedData, not yet looked into; offsets are those of the whole message.

    `content` is None when the message carries none. `certificates` and `signers` are the elements that
    hold the lists, None where they are absent.
    """

    message: Element
    content_type: str
    content: bytes | None
    certificates: Element | None
    signers: Element | None


def is_signed_data(data: bytes, start: int = 0) -> bool:
    """Whether the sequence at `start` is a ContentInfo that claims to hold a SignedData."""
    try:
        outer = tlv.read_element(data, start)
        return outer.tag == der.SEQUENCE and tlv.oid(tlv.first(outer)) == SIGNED_DATA
    except TlvError:
        # A truncated one should be called by its name as well: object identifier within the first octets.
        return tlv.encode_oid(SIGNED_DATA) in data[start : start + 24]


def open_signed_data(data: bytes, start: int = 0, *, nesting: int) -> SignedData:
    """Find the parts of the message at `start`; raises TlvError with one sentence and the offset."""
    message = tlv.read_element(data, start, nesting=nesting)
    _, explicit = _exactly(message, 2, "a ContentInfo has a type and a content")
    body = tlv.first(explicit)
    if body.tag != der.SEQUENCE:
        raise TlvError("a SignedData is a sequence", body.start)
    parts = list(tlv.children(body))
    if (
        len(parts) < 3
        or parts[0].tag != der.INTEGER
        or parts[1].tag != der.SET
        or parts[2].tag != der.SEQUENCE
    ):
        raise TlvError("a SignedData has a version, digest algorithms and a content", body.start)
    content_type, content = _encapsulated(parts[2], nesting)
    certificates = next((part for part in parts[3:] if part.tag == 0xA0), None)
    signers = next((part for part in parts[3:] if part.tag == der.SET), None)
    return SignedData(
        message=message,
        content_type=content_type,
        content=content,
        certificates=certificates,
        signers=signers,
    )


def _encapsulated(info: Element, nesting: int) -> tuple[str, bytes | None]:
    parts = list(tlv.children(info))
    if not parts:
        raise TlvError("the content has no type", info.start)
    content_type = tlv.oid(parts[0])
    if len(parts) == 1:
        return content_type, None
    inner = tlv.first(parts[1])
    if inner.tag & 0xDF != der.OCTET_STRING:
        raise TlvError("the content is not a string of octets", inner.start)
    return content_type, tlv.octets(inner, nesting=nesting)


def _exactly(element: Element, count: int, sentence: str) -> list[Element]:
    parts = list(tlv.children(element))
    if len(parts) != count:
        raise TlvError(sentence, element.start)
    return parts


def entries(signed: SignedData) -> Iterable[Element]:
    """The entries of the list of certificates, in order; raises TlvError where the list breaks off."""
    return () if signed.certificates is None else tlv.children(signed.certificates)


def write(certificates: Iterable[Certificate]) -> bytes:
    """A certs-only PKCS#7 in DER; the order of the certificates is kept, as every reader does.

    RFC 2315 section 9.1 makes the list a SET OF, which DER sorts; devices and libraries write it in the
    order they were given, and a store's order can matter, so this does as well.
    """
    body = tlv.encode(
        der.SEQUENCE,
        tlv.encode(der.INTEGER, b"\x01"),
        tlv.encode(der.SET),
        tlv.encode(der.SEQUENCE, tlv.encode_oid(DATA)),
        tlv.encode(0xA0, *(certificate.der for certificate in certificates)),
        tlv.encode(der.SET),
    )
    return tlv.encode(der.SEQUENCE, tlv.encode_oid(SIGNED_DATA), tlv.encode(0xA0, body))
