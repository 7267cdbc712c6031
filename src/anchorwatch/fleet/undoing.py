"""What a run did, taken back: the newest step first, each written down as undone when it is, stopped at a surprise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Typed
from anchorwatch.fleet.carrying import carry_lines
from anchorwatch.fleet.error import StateChanged
from anchorwatch.fleet.repair import POOL, fingerprints
from anchorwatch.fleet.run import Done, Run, Stage
from anchorwatch.fleet.visit import Visit

_FINGERPRINT = "<fingerprint>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What came of it: the steps that were taken back, the sentence of the surprise it stopped at, "" for none."""

    steps: tuple[str, ...]
    surprise: str = ""
    remains: tuple[str, ...] = ()
    """What cannot be taken back, in sentences."""


async def undo(
    visit: Visit,
    run: Run,
    *,
    tell: Callable[[str], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Undone:
    """Take back what a record says was done; raises `StateChanged` where this is another device."""
    record = run.record
    if visit.device.split("/", 1)[0] != record.device.split("/", 1)[0]:
        raise StateChanged(f"the run was on {record.device}, and this is {visit.device}")
    if visit.speaks.platform is not record.platform:
        raise StateChanged(
            f"the run was on {record.platform.value}, and {visit.device} is {visit.speaks.platform.value}"
        )
    if visit.at is not None and visit.at.prompt.context and record.platform is Platform.ASA:
        await visit.say("changeto system")
    undone: list[str] = []
    remains = tuple(
        f"{done.purpose} {done.no_undo}"
        for done in record.steps
        if done.no_undo and done.stage is not Stage.UNDONE
    )
    for done in reversed(record.steps):
        if not done.to_take_back:
            continue
        tell(done.undo_sentence)
        lines, listed = await _lines(visit, done)
        if lines:
            carried = await carry_lines(visit, lines, failure=done.failure, stop=stop)
            run.keep("undo.txt", visit.transcript())
            if carried.surprise and not _was_never_there(done, carried.surprise):
                return Undone(
                    steps=tuple(undone), surprise=f"{done.step}: {carried.surprise}", remains=remains
                )
        if done.per_added:
            left = [each for each in fingerprints(await _list(visit)) if each in listed]
            if left:
                return Undone(
                    steps=tuple(undone),
                    surprise=f"{done.step}: {len(left)} of the certificates that were added are still listed",
                    remains=remains,
                )
        run.note(replace(done, stage=Stage.UNDONE))
        undone.append(done.step)
    return Undone(steps=tuple(undone), remains=remains)


async def _lines(visit: Visit, done: Done) -> tuple[tuple[Typed, ...], Sequence[str]]:
    """The lines that take a step back, and the fingerprints that must be gone then."""
    if not done.per_added:
        return done.undo, ()
    added = done.added
    if added is None:
        # It was cut off before it was known what came: what the pool has now and had not before.
        added = tuple(each for each in fingerprints(await _list(visit)) if each not in done.listed)
    each = [number for number, line in enumerate(done.undo) if _FINGERPRINT in line.text]
    if not added or not each:
        return (), added
    # What stands before and after the line for each certificate is typed once.
    removals = tuple(
        replace(line, text=line.text.replace(_FINGERPRINT, fingerprint))
        for fingerprint in added
        for line in done.undo[each[0] : each[-1] + 1]
    )
    return (*done.undo[: each[0]], *removals, *done.undo[each[-1] + 1 :]), added


async def _list(visit: Visit) -> str:
    since = visit.mark()
    await visit.say(POOL)
    return visit.transcript(since)


def _was_never_there(done: Done, surprise: str) -> bool:
    """A step that was cut off may have changed nothing yet: then its undo finds nothing to take back."""
    if done.stage is Stage.DONE:
        return False
    said = surprise.lower()
    return any(
        word in said for word in ("not found", "does not exist", "no such", "not configured", "not exist")
    )
