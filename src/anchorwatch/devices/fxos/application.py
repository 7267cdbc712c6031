"""``show license all`` of the ASA on a chassis: what it asked for, and nothing of a registration.

The blocks are those of the first agents with a few words of their own, and are read by the same screen; what follows
them is the platform's part of ``show version``.
"""

from __future__ import annotations

from collections.abc import Iterable

from anchorwatch.devices.license_fact import Entitlement


def render(entitlements: Iterable[Entitlement], platform: str = "") -> str:
    """Print the blocks, then what the platform says of its licence."""
    pages = ["\n".join(_block(each)) for each in entitlements]
    if platform:
        pages.append(platform.strip("\n"))
    return "\n\n".join(pages)


def _block(entry: Entitlement) -> list[str]:
    lines = [f"{entry.name}:"] if entry.name else []
    for title, value in (
        ("Tag", entry.tag),
        ("Version", entry.version),
        ("Enforcement mode", entry.status),
        ("Handle", entry.handle),
        ("Requested time", entry.requested_time),
        ("Requested count", entry.count),
        ("Request status", entry.request_status),
    ):
        if value is not None:
            lines.append(f"\t{title}: {value}")
    return lines
