"""What the moves of October 2018 and after did to which ASA, and what cured whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from anchorwatch.lab.asa.machine import Asa
from anchorwatch.lab.network import Fault
from lab.stage import Stage, typed

BEFORE = datetime(2018, 9, 6, 12, 0, tzinfo=UTC)
MOVED = datetime(2018, 10, 5, 7, 0, tzinfo=UTC)
FACTORY = {"_SmartCallHome_ServerCA": "g5"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage.of("2018", tmp_path_factory.mktemp("stage"), at=BEFORE, chain="old")
    made.house.directory.hurried = True
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(stage: Stage) -> None:
    stage.clock.turn_to(BEFORE)
    stage.house.show("old")


def moved(stage: Stage, machine: Asa) -> bool:
    """Let a registered device live through the move; whether its licence could be renewed five days later."""
    stage.pass_time(machine, MOVED - stage.clock.now())
    stage.house.show("new")
    stage.pass_time(machine, timedelta(days=5))
    typed(machine, "license smart renew auth")
    state = machine.licence.state
    assert state.last_authorization is not None
    return state.last_authorization.worked and state.last_authorization.at == stage.clock.now()


@pytest.mark.parametrize(
    ("software", "model"), [("9.6(2)", "ASAv"), ("9.8(2)", "ASAv"), ("9.8(2)", "FPR-2110")]
)
def test_who_renews_the_pool_by_himself_never_noticed(stage: Stage, software: str, model: str) -> None:
    """With the way to the bundle open, the move is nothing: not one failure is logged."""
    machine = stage.registered(stage.asa(software, model=model, trustpoints=FACTORY))
    assert moved(stage, machine)
    assert not [message for message in machine.log if message.code in ("717009", "444303")]
    assert machine.last_import == "SUCCESS"


@pytest.mark.parametrize("model", ["ASAv", "FPR-2110"])
def test_with_port_80_blocked_it_breaks(stage: Stage, model: str) -> None:
    """The same device whose way to the bundle is closed cannot renew, and had said so every night before."""
    machine = stage.registered(stage.asa("9.8(2)", model=model, trustpoints=FACTORY, faults=[Fault.PORT80]))
    assert not moved(stage, machine)
    assert len([message for message in machine.log if message.code == "717057"]) >= 29
    issuers = [getattr(message.detail, "issuer", None) for message in machine.log if message.code == "717009"]
    assert any(issuer is not None and issuer.common_name == "QuoVadis Root CA 2" for issuer in issuers)


def test_a_new_box_is_cured_by_what_its_image_holds(stage: Stage) -> None:
    """A fresh device that reaches no bundle takes the default one, and registers."""
    stage.clock.turn_to(MOVED + timedelta(days=3))
    stage.house.show("new")
    machine = stage.asa("9.8(2)", trustpoints=FACTORY, faults=[Fault.PORT80], fresh=True)
    said = typed(
        machine,
        "call-home test profile License",
        "crypto ca trustpool import default",
        "y",
        "call-home test profile License",
        f"license smart register idtoken {stage.token()}",
        "show license all",
    )
    assert said.count("CONNECT_FAILED(35)") == 1
    assert "installed: 17" in said
    assert "Status: REGISTERED" in said


def test_a_box_without_automatic_import_is_cured_by_hand(stage: Stage) -> None:
    """On 9.4(1) the pasted root renews the authorization, and neither the pool nor anything else was needed."""
    machine = stage.registered(stage.asa("9.4(1)", trustpoints=FACTORY))
    assert not moved(stage, machine)
    root = stage.house.minted["quovadis-2"].certificate
    typed(
        machine,
        "configure terminal",
        "crypto ca trustpoint quovadis",
        "enrollment terminal",
        "validation-usage ssl-server",
        "crypto ca authenticate quovadis",
        *root.pem.splitlines(),
        "quit",
        "yes",
        "end",
        "license smart renew auth",
    )
    state = machine.licence.state
    assert state.last_authorization is not None
    assert state.last_authorization.worked
    assert len(machine.pool) == 0


def test_an_old_copy_of_the_bundle_mends_2018_and_not_2022(tmp_path_factory: pytest.TempPathFactory) -> None:
    """When the portal moves to IdenTrust, the copy of 2017 brings nothing; the one that is served now does."""
    later = Stage.of(
        "2022", tmp_path_factory.mktemp("later"), at=datetime(2022, 12, 1, tzinfo=UTC), chain="new"
    )
    try:
        machine = later.asa("9.8(2)", trustpoints={}, pool="2017", faults=[Fault.BUNDLE_OUTDATED])
        line = f"crypto ca trustpool import url {later.house.story.source.url} noconfirm signature-required"
        assert "CONNECT_FAILED(35)" in typed(machine, line, "call-home test profile License")
        machine.network.mend(Fault.BUNDLE_OUTDATED)  # type: ignore[attr-defined]  # the town's own
        later.house.bundle = "2021"
        assert "INFO: Succeeded" in typed(machine, line, "call-home test profile License")
    finally:
        later.close()
