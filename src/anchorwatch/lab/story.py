"""A story is data: who certified whom, what the portal showed when, and what the device trusted.

Stories lie beside this module as TOML.
They hold names, serial numbers and dates of real certificates; keys are made by the town each time it is built.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from types import MappingProxyType
from typing import Any


class UnknownStoryError(LookupError):
    """There is no story of that name; the message names those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A certificate to be made: `name` in DER order; `issuer` is the code of an authority, empty for itself.

    `same_as` is an authority whose name and key this one shares (a cross certificate). `serial` is hex, empty for
    any. `valid` is the first and the last moment, aware UTC. `purpose` is an extended key usage for leaves that
    serve no TLS.
    """

    code: str
    valid: tuple[datetime, datetime]
    name: tuple[tuple[str, str], ...] = ()
    issuer: str = ""
    same_as: str = ""
    serial: str = ""
    key: str = "ec256"
    hosts: tuple[str, ...] = ()
    purpose: str = ""
    is_ca: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePlan:
    """The signed bundle of the story: where it is served, who signs it, whom the device pins, what it holds."""

    url: str
    name: str
    version: str
    signer: str
    pin: str
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePlan:
    """The device of the story: its software and what it trusts when the story begins."""

    hostname: str
    version: str
    trustpoints: Mapping[str, tuple[str, ...]]
    pool: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One event: its people by code, the chains the portal showed, and the dates on which things happened."""

    code: str
    title: str
    host: str
    path: str
    dates: Mapping[str, datetime]
    device: DevicePlan
    chains: Mapping[str, tuple[str, ...]]
    bundle: BundlePlan
    certificates: Mapping[str, Certified] = field(repr=False)

    @property
    def url(self) -> str:
        """Where the device sends its messages."""
        return f"https://{self.host}{self.path}"


def names() -> tuple[str, ...]:
    """The codes of the stories there are, sorted."""
    folder = resources.files("anchorwatch.lab") / "stories"
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    )


def load(code: str) -> Story:
    """Read a story of the package; raises `UnknownStoryError`."""
    if code not in names():
        raise UnknownStoryError(f"there is no story {code!r}; there are: {', '.join(names())}")
    text = (resources.files("anchorwatch.lab") / "stories" / f"{code}.toml").read_text(encoding="utf-8")
    return _story(tomllib.loads(text))


def _story(told: Mapping[str, Any]) -> Story:
    certificates = {
        key: _certified(key, entry, is_ca=is_ca)
        for table, is_ca in (("authorities", True), ("leaves", False))
        for key, entry in told[table].items()
    }
    device, bundle = told["device"], told["bundle"]
    return Story(
        code=told["code"],
        title=told["title"],
        host=told["host"],
        path=told["path"],
        dates=MappingProxyType(dict(told["dates"])),
        device=DevicePlan(
            hostname=device["hostname"],
            version=device["version"],
            trustpoints=MappingProxyType({name: tuple(held) for name, held in device["trustpoints"].items()}),
            pool=tuple(device["pool"]),
        ),
        chains=MappingProxyType({name: tuple(chain) for name, chain in told["chains"].items()}),
        bundle=BundlePlan(**{**bundle, "holds": tuple(bundle["holds"])}),
        certificates=MappingProxyType(certificates),
    )


def _certified(code: str, entry: Mapping[str, Any], *, is_ca: bool) -> Certified:
    first, last = entry["valid"]
    return Certified(
        code=code,
        valid=(first, last),
        name=tuple((kind, value) for kind, value in entry.get("name", ())),
        issuer=entry.get("issuer", ""),
        same_as=entry.get("same_as", ""),
        serial=entry.get("serial", ""),
        key=entry.get("key", "ec256"),
        hosts=tuple(entry.get("hosts", ())),
        purpose=entry.get("purpose", ""),
        is_ca=is_ca,
    )
