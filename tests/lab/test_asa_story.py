"""Whole sessions on virtual ASAs, as a person would read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anchorwatch.agent import agent
from anchorwatch.agent.clocks import Chance
from anchorwatch.lab.network import Fault
from lab.stage import Stage, matches, typed

GOLDEN = Path(__file__).resolve().parent / "golden"
MOVED = datetime(2016, 3, 22, 13, 25, 46, tzinfo=UTC)
BUNDLE = "http://www.cisco.com/security/pki/trs/ios_core.p7b"


class _Calm(Chance):
    """Chance whose retries come at the same moment each time."""

    def fraction(self) -> float:
        return 0.5


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2016", tmp_path_factory.mktemp("stage"), at=MOVED, chain="new")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    monkeypatch.setattr(agent, "Chance", _Calm)
    stage.clock.turn_to(MOVED)


def test_the_document_of_2016(stage: Stage) -> None:
    """A new ASAv cannot register, its first automatic import failed, and the bundle mends it, all as in the document."""
    stage.clock.turn_to(MOVED - timedelta(hours=20))
    machine = stage.asa("9.5(2)", faults=[Fault.DNS])
    stage.pass_time(machine, timedelta(hours=20))
    machine.network.mend(Fault.DNS)  # type: ignore[attr-defined]  # the town's own

    def later(**span: float) -> None:
        stage.pass_time(machine, timedelta(**span))

    said = typed(
        machine,
        f"license smart register idtoken {stage.token()}",
        lambda: later(seconds=46),
        "show license registration",
        "call-home test profile License",
        "ping tcp tools.cisco.com 443",
        "show crypto ca certificate",
        "show crypto ca trustpool policy",
        "sh run crypto ca trustpool",
        "sh run all crypto ca trustpool",
        f"crypto ca trustpool import url {BUNDLE}",
        "y",
        "show crypto ca trustpool policy",
        "call-home test profile License",
        f"license smart register idtoken {stage.token()} force",
        lambda: later(seconds=10),
        "show license registration",
        "show license all",
        "license smart renew auth",
        "show license features",
        f"crypto ca trustpool import url {BUNDLE} noconfirm signature-required",
        "show logging",
    )
    assert matches(GOLDEN / "asa-2016.txt", said)


def test_a_version_without_automatic_import_mended_by_hand(stage: Stage) -> None:
    """On 9.4(1) a CA is pasted: the damaged text of a document is refused, the genuine one is accepted and serves."""
    machine = stage.asa("9.4(1)")
    pem = stage.house.minted["g5"].certificate.pem.splitlines()
    said = typed(
        machine,
        "show crypto ca trustpool policy",
        "show running-config all crypto ca trustpool",
        "configure terminal",
        "crypto ca trustpool policy",
        "auto-import",
        "exit",
        "crypto ca trustpoint anchor",
        "enrollment terminal",
        "validation-usage ssl-server",
        "revocation-check none",
        "exit",
        "crypto ca authenticate anchor",
        pem[0],
        pem[1][:-5],
        "",
        *pem[2:],
        "quit",
        "crypto ca authenticate anchor",
        pem[0],
        "",
        *pem[1:],
        "quit",
        "no",
        "crypto ca authenticate anchor",
        *pem,
        "quit",
        "yes",
        "end",
        "show crypto ca trustpoints anchor",
        "show running-config crypto ca trustpoint anchor",
        "call-home test profile License",
        "show logging | include 717|120",
        "configure terminal",
        "no crypto ca trustpoint anchor",
        "yes",
        "end",
        "call-home test profile License",
    )
    assert matches(GOLDEN / "asa-by-hand.txt", said)


def test_screens_of_a_firepower_2110(stage: Stage) -> None:
    """A Firepower 2110 of 9.8(2) prints the licence as the second generation of agents does."""
    machine = stage.asa("9.8(2)", model="FPR-2110", trustpoints={"_SmartCallHome_ServerCA": "g5"})
    stage.house.offer(["FPR2110-ASA-CTX"])
    said = typed(
        machine,
        "show version",
        "show license all",
        f"license smart register idtoken {stage.token()}",
        "show license all",
        "show license summary",
        "show license status",
        "show license usage",
        "show license features",
        "show license udi",
        "show license registration",
        "show tech-support license",
        "configure terminal",
        "license smart",
        "throughput level 1G",
        "feature context 5",
        "show license usage",
        "no feature tier",
        "end",
        "show license usage",
        "license smart deregister",
        "show license all",
        "show logging | include SMART_LIC",
    )
    assert matches(GOLDEN / "asa-firepower-2110.txt", said)


def test_configuring_a_fresh_device(stage: Stage) -> None:
    """A fresh 9.16 asks about anonymous reporting, warns before less is trusted, and loses by a reload what was not saved."""
    machine = stage.asa("9.16(4)", fresh=True, trustpoints={"_SmartCallHome_ServerCA": "g5"})
    said = typed(
        machine,
        "enable",
        "second-word",
        "configure terminal",
        "A",
        "hostname edge-1",
        "clock timezone GMT 8",
        "banner motd harbour office, authorized persons only",
        "interface GigabitEthernet0/1",
        "nameif inside",
        "ip address 10.0.0.1 255.255.255.0",
        "no shutdown",
        "exit",
        "route inside 10.1.0.0 255.255.0.0 10.0.0.254",
        "access-list OUT extended permit tcp any any eq 443",
        "logging host inside 10.0.0.9",
        "no crypto ca trustpoint _SmartCallHome_ServerCA",
        "yes",
        "crypto ca trustpool policy",
        "no auto-import",
        "crypto ca permit-weak-crypto",
        "license smart",
        "privacy host-name",
        "call-home",
        "http-proxy proxy.corp.example port 8080",
        "profile License",
        "no active",
        "frobnicate",
        "show clo",
        "cl",
        "route outside",
        "end",
        "show running-config",
        "show route",
        "show license status",
        "write memory",
        "configure terminal",
        "hostname lost",
        "end",
        "reload",
        "N",
        "y",
        enabled=False,
    )
    assert machine.running.hostname == "edge-1"
    assert matches(GOLDEN / "asa-fresh.txt", said)
