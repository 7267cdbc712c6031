"""What a failing licence does to the firewall, and until when nothing happens.

The first thing an engineer asks at night is whether traffic stops. For a registered device it does not, until the
communication deadline (90 days after the last success) and then the expiry of the registration (365 days). What
happens beyond depends on the platform; those statements are engineers' knowledge and are marked so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anchorwatch.devices.fact import SoftwareVersion
from anchorwatch.devices.license_fact import LicenseReport
from anchorwatch.devices.moment import DeviceTime
from anchorwatch.devices.span import Span
from anchorwatch.doctor import present
from anchorwatch.doctor.case import Case
from anchorwatch.licensing.status import AuthorizationState, RegistrationState


class Effect(StrEnum):
    """What is affected now."""

    NOTHING_YET = "nothing-yet"
    LIMITED = "limited"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """`effect` now, in one `sentence`; `deadline` and `expires` are the device's own dates, None where not printed."""

    effect: Effect
    sentence: str
    deadline: DeviceTime | None = None
    expires: DeviceTime | None = None
    evidence: tuple[Span, ...] = ()


def of(case: Case, *, working: bool) -> Impact:
    """The impact a case shows; `working` says that licensing works, so that nothing is affected."""
    reports = case.facts(LicenseReport)
    report = reports[-1] if reports else None
    registration = report.registration if report else None
    authorization = report.authorization if report else None
    deadline = authorization.deadline if authorization else None
    expires = registration.expires if registration else None

    def impact(effect: Effect, sentence: str) -> Impact:
        return Impact(
            effect=effect,
            sentence=sentence,
            deadline=deadline.value if deadline else None,
            expires=expires.value if expires else None,
            evidence=tuple(seen.span for seen in (deadline, expires) if seen is not None),
        )

    if working:
        return impact(Effect.NONE, "Nothing is affected.")
    state = registration.state if registration else RegistrationState.UNKNOWN
    expired = authorization is not None and (
        authorization.state in _EXPIRED or present.passed(case, deadline) is not None
    )
    if state is RegistrationState.REGISTERED and present.passed(case, expires) is not None:
        sentence = (
            f"The registration ended at {expires.value}: as far as is known the device falls back to what it may do "
            "unregistered."
            if expires
            else ""
        )
        return impact(Effect.LIMITED, sentence)
    if state is RegistrationState.REGISTERED and expired:
        parts = [
            (
                "The authorization has expired: as far as is known traffic goes on, and new configuration of licensed "
                "features is refused"
            )
        ]
        if expires:
            parts.append(f"the registration holds until {expires.value}")
        return impact(Effect.LIMITED, _ended(parts, case))
    if state is RegistrationState.REGISTERED and (deadline or expires):
        parts = ["Traffic and features go on for now"]
        if deadline:
            parts.append(f"the authorization holds until {deadline.value}")
        if expires:
            parts.append(f"the registration until {expires.value}")
        return impact(Effect.NOTHING_YET, _ended(parts, case))
    if state is RegistrationState.REGISTERED:
        parts = [
            (
                "Traffic and features go on for now: a registered device keeps its authorization for 90 days after the "
                "last contact and its registration for a year; this output does not show the dates"
            )
        ]
        return impact(Effect.NOTHING_YET, _ended(parts, case))
    if state in (RegistrationState.NOT_REGISTERED, RegistrationState.FAILED, RegistrationState.EXPIRED):
        sentence = (
            "The device is not registered: features that need a licence and strong encryption may be limited "
            "(an ASAv without a licence passes 100 kbit/s); evaluation, where it runs, postpones that."
        )
        return impact(Effect.LIMITED, sentence)
    limit = _unlicensed(case)
    if limit is not None:
        return impact(Effect.LIMITED, limit)
    return impact(
        Effect.UNKNOWN, "What is affected is not shown; `show license all` tells the two dates that matter."
    )


_EXPIRED = (AuthorizationState.EXPIRED, AuthorizationState.GRACE_EXPIRED)


def _ended(parts: list[str], case: Case) -> str:
    """One sentence of these parts, and a second one where strong encryption is not allowed."""
    sentence = ", ".join(parts) + "."
    for report in reversed(case.facts(LicenseReport)):
        allowed = report.registration.export_controlled if report.registration else None
        if allowed is not None:
            refused = allowed.value.strip().upper().startswith("NOT")
            return sentence + (" Strong encryption is not allowed." if refused else "")
    return sentence


def _unlicensed(case: Case) -> str | None:
    """What an unlicensed platform says of itself."""
    for version in reversed(case.facts(SoftwareVersion)):
        state = version.platform_license
        if state is None or not state.value.lower().startswith("unlicensed"):
            continue
        limit = version.throughput.value if version.throughput else ""
        return (
            f"The platform is unlicensed: throughput is limited to {limit}."
            if limit
            else "The platform is unlicensed: an ASAv then passes 100 kbit/s and 100 connections, as far as is known."
        )
    return None
