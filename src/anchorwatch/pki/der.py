"""Slices of DER: where an element's content starts and stops, nothing more.

`cryptography` gives values, not the octets they came from; comparing names and hashing keys needs the
octets (RFC 5280 section 7.1, section 4.2.1.2), and one odd extension must not hide the others. This
reader only cuts. It accepts every tag of one octet and definite lengths, also non-minimal ones, so that
what a stricter reader refuses can still be shown to a person.
"""

from __future__ import annotations

from typing import NamedTuple

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


class DerError(ValueError):
    """The octets end too early or use a length form that DER does not have."""


class Element(NamedTuple):
    """One element: its tag octet and three offsets into the octets it was cut from."""

    tag: int
    start: int
    """First octet of the header."""
    content: int
    """First octet of the content."""
    stop: int
    """One past the last octet of the content."""


def element(data: bytes, offset: int, end: int) -> Element:
    """Cut the element that starts at `offset`; it must stop at or before `end`. Raises `DerError`."""
    if offset + 2 > end:
        raise DerError(f"an element is cut off at offset {offset}")
    tag = data[offset]
    if tag & 0x1F == 0x1F:
        raise DerError(f"a tag of more than one octet at offset {offset}")
    length = data[offset + 1]
    content = offset + 2
    if length >= 0x80:
        width = length & 0x7F
        if width == 0 or width > 8:
            raise DerError(f"an indefinite or oversized length at offset {offset}")
        content += width
        length = int.from_bytes(data[offset + 2 : content], "big")
    stop = content + length
    if stop > end:
        raise DerError(f"an element at offset {offset} claims {stop - end} octets more than there are")
    return Element(tag, offset, content, stop)


def elements(data: bytes, start: int, stop: int) -> list[Element]:
    """Cut everything between `start` and `stop` into elements, in order. Raises `DerError`."""
    found = []
    while start < stop:
        item = element(data, start, stop)
        found.append(item)
        start = item.stop
    return found


def inside(data: bytes, outer: Element) -> list[Element]:
    """The elements inside a constructed one."""
    return elements(data, outer.content, outer.stop)


def whole(data: bytes, tag: int) -> Element:
    """The one element `data` consists of, which must carry `tag`. Raises `DerError`."""
    item = element(data, 0, len(data))
    if item.tag != tag:
        raise DerError(f"tag 0x{item.tag:02x} where 0x{tag:02x} is expected")
    if item.stop != len(data):
        raise DerError(f"{len(data) - item.stop} octets follow the element")
    return item


def oid_text(body: bytes) -> str:
    """An object identifier's content octets in dotted form (X.690 section 8.19). Raises `DerError`."""
    if not body or body[-1] & 0x80:
        raise DerError("an object identifier is cut off")
    arcs: list[int] = []
    arc = 0
    for octet in body:
        arc = (arc << 7) | (octet & 0x7F)
        if arc.bit_length() > 256:
            raise DerError("an object identifier has an arc of more than 256 bits")
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def integer(body: bytes) -> int:
    """An INTEGER's content octets as a number, negative ones too."""
    if not body:
        raise DerError("an integer without octets")
    return int.from_bytes(body, "big", signed=True)
