r"""The texts of the messages that matter, read and written side by side.

Each entry of the table belongs to one code: an expression that reads the text, a function that makes the record, and
a function that writes the text again.
Blanks may have been lost or doubled on the way, so every blank of an expression stands for any number of them
(`_flexible`); names end where the next label begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anchorwatch.devices import moment, printed_name
from anchorwatch.devices.log_detail import (
    AutomaticImport,
    CallHomeMessage,
    CertificateEnds,
    ChainReceived,
    ClientIdentified,
    Handshake,
    IssuerUnsuitable,
    LibraryError,
    LogDetail,
    NameUnresolved,
    NoTrustpoint,
    OutsideValidity,
    RevocationTrouble,
    TrustpointChosen,
    ValidationFailed,
)

NO_TRUSTPOINT = "717009"
CHAIN_FAILED = "717027"
HANDSHAKE_STARTED = "725001"
HANDSHAKE_COMPLETED = "725002"
HANDSHAKE_FAILED = "725006"

# Two names of a certificate with their labels are far shorter.
_LONGEST = 6_000

Groups = dict[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one message: how its text is read, and how it is written."""

    pattern: re.Pattern[str]
    make: Callable[[Groups], LogDetail]
    write: Callable[[Any], str]  # given only what `make` of the same form returns


def _flexible(pattern: str) -> re.Pattern[str]:
    """Compile an expression in which each blank stands for any number of blanks, none included."""
    return re.compile(pattern.replace(" ", r"\s*"), re.IGNORECASE | re.DOTALL)


_SERIAL = r"(?P<serial>(?:[0-9A-F][0-9A-F :]{0,80})?)"
_NAME = r".{0,2000}?"


def _serial(groups: Groups) -> str:
    return re.sub(r"[\s:]", "", groups["serial"])


def _no_trustpoint(groups: Groups) -> LogDetail:
    return NoTrustpoint(
        serial=_serial(groups),
        subject=printed_name.parse_line(groups["subject"]),
        issuer=printed_name.parse_line(_until_the_end(groups["issuer"])),
    )


# The device ends the message with a blank and a full stop; a page may put its own sentence behind it.
_END = re.compile(r" \.(?: |$)|(?<=,c=[A-Z]{2})\.(?: |$)|(?<=,c=[A-Z]{2}) (?=[^ .])", re.IGNORECASE)


def _until_the_end(name: str) -> str:
    found = _END.search(name)
    return name[: found.start()] if found else name


def _write_no_trustpoint(said: NoTrustpoint) -> str:
    return (
        "Certificate validation failed. No suitable trustpoints found to validate certificate "
        f"serial number: {said.serial}, subject name: {said.subject.line}, issuer name: {said.issuer.line} ."
    )


def _ends(groups: Groups) -> LogDetail:
    return CertificateEnds(
        kind=groups["kind"].upper(),
        trustpoint=groups["trustpoint"],
        days=int(groups["days"]) if groups.get("days") else None,
        expiration=moment.parse(groups["expiration"]),
        subject=printed_name.parse_line(groups["subject"]),
        issuer=printed_name.parse_line(groups["issuer"]),
        serial=_serial(groups),
    )


def _write_ends(said: CertificateEnds) -> str:
    when = "has expired" if said.days is None else f"is due to expire in {said.days} days"
    expiration = moment.render(said.expiration) if said.expiration else ""
    return (
        f"The {said.kind} certificate in the trustpoint {said.trustpoint} {when}. Expiration {expiration} "
        f"Subject Name {said.subject.line} Issuer Name {said.issuer.line} Serial Number {said.serial}"
    )


def _handshake(groups: Groups) -> LogDetail:
    return Handshake(
        peer=groups["peer"].lower(),
        interface=groups["interface"],
        address=groups["address"],
        port=int(groups["port"]),
        to_address=groups["to_address"],
        to_port=int(groups["to_port"]),
    )


def _write_handshake(before: str, after: str) -> Callable[[Handshake], str]:
    def write(said: Handshake) -> str:
        end = f"{said.peer} {said.interface}:{said.address}/{said.port} to {said.to_address}/{said.to_port}"
        return f"{before} SSL handshake with {end}{after}"

    return write


def _handshake_form(before: str, after: str) -> Form:
    return Form(
        _flexible(
            before + r" SSL handshake with (?P<peer>server|client) (?P<interface>[\w./ -]{1,60}?):"
            r"(?P<address>[0-9A-F.:]{2,45})/(?P<port>\d{1,5}) to (?P<to_address>[0-9A-F.:]{2,45})/(?P<to_port>\d{1,5})"
        ),
        _handshake,
        _write_handshake(before, after),
    )


def _call_home(fate: str) -> Callable[[Groups], LogDetail]:
    def make(groups: Groups) -> LogDetail:
        return CallHomeMessage(
            fate=fate,
            group=groups["group"].strip(),
            destination=groups["destination"].strip(),
            reason=(groups.get("reason") or "").strip().rstrip("."),
        )

    return make


def _write_call_home(said: CallHomeMessage) -> str:
    if said.fate == "delivered":
        return f"Call-Home {said.group} message to {said.destination} delivered."
    was = "was dropped" if said.fate == "dropped" else "failed"
    return f"Call-Home {said.group} message to {said.destination} {was}. Reason: {said.reason}"


def _call_home_form(fate: str, words: str) -> Form:
    reason = "" if fate == "delivered" else r"\.? Reason: (?P<reason>.{1,200}?) $"
    return Form(
        _flexible(
            r"Call-? ?Home (?P<group>[\w/-]{0,60}?) (?:message )?(?:\S{0,60} )?to (?P<destination>\S{1,500}) "
            + words
            + reason
        ),
        _call_home(fate),
        _write_call_home,
    )


def _outside(fault: str) -> Callable[[Groups], LogDetail]:
    def make(groups: Groups) -> LogDetail:
        return OutsideValidity(
            fault=fault, serial=_serial(groups), limit=moment.parse(groups.get("limit") or "")
        )

    return make


def _write_outside(said: OutsideValidity) -> str:
    limit = moment.render(said.limit) if said.limit else ""
    if said.fault == "expired":
        return (
            f"Certificate chain validation has failed. The certificate (SN: {said.serial}) has expired. "
            f"Validity period ended on {limit}"
        )
    return (
        f"Certificate chain validation has failed. The certificate (SN: {said.serial}) is not yet valid. "
        f"Validity period starts on {limit}"
    )


def _trouble(method: str) -> Callable[[Groups], LogDetail]:
    def make(groups: Groups) -> LogDetail:
        return RevocationTrouble(
            method=method,
            subject=(groups.get("subject") or "").strip().rstrip("."),
            reason=(groups.get("reason") or "").strip().rstrip("."),
        )

    return make


_ENDS = (
    r" Expiration (?:date and time:? )?(?P<expiration>.{0,80}?) Subject Name:? (?P<subject>"
    + _NAME
    + r") Issuer Name:? (?P<issuer>"
    + _NAME
    + r") Serial Number:? "
    + _SERIAL
    + r" \.? $"
)

FORMS: dict[str, tuple[Form, ...]] = {
    NO_TRUSTPOINT: (
        Form(
            _flexible(
                "Certificate validation failed\\. No suitable trustpoints found to validate certificate serial number: "
                + _SERIAL
                + " , subject name: (?P<subject>"
                + _NAME
                + ") , issuer name: (?P<issuer>"
                + _NAME
                + r") \.? $"
            ),
            _no_trustpoint,
            _write_no_trustpoint,
        ),
        Form(
            _flexible(r"Certificate validation failed\.? (?P<reason>.{1,2000}?) $"),
            lambda groups: ValidationFailed(reason=groups["reason"].strip()),
            lambda said: f"Certificate validation failed. {said.reason}",
        ),
    ),
    CHAIN_FAILED: (
        Form(
            _flexible(r"Certificate chain failed validation\.? (?P<reason>.{1,2000}?) $"),
            lambda groups: ValidationFailed(reason=groups["reason"].strip()),
            lambda said: f"Certificate chain failed validation. {said.reason}",
        ),
    ),
    "717010": (
        Form(
            _flexible(r"CRL polling failed for trustpoint (?P<subject>\S{1,128}?)\.? $"),
            _trouble("crl"),
            lambda said: f"CRL polling failed for trustpoint {said.subject}.",
        ),
    ),
    "717012": (
        Form(
            _flexible(
                r"Failed to refresh CRL cache entry from the server for trustpoint (?P<subject>\S{1,128}) at (?P<reason>.{1,80}?) $"
            ),
            _trouble("crl-cache"),
            lambda said: (
                f"Failed to refresh CRL cache entry from the server for trustpoint {said.subject} at {said.reason}"
            ),
        ),
    ),
    "717025": (
        Form(
            _flexible(r"Validating certificate chain containing (?P<length>\d{1,4}) certificate"),
            lambda groups: ChainReceived(length=int(groups["length"])),
            lambda said: f"Validating certificate chain containing {said.length} certificate(s).",
        ),
    ),
    "717026": (
        Form(
            _flexible(r"Name lookup failed for hostname (?P<host>\S{1,253}) during PKI operation"),
            lambda groups: NameUnresolved(host=groups["host"]),
            lambda said: f"Name lookup failed for hostname {said.host} during PKI operation.",
        ),
    ),
    "717029": (
        Form(
            _flexible(
                "Identified client certificate within certificate chain\\. serial number: "
                + _SERIAL
                + " , subject name: (?P<subject>"
                + _NAME
                + r") \.? $"
            ),
            lambda groups: ClientIdentified(
                serial=_serial(groups), subject=printed_name.parse_line(groups["subject"])
            ),
            lambda said: (
                "Identified client certificate within certificate chain. "
                f"serial number: {said.serial}, subject name: {said.subject.line}."
            ),
        ),
    ),
    "717030": (
        Form(
            _flexible(
                r"Found a suitable (?:authenticated )?trustpoint (?P<trustpoint>\S{1,128}) to validate"
            ),
            lambda groups: TrustpointChosen(trustpoint=groups["trustpoint"]),
            lambda said: f"Found a suitable trustpoint {said.trustpoint} to validate certificate.",
        ),
    ),
    "717031": (
        Form(
            _flexible(
                "Failed to find a suitable trustpoint for the issuer: (?P<issuer>"
                + _NAME
                + r") Reason: (?P<reason>.{1,400}?) $"
            ),
            lambda groups: IssuerUnsuitable(
                issuer=printed_name.parse_line(groups["issuer"]), reason=groups["reason"].strip()
            ),
            lambda said: (
                f"Failed to find a suitable trustpoint for the issuer: {said.issuer.line} Reason: {said.reason}"
            ),
        ),
    ),
    "717032": (
        Form(
            _flexible(r"OCSP status check failed\.? Reason: (?P<reason>.{1,400}?) $"),
            _trouble("ocsp"),
            lambda said: f"OCSP status check failed. Reason: {said.reason}",
        ),
    ),
    "717054": (
        Form(
            _flexible(
                r"The (?P<kind>CA|ID) certificate in the trustpoint (?P<trustpoint>\S{1,128}) is due to expire in (?P<days>\d{1,5}) days?\."
                + _ENDS
            ),
            _ends,
            _write_ends,
        ),
    ),
    "717055": (
        Form(
            _flexible(
                r"The (?P<kind>CA|ID) certificate in the trustpoint (?P<trustpoint>\S{1,128}) has expired\."
                + _ENDS
            ),
            _ends,
            _write_ends,
        ),
    ),
    "717057": (
        Form(
            _flexible(
                r"Automatic import of trustpool certificate bundle has failed\.? (?P<reason>.{1,300}?) $"
            ),
            lambda groups: AutomaticImport(succeeded=False, reason=_angles(groups["reason"])),
            lambda said: f"Automatic import of trustpool certificate bundle has failed. {said.reason}",
        ),
    ),
    "717058": (
        Form(
            _flexible(
                r"Automatic import of trustpool certificate bundle is successful:? (?P<reason>.{1,300}?) $"
            ),
            lambda groups: AutomaticImport(succeeded=True, reason=_angles(groups["reason"])),
            lambda said: f"Automatic import of trustpool certificate bundle is successful: {said.reason}",
        ),
    ),
    HANDSHAKE_STARTED: (_handshake_form("Starting", " for TLS session."),),
    HANDSHAKE_COMPLETED: (_handshake_form("Device completed", ""),),
    HANDSHAKE_FAILED: (_handshake_form("Device failed", ""),),
    "725014": (
        Form(
            _flexible(
                r"SSL lib error\.? Function: (?P<function>[\w ]{0,80}?) Reason: (?P<reason>.{1,200}?) $"
            ),
            lambda groups: LibraryError(function=groups["function"].strip(), reason=groups["reason"].strip()),
            lambda said: f"SSL lib error. Function: {said.function} Reason: {said.reason}",
        ),
    ),
    "120005": (_call_home_form("dropped", "was dropped"),),
    "120006": (_call_home_form("failed", "failed"),),
    "120007": (_call_home_form("delivered", "delivered"),),
    "CERTIFICATE_INVALID_EXPIRED": (
        Form(
            _flexible(
                r".{0,200}?\(SN: "
                + _SERIAL
                + r"\) has expired\.?(?: Validity period ended on (?P<limit>.{0,80}))? $"
            ),
            _outside("expired"),
            _write_outside,
        ),
    ),
    "CERTIFICATE_INVALID_NOT_YET_VALID": (
        Form(
            _flexible(
                r".{0,200}?\(SN: "
                + _SERIAL
                + r"\) is not yet valid\.?(?: Validity period (?:starts|begins) on (?P<limit>.{0,80}))? $"
            ),
            _outside("not-yet-valid"),
            _write_outside,
        ),
    ),
    "CRL_FETCH_FAIL": (
        Form(
            _flexible(
                r"CRL fetch for trustpoint (?P<subject>\S{1,128}) failed(?: Reason : (?P<reason>.{0,200}?))? $"
            ),
            _trouble("crl"),
            lambda said: (
                f"CRL fetch for trustpoint {said.subject} failed"
                + (f" Reason : {said.reason}" if said.reason else "")
            ),
        ),
    ),
    "SL_MESSAGE_FAILED": (
        Form(
            _flexible(
                r"Fail to send out (?P<group>Smart Licensing) message to: (?P<destination>\S{1,500}) \(ERR (?P<number>\d{1,6}) : (?P<reason>[^()]{1,100}?) \)"
            ),
            lambda groups: CallHomeMessage(
                fate="failed",
                group=groups["group"],
                destination=groups["destination"],
                reason=groups["reason"].strip(),
                number=int(groups["number"]),
            ),
            lambda said: (
                f"Fail to send out {said.group} message to: {said.destination} (ERR {said.number} : {said.reason})"
            ),
        ),
    ),
}


def _angles(reason: str) -> str:
    """Take off the angle brackets that the manual's template shows and some releases print."""
    return reason.strip().strip("<>").strip().rstrip(".")


def understand(code: str, text: str) -> LogDetail | None:
    """Read the text of a message by the forms of its code; None where none fits."""
    forms = FORMS.get(code, ())
    # With single blanks no expression can try the same blanks in two places: the work stays bounded.
    plain = " ".join(text[:_LONGEST].split()) if forms else ""
    for form in forms:
        match = form.pattern.match(plain)
        if match:
            return form.make({name: value or "" for name, value in match.groupdict().items()})
    return None


def express(code: str, detail: LogDetail) -> str:
    """Write what a message of this code says; the opposite of `understand`. `KeyError` for a code without form."""
    forms = FORMS[code]
    plain = len(forms) == 1 or isinstance(detail, NoTrustpoint)
    return forms[0 if plain else -1].write(detail)
