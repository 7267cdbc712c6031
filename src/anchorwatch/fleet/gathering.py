"""Everything a diagnosis reads, collected from one device without changing anything.

First the block of its dialect, in order; then what the doctor asks for because that did not suffice, as often as it
asks for something new, and twice at most. A command the device refuses is no failure: the refusal is printed, and
the doctor reads that too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from anchorwatch.devices import prompt
from anchorwatch.devices.banned import why_banned
from anchorwatch.devices.dialect import Mode
from anchorwatch.devices.fact import Platform
from anchorwatch.doctor import ask
from anchorwatch.doctor.diagnosis import Report, diagnose
from anchorwatch.fleet.visit import Visit
from anchorwatch.pki.catalogue import EMPTY, Catalogue

_ROUNDS = 2
_READS = ("show ", "ping ", "call-home test profile ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a device printed, secrets masked, and what the doctor says of it."""

    device: str
    platform: Platform
    transcript: str
    report: Report


async def gather(
    visit: Visit,
    *,
    at: datetime | None = None,
    catalogue: Catalogue = EMPTY,
    platform: Platform | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Gathered:
    """Collect the block, diagnose, and collect what was asked for; `at`, `catalogue`, `platform` as for `diagnose`.

    `visit` stands at its ground before and after. Raises `NoConversation` where the device is lost.
    """
    since = visit.mark()
    source = str(visit.target)
    if visit.at is not None and visit.at.prompt.context and visit.speaks.platform is Platform.ASA:
        # The agent lives in the system execution space.
        await visit.say("changeto system")
    block = visit.speaks.block(ask.PORTAL)
    typed: set[str] = set()
    for number, line in enumerate(block, 1):
        tell(f"{number}/{len(block)} {line}")
        await _look(visit, line)
        typed.add(line)
    report = _diagnosed(source, visit, since, at, catalogue, platform)
    for _ in range(_ROUNDS):
        more = tuple(each for each in _asked(report) if each.line not in typed and _may(each))
        if not more:
            break
        for command in more:
            tell(f"more: {command.line}")
            await _at_place(visit, command)
            typed.add(command.line)
        report = _diagnosed(source, visit, since, at, catalogue, platform)
    return Gathered(
        device=visit.device,
        platform=visit.speaks.platform,
        transcript=visit.transcript(since),
        report=report,
    )


def _diagnosed(
    source: str,
    visit: Visit,
    since: int,
    at: datetime | None,
    catalogue: Catalogue,
    platform: Platform | None,
) -> Report:
    return diagnose([(source, visit.transcript(since))], at=at, catalogue=catalogue, platform=platform)


def _asked(report: Report) -> Iterable[ask.Command]:
    """What the doctor would like to see next, each once."""
    return dict.fromkeys(command for diagnosis in report.diagnoses for command in diagnosis.next_commands)


def _may(command: ask.Command) -> bool:
    return command.line.startswith(_READS) and why_banned(command.line) is None


async def _look(visit: Visit, line: str) -> None:
    said = await visit.say(line)
    if said.at is None:
        # A question or silence in reading: nothing is answered, the rest can still be read.
        await visit.give_up()


async def _at_place(visit: Visit, command: ask.Command) -> None:
    """Type a command where it has to be typed, and come back."""
    for line in filter(None, (part.strip() for part in command.place.split(","))):
        await _look(visit, line)
    await _look(visit, command.line)
    await back_to_ground(visit)


async def back_to_ground(visit: Visit) -> None:
    """Leave mode after mode until the device stands where steps begin; gives up after as many as there can be."""
    for _ in range(len(visit.speaks.modes)):
        if visit.at is None or visit.at_ground:
            return
        mode: Mode | None = visit.at.mode
        await _look(visit, prompt.canonical((mode.end or mode.leave) if mode is not None else "end"))
