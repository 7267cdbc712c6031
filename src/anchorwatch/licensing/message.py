"""What device and portal say to each other without a signature of its own: bodies of requests and answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from anchorwatch.licensing.claim import Host, Sha256, Tag
from anchorwatch.licensing.failure import Incident
from anchorwatch.licensing.wire import Compact, Count, Identifier, Many, Name, Sequence, Text, Words

JSON = "application/json"
PKCS10 = "application/pkcs10"
PKCS7 = "application/pkcs7-mime"
JOSE = "application/jose"

DISCOVERY = "/.well-known/smart-licensing"
TRUST = "/sl/v1/trust"
TRUST_P7B = "/sl/v1/trust.p7b"
TIME = "/sl/v1/time"
SELF = "/sl/v1/devices/self"
ENTITLEMENTS = "/sl/v1/devices/self/entitlements"
RENEWAL_INFO = "/sl/v1/devices/self/renewal-info"
INCIDENTS = "/sl/v1/devices/self/incidents"
EST = "/.well-known/est"
DEFAULT_LABEL = "sl1"

Nonce = Annotated[str, Text(22, r"[A-Za-z0-9_-]{22}")]
Path = Annotated[str, Text(200, r"/[A-Za-z0-9._/-]*")]


class Mode(StrEnum):
    """Whether L1 consumes or only asks."""

    NORMAL = "normal"
    WHAT_IF = "what-if"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """Where things are (T0). Hints only: no agent takes an anchor or the portal's name from it."""

    portal: Host
    versions: Annotated[tuple[Identifier, ...], Many(8)] = ("1",)
    est_label: Identifier = DEFAULT_LABEL
    algorithms: Annotated[tuple[Identifier, ...], Many(8)] = ("Ed25519", "ES256")
    trust: Path = TRUST


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRequest:
    """Ask for signed time (T2)."""

    nonce: Nonce


@dataclass(frozen=True, slots=True, kw_only=True)
class Udi:
    """The unique device identifier: product and serial number, and a UUID where the device is virtual."""

    pid: Annotated[str, Text(64, r"[A-Za-z0-9._/+-]+")]
    sn: Annotated[str, Text(64, r"[A-Za-z0-9._/+-]+")]
    uuid: Annotated[str, Text(36, r"[0-9a-fA-F-]{36}")] | None = None

    @property
    def uri(self) -> str:
        """As it stands in a certificate request's subjectAltName."""
        return f"urn:sl:udi:{self.pid}:{self.sn}" + (f":{self.uuid.lower()}" if self.uuid else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What runs on the device."""

    name: Name
    version: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a canary connection to the next root found."""

    root: Sha256
    trusted: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What the device is (D1)."""

    udi: Udi
    sw: Software
    agent: Name
    ha: Identifier | None = None
    features: Annotated[tuple[Identifier, ...], Many(32)] = ()
    trust_seq: Sequence = 0
    probes: Annotated[tuple[Probe, ...], Many(32)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCheck:
    """When to ask for the bundle again."""

    check_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalInfo:
    """Windows the portal suggests (L3, and within D1). Unsigned, so the agent clamps them to its signed dates."""

    id: Span
    authorization: Span
    trust: TrustCheck
    why: Words | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswer:
    """What the portal calls the device (D1)."""

    device_id: Identifier
    va: Name
    policy: Identifier = "default"
    renewal_info: RenewalInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One entitlement as the device asks for it."""

    tag: Tag
    count: Count = 1
    version: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReport:
    """What the device thinks of the time."""

    now: datetime
    source: Identifier
    mono_ms: Sequence
    boot_id: Identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitlementRequest:
    """What the device wants to use (L1). `last_jti` is absent before the first grant; `grant` goes along when the portal asks to see it."""

    seq: Sequence
    entitlements: Annotated[tuple[Wanted, ...], Many(128)]
    clock: ClockReport
    trust_seq: Sequence
    last_jti: Identifier | None = None
    grant: Compact | None = None
    mode: Mode = Mode.NORMAL
    state_sha256: Sha256 | None = None
    adoptions: Sequence = 0
    """How often the agent took up a grant that it did not know, by L2 or a refusal: two clones do it in turns."""

    def __post_init__(self) -> None:
        if len({each.tag for each in self.entitlements}) != len(self.entitlements):
            raise ValueError("an entitlement is asked for twice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The answer to a what-if question: what would be granted, nothing consumed."""

    compliant: bool
    short: Annotated[tuple[Wanted, ...], Many(128)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReport:
    """Failures that are over, told now that there is a way (L6)."""

    incidents: Annotated[tuple[Incident, ...], Many(64)]


MESSAGES: dict[str, tuple[type, ...]] = {
    "T0": (Discovery,),
    "T2": (TimeRequest,),
    "D1": (DeviceInfo, DeviceAnswer),
    "L1": (EntitlementRequest, Forecast),
    "L3": (RenewalInfo,),
    "L6": (IncidentReport,),
}
"""By endpoint: request, then answer, of those whose bodies are JSON."""
