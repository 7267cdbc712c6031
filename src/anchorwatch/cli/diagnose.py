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
from anchorwatch.devices.span import Span
from anchorwatch.doctor import case_file, outlook
from anchorwatch.doctor.diagnosis import Diagnosis, Report, Status, diagnose
from anchorwatch.doctor.document import SCHEMA, document
from anchorwatch.doctor.finding import Finding, Severity
from anchorwatch.doctor.rules import BY_CODE

__all__ = ["HELP", "run"]

HELP = """What is wrong with this firewall's licensing, by what it printed?

\b
Examples:
  anchorwatch diagnose console.log
  anchorwatch diagnose show-tech.txt syslog.gz --at 2018-10-09
  ssh asa1 'show tech-support license' | anchorwatch diagnose -
  anchorwatch diagnose trustpool.txt --endpoint tools.cisco.com
  anchorwatch diagnose captures/ --html > report.html
  anchorwatch diagnose console.log --save asa1.case.json --json

Any mixture of console captures, show tech, syslog files, mails and web pages is read, and sorted by device and
moment. Without a file the read-only commands to run are what `anchorwatch ask PLATFORM` prints.

Exit status: 0 healthy, 1 trouble found, 2 asked wrongly, 3 could not look or undetermined.
"""

EVIDENCE_SHOWN = 6
"""Lines quoted for one finding; a burst of a thousand log lines says no more."""


def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="Files, folders, or `-`.", show_default=False),
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
    captures = load_captures(files)
    asked_at = asked_at or captures.asked_at
    report = diagnose(captures.inputs, at=asked_at)
    if endpoint is not None:
        report = _with_outlooks(report, endpoint, store, catalogue or [], asked_at)
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
    raise typer.Exit(
        {Status.HEALTHY: 0, Status.TROUBLE: TROUBLE, Status.UNDETERMINED: COULD_NOT_LOOK}[report.status]
    )


def _with_outlooks(
    report: Report, endpoint: str, store: str | None, catalogue: list[str], at: datetime | None
) -> Report:
    """Each case with the answer whether its device trusts what the endpoint presents."""
    presented = obtain(endpoint)
    asked = outlook.Endpoint(name=endpoint, presented=presented.certificates, peer=presented.peer)
    try:
        known = gather_catalogue(["certifi", *catalogue])
        trusted = load_store(store) if store is not None else None
    except CouldNotLookError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    when = at or SystemClock().now()
    diagnoses = tuple(
        replace(
            diagnosis,
            outlook=outlook.of(diagnosis.case, asked, catalogue=known, at=when, store=trusted),
        )
        for diagnosis in report.diagnoses
    )
    if all(diagnosis.outlook is None for diagnosis in diagnoses):
        hint(
            "no input lists what a device trusts: add `show crypto ca trustpool` and `show crypto ca certificates`"
        )
    return replace(report, diagnoses=diagnoses)


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
    if causes:
        say(printable(f"  broken    {causes[0].sentence}"))
    elif diagnosis.status is Status.HEALTHY and diagnosis.standing.newest is not None:
        say(printable(f"  works     {_quoted(diagnosis.standing.newest.span)}"))
    else:
        say("  broken    nothing that this output proves")
    say(printable(f"  affected  {diagnosis.impact.sentence}"))
    if diagnosis.outlook is not None:
        say(printable(f"  endpoint  {diagnosis.outlook.answer.value}: {diagnosis.outlook.sentence}"))
    for finding in diagnosis.findings:
        _finding(finding)
    if diagnosis.ruled_out:
        say("  ruled out")
        for other in diagnosis.ruled_out:
            say(printable(f"    {other.code}: {other.sentence}"))


def _finding(finding: Finding) -> None:
    say()
    if finding.explained_by is not None:
        say(printable(f"  {finding.code}, explained by {finding.explained_by}: {finding.sentence}"))
        return
    word = "note" if finding.severity is Severity.NOTE else "cause"
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
