"""The root of the command line. Each noun is a module beside this one and is registered here, by name."""

from importlib.metadata import version
from typing import Annotated

import typer

from anchorwatch.cli import (
    agent,
    ask,
    bundle,
    case,
    diagnose,
    judge,
    plan,
    portal,
    portal_backup,
    portal_token,
    portal_trust,
    store,
)
from anchorwatch.cli.demo import demo

app = typer.Typer(
    name="anchorwatch",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"anchorwatch {version('anchorwatch')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and end.")
    ] = False,
) -> None:
    """Keep watch on trust anchors: does a store vouch for what a server presents, and if not, what would mend it?

    Exit status: 0 well, 1 trouble found or refused, 2 asked wrongly, 3 could not look.
    """


app.command()(demo)
app.command("diagnose", help=diagnose.HELP)(diagnose.run)
app.command("ask", help=ask.HELP)(ask.run)
app.command("judge", help=judge.HELP)(judge.run)
app.add_typer(agent.app)
app.add_typer(case.app, name="case")
app.add_typer(bundle.app)
app.add_typer(plan.app)
portal.app.command()(portal_backup.backup)
portal.app.command()(portal_backup.restore)
portal.app.add_typer(portal_token.tokens)
portal.app.add_typer(portal_trust.devices)
portal.app.add_typer(portal_trust.trust)
app.add_typer(portal.app)
app.add_typer(store.app)


def main() -> None:
    """The console script."""
    app()
