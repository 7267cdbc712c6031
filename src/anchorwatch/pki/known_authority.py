"""Facts about the authorities this project's story turns on: names, numbers and dates, no certificates.

They let an explanation name a certificate that nobody handed over ("the SHA-256 you should see"). A fact
identifies, it never vouches: only octets whose SHA-256 is one of these are the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from anchorwatch.pki.distinguished_name import Name


@dataclass(frozen=True, slots=True)
class KnownAuthority:
    """One certificate by its facts; `tls` is False where it never served TLS."""

    common_name: str
    serial: int
    not_before: date
    not_after: date
    sha256: str
    tls: bool = True
    organizational_unit: str | None = None
    """Where a certificate has no common name, the unit it is known by."""


KNOWN_AUTHORITIES: tuple[KnownAuthority, ...] = (
    KnownAuthority(
        "VeriSign Class 3 Public Primary Certification Authority - G5",
        0x18DAD19E267DE8BB4A2158CDCC6B3B4A,
        date(2006, 11, 8),
        date(2036, 7, 16),
        "9acfab7e43c8d880d06b262a94deeee4b4659989c3d0caf19baf6405e41ab7df",
    ),
    KnownAuthority(
        "VeriSign Class 3 Public Primary Certification Authority - G5",
        0x250CE8E030612E9F2B89F7054D7CF8FD,
        date(2006, 11, 8),
        date(2021, 11, 7),
        "8420dfbe376f414bf4c0a81e6936d24ccc03f304835b86c7a39142fca723a689",
    ),
    KnownAuthority(
        "",
        0x3C9131CB1FF6D01B0E9AB8D044BF12BE,
        date(1996, 1, 29),
        date(2028, 8, 2),
        "a4b6b3996fc2f306b3fd8681bd63413d8c5009cc4fa329c2ccf0e2fa1b140305",
        organizational_unit="Class 3 Public Primary Certification Authority",
    ),
    KnownAuthority(
        "VeriSign Class 3 Secure Server CA - G3",
        0x6ECC7AA5A7032009B8CEBCF4E952D491,
        date(2010, 2, 8),
        date(2020, 2, 7),
        "64903546a58058d1e6f1bead1134ede66a6831d231f0df8d4e28535d7a300496",
    ),
    KnownAuthority(
        "Symantec Class 3 Secure Server CA - G4",
        0x513FB9743870B73440418D30930699FF,
        date(2013, 10, 31),
        date(2023, 10, 30),
        "eae72eb454bf6c3977ebd289e970b2f5282949190093d0d26f98d0f0d6a9cf17",
    ),
    KnownAuthority(
        "QuoVadis Root CA 2",
        0x0509,
        date(2006, 11, 24),
        date(2031, 11, 24),
        "85a0dd7dd720adb7ff05f83d542b209dc7ff4528f7d677b18389fea5e5c49e86",
    ),
    KnownAuthority(
        "HydrantID SSL ICA G2",
        0x7517167783D0437EB556C357946E4563B8EBD3AC,
        date(2013, 12, 17),
        date(2023, 12, 17),
        "9c6d08933201407fbf2b12540b67cc0e4c9666f132e1504762a717cbae8f3fd6",
    ),
    KnownAuthority(
        "HydrantID Server CA O1",
        0x40016EFB0A205CFAEBE18F71D73ABB78,
        date(2019, 12, 12),
        date(2029, 12, 12),
        "8bb2f6883fed289a521ba27c478482950874e143caccec6fc025990c0c46813e",
    ),
    KnownAuthority(
        "HydrantID SSL CA G3",
        0x723B6FE5C252754D2189B09155521A3187916DB8,
        date(2020, 9, 29),
        date(2030, 9, 27),
        "aa57f482cbc516b4d10ca4097dd90d99f5aa727d207090d07da9c36998abb9ad",
    ),
    KnownAuthority(
        "IdenTrust Commercial Root CA 1",
        0x0A0142800000014523C844B500000002,
        date(2014, 1, 16),
        date(2034, 1, 16),
        "5d56499be4d2e08bcfcad08a3e38723d50503bde706948e42f55603019e528ae",
    ),
    KnownAuthority(
        "DST Root CA X3",
        0x44AFB080D6A327BA893039862EF8406B,
        date(2000, 9, 30),
        date(2021, 9, 30),
        "0687260331a72403d909f105e69bcf0d32e1bd2493ffc6d9206d11bcd6770739",
    ),
    KnownAuthority(
        "Cisco Licensing Root CA",
        1,
        date(2013, 5, 30),
        date(2038, 5, 30),
        "f1b52392c4a4ec2a8709b1308304a911ffcec2ce0b63a94fbe969164567c4925",
        tls=False,
    ),
    KnownAuthority(
        "Cisco Root CA M1",
        0x2ED20E7347D333834B4FDD0DD7B6967E,
        date(2008, 11, 18),
        date(2033, 11, 18),
        "705eaafc3ff488030017d59832603eefad514171b583808675f45c190e6378f8",
        tls=False,
    ),
    KnownAuthority(
        "Trusted Root Store Signer",
        0x6103CDE0000000000007,
        date(2011, 8, 24),
        date(2033, 11, 18),
        "9a067f013e148a92bd75de92be6b73946dab2e9c0d4abf93391221ed61e6575b",
        tls=False,
    ),
    KnownAuthority(
        "Cisco Root CA M2",
        1,
        date(2012, 11, 12),
        date(2037, 11, 12),
        "cd85167b3935e27bcc3b0f5fa24c8457882d0bb994f88269a7f72829d957eae9",
        tls=False,
    ),
    KnownAuthority(
        "Cisco Root CA 2048",
        0x5FF87B282B54DC8D42A315B568C9ADFF,
        date(2004, 5, 14),
        date(2029, 5, 14),
        "8327bc8c9d69947b3de3c27511537267f59c21b9fa7b613fafbccd53b7024000",
        tls=False,
    ),
    KnownAuthority(
        "Cisco Root CA 2099",
        0x19A335878CE16C1C1,
        date(2016, 8, 9),
        date(2099, 8, 9),
        "e7e12793643f18bee5b8e53ab5803bb3d59d8e63d14ce6346c004b0dfa34fecc",
        tls=False,
    ),
    KnownAuthority(
        "Cisco ECC Root CA",
        3,
        date(2013, 4, 4),
        date(2099, 9, 7),
        "3a6308acd77a5a33d8da04d669fa00f8e5ae153f259087678b76bf1654b30a06",
        tls=False,
    ),
    KnownAuthority(
        "Cisco ECC Root CA",
        1,
        date(2013, 4, 4),
        date(2053, 4, 4),
        "8db49f4b13eead89c5cca29ec03372591445865b7afde82c33760f1c947f3bfe",
        tls=False,
    ),
)
"""Every certificate we hold facts of."""

ORGANIZATIONAL_UNIT = "2.5.4.11"


def known_as(name: Name) -> tuple[KnownAuthority, ...]:
    """The certificates of ours that carry this common name, or this unit where they have none."""
    common = name.common_name
    if common is not None:
        return tuple(fact for fact in KNOWN_AUTHORITIES if fact.common_name == common)
    units = name.values(ORGANIZATIONAL_UNIT)
    return tuple(fact for fact in KNOWN_AUTHORITIES if fact.organizational_unit in units)
