"""Where endpoints moved, and when."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from anchorwatch.devices.printed_name import parse_line
from anchorwatch.doctor import migration
from anchorwatch.doctor.migration import Confidence, bundle_at, expected_ca, is_known_public_ca
from anchorwatch.pki.catalogue import Catalogue, Origin
from doctor.situations import PROXY, ca, printed


@pytest.mark.parametrize(
    ("endpoint", "day", "root"),
    [
        ("tools.cisco.com", date(2015, 1, 1), "VeriSign Class 3 Public Primary Certification Authority - G5"),
        (
            "tools.cisco.com",
            date(2018, 10, 4),
            "VeriSign Class 3 Public Primary Certification Authority - G5",
        ),
        ("tools.cisco.com", date(2018, 10, 5), "QuoVadis Root CA 2"),
        ("TOOLS.cisco.com.", date(2022, 2, 4), "QuoVadis Root CA 2"),
        ("tools.cisco.com", date(2022, 2, 5), "IdenTrust Commercial Root CA 1"),
        ("smartreceiver.cisco.com", date(2022, 6, 1), "QuoVadis Root CA 2"),
        ("smartreceiver.cisco.com", date(2023, 1, 26), "IdenTrust Commercial Root CA 1"),
    ],
)
def test_the_root_of_a_day(endpoint: str, day: date, root: str) -> None:
    """Each endpoint has the root of its day; the two moved at different times."""
    found = expected_ca(endpoint, day)
    assert found is not None
    assert [each.common_name for each in found.roots] == [root]
    assert found.confidence is Confidence.KNOWN


def test_a_move_that_is_not_known_to_the_day() -> None:
    """Between the first possible and the first certain day both periods are answered."""
    found = expected_ca("tools.cisco.com", date(2016, 3, 10))
    assert found is not None
    assert found.confidence is Confidence.MOVING
    names = [period.intermediates[0].common_name for period in found.periods]
    assert names == ["VeriSign Class 3 Secure Server CA - G3", "Symantec Class 3 Secure Server CA - G4"]


def test_after_the_last_look_it_is_only_the_last_known() -> None:
    """Beyond the day until which anybody looked, the answer says so."""
    found = expected_ca("tools.cisco.com", date(2031, 1, 1))
    assert found is not None
    assert found.confidence is Confidence.LAST_KNOWN


def test_an_endpoint_nobody_wrote_down() -> None:
    """The table does not guess."""
    assert expected_ca("portal.example", date(2022, 1, 1)) is None
    assert migration.history("portal.example") == ()


@pytest.mark.parametrize("endpoint", migration.endpoints())
def test_periods_follow_each_other(endpoint: str) -> None:
    """Periods are in order, each root valid on its first day, and every day from 2010 on has an answer."""
    periods = migration.history(endpoint)
    starts = [period.start for period in periods[1:]]
    assert starts == sorted(day for day in starts if day is not None)
    for period in periods:
        assert period.start is None or period.root.not_before <= period.start <= period.root.not_after
    for number in range(0, 365 * 17, 31):
        assert expected_ca(endpoint, date(2010, 1, 1) + timedelta(days=number)) is not None


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("cn=QuoVadis Root CA 2,o=QuoVadis Limited,c=BM", True),
        ("cn=QuoVadis Root CA 2", True),
        ("cn=QuoVadis Root CA 2,o=Corp", False),
        ("ou=Class 3 Public Primary Certification Authority,o=VeriSign\\, Inc.,c=US", True),
        ("cn=Zscaler Root CA,o=Zscaler Inc.", False),
        ("cn=Cisco Licensing Root CA,o=Cisco", False),
    ],
)
def test_public_and_private_names(name: str, public: bool) -> None:
    """A name of the table is public where its organization fits; a proxy's and a licensing CA are not the portal's."""
    assert is_known_public_ca(parse_line(name)) is public


def test_a_root_programme_makes_a_name_public_and_a_users_file_does_not() -> None:
    """Only a root programme or a signed bundle says that a CA is public."""
    assert is_known_public_ca(printed(PROXY), Catalogue.of([ca(PROXY)], Origin.PROGRAMME))
    assert not is_known_public_ca(printed(PROXY), Catalogue.of([ca(PROXY)], Origin.GIVEN))
    assert not is_known_public_ca(printed(PROXY), Catalogue.of([ca(PROXY)], Origin.SESSION))


def test_copies_of_the_bundle() -> None:
    """The copies that were seen are told for their time, and nothing is told for later ones."""
    url = "http://www.cisco.com/security/pki/trs/ios_core.p7b"
    counts = [getattr(bundle_at(url, day), "count", None) for day in (date(2016, 4, 1), date(2018, 10, 9))]
    assert counts == [14, 17]
    assert bundle_at(url, date(2024, 1, 1)) is None
    assert bundle_at(url, None) is None
