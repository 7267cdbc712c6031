"""A certificate that stands in the capture as text is damaged: pasted, it would be rejected or worse.

Documents and mails are no safe source of certificates: characters are lost, doubled and changed by copying, and one that
still decodes may not be the CA it seems to be.
"""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.pasted import PastedCertificate
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule

CODE = "pem-damaged"


def find(case: Case) -> tuple[Finding, ...]:
    """Find each block that should have been a certificate."""
    return tuple(
        Finding(
            code=CODE,
            severity=Severity.WARNING,
            confidence=Confidence.CONFIRMED,
            sentence=f"Not a certificate any more: {pasted.sentence.rstrip('.')}. Pasted, it would be rejected.",
            evidence=(pasted.span,),
        )
        for pasted in case.facts(PastedCertificate)
        if pasted.damage is not None
    )


RULE = Rule(
    code=CODE,
    severity=Severity.WARNING,
    rung=None,
    sentence="A certificate that was pasted or printed is damaged.",
    evidence=("a PEM block, or the hex of a configuration, that does not decode to a certificate",),
    look_alikes=(
        LookAlike(
            cause="fxos-trustpoint-missing",
            difference="nothing was pasted; a damaged paste looks like a repair that did not help",
        ),
    ),
    remedy=(
        (Platform.FXOS, "Take the CA from a verified bundle, check its SHA-256, and paste that."),
        (
            Platform.ASA,
            "Take the CA from a verified bundle, check its SHA-256, and paste that; or import the bundle.",
        ),
        (
            Platform.IOSXE,
            "Take the CA from a verified bundle, check its SHA-256, and paste that; or import the bundle.",
        ),
    ),
    verification="The fingerprint the device shows on import is the one of the CA.",
    find=find,
    holds=Example(
        title="A block from a mail, in which one line lost six characters.",
        text="""FP4110-A /security/trustpoint* # set certchain
Enter lines one at a time. Enter ENDOFBUF to finish. Press ^C to abort.
Trustpoint Certificate Chain:
>-----BEGIN CERTIFICATE-----
>MIIBszCCAVmgAwIBAgIUQm9vayBvZiBleGFtcGxlcyAxMjM0NTY3ODkwCgYIKoZI
>zj0EAwIwHjEcMBoGA1UEAwwTRXhhbXBsZSBIYXJib3VyIFJvb3QwHhcNMjAwMTAx
>MDAwMDAwWhcNMzAwMTAxMDAwMDAwWjAeMRwwGgYDVQQDDBNFeGFtcGxlIE
>Um9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABExhbXBsZUxhbXBsZUxhbXBs
>-----END CERTIFICATE-----
>ENDOFBUF
""",
    ),
    silent=Example(
        title="A name of a certificate is no certificate.",
        text="""FP4110-A /security # show trustpoint
Trustpoint Name: quovadis
Cert Status: Valid
""",
    ),
    sources=("Cisco TAC document 213932, both of its blocks",),
)
