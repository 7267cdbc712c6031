"""Clients that people use drive a virtual chassis: netmiko as it is and with a subclass, and scrapli with one level."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from builders.certs import CA
from lab.chassis_yard import HOST, ChassisYard
from lab.test_clients import drive

LEVEL = re.compile(r"^[\w.-]{1,63}(?:\([\w-]+\))?(?: (?:/[\w-]+)+)?\*? ?#\s?$")
LOOKS = ["terminal length 0", "scope license", "show license all", "scope security", "show trustpoint detail"]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChassisYard]:
    with ChassisYard(tmp_path_factory.mktemp("yard")) as made:
        yield made


def _repaired(told: Mapping[str, Any], yard: ChassisYard, name: str, root: CA) -> None:
    _, _, shown, _, listed, *_ = told["answers"]
    assert "Smart Licensing is ENABLED" in shown
    assert "Trustpoint Name: CHdefault" in listed
    assert told["prompt"].strip() == f"{HOST} /security/trustpoint #"
    assert [each.sha256 for each in dict(yard.chassis.trustpoints())[name]] == [root.sha256]


def _repair(name: str, root: CA) -> dict[str, Any]:
    return {
        "say": [*LOOKS, f"enter trustpoint {name}", "set certchain", "commit-buffer"],
        "into": "set certchain",
        "paste": [*root.pem.strip().splitlines(), "ENDOFBUF"],
    }


def test_a_netmiko_subclass_of_a_dozen_lines(yard: ChassisYard) -> None:
    """Scopes, screens, and a certificate written in one piece."""
    root = CA.root("For Netmiko")
    told = drive(
        "classic",
        "netmiko_chassis",
        yard.address,
        yard.port,
        device_type="cisco_fxos",
        **_repair("netmiko", root),
    )
    _repaired(told, yard, "netmiko", root)


def test_netmiko_as_it_is_when_it_is_told_what_to_wait_for(yard: ChassisYard) -> None:
    """A driver for another platform, with an expression for every command."""
    root = CA.root("For Plain Netmiko")
    told = drive(
        "classic",
        "netmiko_chassis",
        yard.address,
        yard.port,
        device_type="cisco_nxos",
        expect=HOST + r"[^\n]*#\s*$",
        **_repair("plain", root),
    )
    _repaired(told, yard, "plain", root)


def test_scrapli_with_one_level(yard: ChassisYard) -> None:
    """One pattern for all scopes; the paste line by line."""
    root = CA.root("For Scrapli")
    told = drive("classic", "scrapli_chassis", yard.address, yard.port, **_repair("scrapli", root))
    _repaired(told, yard, "scrapli", root)


def test_one_pattern_knows_every_prompt(yard: ChassisYard) -> None:
    """The level that scrapli is given matches the prompt of every scope, with and without the star."""
    visitor = yard.visit()
    for line in (
        "scope security", "enter trustpoint x", "top", "discard-buffer", "scope monitoring", "scope callhome",
        "scope profile SLProfile", "scope destination SLDest", "top", "scope license", "scope licdebug", "top",
        "scope system", "scope services", "connect local-mgmt", "exit", "connect fxos", "exit",
    ):  # fmt: skip
        assert LEVEL.match(visitor.ask(line).rpartition("\n")[2]), line
    visitor.leave()
