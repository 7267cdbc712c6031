"""A chassis names no CA: the table of moves does, and what somebody gave under that name is what a plan may take."""

from dataclasses import replace
from datetime import UTC, date, datetime

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.plan import Plan
from anchorwatch.doctor.remedy import remedy
from anchorwatch.doctor.situation import Licensing, Model, Situation
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import Catalogue, Origin
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA
from doctor.situations import QUOVADIS, ca

CHASSIS = Situation(
    code="fxos-trustpoint-missing",
    platform=Platform.FXOS,
    model=Model.CHASSIS,
    licensing=Licensing.SMART,
    registration=RegistrationState.REGISTERED,
    endpoint="tools.cisco.com",
    at=date(2018, 11, 8),
)


def pasted(origin: Origin) -> list[str]:
    found = remedy(replace(CHASSIS, catalogue=Catalogue.of([ca(QUOVADIS)], origin, "town")))
    assert isinstance(found, Plan)
    assert all("look" not in caution or found.decisions for caution in found.cautions)
    return [entry.sha256 for entry in found.pasted]


def test_a_certificate_that_somebody_gave_under_the_name_is_taken_and_asked_about() -> None:
    """In a rehearsal the CAs carry well-known names and are not the well-known ones: a person says that this is right."""
    found = remedy(replace(CHASSIS, catalogue=Catalogue.of([ca(QUOVADIS)], Origin.GIVEN, "town")))
    assert isinstance(found, Plan)
    assert [entry.sha256 for entry in found.pasted] == [ca(QUOVADIS).sha256]
    assert any("really the CA to trust" in decision.question for decision in found.decisions)


def test_the_same_name_from_anywhere_else_is_not_taken() -> None:
    """A session or a root programme that holds another certificate of that name vouches for nothing."""
    for origin in (Origin.SESSION, Origin.PROGRAMME):
        assert pasted(origin) == []


def test_what_somebody_gave_outranks_what_every_machine_has() -> None:
    """With another certificate of the name in a root programme, the one given is taken, and a person is asked."""
    other = CA.root(
        QUOVADIS, not_before=datetime(2006, 1, 1, tzinfo=UTC), not_after=datetime(2040, 1, 1, tzinfo=UTC)
    )
    everywhere = Catalogue.of([Certificate.from_der(other.der)], Origin.PROGRAMME, "certifi")
    given = Catalogue.of([ca(QUOVADIS)], Origin.GIVEN, "town")
    for catalogue in (everywhere + given, given + everywhere):
        found = remedy(replace(CHASSIS, catalogue=catalogue))
        assert isinstance(found, Plan)
        assert [entry.sha256 for entry in found.pasted] == [ca(QUOVADIS).sha256]
        assert found.decisions
