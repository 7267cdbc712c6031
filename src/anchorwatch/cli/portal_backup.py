"""`anchorwatch portal backup` and `restore`: the database as one file. Keys are files already, and are not in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO, Annotated

import typer

from anchorwatch.cli.portal import HERE, FolderOption, opened
from anchorwatch.cli.terminal import COULD_NOT_LOOK, fail, hint, printable, say
from anchorwatch.disk.file import beside, reason


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
    from anchorwatch.db.error import DatabaseError

    with opened(folder) as portal:
        try:
            if file == "-":
                rows = dump.save(portal.database, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            else:
                if Path(file).exists() and not force:
                    fail(f"{printable(file)} is there already; --force replaces it", COULD_NOT_LOOK)
                with beside(Path(file)) as unfinished, _private(unfinished) as target:
                    rows = dump.save(portal.database, target)
        except DatabaseError:
            raise  # though some of these are errors of the system too
        except OSError as error:
            fail(f"{printable(file)}: {reason(error)}", COULD_NOT_LOOK)
        say(f"{rows} rows", err=True)
        hint(f"the keys are in {printable(str(folder / 'keys'))}; copy them too, to another place")


def _private(path: Path) -> IO[bytes]:
    """A new file that nobody else may read: what is in the database is not for everybody."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


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
    from anchorwatch.db.error import DatabaseError

    with opened(folder) as portal:
        try:
            with file.open("rb") as source:
                rows = dump.restore(portal.database, source)
        except DatabaseError:
            raise  # though some of these are errors of the system too
        except OSError as error:
            fail(f"{printable(str(file))}: {reason(error)}", COULD_NOT_LOOK)
        say(f"{rows} rows", err=True)
