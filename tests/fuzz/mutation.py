"""Inputs nobody would write: pieces of good ones, spoilt in ways that copying, wires and attackers spoil things."""

from __future__ import annotations

import random
from collections.abc import Sequence

LONGEST = 60_000
_CONTROLS = [
    "\x1b[2J",
    "\x1b]0;x\x07",
    "\x00",
    "\r",
    "\x08\x08 ",
    "<--- More --->\r              \r",
    "\u202e",
    "\ufeff",
]
_TRIMMINGS = [
    "> ",
    ">",
    "**",
    "`",
    "    ",
    "\t",
    "%ASA-3-717009: ",
    "asa/pri/act(config)# ",
    "-----BEGIN CERTIFICATE-----",
]


def spoilt(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One mutation of one seed, or of two crossed; deterministic for a given `chance`."""
    data = bytearray(chance.choice(seeds)[:LONGEST])
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        data = _once(data, seeds, chance)
    return bytes(data[:LONGEST])


def _once(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> bytearray:
    if not data:
        return bytearray(chance.randbytes(chance.randrange(64)))
    at = chance.randrange(len(data))
    until = min(len(data), at + chance.choice((1, 4, 40, 400, 4_000)))
    match chance.randrange(12):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            del data[at:until]
        case 2:
            data[at:at] = data[at:until] * chance.choice((1, 2, 50))
        case 3:
            data[at:at] = chance.randbytes(chance.choice((1, 4, 64)))
        case 4:
            del data[at:]
        case 5:
            other = chance.choice(seeds)
            start = chance.randrange(len(other) or 1)
            data[at:until] = other[start : start + 4_000]
        case 6:
            return _lines(data, chance)
        case 7:
            data[at:until] = chance.choice(_CONTROLS).encode()
        case 8:
            data[at:until] = bytes(
                [chance.choice(b"\x00\xff\x30\x80\x7f:-,=\\(){}[]%#>* \n")]
            ) * chance.choice((1, 9, 999))
        case 9:
            data[at:until] = str(chance.choice((0, -1, 2**31, 2**64, 10**40))).encode()
        case 10:
            data = data.replace(b"\n", chance.choice((b"\r\n", b"\r", b"", b"\n\n", b" ")))
        case _:
            data = data.replace(b"  ", chance.choice((b" ", b"", b"\t", b"          ")))
    return data


def _lines(data: bytearray, chance: random.Random) -> bytearray:
    lines = bytes(data).split(b"\n")
    match chance.randrange(4):
        case 0:
            chance.shuffle(lines)
        case 1:
            lines = [line for line in lines if chance.random() > 0.1]
        case 2:
            trimming = chance.choice(_TRIMMINGS).encode()
            lines = [trimming + line for line in lines]
        case _:
            lines = [
                part for line in lines for part in (line[:40], line[40:]) if part or chance.random() > 0.5
            ]
    return bytearray(b"\n".join(lines))
