"""Tag, length, value: as much of BER as bundles need, read one element at a time.

A decoder for whole documents gives up at the first bad entry, and may recurse as deep as its
input asks. This one looks at a single header, knows where the element ends, and leaves it to the
caller to go on behind a bad entry; `anchorwatch.pki.der`, which cuts single certificates, knows no
indefinite lengths because a certificate has none. Only an indefinite length (X.690 section 8.1.3.6) has to be
walked to find its end, to a bounded depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anchorwatch.formats.limits import DEFAULT
from anchorwatch.pki import der

__all__ = [
    "Element",
    "TlvError",
    "children",
    "encode",
    "encode_oid",
    "first",
    "octets",
    "oid",
    "read_element",
]


class TlvError(ValueError):
    """The bytes at `offset` are not an element; `str()` is one sentence."""

    def __init__(self, sentence: str, offset: int) -> None:
        super().__init__(sentence)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Element:
    """One element of `data`: header at `start`, content from `content` to `stop`, next element at `end`."""

    data: bytes
    tag: int
    start: int
    content: int
    stop: int
    end: int

    @property
    def raw(self) -> bytes:
        """The whole element with its header."""
        return self.data[self.start : self.end]

    @property
    def value(self) -> bytes:
        """The content octets without the header."""
        return self.data[self.content : self.stop]


def read_element(
    data: bytes, start: int = 0, end: int | None = None, *, nesting: int = DEFAULT.nesting
) -> Element:
    """Read the header at `start` of what ends at `end`; raises TlvError.

    `tag` is the first identifier octet; longer tags are skipped over, none of our structures has one.
    """
    limit = len(data) if end is None else end
    if start + 2 > limit:
        raise TlvError(f"the data end at byte {limit}, where a tag and a length should be", start)
    tag = data[start]
    at = start + 1
    if tag & 0x1F == 0x1F:
        while at < limit and data[at] & 0x80:
            at += 1
        at += 1
        if at >= limit:
            raise TlvError("the data end inside a tag", start)
    length = data[at]
    at += 1
    if length == 0x80:
        return _indefinite(data, tag, start, at, limit, nesting)
    if length > 0x80:
        octet_count = length & 0x7F
        if octet_count > 8 or at + octet_count > limit:
            raise TlvError(f"no length is written with {octet_count} octets", start)
        length = int.from_bytes(data[at : at + octet_count], "big")
        at += octet_count
    if at + length > limit:
        missing = at + length - limit
        raise TlvError(f"{at - start + length} bytes are announced, {missing} of them are missing", start)
    return Element(data, tag, start, at, at + length, at + length)


def _indefinite(data: bytes, tag: int, start: int, content: int, limit: int, nesting: int) -> Element:
    if not tag & 0x20:
        raise TlvError("an indefinite length on an element without parts", start)
    if nesting <= 0:
        raise TlvError("elements of indefinite length are nested too deeply", start)
    at = content
    while at + 2 <= limit:
        if data[at] == 0 and data[at + 1] == 0:
            return Element(data, tag, start, content, at, at + 2)
        at = read_element(data, at, limit, nesting=nesting - 1).end
    raise TlvError("an element of indefinite length has no end", start)


def children(element: Element) -> Iterator[Element]:
    """The elements inside a constructed element, in order; raises TlvError where one cannot be read."""
    at = element.content
    while at < element.stop:
        child = read_element(element.data, at, element.stop)
        yield child
        at = child.end


def first(element: Element) -> Element:
    """The first element inside; raises TlvError when there is none."""
    return read_element(element.data, element.content, element.stop)


def octets(element: Element, *, nesting: int = DEFAULT.nesting) -> bytes:
    """The bytes of an OCTET STRING, also when an encoder cut it into pieces (X.690 section 8.7.3)."""
    if not element.tag & 0x20:
        return element.value
    if nesting <= 0:
        raise TlvError("pieces of an octet string are nested too deeply", element.start)
    return b"".join(octets(piece, nesting=nesting - 1) for piece in children(element))


def oid(element: Element) -> str:
    """The dotted form of an OBJECT IDENTIFIER; raises TlvError."""
    if element.tag != der.OID or element.stop - element.content > 64:
        raise TlvError("an object identifier is expected here", element.start)
    try:
        return der.oid_text(element.value)
    except der.DerError as error:
        raise TlvError(str(error), element.start) from error


def encode_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER in DER."""
    first_arc, second_arc, *arcs = (int(arc) for arc in dotted.split("."))
    octet_groups: list[bytes] = []
    for arc in (40 * first_arc + second_arc, *arcs):
        group = [arc & 0x7F]
        while arc := arc >> 7:
            group.append(0x80 | arc & 0x7F)
        octet_groups.append(bytes(reversed(group)))
    return encode(der.OID, *octet_groups)


def encode(tag: int, *parts: bytes) -> bytes:
    """An element in DER around the given content."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octet_count = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octet_count)) + size.to_bytes(octet_count, "big") + content
