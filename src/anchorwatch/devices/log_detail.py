"""What a logged message says, where its form is known; one small record for each kind of news."""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.printed_name import PrintedName


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrustpoint:
    """The device found no anchor for a certificate it was shown; `serial` is hex as printed, maybe shortened."""

    serial: str
    subject: PrintedName
    issuer: PrintedName


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationFailed:
    """A certificate or chain was refused for another reason, in the device's words."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerUnsuitable:
    """No trustpoint is suitable for an issuer, and why."""

    issuer: PrintedName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpointChosen:
    """A trustpoint was found for the certificate: whatever fails afterwards, the anchor is there."""

    trustpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReceived:
    """How many certificates came; one means that the server sent no intermediate."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIdentified:
    """A VPN client's certificate was found in the chain: this is not the call-home connection."""

    serial: str
    subject: PrintedName


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnds:
    """A stored certificate ends: in `days`, or None when it has ended. `kind` is ``CA`` or ``ID``."""

    kind: str
    trustpoint: str
    days: int | None
    expiration: DeviceTime | None
    subject: PrintedName
    issuer: PrintedName
    serial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticImport:
    """The nightly import of the trust pool and, in the device's words, how it went."""

    succeeded: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameUnresolved:
    """A host name was needed for a PKI operation and has no address."""

    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationTrouble:
    """A revocation list or responder could not be used; `subject` is the trustpoint or what was asked."""

    method: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryError:
    """The TLS library's own words."""

    function: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHomeMessage:
    """What became of a call-home message: ``delivered``, ``failed`` (it will be tried again) or ``dropped``.

    `number` is the error number that IOS prints, None elsewhere.
    """

    fate: str
    group: str
    destination: str
    reason: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideValidity:
    """A certificate was used outside its time: `fault` is ``expired`` or ``not-yet-valid``; `limit` as printed."""

    fault: str
    serial: str
    limit: DeviceTime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEvent:
    """A message of the licensing agent: `mnemonic` names it (``COMM_FAILED``), `text` is what follows."""

    severity: int
    mnemonic: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A TLS handshake step; `peer` is ``server`` when the device is the client (call-home), else ``client``."""

    peer: str
    interface: str
    address: str
    port: int
    to_address: str
    to_port: int


LogDetail = (
    NoTrustpoint
    | ValidationFailed
    | IssuerUnsuitable
    | TrustpointChosen
    | ChainReceived
    | ClientIdentified
    | CertificateEnds
    | AutomaticImport
    | NameUnresolved
    | RevocationTrouble
    | LibraryError
    | CallHomeMessage
    | OutsideValidity
    | AgentEvent
    | Handshake
)
