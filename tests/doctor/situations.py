"""Situations over the whole space of causes, platforms, releases, units, dates and catalogues."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

from hypothesis import strategies as st

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.printed_name import PrintedName, from_attributes
from anchorwatch.doctor.advice import CODES as NOTHING_TO_TYPE
from anchorwatch.doctor.remedy import codes
from anchorwatch.doctor.situation import Bundle, Licensing, Model, Route, Situation
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import Catalogue, Known, Origin
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA

QUOVADIS = "CN=QuoVadis Root CA 2,O=QuoVadis Limited,C=BM"
IDENTRUST = "CN=IdenTrust Commercial Root CA 1,O=IdenTrust,C=US"
G5 = (
    "CN=VeriSign Class 3 Public Primary Certification Authority - G5,"
    "OU=(c) 2006 VeriSign\\, Inc. - For authorized use only,OU=VeriSign Trust Network,O=VeriSign\\, Inc.,C=US"
)
PROXY = "CN=Corp Proxy CA,O=Corp"


@cache
def ca(name: str) -> Certificate:
    """A CA of ours that carries a name; a well-known name makes it a look-alike."""
    made = CA.root(
        name, not_before=datetime(2006, 1, 1, tzinfo=UTC), not_after=datetime(2040, 1, 1, tzinfo=UTC)
    )
    return Certificate.from_der(made.der)


def printed(name: str) -> PrintedName:
    return from_attributes(ca(name).subject.attributes)


NAMES = (QUOVADIS, IDENTRUST, G5, PROXY)
RELEASES = {
    Platform.ASA: ("", "9.3(2)", "9.4(1)", "9.5(1)", "9.5(2)", "9.6(2)", "9.8(3)21", "9.16(4)", "9.22(1)"),
    Platform.FXOS: ("", "2.2(2.71)", "2.10(1.159)"),
    Platform.IOSXE: ("", "16.12.5", "17.03.04a", "17.9.1"),
    Platform.IOSXR: ("", "7.5.1"),
    Platform.NXOS: ("", "10.2(3)"),
    Platform.FTD: ("", "6.7.0"),
}
TYPED = sorted(codes() - NOTHING_TO_TYPE)
DATES = (None, date(2016, 3, 10), date(2016, 3, 22), date(2018, 10, 9), date(2022, 3, 1), date(2026, 11, 1))


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Certificates of every origin; the same one may have been learned in several places."""
    entries = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(list(Origin))), max_size=5, unique=True)
    )
    return Catalogue(tuple(Known(ca(name), origin) for name, origin in entries))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any situation in which something might be planned, sensible or not.

    Those in which nothing ever is (a licence by key, a platform without an agent) have tests of their own.
    """
    platform = draw(st.sampled_from([Platform.ASA, Platform.ASA, Platform.FXOS, Platform.IOSXE]))
    bundled = draw(st.sets(st.sampled_from(NAMES)))
    bundle = Bundle(
        url="http://bundles.example/ios_core.p7b",
        verified=draw(st.booleans()),
        contents=tuple((ca(name).sha256, ca(name).title) for name in sorted(bundled)),
    )
    return Situation(
        code=draw(st.sampled_from(TYPED)),
        platform=platform,
        device="fw1",
        model=draw(st.sampled_from([model for model in Model if model is not Model.ASA5500X])),
        release=draw(st.sampled_from(RELEASES[platform])),
        licensing=Licensing.SMART,
        units=draw(st.sampled_from([(), ("primary", "secondary"), ("chassis-1", "chassis-2")])),
        multi_context=draw(st.booleans()),
        endpoint=draw(st.sampled_from(["", "tools.cisco.com", "smartreceiver.cisco.com", "portal.example"])),
        at=draw(st.sampled_from(DATES)),
        needed=tuple(
            printed(name) for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
        ),
        judged=tuple(ca(name).sha256 for name in draw(st.lists(st.sampled_from(NAMES), max_size=1))),
        catalogue=draw(catalogues()),
        bundle=draw(st.sampled_from([None, bundle])),
        registration=draw(st.sampled_from(list(RegistrationState))),
        detail=draw(
            st.sampled_from(
                ["", "reach", "signature", "flash", "memory", "Trustpool", "_SmartCallHome_ServerCA", "VPN"]
            )
        ),
        route=draw(st.sampled_from([None, *Route])),
    )
