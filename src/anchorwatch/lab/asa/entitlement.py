"""What an ASA asks the portal for: one tag for each thing that ``license smart`` configures.

The tag of an ASAv names tier and throughput in one (``ASAv-STD-1G``, seen in published outputs); it asks for nothing
until both are configured. Tags of the Firepower 2100 are made in the same manner (unconfirmed).
"""

from __future__ import annotations

from dataclasses import dataclass

from anchorwatch.lab.asa.settings import LicenceConfig
from anchorwatch.licensing.message import Wanted

THROUGHPUTS = ("100M", "1G", "2G", "5G", "10G", "20G", "unlimited")
"""What ``throughput level`` takes on an ASAv."""
_MODELS = {"100M": "ASAv5", "1G": "ASAv10", "2G": "ASAv30", "10G": "ASAv50", "20G": "ASAv100"}
_FEATURES = {"strong-encryption": ("ENC", "Strong Encryption"), "carrier": ("CAR", "Carrier"), "context": ("CTX", "Security Contexts")}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """One thing asked for: its tag, what the screens call it, how many, and the heading of the first agents."""

    tag: str
    title: str
    count: int = 1
    heading: str = "Feature tier"


def asked(config: LicenceConfig, model: str) -> tuple[Entitled, ...]:
    """What this configuration asks for on that hardware (``ASAv``, ``FPR-2110``)."""
    found: list[Entitled] = []
    if model.startswith("ASAv"):
        if config.tier and config.throughput:
            level = config.throughput
            title = f"{_MODELS.get(level, 'ASAv')} Standard - {level}"
            found.append(Entitled(tag=f"ASAv-STD-{level}", title=title, heading="Throughput level"))
        stem, family = "ASAv", "ASAv"
    else:
        stem = model.replace("-", "")
        family = f"Cisco Firepower {model.removeprefix('FPR-')}"
        if config.tier:
            found.append(Entitled(tag=f"{stem}-ASA-STD", title=f"{family} Standard"))
    for feature in config.features:
        word, *number = feature.split()
        short, title = _FEATURES.get(word, (word.upper(), word))
        count = int(number[0]) if number else 1
        heading = {"strong-encryption": "Strong encryption"}.get(word, word.capitalize())
        found.append(
            Entitled(tag=f"{stem}-ASA-{short}", title=f"{family} {title}", count=count, heading=heading)
        )
    return tuple(found)


def wanted(config: LicenceConfig, model: str) -> tuple[Wanted, ...]:
    """The same as the agent asks for it."""
    return tuple(Wanted(tag=each.tag, count=each.count, version="1.0") for each in asked(config, model))
