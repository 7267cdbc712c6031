"""What a repair is planned for: one cause on one device at one date, with what is known beside it.

Who owns the licensing agent decides where a repair is typed. A Firepower 4100 or 9300 runs the ASA as an
application and licenses for it in FXOS, so the same finding leads to the chassis and never to the application.
Unknown is a value everywhere: a model nobody printed is not assumed to be harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from anchorwatch.devices import version_number
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.printed_name import PrintedName
from anchorwatch.devices.step import Claim
from anchorwatch.devices.version_number import Version
from anchorwatch.licensing.status import RegistrationState
from anchorwatch.pki.catalogue import EMPTY, Catalogue


class Model(StrEnum):
    """The hardware, as far as it decides who owns the licence."""

    ASAV = "asav"
    FIREPOWER = "firepower"
    """1000, 2100, 3100 and 4200 running the ASA: they license in the ASA."""
    CHASSIS = "chassis"
    """4100 and 9300: they license in FXOS."""
    ASA5500X = "asa-5500-x"
    """It has a key (PAK) and no licensing agent."""
    ROUTER = "router"
    UNKNOWN = "unknown"


class Licensing(StrEnum):
    """The kind of licence a device uses."""

    SMART = "smart"
    PAK = "pak"
    UNKNOWN = "unknown"


class Route(StrEnum):
    """A way to bring a CA onto a device."""

    BUNDLE = "bundle"
    DEFAULT = "default"
    PASTE = "paste"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is known of the signed bundle that would be imported: its certificates by SHA-256 with their names.

    `verified` says that its signature led to a pinned signer; a bundle that is not verified is never imported.
    """

    url: str
    verified: bool
    contents: tuple[tuple[str, str], ...]

    def __contains__(self, sha256: str) -> bool:
        return any(held == sha256 for held, _ in self.contents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a repair depends on; what is not known is left at its default.

    `release` as printed. `units` are the names of the HA units or chassis, empty for one alone. `endpoint` is the
    portal's host name, "" for the one this release uses. `at` is the day of the evidence. `needed` are CAs of which any
    one would do, as the device named them. `judged` are the SHA-256 of anchors that the judge found sufficient
    for the chain the endpoint presents now. `detail` is the sub-cause in one word (`reach`, `signature`, `flash`,
    `memory` of a failing import; the trustpoint's name for `revocation-unreachable`). `holds` are claims that the
    facts already show: their steps are left out. `evidence` are the lines the finding rests on.
    """

    code: str
    platform: Platform
    device: str = ""
    model: Model = Model.UNKNOWN
    release: str = ""
    licensing: Licensing = Licensing.UNKNOWN
    units: tuple[str, ...] = ()
    multi_context: bool = False
    endpoint: str = ""
    at: date | None = None
    needed: tuple[PrintedName, ...] = ()
    judged: tuple[str, ...] = ()
    catalogue: Catalogue = field(default=EMPTY, repr=False)
    bundle: Bundle | None = None
    registration: RegistrationState = RegistrationState.UNKNOWN
    detail: str = ""
    route: Route | None = None
    holds: frozenset[Claim] = frozenset()
    evidence: tuple[str, ...] = ()

    @property
    def owner(self) -> Platform:
        """Where the licensing agent and its trust store live."""
        if self.model is Model.CHASSIS or self.code == "fxos-trustpoint-missing":
            return Platform.FXOS
        return self.platform

    @property
    def version(self) -> Version | None:
        """The release as numbers, None where it is not known or belongs to the application on a chassis."""
        found = version_number.parse(self.release)
        if not found.numbers or (self.owner is Platform.FXOS and self.platform is Platform.ASA):
            return None
        return found

    @property
    def host(self) -> str:
        """The portal's host name: the given one, else the one the release uses."""
        if self.endpoint:
            return self.endpoint.lower().rstrip(".")
        version = self.version
        newer = {Platform.ASA: (9, 22), Platform.IOSXE: (17, 3, 2)}.get(self.owner)
        if version is not None and newer is not None and version.at_least(*newer):
            return "smartreceiver.cisco.com"
        return "tools.cisco.com"

    @property
    def registered(self) -> bool | None:
        """Whether the agent holds an identity the portal gave it; None where nothing tells."""
        match self.registration:
            case RegistrationState.REGISTERED:
                return True
            case RegistrationState.NOT_REGISTERED | RegistrationState.RETRYING:
                return False
            case RegistrationState.FAILED | RegistrationState.EXPIRED:
                return False
            case _:
                return None

    @property
    def renews_itself(self) -> bool | None:
        """Whether this ASA release can import the bundle by itself (9.5(2) and later); None where it is not known."""
        version = self.version
        return None if version is None else version.at_least(9, 5, 2)

    @property
    def in_policy_mode(self) -> bool:
        """Whether this is IOS-XE 17.3.2 or later, where nothing registers."""
        version = self.version
        return self.owner is Platform.IOSXE and version is not None and version.at_least(17, 3, 2)


def model_of(hardware: str) -> Model:
    """The model behind a hardware string, a product identifier or a model number."""
    word = hardware.strip().rstrip(",").upper().replace("FPR-", "FPR")
    families = (
        (("ASAV", "ASAC"), Model.ASAV),
        (("FPR4K", "FPR9K", "FPR41", "FPR93", "FPRC93"), Model.CHASSIS),
        (("FPR1", "FPR2", "FPR3", "FPR42", "CSF"), Model.FIREPOWER),
        (("ASA55", "ASA-SM", "WS-SVC-ASA"), Model.ASA5500X),
        (("CSR", "ISR", "ASR1", "C8", "C9", "C1", "IE-", "ESS", "VG4"), Model.ROUTER),
    )
    return next((model for starts, model in families if word.startswith(starts)), Model.UNKNOWN)
