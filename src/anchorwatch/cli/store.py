"""`anchorwatch store`: show and compare what clients and devices trust."""

from __future__ import annotations

from typing import Annotated

import typer

from anchorwatch.cli.bundle import (
    AtOption,
    CatalogueOption,
    JsonOption,
    known_certificates,
    show_difference,
    show_source,
)
from anchorwatch.cli.source import load_or_fail

app = typer.Typer(name="store", no_args_is_help=True, help="Show and compare what clients and devices trust.")

_STORE = "A file or folder of certificates in any form, - for standard input, certifi, or system."


@app.command()
def show(
    store: Annotated[str, typer.Argument(metavar="STORE", help=_STORE)],
    catalogue: CatalogueOption = None,
    at: AtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the anchors of a store, and which of them are over.

    \b
    Examples:
      anchorwatch store show system
      anchorwatch store show running-config.txt --at 2020-02-08

    Exit status 1 when something that should have been there could not be read.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    known = known_certificates(catalogue)
    show_source(load_or_fail(store), known, at=at, as_json=as_json, noun="store")


@app.command("diff")
def diff_command(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_STORE)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The store to compare it with.")],
    as_json: JsonOption = False,
) -> None:
    """Compare two stores by fingerprint and by key.

    \b
    Examples:
      anchorwatch store diff pool-before.pem pool-after.pem
      anchorwatch store diff system certifi

    Exit status 0 when both trust the same certificates, 1 when they differ or one could not be read whole.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    show_difference(load_or_fail(old), load_or_fail(new), as_json=as_json, noun="store-diff")
