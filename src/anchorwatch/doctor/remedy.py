"""What mends a finding, per platform."""

from __future__ import annotations

from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.rules import RULES


def commands(code: str, platform: Platform) -> tuple[str, ...]:
    """The lines to type for the cause `code` on a platform; empty where a person has to decide."""
    return tuple(
        text for rule in RULES if rule.code == code for where, text in rule.remedy if where is platform
    )
