"""`anchorwatch plan`: look at a repair plan before anything is typed."""

from __future__ import annotations

from typing import Annotated

import typer

from anchorwatch.base.schema import SchemaError
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, fail, printable
from anchorwatch.doctor import plan as plans
from anchorwatch.doctor import procedure

# The largest plan has a handful of units with two certificates each; a megabyte is far beyond it.
_MOST_OCTETS = 1_048_576

app = typer.Typer(name="plan", no_args_is_help=True, help="Look at a repair plan before anything is typed.")


@app.callback()
def root() -> None:
    """Look at a repair plan before anything is typed."""


@app.command()
def show(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan file, or - for standard input.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="The plan as JSON, checked and written anew.")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a change ticket.")] = False,
) -> None:
    """Show a plan as a change procedure: precheck, steps, what to expect, proof and backout.

    \b
    Examples:
      anchorwatch plan show asa-3.plan.json
      anchorwatch plan show asa-3.plan.json --markdown > change.md

    A plan that holds what no plan may hold (deregistering, emptying a pool, a certificate that is not the one it
    names) is refused. Exit status 0 when it was shown, 2 when the file is no plan, 3 when it could not be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    if as_json and as_markdown:
        fail("--json and --markdown are two forms; ask for one", ASKED_WRONGLY)
    found = read_plan(plan)
    if as_json:
        typer.echo(plans.write(found), nl=False)
        return
    shown = procedure.markdown(found) if as_markdown else procedure.text(found)
    for line in shown.split("\n")[:-1]:
        typer.echo(printable(line))


def read_plan(name: str) -> plans.Plan:
    """A plan out of a file; what is none ends with exit status 2, what cannot be read with 3."""
    try:
        data = read_bounded(name, _MOST_OCTETS)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    if len(data) > _MOST_OCTETS:
        fail(f"{printable(name)} is larger than any plan", ASKED_WRONGLY)
    try:
        return plans.read(data)
    except SchemaError as error:
        fail(f"{printable(name)}: {printable(str(error))}", ASKED_WRONGLY)
