"""`anchorwatch undo`: take back what a run changed on a device, the newest step first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli.apply import Runs, confirm, on_device, runs_folder, stoppable
from anchorwatch.cli.live import progress
from anchorwatch.cli.login import USUAL, Doors, by_doors, target_of
from anchorwatch.cli.terminal import COULD_NOT_LOOK, TROUBLE, fail, hint, printable, say, table

if TYPE_CHECKING:
    from anchorwatch.fleet.run import Run

__all__ = ["HELP", "run"]

HELP = """Take back what a run changed on a device, the newest step first.

\b
Examples:
  anchorwatch undo
  anchorwatch undo 20181009T174500Z-asa-1
  anchorwatch undo 20181009T174500Z-asa-1 --yes

Without a run it lists those there are. Only the lines that were written down before each step are typed, and each step
is written down as taken back when it is. What a portal was asked for cannot be taken back, and is told.

Exit status: 0 taken back, or nothing to take back; 1 stopped; 2 asked wrongly; 3 could not look.
"""


@by_doors
def run(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run, by its name or its folder.", show_default=False),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where the device is now, if not where it was.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go on without asking.")] = False,
    runs: Runs = None,
    doors: Doors = USUAL,
) -> None:
    """Show what there is to take back, ask, and take it back."""
    from anchorwatch.fleet.error import RunUnfit
    from anchorwatch.fleet.run import Run, all_of

    root = runs_folder(runs)
    if name is None:
        _list(list(all_of(root)))
        return
    try:
        found = Run.open(root, name)
    except RunUnfit as error:
        fail(printable(str(error)), COULD_NOT_LOOK, "anchorwatch undo lists the runs there are")
    todo = [done for done in reversed(found.record.steps) if done.to_take_back]
    for done in todo:
        say(printable(f"{done.step}: {done.undo_sentence}"))
        for line in done.undo:
            say(printable(f"    {line.text}"))
    for done in found.record.steps:
        if done.no_undo:
            say(printable(f"{done.step}: not taken back. {done.no_undo}"))
    if not todo:
        say("nothing is left to take back", style="bold")
        return
    # Where the words to log in go is the record's to say, and a person's to see.
    say(printable(f"on {found.record.device}, at {host or found.record.target}"), style="bold")
    if not yes:
        confirm(found.record.device, "take this back on it")
    with stoppable() as stop:
        status = on_device(_taken_back(found, host or found.record.target, doors, stop))
    raise typer.Exit(status)


def _list(runs: list[Run]) -> None:
    if not runs:
        say("no run is recorded here")
        return
    table(
        ("run", "device", "finding", "to take back", "ended"),
        [
            (
                printable(each.name),
                printable(each.record.device),
                printable(each.record.code),
                str(sum(done.to_take_back for done in each.record.steps)),
                printable(each.record.outcome, longest=80) or "broken off",
            )
            for each in runs
        ],
        right=(3,),
    )


async def _taken_back(run: Run, host: str, doors: Doors, stop: Callable[[], bool]) -> int:
    from anchorwatch.fleet.undoing import undo
    from anchorwatch.fleet.visit import visiting

    target = target_of(host)
    tell = progress(str(target))
    async with visiting(target, doors.access(target), platform=run.record.platform, tell=tell) as visit:
        undone = await undo(visit, run, tell=tell, stop=stop)
    tell("")
    for step in undone.steps:
        say(printable(f"taken back: {step}"))
    for sentence in undone.remains:
        hint(printable(sentence))
    if undone.surprise:
        say(printable(f"stopped at {undone.surprise}"), style="bold red")
        hint(printable(f"what was said is kept in {run.folder}"))
        return TROUBLE
    run.end("taken back")
    say(printable(f"{run.record.device} is as it was, as far as the record goes"), style="bold green")
    return 0
