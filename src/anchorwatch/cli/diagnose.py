"""`anchorwatch diagnose`: from anything a device printed to the cause, the proof and the repair."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.schema import write
from anchorwatch.cli.capture_file import load_captures
from anchorwatch.cli.file import FileTroubleError, write_atomically
from anchorwatch.cli.live import SCHEME, Collected, collect
from anchorwatch.cli.login import USUAL, Doors, by_doors
from anchorwatch.cli.moment import parse_moment
from anchorwatch.cli.presented import obtain
from anchorwatch.cli.source import CouldNotLookError, gather_catalogue, load_store
from anchorwatch.cli.terminal import (
    ASKED_WRONGLY,
    COULD_NOT_LOOK,
    TROUBLE,
    fail,
    hint,
    printable,
    say,
    say_document,
)
from anchorwatch.devices.fact import Platform
from anchorwatch.devices.span import Span
from anchorwatch.devices.step import Step
from anchorwatch.doctor import case_file, outlook
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor.diagnosis import Diagnosis, Report, Status, diagnose, with_outlook
from anchorwatch.doctor.document import SCHEMA, document
from anchorwatch.doctor.finding import Finding, Severity
from anchorwatch.doctor.plan import NoPlan, Plan
from anchorwatch.doctor.rules import BY_CODE
from anchorwatch.pki.catalogue import Catalogue

__all__ = ["HELP", "run"]

HELP = """What is wrong with this firewall's licensing, by what it printed?

\b
Examples:
  anchorwatch diagnose console.log
  anchorwatch diagnose show-tech.txt syslog.gz --at 2018-10-09
  ssh asa1 'show tech-support license' | anchorwatch diagnose -
  anchorwatch diagnose trustpool.txt --endpoint tools.cisco.com
  anchorwatch diagnose captures/ --html > report.html
  anchorwatch diagnose console.log --save-plan asa1.plan.json
  anchorwatch diagnose console.log --save asa1.case.json --json
  anchorwatch diagnose ssh://admin@asa-1 --save-plan asa1.plan.json
  anchorwatch diagnose ssh://fw-1 ssh://fw-2 --save-capture fws.txt

Any mixture of console captures, show tech, syslog files, mails and web pages is read, and sorted by device and
moment. A device named as ssh://[USER@]HOST[:PORT] is read over SSH: only commands that change nothing are typed, and
only if its host key is known. Without a file the read-only commands to run are what `anchorwatch ask PLATFORM` prints.

Exit status: 0 healthy, 1 trouble found, 2 asked wrongly, 3 could not look or undetermined.
"""

EVIDENCE_SHOWN = 6
"""Lines quoted for one finding; a burst of a thousand log lines says no more."""


@by_doors
def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Files, folders, `-`, or devices as ssh://[USER@]HOST.",
            show_default=False,
        ),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(metavar="PLATFORM", help="What the device is, where its output does not tell."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When the question is asked; else the input's own dates."),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="HOST|CHAIN", help="Also: is the device fine for what this presents today?"),
    ] = None,
    store: Annotated[
        str | None, typer.Option(metavar="STORE", help="The device's store, where its output lists none.")
    ] = None,
    catalogue: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Known certificates; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the diagnosis as JSON.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Print the diagnosis as one HTML page.")] = False,
    save: Annotated[
        str | None, typer.Option(metavar="CASE", help="Keep the masked input, to diagnose it again later.")
    ] = None,
    save_plan: Annotated[
        str | None, typer.Option(metavar="PLAN", help="Keep the repair plan, for `anchorwatch plan show`.")
    ] = None,
    save_capture: Annotated[
        str | None, typer.Option(metavar="FILE", help="Keep what the devices printed, secrets masked.")
    ] = None,
    doors: Doors = USUAL,
    show_all: Annotated[
        bool, typer.Option("--all", help="Also list every line that was not understood.")
    ] = False,
) -> None:
    """Diagnose and end with the exit status of the answer."""
    if not files:
        fail(
            "no file is given",
            ASKED_WRONGLY,
            "anchorwatch diagnose FILE, or - for standard input",
            "no file yet? `anchorwatch ask asa` prints the commands to run on the device",
        )
    try:
        asked_at = parse_moment(at) if at is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from error
    if as_json and as_html:
        fail("--json and --html are two answers; ask for one", ASKED_WRONGLY)
    if store is not None and endpoint is None:
        fail("--store is judged against an endpoint; --endpoint is not given", ASKED_WRONGLY)
    devices = [name for name in files if name.startswith(SCHEME)]
    if save_capture is not None and not devices:
        fail("--save-capture keeps what a device prints; none is named as ssh://HOST", ASKED_WRONGLY)
    captures = load_captures([name for name in files if name not in devices])
    asked_at = asked_at or captures.asked_at
    what = platform_named(platform) if platform is not None else None
    try:
        known = gather_catalogue(["certifi", *(catalogue or [])])
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    live = _read_devices(devices, doors, save_capture, asked_at, known, what)
    report = diagnose((*captures.inputs, *live.inputs), at=asked_at, catalogue=known, platform=what)
    if endpoint is not None:
        report = _with_outlooks(report, endpoint, store, known, asked_at, what)
    if save_plan is not None:
        _save_plan(report, save_plan)
    if save is not None:
        try:
            write_atomically(save, case_file.to_text(report.inputs, asked_at).encode(), replace=True)
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
    if as_json:
        say_document(write(SCHEMA, document(report)))
    elif as_html:
        # The template engine loads only for whoever wants a page.
        from anchorwatch.web import report as page

        sys.stdout.write(page.render(report))
    else:
        render(report, show_all=show_all)
    status = {Status.HEALTHY: 0, Status.TROUBLE: TROUBLE, Status.UNDETERMINED: COULD_NOT_LOOK}[report.status]
    raise typer.Exit(status or (COULD_NOT_LOOK if live.missed else 0))


def _read_devices(
    names: list[str],
    doors: Doors,
    save_capture: str | None,
    at: datetime | None,
    known: Catalogue,
    platform: Platform | None,
) -> Collected:
    """Read devices over SSH, and keep what they printed; where none could be read the program ends."""
    if not names:
        return Collected(inputs=(), missed=0)
    live = collect(names, doors, at=at, catalogue=known, platform=platform)
    if not live.inputs:
        raise typer.Exit(COULD_NOT_LOOK)
    if save_capture is not None:
        try:
            write_atomically(save_capture, "".join(text for _, text in live.inputs).encode(), replace=True)
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
    return live


def platform_named(name: str) -> Platform:
    """The platform of that name; a bad one ends with exit status 2."""
    try:
        return Platform(name.lower())
    except ValueError:
        names = ", ".join(each.value for each in Platform)
        raise typer.BadParameter(f"there are {names}", param_hint="--platform") from None


def _with_outlooks(
    report: Report,
    endpoint: str,
    store: str | None,
    known: Catalogue,
    at: datetime | None,
    platform: Platform | None,
) -> Report:
    """Each case with the answer whether its device trusts what the endpoint presents."""
    presented = obtain(endpoint)
    asked = outlook.Endpoint(name=endpoint, presented=presented.certificates, peer=presented.peer)
    try:
        trusted = load_store(store) if store is not None else None
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    when = at or SystemClock().now()
    diagnoses = tuple(
        with_outlook(
            diagnosis,
            outlook.of(diagnosis.case, asked, catalogue=known, at=when, store=trusted),
            catalogue=known,
            platform=platform,
        )
        for diagnosis in report.diagnoses
    )
    if all(diagnosis.outlook is None for diagnosis in diagnoses):
        hint(
            "no input lists what a device trusts: add `show crypto ca trustpool` and "
            "`show crypto ca certificates`"
        )
    return replace(report, diagnoses=diagnoses)


def _save_plan(report: Report, name: str) -> None:
    """Write the one plan there is; of several none is picked silently."""
    found = [diagnosis.plan for diagnosis in report.diagnoses if isinstance(diagnosis.plan, Plan)]
    if len(found) != 1:
        why = (
            "no device here has a plan"
            if not found
            else f"{len(found)} devices here have a plan of their own"
        )
        fail(f"{why}, so none was saved", ASKED_WRONGLY, "give the files of one device")
    try:
        write_atomically(name, plans.write(found[0]).encode(), replace=True)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


def render(report: Report, *, show_all: bool = False) -> None:
    """Print a report: for each device and moment what is broken, what it affects and what to do, then the proof."""
    if not report.diagnoses:
        say("nothing in this input was printed by a device that we know", style="bold")
        hint("`anchorwatch ask asa` (or fxos, ios-xe) prints the commands whose output is worth having")
    for number, diagnosis in enumerate(report.diagnoses):
        if number:
            say()
        _case(diagnosis)
    _not_understood(report.not_understood, show_all=show_all)


_STYLES = {Status.HEALTHY: "bold green", Status.TROUBLE: "bold red", Status.UNDETERMINED: "bold yellow"}


def _case(diagnosis: Diagnosis) -> None:
    moment = diagnosis.case.moment
    heading = [diagnosis.case.device or "a device without a name", diagnosis.status.value]
    if moment is not None:
        heading.insert(1, str(moment))
    say(printable(" · ".join(heading)), style=_STYLES[diagnosis.status])
    causes = [finding for finding in diagnosis.causes if finding.severity is not Severity.NOTE]
    if causes and diagnosis.status is not Status.HEALTHY:
        say(printable(f"  broken    {causes[0].sentence}"))
    elif diagnosis.well is not None:
        say(printable(f"  works     {_quoted(diagnosis.well)}"))
    else:
        say("  broken    nothing that this output proves")
    say(printable(f"  affected  {diagnosis.impact.sentence}"))
    if diagnosis.next_step:
        say(printable(f"  next      {diagnosis.next_step}"))
    if diagnosis.outlook is not None:
        say(printable(f"  endpoint  {diagnosis.outlook.answer.value}: {diagnosis.outlook.sentence}"))
    for finding in diagnosis.findings:
        _finding(finding)
    if diagnosis.ruled_out:
        say()
        say("  ruled out", style="bold")
        for other in diagnosis.ruled_out:
            say(printable(f"    {other.code}: {other.sentence}"))
    if diagnosis.next_commands:
        say()
        say("  what would tell more, most telling first", style="bold")
        for command in diagnosis.next_commands:
            place = f" ({command.place})" if command.place else ""
            say(printable(f"    {command.line}{place}: {command.why}"))
    _repair(diagnosis)


def _repair(diagnosis: Diagnosis) -> None:
    """The plan in brief, or why there is none."""
    if diagnosis.plan is None:
        return
    say()
    if isinstance(diagnosis.plan, NoPlan):
        reason = diagnosis.plan
        say(printable(f"  no plan for {reason.code}: {reason.reason}"), style="bold")
        for sentence in reason.instead:
            say(printable(f"    {sentence}"))
        for wanted in reason.wanted:
            digest = f" (SHA-256 {wanted.sha256})" if wanted.sha256 else ""
            say(printable(f"    needed: “{wanted.name}”{digest}; {wanted.where}"))
        return
    plan = diagnosis.plan
    say(printable(f"  repair: {plan.title}"), style="bold")
    for anchor in plan.anchors:
        say(printable(f"    enough: “{anchor.name}”: {anchor.standing}"))
    if plan.admits is not None:
        say(printable(f"    lets in: {plan.admits.sentence}"))
    for decision in plan.decisions:
        say(printable(f"    decide: {decision.question} {decision.why}"))
    for caution in plan.cautions:
        say(printable(f"    mind: {caution}"))
    for part in plan.parts:
        if part.unit:
            say(printable(f"    on {part.unit}"))
        for step in (*part.prechecks, *part.steps, *part.verify):
            _step(step)
    say("    the whole procedure, with undo: --save-plan FILE, then `anchorwatch plan show FILE`")


PASTE_SHOWN = 3
"""Lines shown of what is pasted; the plan holds all of them."""


def _step(step: Step) -> None:
    say(printable(f"    • {step.purpose}"))
    lines = list(step.typed)
    shown = lines if len(lines) <= 3 * PASTE_SHOWN else [*lines[:PASTE_SHOWN], "…", *lines[-PASTE_SHOWN:]]
    for line in shown:
        say(printable(f"        {line}"))
    say(printable(f"      expect: {step.expected.sentence}"))


def _finding(finding: Finding) -> None:
    say()
    if finding.explained_by is not None:
        say(printable(f"  {finding.code}, explained by {finding.explained_by}: {finding.sentence}"))
        return
    word = {Severity.TROUBLE: "cause", Severity.WARNING: "warning", Severity.NOTE: "note"}[finding.severity]
    say(printable(f"  {word}: {finding.code} ({finding.confidence.value})"), style="bold")
    say(printable(f"    {finding.sentence}"))
    for span in finding.evidence[:EVIDENCE_SHOWN]:
        say(printable(f"    {span}  {_quoted(span)}"))
    more = len(finding.evidence) - EVIDENCE_SHOWN
    if more > 0:
        say(f"    and {more} more lines")
    if finding.near_miss is not None:
        pairs = ", ".join(f"{has} is not {lacks}" for has, lacks in finding.near_miss.differing)
        say(printable(f"    nearly the same name is trusted, “{finding.near_miss.has.label}”: {pairs}"))
    verification = BY_CODE[finding.code].verification
    if verification and finding.severity is not Severity.NOTE:
        say(printable(f"    proof     {verification}"))


def _quoted(span: Span) -> str:
    return span.text if len(span.text) <= 200 else span.text[:199] + "…"


def _not_understood(spans: tuple[Span, ...], *, show_all: bool) -> None:
    if not spans:
        return
    say()
    lines = "line was" if len(spans) == 1 else "lines were"
    say(f"{len(spans)} {lines} not understood" + ("" if show_all else " (--all lists them)"))
    if show_all:
        for span in spans:
            say(printable(f"  {span}  {_quoted(span)}"))
