"""A serial number in the text has lost digits, so nothing can be looked up by it.

Known by the name beside it: the printed digits are the start and the end of the known serial number, and the middle is
gone. Names are matched first, serial numbers only when whole.
"""

from __future__ import annotations

from anchorwatch.devices.fact import LogMessage, Platform, StoredCertificate
from anchorwatch.devices.log_detail import NoTrustpoint
from anchorwatch.devices.printed_name import PrintedName, value_key
from anchorwatch.devices.span import Span
from anchorwatch.doctor.case import Case
from anchorwatch.doctor.finding import Confidence, Finding, Severity
from anchorwatch.doctor.rule import Example, LookAlike, Rule
from anchorwatch.pki.known_authority import KNOWN_AUTHORITIES

CODE = "serial-shortened"
# So many digits of both ends must agree before a shorter number is called the same one.
_LEAST_START = 8
_LEAST_END = 2


def find(case: Case) -> tuple[Finding, ...]:
    """Find each serial number that is a known one with its middle missing."""
    told: dict[str, tuple[Span, str]] = {}
    printed: list[tuple[str, PrintedName, Span]] = [
        (message.detail.serial, message.detail.subject, message.span)
        for message in case.facts(LogMessage)
        if isinstance(message.detail, NoTrustpoint)
    ]
    printed += [
        (stored.serial.value, stored.subject.value, stored.serial.span)
        for stored in case.facts(StoredCertificate)
        if stored.serial is not None and stored.subject is not None
    ]
    for digits, name, span in printed:
        whole = _whole(digits.lower(), name)
        if whole is not None:
            told.setdefault(digits.lower(), (span, whole))
    if not told:
        return ()
    listed = ", ".join(f"{digits} is {whole}" for digits, (_, whole) in told.items())
    return (
        Finding(
            code=CODE,
            severity=Severity.NOTE,
            confidence=Confidence.CONFIRMED,
            sentence=f"Serial numbers lost digits on their way into this text: {listed}.",
            evidence=tuple(span for span, _ in told.values()),
        ),
    )


def _whole(digits: str, name: PrintedName) -> str | None:
    """The known serial number that a shorter one was, None where the number is whole or of another certificate."""
    label = value_key(name.label)
    known = [
        f"{fact.serial:x}"
        for fact in KNOWN_AUTHORITIES
        if value_key(fact.common_name or fact.organizational_unit or "") == label
    ]
    digits = digits.lstrip("0")
    if digits in known:
        return None
    for serial in known:
        if len(digits) >= len(serial):
            continue
        start = next((i for i, (a, b) in enumerate(zip(digits, serial, strict=False)) if a != b), len(digits))
        end = next(
            (i for i, (a, b) in enumerate(zip(digits[::-1], serial[::-1], strict=False)) if a != b),
            len(digits),
        )
        if start >= _LEAST_START and end >= _LEAST_END and start + end >= len(digits):
            return serial
    return None


RULE = Rule(
    code=CODE,
    severity=Severity.NOTE,
    rung=None,
    sentence="Serial numbers in the text are shortened.",
    evidence=("a serial number whose digits are both ends of the known one of the name beside it",),
    look_alikes=(
        LookAlike(cause="text-overwritten", difference="whole blocks are repeated, not digits lost"),
        LookAlike(cause="pem-damaged", difference="the certificate itself is damaged, not its number"),
    ),
    remedy=(
        (
            Platform.ASA,
            "Nothing on the device; look up by name, and by SHA-256 where the octets are at hand.",
        ),
    ),
    verification="`show crypto ca certificates` on the device prints the whole number.",
    find=find,
    holds=Example(
        title="The number of an intermediate, six digits short.",
        text="""Certificate number as mailed:
%ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 40016EFB0A205CFAEBE1D73ABB78, subject name: cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US, issuer name: cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US .
""",
    ),
    silent=Example(
        title="The whole number.",
        text="""%ASA-3-717009: Certificate validation failed. No suitable trustpoints found to validate certificate serial number: 40016EFB0A205CFAEBE18F71D73ABB78, subject name: cn=HydrantID Server CA O1,ou=HydrantID Trusted Certificate Service,o=IdenTrust,c=US, issuer name: cn=IdenTrust Commercial Root CA 1,o=IdenTrust,c=US .
""",
    ),
    sources=("Cisco TAC document 213932, its three serial numbers",),
)
