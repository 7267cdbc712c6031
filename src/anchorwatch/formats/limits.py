"""How much of a hostile or broken input is read, and where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one `read`; what lies beyond a bound is told in one complaint and not read at all."""

    size: int = 32 * 1024 * 1024
    """Bytes of input: seventy times the largest bundle Cisco published (435,769 bytes)."""

    certificates: int = 20_000
    """Entries of one input, certificates or other blocks: twice the 10,213 CA certificates that CCADB disclosed."""

    nesting: int = 16
    """Levels of indefinite-length BER: two nested signed layers written by a streaming encoder need ten."""

    complaints: int = 200
    """Complaints told one by one; the rest are counted, because nobody reads the two-hundred-and-first."""

    compared: int = 5
    """Certificates of a catalogue aligned with a damaged block, after a cheap look at all of them."""

    comparable: int = 16_384
    """Characters of a damaged block that are aligned: a certificate of 12 kB; beyond it time grows squared."""

    path: int = 4
    """Certificates in a bundle signer's path: Cisco's has two, one intermediate more is common practice."""


DEFAULT = Limits()
