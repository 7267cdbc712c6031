"""Plans for situations, and the situations that tests of plans begin with."""

from __future__ import annotations

from datetime import date

from hypothesis import assume

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import (
    AsRecorded,
    Undo,
)
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.remedy import remedy
from anchorwatch.doctor.situation import Licensing, Model, Situation
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import Catalogue
from doctor.situations import IDENTRUST, QUOVADIS, ca


def planned(situation: Situation) -> Plan:
    found = remedy(situation)
    assume(isinstance(found, Plan))
    assert isinstance(found, Plan)
    return found


def plan(situation: Situation) -> Plan:
    found = remedy(situation)
    assert isinstance(found, Plan), found
    return found


def refused(situation: Situation) -> NoPlan:
    found = remedy(situation)
    assert isinstance(found, NoPlan), found
    return found


def asav(code: str = "anchor-missing") -> Situation:
    return Situation(
        code=code,
        platform=Platform.ASA,
        model=Model.ASAV,
        release="9.5(2)",
        licensing=Licensing.SMART,
        at=date(2016, 3, 22),
        registration=RegistrationState.RETRYING,
    )


def chassis(code: str = "anchor-missing") -> Situation:
    return Situation(
        code=code,
        platform=Platform.ASA,
        model=Model.CHASSIS,
        licensing=Licensing.SMART,
        registration=RegistrationState.REGISTERED,
        catalogue=Catalogue.of([ca(QUOVADIS), ca(IDENTRUST)]),
    )


def typed(found: Plan) -> list[str]:
    """Everything a plan could ever type: its lines, its undo, its cleanup."""
    said = [line for step in found.steps for line in step.typed]
    said += [entry.text for step in found.steps for entry in step.cleanup]
    for undo in (step.undo for step in found.steps if isinstance(step.undo, Undo)):
        said += [
            entry.otherwise or entry.setting if isinstance(entry, AsRecorded) else entry.text
            for entry in (*undo.shown, *undo.lines)
        ]
    return said
