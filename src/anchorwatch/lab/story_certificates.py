"""The certificates of a story, as its file tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anchorwatch.lab.story import Certified
from anchorwatch.lab.story_reader import EPOCH, Reader

_KEYS = ("ec256", "rsa1024", "rsa2048", "rsa3072", "rsa4096")
_ATTRIBUTES = ("C", "O", "OU", "CN", "L", "ST")


def read_certificates(reader: Reader, told: Mapping[str, Any]) -> dict[str, Certified]:
    """Every authority and leaf of a story, by code; mistakes are told to the reader."""
    found: dict[str, Certified] = {}
    for table, is_ca in (("authorities", True), ("leaves", False)):
        for code, entry in reader.named(told, table).items():
            with reader.at(f"{table}.{code}"):
                if code in found:
                    reader.wrong("an authority has the same code")
                found[code] = _certified(reader, code, entry, is_ca=is_ca)
    for code, made in found.items():
        with reader.at(f"{'authorities' if made.is_ca else 'leaves'}.{code}"):
            for above in (made.issuer, made.same_as):
                if above and not (above in found and found[above].is_ca):
                    reader.wrong(f"{above!r} is no authority of this story")
            if not made.is_ca and not made.issuer:
                reader.wrong("a leaf needs an issuer")
    _without_circles(reader, found)
    return found


def _without_circles(reader: Reader, found: Mapping[str, Certified]) -> None:
    done: set[str] = set()
    while True:
        ready = [
            code
            for code, made in found.items()
            if code not in done and all(each in done or each not in found for each in _above(made))
        ]
        if not ready:
            break
        done.update(ready)
    left = sorted(set(found) - done)
    if left:
        reader.wrong(f"these certificates wait for an issuer that never comes: {', '.join(left)}")


def _above(made: Certified) -> tuple[str, ...]:
    return tuple(code for code in (made.issuer, made.same_as) if code)


def _certified(reader: Reader, code: str, entry: Mapping[str, Any], *, is_ca: bool) -> Certified:
    reader.keys(
        entry,
        *("name", "valid", "issuer", "same_as", "serial", "key", "hosts", "purpose", "ocsp", "crl"),
    )
    valid = entry.get("valid")
    first, last = EPOCH, EPOCH
    if not isinstance(valid, list) or len(valid) != 2:
        reader.wrong("valid must be two moments: [from, until]")
    else:
        pair = {"valid[0]": valid[0], "valid[1]": valid[1]}
        first, last = reader.moment(pair, "valid[0]"), reader.moment(pair, "valid[1]")
        if first > last:
            reader.wrong(f"valid ends ({last:%Y-%m-%d}) before it begins ({first:%Y-%m-%d})")
    name = _name(reader, entry)
    if not name and not entry.get("same_as"):
        reader.wrong("name is missing")
    serial = reader.take(entry, "serial", str, "")
    if serial and not re.fullmatch(r"[0-9a-fA-F]{1,40}", serial):
        reader.wrong(f"serial must be 1 to 40 digits in hex, not {serial!r}")
    key = reader.take(entry, "key", str, "ec256")
    reader.one_of(key, _KEYS, "kind of key")
    purpose = reader.take(entry, "purpose", str, "")
    if purpose and not re.fullmatch(r"[0-2](\.(0|[1-9][0-9]{0,8})){2,20}", purpose):
        reader.wrong(f"purpose must be an object identifier, not {purpose!r}")
    return Certified(
        code=code,
        valid=(first, last),
        name=name,
        issuer=reader.take(entry, "issuer", str, ""),
        same_as=reader.take(entry, "same_as", str, ""),
        serial=serial,
        key=key,
        hosts=reader.words(entry, "hosts"),
        purpose=purpose,
        ocsp=reader.take(entry, "ocsp", str, ""),
        crl=reader.take(entry, "crl", str, ""),
        is_ca=is_ca,
    )


def _name(reader: Reader, entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    told = entry.get("name", [])
    pairs: list[tuple[str, str]] = []
    if not isinstance(told, list):
        reader.wrong('name must be a list of pairs: [["O", "Harbour"], ["CN", "Harbour Root"]]')
        return ()
    for each in told:
        match each:
            case [str() as kind, str() as value] if kind in _ATTRIBUTES and 0 < len(value) <= 200:
                pairs.append((kind, value))
            case _:
                reader.wrong(f"{each!r} is no part of a name: a pair of {', '.join(_ATTRIBUTES)} and a text")
    if any(kind == "C" and len(value) != 2 for kind, value in pairs):
        reader.wrong("a country in a name has two letters")
    return tuple(pairs)


def check_known(reader: Reader, codes: tuple[str, ...], certificates: Mapping[str, Certified]) -> None:
    """Tell the reader of codes that no certificate has."""
    for code in codes:
        if code not in certificates:
            reader.wrong(f"there is no certificate {code!r}")
