"""Who lives in a town: the devices of its story, and as many more like them as are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from anchorwatch.lab.assembly import LabMachine
from anchorwatch.lab.network import Network
from anchorwatch.lab.story import DevicePlan, Story

_LATELY = timedelta(days=2)


@dataclass(slots=True, kw_only=True)
class Resident:
    """A device of the town. `machine` is None before it is switched on."""

    plan: DevicePlan
    origin: str
    """The name it has in the story: that of another device, where it is one more like that."""
    number: int
    network: Network
    machine: LabMachine | None = None
    written: str = ""
    """The snapshot that is on disk."""

    @property
    def address(self) -> str:
        """Its own address on loopback."""
        return f"127.1.{self.number // 250}.{self.number % 250 + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened in the town, for its visitors."""

    at: datetime
    said: str


def populated(story: Story, count: int | None) -> Iterator[tuple[str, DevicePlan]]:
    """So many devices: the story's own, then others like them under names of their own; with whom each is like.

    The others come two days before anything happens, so that a town of hundreds does not live for weeks first.
    """
    plans = story.devices
    lately = min([story.starts, *(event.at for event in story.events)]) - _LATELY
    for number in range(len(plans) if count is None else count):
        plan = plans[number % len(plans)]
        turn = number // len(plans)
        if turn == 0:
            yield plan.name, plan
            continue
        yield (
            plan.name,
            replace(
                plan,
                name=f"{plan.name}-{turn + 1}",
                hostname=f"{plan.hostname}-{turn + 1}",
                since=max(plan.since, lately) + timedelta(seconds=7 * turn),
            ),
        )
