"""What an ASA logs of a TLS connection that it opened: the handshake, the chain, and why it was refused.

The messages are made from what was presented and from the device's own stores: a certificate for whose issuer there
is no anchor that may be used is named in 717009, the outermost first, as in the published capture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from anchorwatch.devices.asa import message
from anchorwatch.devices.log_detail import (
    ChainReceived,
    Handshake,
    IssuerUnsuitable,
    LibraryError,
    LogDetail,
    NoTrustpoint,
    TrustpointChosen,
    ValidationFailed,
)
from anchorwatch.lab.asa import stored
from anchorwatch.net.outcome import (
    ClientCertificateWanted,
    Connected,
    HandshakeFailed,
    NotTls,
    TrustRefused,
    Unreachable,
)
from anchorwatch.net.tls import Observation
from anchorwatch.pki.certificate import Certificate, MalformedCertificateError

WEAK = "Certificate key size is too small or the signature hash is weak"
USAGE = "no trustpoint with the usage ssl-server"
ENDED = "the certificate has expired"
UNCHECKED = "its revocation status cannot be checked"
"""Why an anchor of the device may not be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """An anchor of the device: its certificate, where it is kept, and why it may not be used ("" if it may)."""

    certificate: Certificate
    where: str
    unfit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A message to log: its number, severity, and what it says; raw `text` where its form says nothing to a reader."""

    code: str
    severity: int
    detail: LogDetail | None = None
    text: str = ""


def told(
    seen: Observation,
    *,
    anchors: tuple[Anchored, ...],
    ends: Handshake | None,
    now: datetime,
    old_library: bool,
) -> tuple[Line, ...]:
    """What is logged of one connection; nothing where there was none to speak TLS on.

    `ends` are the two ends of the connection, None where there was none.
    """
    if isinstance(seen.outcome, Unreachable) or ends is None:
        return ()
    return tuple(_told(seen, anchors=anchors, ends=ends, now=now, old_library=old_library))


def _told(
    seen: Observation,
    *,
    anchors: tuple[Anchored, ...],
    ends: Handshake,
    now: datetime,
    old_library: bool,
) -> Iterator[Line]:
    yield Line(code=message.HANDSHAKE_STARTED, severity=6, detail=ends)
    presented = _readable(seen.presented)
    if presented:
        yield Line(code="717025", severity=7, detail=ChainReceived(length=len(presented)))
    match seen.outcome:
        case Connected() as connected:
            if connected.judged:
                yield from _accepted(presented, anchors)
            yield Line(code=message.HANDSHAKE_COMPLETED, severity=6, detail=ends)
            return
        case TrustRefused():
            yield from _refused(seen.outcome, presented, anchors, now)
            function = "SSL3_GET_SERVER_CERTIFICATE" if old_library else "tls_process_server_certificate"
            yield _library(function, "certificate verify failed")
        case HandshakeFailed() | ClientCertificateWanted() | NotTls():
            function = "SSL23_GET_SERVER_HELLO" if old_library else "ssl3_read_bytes"
            yield _library(function, complaint(seen))
        case _:
            pass
    yield Line(code=message.HANDSHAKE_FAILED, severity=6, detail=ends)


def complaint(seen: Observation) -> str:
    """What the device's TLS library says of a handshake that failed for another reason than trust."""
    match seen.outcome:
        case TrustRefused():
            return "certificate verify failed"
        case HandshakeFailed() | ClientCertificateWanted() as ended if ended.alert:
            words = ended.alert.replace("_", " ")
            return f"tlsv1 alert {words}"
        case HandshakeFailed() as ended:
            return "unsupported protocol" if "protocol" in ended.words else "ssl handshake failure"
        case NotTls():
            return "unknown protocol"
        case _:
            return "ssl handshake failure"


def _library(function: str, reason: str) -> Line:
    return Line(code="725014", severity=7, detail=LibraryError(function=function, reason=reason))


def _accepted(presented: tuple[Certificate, ...], anchors: tuple[Anchored, ...]) -> Iterator[Line]:
    leaf = presented[0] if presented else None
    for shown in presented:
        found = next((each for each in anchors if not each.unfit and _vouches(each.certificate, shown)), None)
        if found is not None:
            yield Line(code="717030", severity=7, detail=TrustpointChosen(trustpoint=found.where))
            break
    if leaf is not None:
        text = (
            f"Certificate was successfully validated. serial number: {stored.serial(leaf).upper()}, "
            f"subject name: {stored.name(leaf.subject).line}."
        )
        yield Line(code="717022", severity=6, text=text)
        yield Line(
            code="717028",
            severity=6,
            text="Certificate chain was successfully validated with warning, revocation status was not checked.",
        )


def _refused(
    refusal: TrustRefused,
    presented: tuple[Certificate, ...],
    anchors: tuple[Anchored, ...],
    now: datetime,
) -> Iterator[Line]:
    late = next((each for each in presented if not each.not_before <= now <= each.not_after), None)
    usable = tuple(each for each in anchors if not each.unfit)
    open_ends = _without_anchor(presented, usable)
    if refusal.fault == "name":
        found = next(
            (each for each in usable if any(_vouches(each.certificate, one) for one in presented)), None
        )
        if found is not None:
            yield Line(code="717030", severity=7, detail=TrustpointChosen(trustpoint=found.where))
        yield _chain("Peer certificate hostname does not match the server name.")
    elif late is not None and not open_ends:
        reason = (
            f"Certificate date is out-of-range, serial number: {stored.serial(late).upper()}, "
            f"subject name: {stored.name(late.subject).line}."
        )
        yield _certificate(reason)
        yield _chain("Certificate chain date is invalid or not authorized.")
    elif unfit := [
        each
        for each in anchors
        if each.unfit == WEAK and any(_vouches(each.certificate, one) for one in presented)
    ]:
        yield _certificate(f"{WEAK}, serial number: {stored.serial(unfit[0].certificate).upper()}.")
        yield _chain(f"{WEAK}.")
    elif unsure := _unchecked(presented, anchors):
        yield Line(code="717030", severity=7, detail=TrustpointChosen(trustpoint=unsure.where))
        yield _chain("Certificate revocation status could not be checked.")
    elif open_ends:
        for shown in open_ends:
            yield Line(
                code=message.NO_TRUSTPOINT,
                severity=3,
                detail=NoTrustpoint(
                    serial=stored.serial(shown).upper(),
                    subject=stored.name(shown.subject),
                    issuer=stored.name(shown.issuer),
                ),
            )
        for each in anchors:
            if each.unfit == USAGE and any(_vouches(each.certificate, one) for one in presented):
                yield Line(
                    code="717031",
                    severity=4,
                    detail=IssuerUnsuitable(issuer=stored.name(each.certificate.subject), reason=each.unfit),
                )
        yield _chain("No suitable trustpoint was found to validate chain.")
    else:
        yield _certificate(f"{refusal.words[:1].upper()}{refusal.words[1:]}.")
        yield _chain("Certificate chain is either invalid or not authorized.")


def _certificate(reason: str) -> Line:
    return Line(code=message.NO_TRUSTPOINT, severity=3, detail=ValidationFailed(reason=reason))


def _chain(reason: str) -> Line:
    return Line(code=message.CHAIN_FAILED, severity=3, detail=ValidationFailed(reason=reason))


def _without_anchor(
    presented: tuple[Certificate, ...], usable: tuple[Anchored, ...]
) -> tuple[Certificate, ...]:
    """The CA certificates that were shown where no anchor vouches for any, the outermost first; the leaf alone last."""
    if any(_vouches(each.certificate, one) for each in usable for one in presented):
        return ()
    return tuple(reversed(presented[1:] or presented))


def _unchecked(presented: tuple[Certificate, ...], anchors: tuple[Anchored, ...]) -> Anchored | None:
    """An anchor that would vouch, if only revocation could be checked."""
    return next(
        (
            each
            for each in anchors
            if each.unfit == UNCHECKED and any(_vouches(each.certificate, one) for one in presented)
        ),
        None,
    )


def _vouches(anchor: Certificate, shown: Certificate) -> bool:
    """Whether an anchor is the certificate itself, has its name and key, or the name of its issuer."""
    if anchor == shown or (
        anchor.subject.key == shown.subject.key and anchor.spki_sha256 == shown.spki_sha256
    ):
        return True
    if anchor.subject.key != shown.issuer.key:
        return False
    wanted = shown.authority_key_id.key_id if shown.authority_key_id is not None else None
    return wanted is None or anchor.subject_key_id is None or wanted == anchor.subject_key_id


def _readable(presented: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    found = []
    for octets in presented[:16]:
        try:
            found.append(Certificate.from_der(octets))
        except MalformedCertificateError:
            # What cannot be read is no certificate to log about.
            continue
    return tuple(found)
