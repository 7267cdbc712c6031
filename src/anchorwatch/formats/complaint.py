"""What is wrong with an input, each with its place, so that nothing is repaired silently."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.formats.damage import Damage

__all__ = ["Code", "Complaint", "FormatError"]


class FormatError(Exception):
    """Base of what this package raises for a request it cannot meet; bad content is a `Complaint` instead."""


class Code(StrEnum):
    """The closed list of complaints; the text beside each is what the reference page says."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    EMPTY = "empty", "The input has no bytes, or a container in it has no certificates."
    TOO_LARGE = "too-large", "The input is longer than the limit; nothing of it was read."
    TOO_MANY = "too-many", "More entries than the limit; none of them was kept."
    NOT_RECOGNISED = "not-recognised", "No form that we read was found in the input."
    OTHER_FORM = "other-form", "A form that we know but do not read, such as a Java key store."
    TRUNCATED = "truncated", "The input ends before the length that its own header announces."
    DAMAGED_BLOCK = "damaged-block", "A PEM block or a run of base64 does not decode to what it claims to be."
    DAMAGED_HEX = "damaged-hex", "Hex digits in a configuration do not decode to a certificate."
    BAD_CERTIFICATE = "bad-certificate", "An entry was taken out whole, but is not a certificate."
    BAD_CONTAINER = "bad-container", "A PKCS#7 or CMS structure cannot be followed any further."
    BAD_INNER_LAYER = "bad-inner-layer", "The outer signed layer is fine, what it carries is not a bundle."
    SERIAL_DIFFERS = (
        "serial-differs",
        "A configuration declares another serial number than its certificate has.",
    )
    MISSING_END = "missing-end", "A block has no END line; what is there is complete."
    EXTRA_BYTES = "extra-bytes", "Bytes follow the end of a structure."
    SKIPPED_LINES = (
        "skipped-lines",
        "Lines of a console (pager, nag lines) stood inside a block and were left out.",
    )
    LENIENT = "lenient", "A certificate that strict readers refuse was read all the same."
    PRIVATE_KEY = "private-key", "A private key stands in the input; it was not looked at."
    NOT_A_CERTIFICATE = "not-a-certificate", "A block of another kind (request, CRL, …) was passed over."
    MORE = "more", "There were more complaints than are told one by one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that is wrong: a code, one sentence, and where.

    `line` counts from 1 in text, `offset` counts bytes from 0. `loss` says that something which the
    input was meant to hold is not in the answer; without it the complaint is only a remark.
    `entry` is the number of the entry in its container, from 1.
    """

    code: Code
    sentence: str
    line: int | None = None
    offset: int | None = None
    loss: bool = True
    entry: int | None = None
    damage: Damage | None = None
