"""What a device trusts by its own words, and how surely each entry was recognised."""

from __future__ import annotations

from anchorwatch.devices import reading
from anchorwatch.doctor.case import split
from anchorwatch.doctor.trust import Held, Strength, held, store_of
from anchorwatch.pki.catalogue import Catalogue
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA

ROOT = CA.root("CN=Harbour Root, O=Harbour\\, Inc., C=US", serial=0x0A0142)
TWIN = CA.root("CN=Harbour Root, O=Harbour\\, Inc., C=US", serial=0x77)
CATALOGUE = Catalogue.of(Certificate.from_der(ca.der) for ca in (ROOT, TWIN))
LISTING = """asa# show crypto ca certificates
CA Certificate
  Status: Available
{serial}  Certificate Usage: General Purpose
  Issuer Name:
    cn=Harbour Root
    o=Harbour\\, Inc.
    c=US
  Subject Name:
    cn=Harbour Root
    o=Harbour\\, Inc.
    c=US
{dates}  Associated Trustpoints: CALLHOME
"""
SERIAL = "  Certificate Serial Number: {}\n"
DATES = """  Validity Date:
    start date: 08:00:00 GMT Jan 1 2000
    end   date: 07:59:59 GMT Jan 1 2050
"""


def listed(serial: str | None = None, *, dates: bool = False) -> Held:
    text = LISTING.format(serial=SERIAL.format(serial) if serial else "", dates=DATES if dates else "")
    (case,) = split(reading.read([("capture", text)]))
    (entry,) = held(case, CATALOGUE)
    return entry


def test_a_full_serial_recognises_one_of_two_namesakes() -> None:
    """Leading zeros and case of a serial do not matter; its value does."""
    for written in ("0a0142", "0A0142", "a0142"):
        entry = listed(written)
        assert entry.strength is Strength.SERIAL
        assert entry.certificate is not None
        assert entry.certificate.sha256 == ROOT.sha256


def test_a_shortened_serial_recognises_nothing() -> None:
    """A serial that lost digits is no proof, and two namesakes with different keys are no match."""
    entry = listed("a014")
    assert entry.certificate is None
    assert {other.sha256 for other in entry.others} == {ROOT.sha256, TWIN.sha256}


def test_dates_under_a_lying_zone_label_still_fit() -> None:
    """Eight hours of shift on both dates are a time zone; two namesakes of equal dates stay undecided."""
    (case,) = split(reading.read([("capture", LISTING.format(serial="", dates=DATES))]))
    (entry,) = held(case, Catalogue.of([Certificate.from_der(ROOT.der)]))
    assert entry.strength is Strength.DATES
    assert listed(dates=True).certificate is None


def test_what_was_not_recognised_is_not_in_the_store() -> None:
    """A store made from a listing holds only what was matched."""
    assert len(store_of([listed("0a0142"), listed("a014")])) == 1
