"""What can be known about a device, whoever made it.

A fact is a frozen record of one thing a device said.
Values are `Seen`: they keep the place where they stood, and equality looks at the value only.
A field that the output did not show is None (or an empty tuple), which never means "no".
Times are `DeviceTime`: wall clocks with labels, see `anchorwatch.devices.moment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import NOWHERE, Seen, Span


class Platform(StrEnum):
    """Whose words a fact is written in."""

    ASA = "asa"
    FXOS = "fxos"
    IOSXE = "ios-xe"
    IOSXR = "ios-xr"
    NXOS = "nx-os"
    FTD = "ftd"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTrustpoint:
    """The device found no anchor for a certificate it was shown; `serial` is hex as printed, maybe shortened."""

    serial: str
    subject: PrintedName
    issuer: PrintedName


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


LogDetail = NoTrustpoint | AgentEvent | Handshake


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMessage:
    """A logged message.

    `facility` is ``ASA``, ``FTD``, ``SMART_LIC`` …; `code` the six digits or the mnemonic; severity 0 (worst) to 7,
    never to be used as a key because it can be changed per message. `text` is what follows the header on one line.
    `detail` is what the text says where its form is known, and then the text is made from it.
    """

    facility: str
    severity: int
    code: str
    text: str
    detail: LogDetail | None = None
    time: DeviceTime | None = None
    host: str = ""
    message_class: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCertificate:
    """A certificate of a device's store as its show command prints it.

    `serial` is hex as printed. `trustpoints` are the names it is stored under; the pool is ``Trustpool``.
    `fingerprint` is the MD5 some outputs print, hex in lower case without blanks.
    """

    kind: str
    serial: Seen[str] | None = None
    status: Seen[str] | None = None
    usage: Seen[str] | None = None
    key_type: Seen[str] | None = None
    signature_algorithm: Seen[str] | None = None
    issuer: Seen[PrintedName] | None = None
    subject: Seen[PrintedName] | None = None
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    not_before: Seen[DeviceTime] | None = None
    not_after: Seen[DeviceTime] | None = None
    fingerprint: Seen[str] | None = None
    trustpoints: Seen[tuple[str, ...]] | None = None
    origin: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What a trustpool import said; `signature_verified` is None where no line spoke of a signature."""

    attempted: Seen[int] | None = None
    installed: Seen[int] | None = None
    duplicates: Seen[int] | None = None
    expired: Seen[int] | None = None
    failed: Seen[int] | None = None
    signature_verified: Seen[bool] | None = None
    size: Seen[int] | None = None
    url: Seen[str] | None = None

    @property
    def adds_up(self) -> bool:
        """Whether attempted = installed + duplicates + expired + failed, all five being known."""
        parts = (self.installed, self.duplicates, self.expired, self.failed)
        if self.attempted is None or any(part is None for part in parts):
            return False
        return self.attempted.value == sum(part.value for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHomeTest:
    """The answer to ``call-home test profile``: `failure` is None when it succeeded, else the word in capitals.

    `number` is the number in brackets behind the word. 35 was seen for a failed TLS handshake; others unknown.
    """

    url: Seen[str] | None = None
    succeeded: Seen[bool] | None = None
    failure: Seen[str] | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpoolPolicy:
    """How a pool renews itself. `last_result` speaks of the automatic import only. `crl_cache` as printed."""

    count: Seen[int] | None = None
    last_result: Seen[str] | None = None
    next_import: Seen[DeviceTime] | None = None
    revocation: Seen[bool] | None = None
    crl_cache: Seen[int] | None = None
    crl_next_update: Seen[str] | None = None
    automatic: Seen[bool] | None = None
    url: Seen[str] | None = None
    download_time: Seen[str] | None = None
    overrides: tuple[str, ...] = ()
