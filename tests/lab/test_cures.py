"""Plans that are carried out over SSH cure what they are for, change nothing a second time, and are taken back whole.

Diagnosed, applied and undone as `anchorwatch` does it, on every platform and release. Then each rule of safe repair, shown
on a device that would suffer if it did not hold.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchorwatch.base.secret import Secret
from anchorwatch.doctor.plan import Plan
from anchorwatch.fleet.fit import Gone
from anchorwatch.fleet.repair import Proven
from anchorwatch.lab.network import Fault
from lab.ailments import ASAS, BEFORE, CHASSIS, IMPORTING, KINDS, Cause, stage, text
from lab.quarter import Quarter

pytestmark = pytest.mark.slow

SERVICES = ("scope system", "scope services")
BLOCKED = (Fault.PORT80,)
CURES = {
    # The nightly import met a closed port, which is open by day.
    "anchor": Cause(named=("anchor-missing", "fxos-trustpoint-missing"), trusts=False, came=BEFORE, always=BLOCKED),
    "anchor-new": Cause(
        named=("anchor-missing", "fxos-trustpoint-missing"), trusts=False, registered=False, always=BLOCKED
    ),
    "import-off": Cause(
        named=("anchor-missing",), kinds=IMPORTING, trusts=False, came=BEFORE, config="auto_import = false"
    ),
    "no-name-server": Cause(
        named=("dns-failing",), kinds=ASAS,
        typed=("configure terminal", "dns server-group DefaultDNS", "no name-server 192.0.2.53", "end"),
    ),
    "no-lookup": Cause(
        named=("dns-failing",), kinds=ASAS, typed=("configure terminal", "no dns domain-lookup outside", "end")
    ),
    "no-name-server-chassis": Cause(
        named=("dns-failing",), kinds=CHASSIS, typed=(*SERVICES, "delete dns 192.0.2.53", "commit-buffer", "top")
    ),
    "service-off": Cause(
        named=("transport-disabled",), kinds=ASAS, typed=("configure terminal", "no service call-home", "end")
    ),
    "profile-off": Cause(
        named=("transport-disabled",), kinds=ASAS,
        typed=("configure terminal", "call-home", "profile License", "no active", "end"),
    ),
    "callhome-off": Cause(
        named=("transport-disabled",), kinds=CHASSIS,
        typed=("scope monitoring", "scope callhome", "disable", "commit-buffer", "top"),
    ),
    "no-time": Cause(
        named=("clock-wrong",), kinds=ASAS, registered=False, dated=True, config='clock_ahead = "-4000d"\nsynchronized = false'
    ),
}  # fmt: skip
PAIRS = [(name, kind) for name, cause in CURES.items() for kind in cause.kinds]


def _some() -> Iterator[tuple[str, str]]:
    for number, (name, cause) in enumerate(CURES.items()):
        asas = [kind for kind in cause.kinds if kind not in CHASSIS]
        if asas:
            yield name, asas[number % len(asas)]
        yield from ((name, kind) for kind in cause.kinds if kind in CHASSIS)


SOME = list(_some())


def fill(quarter: Quarter, plan: Plan) -> dict[str, str | Secret]:
    """What a person would fill into the blanks of a plan."""
    known: dict[str, str | Secret] = {
        "ID token": quarter.token(), "DNS server": "192.0.2.53", "NTP server": "192.0.2.123", "interface": "outside",
        "throughput": "1G", "proxy host": "proxy.corp.example", "proxy port": "8080", "portal": "tools.cisco.com",
    }  # fmt: skip
    return {blank.name: known[blank.name] for blank in plan.blanks if blank.name in known}


def recorded(quarter: Quarter, device: str) -> str:
    """Everything a repair may touch, as the device prints it, without the lines that tell the time."""
    lines = (
        (
            "scope security", "show trustpoint detail", "top", "show configuration", *SERVICES, "show configuration", "top",
            "scope monitoring", "scope callhome", "show configuration", "top",
        )
        if device.endswith(CHASSIS)
        else ("show running-config", "show crypto ca trustpool", "show crypto ca certificates")
    )  # fmt: skip
    return "\n".join(line for line in quarter.typed(device, *lines).splitlines() if not _PASSING.search(line))


_PASSING = re.compile(r"Cryptochecksum|^: Written by|^: Saved|: \d\d:\d\d:\d\d")


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    with Quarter(tmp_path_factory.mktemp("cures") / "lab", text(CURES, SOME)) as made:
        stage(made, CURES, SOME)
        yield made


def cured(quarter: Quarter, pair: tuple[str, str]) -> None:
    """Diagnose, repair, repair again, undo; what each leaves behind is compared."""
    cause, device = CURES["-".join(pair[:1])], "-".join(pair)
    for fault in quarter.town.residents[device].network.faults:
        quarter.town.mend(fault, device)
    before = recorded(quarter, device)
    at = quarter.now if cause.dated else None
    found = quarter.examine(device, at=at)
    assert isinstance(found.plan, Plan), found.plan
    assert found.plan.code in cause.named
    outcome, run = quarter.apply(device, found.plan, fill=fill(quarter, found.plan), at=at)
    assert isinstance(outcome, Proven), outcome
    after = recorded(quarter, device)
    assert after != before
    again, nothing = quarter.apply(device, found.plan, fill=fill(quarter, found.plan), at=at)
    assert isinstance(again, Gone), again
    assert again.healthy
    assert nothing is None
    assert recorded(quarter, device) == after
    assert run is not None
    undone = quarter.undo(device, run)
    assert undone.surprise == ""
    left = difference(before, recorded(quarter, device))
    assert left == [], (left, undone)


def difference(before: str, after: str) -> list[str]:
    """The lines that differ."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


@pytest.mark.parametrize("pair", SOME, ids="-".join)
def test_a_cure_cures_changes_nothing_twice_and_is_taken_back(
    quarter: Quarter, pair: tuple[str, str]
) -> None:
    """The plan proves itself, applied again it finds nothing to do, undone it leaves the device as it was."""
    cured(quarter, pair)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_cure_on_every_platform(tmp_path: Path, kind: str) -> None:
    """The same for every cause on every model and release."""
    pairs = [pair for pair in PAIRS if pair[1] == kind]
    with Quarter(tmp_path / "lab", text(CURES, pairs)) as quarter:
        stage(quarter, CURES, pairs)
        for pair in pairs:
            cured(quarter, pair)
