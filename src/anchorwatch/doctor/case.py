"""All that is known about one device at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from anchorwatch.devices.reading import Item, Reading

F = TypeVar("F")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The facts of one device, in the order in which they were printed; `device` is empty where nothing named it."""

    device: str
    items: tuple[Item, ...]

    def facts(self, kind: type[F]) -> tuple[F, ...]:
        """The facts of one type, in order."""
        return tuple(item.fact for item in self.items if isinstance(item.fact, kind))

    def asked(self, *commands: str) -> bool:
        """Whether the output of one of these commands (in full words) is part of the case."""
        return any(item.command.startswith(command) for item in self.items for command in commands)


def split(reading: Reading) -> tuple[Case, ...]:
    """Sort facts into cases, one for each device.

    Facts that no prompt or host name claims belong to the one device there is, else to a case without a name.
    """
    named = _ordered(item.device for item in reading.items if item.device)
    home = named[0] if len(named) == 1 else ""
    devices = _ordered(item.device or home for item in reading.items)
    return tuple(
        Case(device=device, items=tuple(item for item in reading.items if (item.device or home) == device))
        for device in devices
    )


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
