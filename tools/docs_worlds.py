"""Files for the pages of the documentation: what a page's examples work on.

A page asks for a set with `<!-- files: NAME -->` and tells its reader what the files are. They are made anew
each time, with the names and dates of the story and keys of our own, so fingerprints differ from run to run.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.x509 import ObjectIdentifier

from anchorwatch.formats.signing import BundleSigner, SigningKey, sign
from anchorwatch.formats.verification import BUNDLE_SIGNING
from anchorwatch.pki.certificate import Certificate
from builders.certs import CA, Issued, bundle


def licensing_2016(folder: Path) -> None:
    """A licensing portal before and after it changed its CA in 2016, and a device that knows the old one.

    `before.pem` and `after.pem` are the chains presented; `device.pem` is the device's store, which holds only
    the old intermediate; `roots.pem` holds the two roots above both, as a catalogue, and `g5.pem` the newer of
    them alone.
    """
    oldest = CA.root(
        _name("OU=Class 3 Public Primary Certification Authority,O=VeriSign\\, Inc.,C=US"),
        not_before=_day(1996, 1, 29),
        not_after=_day(2028, 8, 1),
    )
    g5 = CA.root(
        _name(f"CN=VeriSign Class 3 Public Primary Certification Authority - G5,{_VERISIGN}"),
        not_before=_day(2006, 11, 8),
        not_after=_day(2036, 7, 16),
    )
    g5_cross = oldest.cross_sign(g5, not_before=_day(2006, 11, 8), not_after=_day(2021, 11, 7))
    g3 = g5.issue_ca(
        _name(f"CN=VeriSign Class 3 Secure Server CA - G3,{_VERISIGN}"),
        not_before=_day(2010, 2, 8),
        not_after=_day(2020, 2, 7),
        path_length=0,
    )
    g4 = g5.issue_ca(
        "CN=Symantec Class 3 Secure Server CA - G4, OU=Symantec Trust Network, O=Symantec Corporation, C=US",
        not_before=_day(2013, 10, 31),
        not_after=_day(2023, 10, 30),
        path_length=0,
    )
    portal = "portal.example"
    before = g3.issue_leaf(portal, not_before=_day(2014, 3, 3), not_after=_day(2016, 3, 31))
    after = g4.issue_leaf(portal, not_before=_day(2016, 3, 1), not_after=_day(2018, 3, 31))
    files: dict[str, list[Issued]] = {
        "before.pem": [before, g3],
        "after.pem": [after, g4, g5_cross],
        "device.pem": [g3],
        "roots.pem": [g5, oldest],
        "g5.pem": [g5],
    }
    for name, certificates in files.items():
        (folder / name).write_text(bundle(certificates), encoding="ascii")


def harbour_bundle(folder: Path) -> None:
    """A harbour that signs its own bundles, and what people make of its certificates.

    `root.pem` is the root to pin, `signer.pem` and `signer.key` sign bundles below it; `roots.pem` are the
    certificates to publish; `harbour-3.p7b` and `harbour-4.p7b` are two signed bundles, the newer one with one
    certificate more and one issued again; `pool.pem` is a device's pool; `mail.txt` quotes a certificate
    that lost a character on its way.
    """
    pinned = CA.root("CN=Harbour Bundle Root, O=Harbour", key="rsa2048", not_after=_day(2038, 1, 1))
    signer = pinned.issue_leaf(
        "CN=Harbour Bundle Signer, O=Harbour",
        key="rsa2048",
        usage=["digital_signature"],
        eku=[ObjectIdentifier(BUNDLE_SIGNING)],
        san=[],
        not_after=_day(2038, 1, 1),
    )
    town, quay, light = (
        CA.root(f"CN={name} Root, O=Harbour", not_before=_day(2016, 1, 1), not_after=_day(2036, 1, 1))
        for name in ("Town", "Quay", "Lighthouse")
    )
    again = CA.root(
        "CN=Quay Root, O=Harbour", key=quay.key, not_before=_day(2016, 1, 1), not_after=_day(2046, 1, 1)
    )
    old = CA.root("CN=Old Pier Root, O=Harbour", not_before=_day(2006, 1, 1), not_after=_day(2016, 1, 1))
    by = BundleSigner(
        certificate=Certificate.from_der(signer.der),
        key=cast(SigningKey, signer.key),
        issuers=(Certificate.from_der(pinned.der),),
    )
    for version, roots in ((3, [town, quay, old]), (4, [town, again, light, old])):
        data = sign(
            [Certificate.from_der(root.der) for root in roots],
            signer=by,
            name="Harbour Core Bundle",
            version=f"{version:02}",
            signing_time=_day(2016, 3, version),
        )
        (folder / f"harbour-{version}.p7b").write_bytes(data)
    texts = {
        "root.pem": pinned.pem,
        "signer.pem": signer.pem,
        "signer.key": signer.key_pem,
        "roots.pem": bundle([town, again, light]),
        "pool.pem": bundle([town]),
        "mail.txt": _quoted(light.pem),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii")


def _quoted(pem: str) -> str:
    lines = pem.splitlines()
    lines[3] = lines[3][:10] + lines[3][11:]
    return "\n".join(("Please install this one:", *(f"> {line}" for line in lines), "Thanks!", ""))


_VERISIGN = "OU=VeriSign Trust Network,O=VeriSign\\, Inc.,C=US"


def _name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


WORLDS: dict[str, Callable[[Path], None]] = {
    "harbour-bundle": harbour_bundle,
    "licensing-2016": licensing_2016,
}
