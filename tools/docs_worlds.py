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

from agent.town import a_town
from anchorwatch.base.clock import SystemClock
from anchorwatch.formats.signing import BundleSigner, SigningKey, sign
from anchorwatch.formats.verification import BUNDLE_SIGNING
from anchorwatch.licensing.event import RenewAuthorization
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


def first_firewall(folder: Path) -> None:
    """What a console kept of two nights at one firewall.

    `edge1.log` was captured while the licence could not be renewed, `after.log` when it was mended.
    """
    (folder / "edge1.log").write_text(_EDGE1, encoding="utf-8")
    mended = _EDGE1[_EDGE1.index("edge1# show license all") : _EDGE1.index("edge1# show logging")]
    for before, after in (
        ("AUTHORIZED on Sep 06 17:40:02", "AUTHORIZED on Oct 09 18:21:09"),
        ("FAILED on Oct 09 17:40:31 2018 UTC", "SUCCESS on Oct 09 18:21:09 2018 UTC"),
        ("    Failure reason: Communication message send response error\n", ""),
        ("Attempt: Oct 09 18:10:31 2018", "Attempt: Nov 08 18:21:09 2018"),
        ("Deadline: Dec 05 17:34:02 2018", "Deadline: Jan 07 18:15:09 2019"),
    ):
        mended = mended.replace(before, after)
    (folder / "after.log").write_text(mended, encoding="utf-8")


def portal_tls(folder: Path) -> None:
    """What a portal called localhost shows in TLS, the root above it, and the root that is to follow."""
    root = CA.root("Harbour Web Root 1")
    leaf = root.issue_leaf("localhost")
    (folder / "chain.pem").write_text(leaf.pem, encoding="ascii")
    (folder / "key.pem").write_text(leaf.key_pem, encoding="ascii")
    (folder / "root.pem").write_text(root.pem, encoding="ascii")
    (folder / "next-root.pem").write_text(CA.root("Harbour Web Root 2").pem, encoding="ascii")


def _quoted(pem: str) -> str:
    lines = pem.splitlines()
    lines[3] = lines[3][:10] + lines[3][11:]
    return "\n".join(("Please install this one:", *(f"> {line}" for line in lines), "Thanks!", ""))


_VERISIGN = "OU=VeriSign Trust Network,O=VeriSign\\, Inc.,C=US"


def _name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


_EDGE1 = """\
edge1# show clock
17:52:10.431 UTC Tue Oct 9 2018
edge1# show ntp status
Clock is synchronized, stratum 3, reference is 192.0.2.10
edge1# show version

Cisco Adaptive Security Appliance Software Version 9.8(2)
Firepower Extensible Operating System Version 2.2(2.52)

Hardware:   ASAv, 2048 MB RAM, CPU Xeon E5 series 2600 MHz,

License mode: Smart Licensing
ASAv Platform License State: Licensed

Serial Number: 9AHARBOUR01
edge1# ping tcp tools.cisco.com 443
Type escape sequence to abort.
No source specified. Pinging from identity interface.
Sending 5 TCP SYN requests to 192.0.2.44 port 443
from 192.0.2.1, timeout is 2 seconds:
!!!!!
Success rate is 100 percent (5/5), round-trip min/avg/max = 1/1/2 ms
edge1# call-home test profile License
INFO: Sending test message to https://tools.cisco.com/its/service/oddce/services/DDCEService...
ERROR: Failed: CONNECT_FAILED(35)
edge1# show license all

Smart Licensing Status
======================

Smart Licensing is ENABLED

Registration:
  Status: REGISTERED
  Smart Account: Harbour Authority
  Virtual Account: Edge
  Export-Controlled Functionality: Allowed
  Initial Registration: SUCCEEDED on Jul 01 18:37:38 2018 UTC
  Last Renewal Attempt: None
  Next Renewal Attempt: Dec 28 18:37:38 2018 UTC
  Registration Expires: Jul 01 18:31:38 2019 UTC

License Authorization: 
  Status: AUTHORIZED on Sep 06 17:40:02 2018 UTC
  Last Communication Attempt: FAILED on Oct 09 17:40:31 2018 UTC
    Failure reason: Communication message send response error
  Next Communication Attempt: Oct 09 18:10:31 2018 UTC
  Communication Deadline: Dec 05 17:34:02 2018 UTC

License Usage
==============
ASAv10 Standard - 1G (ASAv-STD-1G):
  Description: ASAv10 Standard - 1G
  Count: 1
  Version: 1.0
  Status: AUTHORIZED

Product Information
===================
UDI: PID:ASAv,SN:9AHARBOUR01

Agent Version
=============
Smart Agent for Licensing: 1.6.14_rel/129

edge1# show logging | include 717
Oct 09 2018 17:40:31: %ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 7517167783D0437EB556C357946E4563B8EBD3AC, subject name: cn=HydrantID SSL ICA G2,o=HydrantID (Avalanche Cloud Corporation),c=US, issuer name: cn=QuoVadis Root CA 2,o=QuoVadis Limited,c=BM .
Oct 09 2018 17:40:31: %ASA-3-717027: Certificate chain failed validation. No suitable trustpoint was found to validate chain.
edge1# show crypto ca certificates
CA Certificate
  Status: Available
  Certificate Serial Number: 18dad19e267de8bb4a2158cdcc6b3b4a
  Certificate Usage: General Purpose
  Public Key Type: RSA (2048 bits)
  Signature Algorithm: SHA1 with RSA Encryption
  Issuer Name: 
    cn=VeriSign Class 3 Public Primary Certification Authority - G5
    ou=(c) 2006 VeriSign\\, Inc. - For authorized use only
    ou=VeriSign Trust Network
    o=VeriSign\\, Inc.
    c=US
  Subject Name: 
    cn=VeriSign Class 3 Public Primary Certification Authority - G5
    ou=(c) 2006 VeriSign\\, Inc. - For authorized use only
    ou=VeriSign Trust Network
    o=VeriSign\\, Inc.
    c=US
  Validity Date: 
    start date: 00:00:00 UTC Nov 8 2006
    end   date: 23:59:59 UTC Jul 16 2036
  Associated Trustpoints: _SmartCallHome_ServerCA 

edge1# show crypto ca trustpool
edge1# show crypto ca trustpool policy
0 trustpool certificates installed
Trustpool Policy
  Trustpool revocation checking is disabled
  CRL cache time: 60 seconds
  CRL next update field: required and enforced
  Automatic import of trustpool certificates is disabled
  Policy Overrides:
    None configured
edge1# show running-config all crypto ca trustpool
crypto ca trustpool policy
 revocation-check none
 crl cache-time 60
 crl enforcenextupdate
"""  # noqa: W291 - the device prints blanks behind some labels


def moved_portal(folder: Path) -> None:
    """An appliance that was licensed when its portal moved to a root that it does not know, and the portal's file.

    `agent` is its folder after one renewal that failed, `bundle.jws` the signed bundle that names the new root.
    """
    with a_town(folder / "agent", SystemClock().now()) as town:
        with town.registered() as agent:
            new = CA.root("Harbour Web Root 2")
            town.move(new)
            # Nobody can fetch the newer bundle there.
            agent.take(RenewAuthorization())
        town.publish(2, new)
        (folder / "bundle.jws").write_text(town.desk.bundle, encoding="ascii")


WORLDS: dict[str, Callable[[Path], None]] = {
    "first-firewall": first_firewall,
    "harbour-bundle": harbour_bundle,
    "licensing-2016": licensing_2016,
    "moved-portal": moved_portal,
    "portal-tls": portal_tls,
}
