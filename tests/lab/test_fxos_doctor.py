"""What is broken around a chassis is named by the doctor from what the chassis printed, and nothing is asked twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from anchorwatch.devices import dialect
from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import Diagnosis, diagnose
from anchorwatch.lab.network import Fault
from lab.chassis_yard import BEGIN, PORTAL, ChassisYard

HOUR = timedelta(hours=1)
CALL_HOME = ("top", "scope monitoring", "scope callhome")
DESTINATION = (*CALL_HOME, "scope profile SLProfile", "scope destination SLDest")
SERVICES = ("top", "scope system", "scope services")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChassisYard]:
    with ChassisYard(tmp_path_factory.mktemp("yard")) as made:
        made.registered()
        made.turn_to(BEGIN + timedelta(days=1))
        yield made


def _type(stage: ChassisYard, *lines: str) -> None:
    visitor = stage.visit()
    said = visitor.all(*lines)
    assert "Error" not in said, said
    visitor.leave()


def _renew(stage: ChassisYard) -> None:
    """Renew an hour later, and wait until the agent has its answer."""
    stage.clock.advance(HOUR)
    before = stage.chassis.licence.state.last_authorization
    _type(stage, "scope license", "scope licdebug", "renew")
    for _ in range(200):
        if stage.chassis.licence.state.last_authorization != before:
            # The work goes on under the guard until both renewals have ended.
            with stage.chassis.guard:
                return
        time.sleep(0.02)
    raise AssertionError("the agent did not answer")


def _judged(stage: ChassisYard) -> Diagnosis:
    """What the doctor says of the read-only block."""
    visitor = stage.visit()
    visitor.all(*dialect.of(Platform.FXOS).block(PORTAL))
    visitor.leave()
    # The greeting is no answer to anything.
    report = diagnose([("session.log", visitor.transcript.partition("\r\n\r\n")[2])])
    assert report.not_understood == ()
    (found,) = report.diagnoses
    return found


def _causes(found: Diagnosis) -> list[str]:
    return [finding.code for finding in found.causes if finding.code != "clock-skew"]


def test_a_well_chassis_is_called_well(stage: ChassisYard) -> None:
    """Registered, authorized, and nothing is asked."""
    _renew(stage)
    found = _judged(stage)
    assert str(found.status) == "healthy"
    assert _causes(found) == []
    assert found.next_commands == ()


@pytest.mark.parametrize(
    ("broken", "mended", "code"),
    [
        ((*SERVICES, "delete dns 192.0.2.53"), (*SERVICES, "create dns 192.0.2.53"), "dns-failing"),
        ((*CALL_HOME, "disable"), (*CALL_HOME, "enable"), "transport-disabled"),
        (
            (*DESTINATION, "set address https://nobody.example/its/service"),
            (*DESTINATION, f"set address https://{PORTAL}/its/service"),
            "communication-failing",
        ),
    ],
    ids=["no name server", "call-home off", "another address"],
)
def test_what_is_configured_wrong_is_named(
    stage: ChassisYard, broken: tuple[str, ...], mended: tuple[str, ...], code: str
) -> None:
    """The cause, or where nothing tells it that communication fails; set right again, the chassis is well."""
    _type(stage, *broken, "commit-buffer")
    _renew(stage)
    assert _causes(_judged(stage)) == [code]
    _type(stage, *mended, "commit-buffer")
    _renew(stage)
    assert _causes(_judged(stage)) == []


@pytest.mark.parametrize(
    ("fault", "codes"),
    [(Fault.DNS, ["dns-failing"]), (Fault.PORT443_REFUSED, ["communication-failing", "no-route"])],
)
def test_what_is_broken_around_it_is_named(stage: ChassisYard, fault: Fault, codes: list[str]) -> None:
    """From screens alone, and only what was not shown yet is asked for."""
    stage.world.network.break_(fault)
    _renew(stage)
    found = _judged(stage)
    stage.world.network.mend(fault)
    assert _causes(found) == codes
    shown = dialect.of(Platform.FXOS).block(PORTAL)
    assert [each.line for each in found.next_commands if each.line in shown] == []
    _renew(stage)
    assert _causes(_judged(stage)) == []
