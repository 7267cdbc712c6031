"""What a device says about its licence: the agent's two state machines, and what they run on.

Words of the device are kept as printed (`REGISTERED`, `Retry In Progress`), because the same state has other words in
other releases; `state` turns them into the one vocabulary of `anchorwatch.licensing.status`.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Seen
from anchorwatch.licensing.status import (
    AuthorizationState,
    RegistrationState,
    authorization_state,
    registration_state,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt to reach the portal: its outcome as printed, when, and the reason printed below a failure."""

    outcome: Seen[str]
    time: DeviceTime | None = None
    reason: Seen[str] | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the outcome is one of the words for success."""
        return self.outcome.value.upper().startswith(("SUCC", "OK"))

    @property
    def failed(self) -> bool:
        """Whether the outcome is a word for failure; an attempt not made is neither."""
        return self.outcome.value.upper().startswith(("FAIL", "NOT OK"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The registration machine as printed."""

    status: Seen[str] | None = None
    smart_account: Seen[str] | None = None
    virtual_account: Seen[str] | None = None
    export_controlled: Seen[str] | None = None
    initial: Attempt | None = None
    last_renewal: Attempt | None = None
    next_renewal: Seen[DeviceTime] | None = None
    expires: Seen[DeviceTime] | None = None

    @property
    def state(self) -> RegistrationState:
        """The status in one vocabulary."""
        return registration_state(self.status.value) if self.status else RegistrationState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The authorization machine as printed; `deadline_exceeded` are the words that stand in the deadline's place."""

    status: Attempt | None = None
    evaluation_remaining: Seen[str] | None = None
    last_communication: Attempt | None = None
    next_communication: Seen[DeviceTime] | None = None
    deadline: Seen[DeviceTime] | None = None
    deadline_exceeded: Seen[str] | None = None

    @property
    def state(self) -> AuthorizationState:
        """The status in one vocabulary."""
        return authorization_state(self.status.outcome.value) if self.status else AuthorizationState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What the agent does not send; `indented` says that the two host name lines stand four blanks in."""

    sending_hostname: Seen[str] | None = None
    call_home_hostname: Seen[str] | None = None
    smart_hostname: Seen[str] | None = None
    version: Seen[str] | None = None
    indented: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How the agent reaches the portal: `kind` is ``Callhome``, ``Smart``, ``cslu`` or ``Transport Off``.

    `proxy` is empty where the proxy's parts follow on lines of their own. A password is dots, or a word for none.
    """

    kind: Seen[str] | None = None
    url: Seen[str] | None = None
    cslu_address: Seen[str] | None = None
    proxy: Seen[str] | None = None
    proxy_address: Seen[str] | None = None
    proxy_port: Seen[str] | None = None
    proxy_username: Seen[str] | None = None
    proxy_password: Seen[str] | None = None
    identity_check: Seen[str] | None = None
    vrf: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReporting:
    """Reports of the policy era: what was acknowledged and what is due, as printed."""

    last_ack: Seen[str] | None = None
    next_ack_deadline: Seen[str] | None = None
    push_interval: Seen[str] | None = None
    next_ack_check: Seen[str] | None = None
    next_push: Seen[str] | None = None
    last_push: Seen[str] | None = None
    last_file_write: Seen[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """One licence in use or asked for. `name` is empty while the device is not registered."""

    tag: Seen[str]
    name: str = ""
    description: Seen[str] | None = None
    count: Seen[int] | None = None
    version: Seen[str] | None = None
    status: Seen[str] | None = None
    export_status: Seen[str] | None = None
    requested_time: Seen[DeviceTime] | None = None
    handle: Seen[str] | None = None
    request_status: Seen[str] | None = None
    vendor_string: Seen[str] | None = None

    @property
    def state(self) -> AuthorizationState:
        """The status in one vocabulary."""
        return authorization_state(self.status.value) if self.status else AuthorizationState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseReport:
    """A ``show license`` screen, whole or in part.

    `sections` are the sections in the order in which they stood, `rule` the line under the title; both are how it
    was printed, not what it says.
    """

    enabled: Seen[bool] | None = None
    registration: Registration | None = None
    authorization: Authorization | None = None
    export_features: Seen[tuple[str, ...]] | None = None
    utility: Seen[str] | None = None
    privacy: Privacy | None = None
    transport: Transport | None = None
    using_policy: Seen[str] | None = None
    reporting: UsageReporting | None = None
    trust_code: Seen[str] | None = None
    usage_shown: bool = False
    entitlements: tuple[Entitlement, ...] = ()
    udi: Seen[str] | None = None
    agent_version: Seen[str] | None = None
    reservation: Seen[str] | None = None
    compliance: Seen[str] | None = None
    overall_status: Seen[str] | None = None
    sections: tuple[str, ...] = ()
    rule: str = "======================"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationProgress:
    """``show license registration`` of the first agents: an attempt that is still under way, or its end."""

    status: Seen[str]
    started: Seen[DeviceTime] | None = None
    last_retry: Seen[DeviceTime] | None = None
    next_retry: Seen[DeviceTime] | None = None
    retries: Seen[int] | None = None
    last_response_time: Seen[DeviceTime] | None = None
    last_response: Seen[str] | None = None

    @property
    def state(self) -> RegistrationState:
        """The status in one vocabulary."""
        return registration_state(self.status.value)
