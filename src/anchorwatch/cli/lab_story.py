"""`anchorwatch lab`, the stories a town can tell"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anchorwatch.cli.lab import story_text, told
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, printable, say, table

__all__ = ["commands"]

commands = typer.Typer()


@commands.command()
def stories() -> None:
    """List the stories there are.

    \b
    Examples:
      anchorwatch lab stories
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import story_file

    rows = []
    for name in story_file.names():
        found = story_file.load(name)
        rows.append((name, found.title, f"{found.starts:%Y-%m-%d}", str(len(found.devices))))
    table(("story", "title", "starts", "devices"), rows, right=(3,))


@commands.command()
def story(
    name: Annotated[str, typer.Argument(metavar="STORY", help="A story of `lab stories`.")],
) -> None:
    """Print a story as it is written, to begin one's own with.

    \b
    Examples:
      anchorwatch lab story 2018 > mine.toml
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    with told():
        typer.echo(story_text(name), nl=False)


@commands.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A story of one's own.")],
) -> None:
    """Say what is wrong with a story, all of it at once.

    \b
    Examples:
      anchorwatch lab check mine.toml

    Exit status: 0 it can be told, 1 it cannot, 3 the file cannot be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.lab import story_file
    from anchorwatch.lab.story import StoryError

    try:
        text = story_file.read_file(file)
    except StoryError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    with told():
        found = story_file.read(text)
    say(
        f"{printable(found.title)}: {len(found.devices)} devices, {len(found.chains)} chains, "
        f"{len(found.bundles)} bundles, {len(found.events)} events, from {found.begins:%Y-%m-%d}"
    )
