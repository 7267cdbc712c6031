"""What can be known about a device, whoever made it.

A fact is a frozen record of one thing a device said.
Values are `Seen`: they keep the place where they stood, and equality looks at the value only.
A field that the output did not show is None (or an empty tuple), which never means "no".
Times are `DeviceTime`: wall clocks with labels, see `anchorwatch.devices.moment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from anchorwatch.devices.log_detail import AgentEvent, Handshake, LogDetail, NoTrustpoint
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.span import NOWHERE, Seen, Span
from anchorwatch.devices.version_number import Version

__all__ = [
    "AgentEvent",
    "CallHomeConfig",
    "CallHomeProfile",
    "CallHomeTest",
    "ClockReading",
    "ClockZone",
    "CommandRefused",
    "DnsConfig",
    "Handshake",
    "ImportReport",
    "LicenseConfig",
    "LogDetail",
    "LogMessage",
    "NoTrustpoint",
    "NtpAssociation",
    "NtpStatus",
    "PingResult",
    "Platform",
    "SoftwareVersion",
    "StoredCertificate",
    "TrustpointConfig",
    "TrustpoolConfig",
    "TrustpoolPolicy",
]


class Platform(StrEnum):
    """Whose words a fact is written in."""

    ASA = "asa"
    FXOS = "fxos"
    IOSXE = "ios-xe"
    IOSXR = "ios-xr"
    NXOS = "nx-os"
    FTD = "ftd"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftwareVersion:
    """What a device is: software (``ASA``, ``IOS``, ``FTD``), hardware, and its licence as the platform sees it.

    `features` are pairs as printed; of `activation_key` only its title is kept, for the key is a licence. `no_entitlement` is the sentence printed where nothing is configured.
    """

    software: Seen[str] | None = None
    version: Seen[Version] | None = None
    context: Seen[str] | None = None
    operating_system: Seen[str] | None = None
    image: Seen[str] | None = None
    hostname: Seen[str] | None = None
    uptime: Seen[str] | None = None
    hardware: Seen[str] | None = None
    model: Seen[str] | None = None
    license_mode: Seen[str] | None = None
    platform_license: Seen[str] | None = None
    entitlement: Seen[str] | None = None
    enforce_mode: Seen[str] | None = None
    no_entitlement: Seen[str] | None = None
    memory: Seen[str] | None = None
    throughput: Seen[str] | None = None
    features: tuple[tuple[str, str], ...] = ()
    serial: Seen[str] | None = None
    activation_key: Seen[str] | None = None
    modified: Seen[DeviceTime] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """What the device's clock showed. `source` is as printed (``NTP``, ``hardware calendar`` …)."""

    time: Seen[DeviceTime]
    source: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpStatus:
    """Whether the clock follows a server; `stratum` as printed."""

    synchronized: Seen[bool]
    stratum: Seen[int] | None = None
    reference: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpAssociation:
    """One configured server; `mark` is what stands before the address (``*`` is the one that is followed)."""

    address: Seen[str]
    mark: str
    reach: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PingResult:
    """A ping: `success` in percent, None where it did not start because the name was not resolved.

    `no_way` is what a router, or the device itself, said of an echo that it could not forward.
    """

    target: Seen[str] | None = None
    port: int | None = None
    tcp: bool = False
    marks: Seen[str] | None = None
    success: Seen[int] | None = None
    unresolved: Seen[str] | None = None
    no_way: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """The device refused a command; `text` is what it said."""

    text: Seen[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpoolConfig:
    """The pool's policy in the configuration. `complete` says that defaults were shown too (``show run all``)."""

    shown: Seen[str]
    auto_import: Seen[bool] | None = None
    url: Seen[str] | None = None
    time: Seen[str] | None = None
    revocation: Seen[str] | None = None
    crl_cache: Seen[str] | None = None
    enforce_next_update: Seen[bool] | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustpointConfig:
    """A trustpoint in the configuration with its lines as written; `usage` are the words of validation-usage.

    `usage` is None where no such line stands, and empty for ``no validation-usage``.
    """

    name: Seen[str]
    lines: tuple[str, ...] = ()
    usage: Seen[tuple[str, ...]] | None = None
    revocation: Seen[str] | None = None
    enrollment: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockZone:
    """``clock timezone``: the label, and how far the clock runs ahead of UTC, in minutes."""

    label: Seen[str]
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsConfig:
    """Name resolution in the configuration: interfaces it may use, and servers."""

    lookups: tuple[Seen[str], ...] = ()
    servers: tuple[Seen[str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHomeProfile:
    """A call-home profile; `active` is None where the configuration does not say (then it is the default, yes)."""

    name: Seen[str]
    active: Seen[bool] | None = None
    urls: tuple[Seen[str], ...] = ()
    smart_licensing: Seen[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHomeConfig:
    """Call-home in the configuration or as ``show call-home`` tells it."""

    shown: Seen[str]
    service: Seen[bool] | None = None
    proxy: Seen[str] | None = None
    source_interface: Seen[str] | None = None
    profiles: tuple[CallHomeProfile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseConfig:
    """``license smart`` in the configuration: what the device asks for."""

    shown: Seen[str]
    tier: Seen[str] | None = None
    throughput: Seen[str] | None = None
    features: tuple[Seen[str], ...] = ()
    transport: Seen[str] | None = None
    url: Seen[str] | None = None
    proxy: Seen[str] | None = None
