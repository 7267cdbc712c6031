"""`anchorwatch lab`, what one does to a town: turn its clock, move its portal, break and mend"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from anchorwatch.cli.file import FileTroubleError, write_atomically
from anchorwatch.cli.lab import HERE, FolderOption, ask, minute, tell, told
from anchorwatch.cli.moment import parse_moment
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, fail, printable, say, table

__all__ = ["clock", "commands"]

commands = typer.Typer()
clock = typer.Typer(name="clock", no_args_is_help=True, help="The town's clock.")

DeviceArgument = Annotated[
    str | None,
    typer.Argument(metavar="[DEVICE]", help="One device; all of them without.", show_default=False),
]


@clock.command("show")
def show_clock(folder: FolderOption = HERE) -> None:
    """Say what time it is in the town, and what is to come.

    \b
    Examples:
      anchorwatch lab clock show
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "status"})
    say(minute(found["now"]))
    tell("to come", found["coming"])


@clock.command()
def advance(
    span: Annotated[
        str | None, typer.Argument(metavar="[SPAN]", help="How far: 90d, 12h, 3d12h.", show_default=False)
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Until when, in UTC.")] = None,
    to_next_event: Annotated[
        bool, typer.Option("--to-next-event", help="Until the next thing that the story holds.")
    ] = False,
    folder: FolderOption = HERE,
) -> None:
    """Let time pass quickly: renewals, imports and expiries happen at their moments, and so does the story.

    \b
    Examples:
      anchorwatch lab clock advance 90d
      anchorwatch lab clock advance --to 2018-10-09T12:00
      anchorwatch lab clock advance --to-next-event
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    if (span is not None) + (to is not None) + to_next_event != 1:
        fail("say how far: a span, --to DATE, or --to-next-event", ASKED_WRONGLY)
    question: dict[str, Any] = {"do": "advance"}
    if span is not None:
        question["span"] = _span(span)
    if to is not None:
        try:
            question["to"] = parse_moment(to).isoformat()
        except ValueError as error:
            fail(printable(str(error)), ASKED_WRONGLY)
    with told(), _progress() as heard:
        found = ask(folder.absolute(), question, heard=heard)
    say(minute(found["now"]))
    tell("happened", found["happened"])
    tell("to come", found["coming"])


def _span(text: str) -> str:
    from anchorwatch.lab.span import SpanError, parse_span

    try:
        if parse_span(text).total_seconds() < 0:
            fail("time does not go back in a town", ASKED_WRONGLY)
    except SpanError as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    return text


@contextlib.contextmanager
def _progress() -> Iterator[Any]:
    """A line on a terminal that says how far it is; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        yield lambda text: typer.echo(f"\r… {printable(text)}", nl=False, err=True)
    finally:
        typer.echo("\r              \r", nl=False, err=True)


@commands.command()
def migrate(
    chain: Annotated[
        str | None, typer.Argument(metavar="[CHAIN]", help="A chain of the story; the next one without.")
    ] = None,
    folder: FolderOption = HERE,
) -> None:
    """Let the portal move to another CA now.

    \b
    Examples:
      anchorwatch lab migrate
      anchorwatch lab migrate old
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "migrate", "chain": chain})
    say(f"the portal shows the chain “{printable(found['chain'])}” from the next connection on")


@commands.command()
def publish(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="An issue of the story's bundle.")],
    folder: FolderOption = HERE,
) -> None:
    """Serve another issue of the signed bundle.

    \b
    Examples:
      anchorwatch lab publish 2017
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        ask(folder.absolute(), {"do": "publish", "bundle": bundle})
    say(f"the bundle “{printable(bundle)}” is served")


@commands.command("break")
def break_(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What to break; `lab faults` lists it.")],
    device: DeviceArgument = None,
    folder: FolderOption = HERE,
) -> None:
    """Break something around one device or all of them.

    \b
    Examples:
      anchorwatch lab break dns
      anchorwatch lab break tls-inspection asav-982
      anchorwatch lab break port80 fpr2110-open
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "break", "fault": what, "device": device})
    say(printable(found["meaning"]))
    _changed(found["changed"], "it was broken before")


@commands.command()
def mend(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="What to mend.")],
    device: DeviceArgument = None,
    folder: FolderOption = HERE,
) -> None:
    """Mend what was broken around one device or all of them.

    \b
    Examples:
      anchorwatch lab mend dns
      anchorwatch lab mend port80 fpr2110-blocked
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "mend", "fault": what, "device": device})
    _changed(found["changed"], "it was whole before")


def _changed(names: list[str], otherwise: str) -> None:
    if not names:
        say(f"nothing changes: {otherwise}")
        return
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    say(f"for {printable(', '.join(names[:8]))}{more}")


@commands.command()
def faults() -> None:
    """List what can be broken.

    \b
    Examples:
      anchorwatch lab faults
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab.network import Fault

    table(("fault", "meaning"), [(each.value, each.meaning) for each in Fault])


@commands.command()
def token(folder: FolderOption = HERE) -> None:
    """Make an ID token for the town's portal and show it, to be pasted at a device.

    \b
    Examples:
      anchorwatch lab token
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "token"})
    say(printable(found["token"]))


@commands.command("export-catalogue")
def export_catalogue(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="A folder, made where it is not there.")],
    folder: FolderOption = HERE,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write the town's CAs, its signed bundles and whom its devices pin, for `diagnose`, `judge` and `bundle verify`.

    \b
    Examples:
      anchorwatch lab export-catalogue town
      anchorwatch diagnose console.log --catalogue town/cas.pem
      anchorwatch bundle verify town/bundle-2017.p7b --pin "$(cat town/pin.txt)"

    The town's CAs carry well-known names and are not the well-known ones; a plan says so where it meets them.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        found = ask(folder.absolute(), {"do": "catalogue"})
    files = {"cas.pem": "".join(found["certificates"]).encode("ascii")}
    files["pin.txt"] = "".join(f"{each}\n" for each in found["pins"]).encode("ascii")
    files |= {f"bundle-{code}.p7b": bytes.fromhex(octets) for code, octets in found["bundles"].items()}
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, octets in files.items():
            write_atomically(str(into / name), octets, replace=force)
    except (FileTroubleError, OSError) as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    say(
        f"{len(found['certificates'])} CAs, {len(found['bundles'])} bundles and the pin are in {printable(str(into))}"
    )
