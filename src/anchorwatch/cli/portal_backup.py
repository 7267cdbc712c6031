"""`anchorwatch portal backup` and `restore`: the database as one file. Keys are files already, and are not in it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from anchorwatch.cli.file import FileTroubleError, write_atomically
from anchorwatch.cli.portal import HERE, FolderOption, opened
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, hint, printable, say
from anchorwatch.disk.file import reason


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it; - is standard output.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    folder: FolderOption = HERE,
) -> None:
    """Write everything in the database to one file, while the portal serves.

    \b
    Examples:
      anchorwatch portal backup portal.backup

    The file sees one moment and fits either kind of database. Keys are not in it: copy the folder `keys` as well.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.db import dump

    with opened(folder) as portal:
        written = io.BytesIO()
        rows = dump.save(portal.database, written)
        try:
            write_atomically(file, written.getvalue(), replace=force)
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
        say(f"{rows} rows", err=True)
        hint(f"the keys are in {printable(str(folder / 'keys'))}; copy them too, to another place")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `portal backup` wrote.")],
    folder: FolderOption = HERE,
) -> None:
    """Fill an empty database from a backup. The folder holds the portal's name and its keys already.

    \b
    Examples:
      anchorwatch portal restore portal.backup

    It is stored whole or not at all. Agents that hold newer grants show them, and their seats are consumed again.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.db import dump

    with opened(folder) as portal:
        try:
            with file.open("rb") as source:
                rows = dump.restore(portal.database, source)
        except OSError as error:
            fail(f"{printable(str(file))}: {reason(error)}", COULD_NOT_LOOK)
        say(f"{rows} rows", err=True)
