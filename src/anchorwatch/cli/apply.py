"""`anchorwatch apply`: carry out a repair plan on a device, step by step, and prove that it helped."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, assert_never

import typer

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.cli.diagnose import platform_named
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.live import progress
from anchorwatch.cli.login import USUAL, Doors, ask, by_doors, from_file, target_of
from anchorwatch.cli.moment import parse_moment
from anchorwatch.cli.plan import read_plan
from anchorwatch.cli.source import CouldNotLookError, gather_catalogue
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, hint, printable, say
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.step import Step
from anchorwatch.doctor import procedure
from anchorwatch.doctor.plan import Plan

if TYPE_CHECKING:
    from anchorwatch.fleet.filling import Filling
    from anchorwatch.fleet.repair import Orders, Outcome
    from anchorwatch.fleet.run import Run
    from anchorwatch.fleet.visit import Visit
    from anchorwatch.net.target import Target

__all__ = ["HELP", "RUNS", "Runs", "run", "runs_folder"]

TOKEN = "ANCHORWATCH_ID_TOKEN"  # noqa: S105 - the name of a variable, not a token
RUNS = "ANCHORWATCH_RUNS"
HELP = """Carry out a repair plan on a device over SSH, step by step, and prove that it helped.

\b
Examples:
  anchorwatch apply asa1.plan.json ssh://admin@asa-1 --dry-run
  anchorwatch apply asa1.plan.json ssh://admin@asa-1
  anchorwatch apply asa1.plan.json ssh://admin@asa-1 --yes --decide save --token-file token

The plan is shown first, and a person types the device's name to go on; --yes stands for that. A step about which a
person decides is asked about by itself, and --yes never answers for it: --decide ID does it, --leave ID leaves it out;
--decide questions says that you answered what the plan asks of a person. Then the device is read again; if the state
the plan was made for does not hold any more, nothing is typed. How to take a step back is written down before the step
is done. The first surprise ends it. At the end the device is read once more, and only a finding that is gone counts as
mended.

Exit status: 0 mended and proven, or nothing left to do; 1 refused, stopped or not proven; 2 asked wrongly; 3 could not
look, or lost the device in the middle.
"""
_LARGEST_CERTIFICATE = 64 * 1024
QUESTIONS = "questions"
"""What `--decide` takes beside the steps: the questions a plan leaves to a person."""

Runs = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        envvar=RUNS,
        metavar="DIR",
        help="Where runs are recorded.",
        show_default="your state folder",
    ),
]


def runs_folder(given: Path | None) -> Path:
    """Where runs are recorded: the folder given, else one of the user's own."""
    if given is not None:
        return given
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(state) if state else Path.home() / ".local" / "state") / "anchorwatch" / "runs"


@by_doors
def run(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan file, of `diagnose --save-plan`.")],
    host: Annotated[str, typer.Argument(metavar="HOST", help="The device: ssh://[USER@]HOST[:PORT].")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Go on without asking, except where a person decides.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look whether the plan fits; change nothing.")
    ] = False,
    decide: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A step you decided to do; may be given again.")
    ] = None,
    leave: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A step to leave out; may be given again.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="What to fill into a blank, such as 'DNS server=192.0.2.53'."
        ),
    ] = None,
    token_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="The ID token; else $ANCHORWATCH_ID_TOKEN, a prompt.")
    ] = None,
    certificate: Annotated[
        str | None, typer.Option(metavar="FILE", help="The certificate a step asks for, as PEM.")
    ] = None,
    unit: Annotated[
        str, typer.Option(metavar="NAME", help="Which unit this is, where the plan has a part for each.")
    ] = "",
    platform: Annotated[
        str | None, typer.Option(metavar="PLATFORM", help="What the device is, where it does not tell.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When the question is asked; else the device's own dates."),
    ] = None,
    catalogue: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Known certificates; may be given several times.")
    ] = None,
    every: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.1, help="How often to look while waiting.")
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="How long to wait for a success; else as the plan says."),
    ] = None,
    runs: Runs = None,
    doors: Doors = USUAL,
) -> None:
    """Show, ask, compare, act, prove."""
    from anchorwatch.fleet.repair import Orders

    found = read_plan(plan)
    target = target_of(host)
    what = platform_named(platform) if platform is not None else None
    try:
        asked_at = parse_moment(at) if at is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    try:
        known = gather_catalogue(["certifi", *(catalogue or [])])
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    for line in procedure.text(found).split("\n"):
        say(printable(line))
    decided, left = _decisions(found, decide or [], leave or [], dry_run=dry_run)
    orders = Orders(
        filling=_filling(found, left, values or [], token_file, certificate, dry_run=dry_run),
        decided=decided,
        left=left,
        every=every,
        patience=wait,
        at=asked_at,
        catalogue=known,
    )
    if not (yes or dry_run):
        confirm(found.made_for.device or target.host, "carry this out on it")
    with stoppable() as stop:
        status = on_device(
            _carried_out(found, target, doors, what, orders, unit, runs_folder(runs), stop, dry_run=dry_run)
        )
    raise typer.Exit(status)


# ------------------------------------------------------------------------------------ what a person says


def confirm(name: str, what: str) -> None:
    """Let a person type the name of the device; anything else ends with exit status 1, no terminal with 2."""
    if not sys.stdin.isatty():
        fail("nobody sits at a terminal to say yes", ASKED_WRONGLY, "--yes says it beforehand")
    typed = typer.prompt(f"type {printable(name)} to {what}", default="", show_default=False, err=True)
    if str(typed).strip() != name:
        fail("nothing was changed", TROUBLE)


def _decisions(
    plan: Plan, decide: list[str], leave: list[str], *, dry_run: bool
) -> tuple[frozenset[str], frozenset[str]]:
    """What a person decided about each step that is his to decide, by option or one by one."""
    steps = {step.id: step for step in plan.steps}
    answered = QUESTIONS in decide
    decide = [name for name in decide if name != QUESTIONS]
    for name in (*decide, *leave):
        if name not in steps:
            fail(f"the plan has no step {printable(name)}", ASKED_WRONGLY, f"it has: {', '.join(steps)}")
    both = sorted(set(decide) & set(leave))
    if both:
        fail(f"{both[0]} is both to be done and to be left out", ASKED_WRONGLY)
    decided, left = set(decide), set(leave)
    open_ = {step.id: step for step in plan.decided_by_person if step.id not in decided | left}
    if dry_run:
        return frozenset(decided), frozenset(left)
    if open_ and not sys.stdin.isatty():
        fail(
            f"a person decides about: {', '.join(open_)}",
            ASKED_WRONGLY,
            *(
                printable(f"{each.id}: {each.purpose} --decide {each.id}, or --leave {each.id}")
                for each in open_.values()
            ),
        )
    if plan.decisions and not answered:
        _ask_questions(plan)
    for step in open_.values():
        (decided if _asked_about(step) else left).add(step.id)
    return frozenset(decided), frozenset(left)


def _ask_questions(plan: Plan) -> None:
    """The questions a plan leaves to a person, each to be said yes to; without a terminal they must be answered before."""
    sentences = [printable(f"{each.question} {each.why}") for each in plan.decisions]
    if not sys.stdin.isatty():
        fail(
            "the plan leaves questions to a person",
            ASKED_WRONGLY,
            *sentences,
            f"--decide {QUESTIONS} says that you have answered them",
        )
    for sentence in sentences:
        say(sentence, err=True)
        if not typer.confirm("is that decided, and does the plan fit it?", default=False, err=True):
            fail("nothing was changed", TROUBLE)


def _asked_about(step: Step) -> bool:
    say(printable(f"{step.id}: {step.purpose}"), style="bold", err=True)
    for risk in step.risks:
        say(printable(f"  {risk.danger.value}: {risk.sentence}"), err=True)
    return bool(typer.confirm("do this step?", default=False, err=True))


def _filling(
    plan: Plan,
    left: frozenset[str],
    values: list[str],
    token_file: str | None,
    certificate: str | None,
    *,
    dry_run: bool,
) -> Filling:
    """What is filled into the blanks, from the options, the environment and a person."""
    from anchorwatch.fleet.error import FleetError
    from anchorwatch.fleet.filling import CERTIFICATE, Filling

    found: dict[str, str | Secret] = {}
    for value in values:
        name, sign, word = value.partition("=")
        if not sign:
            fail(f"{printable(value)} is not NAME=VALUE", ASKED_WRONGLY)
        found[name.strip()] = word.strip()
    wanted = tuple(
        dict.fromkeys(blank for step in plan.steps if step.id not in left for blank in step.blanks)
    )
    secret = [blank.name for blank in wanted if blank.secret]
    if any(blank.name in found for blank in wanted if blank.secret):
        fail(
            f"<{secret[0]}> is a secret and never stands in an argument",
            ASKED_WRONGLY,
            f"--token-file, ${TOKEN}",
        )
    if certificate is not None:
        found[CERTIFICATE] = _pem(plan, certificate)
    if not dry_run:
        for name in secret:
            token = from_file(token_file) if token_file is not None else None
            token = token or (Secret(os.environ[TOKEN]) if os.environ.get(TOKEN) else ask(name))
            if token:
                found[name] = token
    try:
        filling = Filling(found)
        missing = filling.missing(wanted)
        if missing and not dry_run and sys.stdin.isatty():
            for blank in missing:
                if blank.name == CERTIFICATE or blank.secret:
                    continue
                say(printable(blank.sentence), err=True)
                filling = filling.with_value(blank.name, str(typer.prompt(f"{blank.name}", err=True)).strip())
            missing = filling.missing(wanted)
    except FleetError as error:
        fail(printable(str(error)), ASKED_WRONGLY, *map(printable, error.hints))
    if missing and not dry_run:
        fail(
            f"to be filled in: {', '.join(blank.name for blank in missing)}",
            ASKED_WRONGLY,
            *(printable(f"<{blank.name}>: {blank.sentence}") for blank in missing),
            "--set 'NAME=VALUE' fills a blank, --token-file the ID token, --certificate the certificate",
        )
    return filling


def _pem(plan: Plan, name: str) -> str:
    """The certificate of a file, if it is the one that a step of the plan names by its SHA-256."""
    from anchorwatch.formats import read as read_certificates

    try:
        data = read_bounded(name, _LARGEST_CERTIFICATE)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    certificates = read_certificates(data, source=name).certificates
    if len(certificates) != 1:
        fail(printable(f"{name} holds {len(certificates)} certificates, and one is asked for"), ASKED_WRONGLY)
    named = {
        digest
        for step in plan.steps
        if step.blanks and step.expected.claim is not None
        for digest in step.expected.claim.any_of
    }
    if certificates[0].sha256 not in named:
        fail(
            printable(f"{name} is “{certificates[0].title}” with SHA-256 {certificates[0].sha256}"),
            ASKED_WRONGLY,
            printable(f"the plan asks for SHA-256 {' or '.join(sorted(named)) or 'none'}"),
        )
    return certificates[0].pem


# ----------------------------------------------------------------------------------------- on the device


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Ctrl-C as a wish: the first ends the work between two lines, the second at once."""
    wished = False

    def wish(_number: int, _frame: object) -> None:
        nonlocal wished
        if wished:
            raise KeyboardInterrupt
        wished = True
        say("stopping after this line; once more to break off", err=True)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: wished
    finally:
        signal.signal(signal.SIGINT, before)


def on_device(work: Coroutine[Any, Any, int]) -> int:
    """Run what talks to a device; what it raises becomes a sentence and an exit status."""
    import asyncio

    from anchorwatch.fleet.error import FleetError, StateChanged
    from anchorwatch.net.errors import NoConversation

    try:
        return asyncio.run(work)
    except StateChanged as error:
        _told(error, error.hints)
        return TROUBLE
    except (NoConversation, FleetError) as error:
        _told(error, error.hints)
        return COULD_NOT_LOOK


def _told(error: Exception, hints: tuple[str, ...]) -> None:
    say(f"error: {printable(str(error))}", err=True, style="red")
    for line in hints:
        hint(printable(line))


async def _carried_out(
    plan: Plan,
    target: Target,
    doors: Doors,
    platform: Platform | None,
    orders: Orders,
    unit: str,
    root: Path,
    stop: Callable[[], bool],
    *,
    dry_run: bool,
) -> int:
    from anchorwatch.fleet import repair
    from anchorwatch.fleet.fit import Gone
    from anchorwatch.fleet.visit import visiting

    tell = progress(str(target))
    async with visiting(target, doors.access(target), platform=platform, tell=tell) as visit:
        part = repair.part_for(plan, visit, unit)
        before, fits = await repair.look(visit, plan, orders, tell=tell)
        tell("")
        if isinstance(fits, Gone):
            return _nothing_to_do(plan, visit, healthy=fits.healthy)
        if dry_run:
            say(printable(f"the plan fits {visit.device}; nothing was changed"), style="bold")
            return 0
        if stop():
            return TROUBLE
        run = repair.begin(root, visit, plan, part, before, at=SystemClock().now())
        say(printable(f"recorded as {run.name} in {root}"), err=True)
        try:
            outcome = await repair.repair(visit, plan, part, orders, run, before, tell=tell, stop=stop)
        except BaseException:
            tell("")
            run.end("broken off in the middle")
            hint(printable(f"anchorwatch undo {run.name} takes back what may have been done"))
            raise
        tell("")
        return _ended(outcome, run, orders)


def _nothing_to_do(plan: Plan, visit: Visit, *, healthy: bool) -> int:
    if healthy:
        say(
            printable(
                f"{visit.device}: {plan.code} is not there, and licensing works; nothing is left to do"
            ),
            style="bold green",
        )
        return 0
    say(printable(f"{visit.device}: {plan.code} is not there, so nothing was changed"), style="bold yellow")
    hint(printable(f"what is: anchorwatch diagnose ssh://{visit.target}"))
    return TROUBLE


def _ended(outcome: Outcome, run: Run, orders: Orders) -> int:
    """Say how it ended, write it down, and give the exit status."""
    from anchorwatch.fleet.repair import Proven, Stopped, Unproven

    run.end(outcome.sentence)
    changed = any(done.to_take_back for done in run.record.steps)
    match outcome:
        case Proven(sentence=sentence):
            say(printable(f"proven: {sentence}"), style="bold green")
            if "save" in orders.left:
                hint("the configuration was not saved: a reload forgets what was changed in it")
        case Unproven(sentence=sentence):
            say(printable(f"not proven: {sentence}"), style="bold yellow")
        case Stopped(step=step, sentence=sentence, settled=settled):
            say(printable(f"stopped at {step}: {sentence}"), style="bold red")
            if not settled:
                hint("the device may still stand in a mode or a question: look at it yourself")
        case unknown:
            assert_never(unknown)
    say(printable(f"what was said is kept in {run.folder}"), err=True)
    if changed:
        hint(printable(f"anchorwatch undo {run.name} takes back what was done"))
    return 0 if isinstance(outcome, Proven) else TROUBLE
