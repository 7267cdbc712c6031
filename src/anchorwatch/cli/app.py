"""The root of the command line. Each noun is a module beside this one, and is named here with its first sentence."""

from functools import cache
from typing import Annotated

import typer

from anchorwatch.cli.noun import Noun, group_of


def _demo(into: typer.Typer) -> None:
    from anchorwatch.cli.demo import demo

    into.command()(demo)


def _diagnose(into: typer.Typer) -> None:
    from anchorwatch.cli import diagnose

    into.command("diagnose", help=diagnose.HELP)(diagnose.run)


def _ask(into: typer.Typer) -> None:
    from anchorwatch.cli import ask

    into.command("ask", help=ask.HELP)(ask.run)


def _judge(into: typer.Typer) -> None:
    from anchorwatch.cli import judge

    into.command("judge", help=judge.HELP)(judge.run)


def _agent(into: typer.Typer) -> None:
    from anchorwatch.cli import agent

    into.add_typer(agent.app)


def _case(into: typer.Typer) -> None:
    from anchorwatch.cli import case

    into.add_typer(case.app, name="case")


def _bundle(into: typer.Typer) -> None:
    from anchorwatch.cli import bundle

    into.add_typer(bundle.app)


def _lab(into: typer.Typer) -> None:
    into.add_typer(_whole_lab())


@cache
def _whole_lab() -> typer.Typer:
    """The noun `lab` from its modules, put together once however often it is read."""
    from anchorwatch.cli import lab, lab_story, lab_town

    lab.app.add_typer(lab_town.clock)
    lab.app.registered_commands += lab_town.commands.registered_commands
    lab.app.registered_commands += lab_story.commands.registered_commands
    return lab.app


def _plan(into: typer.Typer) -> None:
    from anchorwatch.cli import plan

    into.add_typer(plan.app)


def _apply(into: typer.Typer) -> None:
    from anchorwatch.cli import apply

    into.command("apply", help=apply.HELP)(apply.run)


def _undo(into: typer.Typer) -> None:
    from anchorwatch.cli import undo

    into.command("undo", help=undo.HELP)(undo.run)


def _portal(into: typer.Typer) -> None:
    into.add_typer(_whole_portal())


@cache
def _whole_portal() -> typer.Typer:
    """The noun `portal` from its modules, put together once however often it is read."""
    from anchorwatch.cli import (
        portal,
        portal_alert,
        portal_backup,
        portal_key,
        portal_move,
        portal_token,
        portal_trust,
    )

    portal.app.command()(portal_backup.backup)
    portal.app.command()(portal_backup.restore)
    portal.app.add_typer(portal_token.tokens)
    portal.app.add_typer(portal_key.keys)
    portal.app.add_typer(portal_trust.devices)
    portal.app.add_typer(portal_trust.trust)
    portal.app.add_typer(portal_alert.alerts)
    portal.licenses.command("move")(portal_move.move_seats)
    portal_trust.devices.command("move")(portal_move.move_device)
    return portal.app


def _store(into: typer.Typer) -> None:
    from anchorwatch.cli import store

    into.add_typer(store.app)


NOUNS = (
    Noun(
        "demo",
        "Play the two incidents of the document on this machine: a portal changes its CA, firewalls lose it, and get it back.",
        _demo,
    ),
    Noun("diagnose", "What is wrong with this firewall's licensing, by what it printed?", _diagnose),
    Noun("ask", "The read-only commands whose output is worth having, to paste on the device.", _ask),
    Noun(
        "judge",
        "Does a store vouch for what a server presents, as a given client would decide?",
        _judge,
    ),
    Noun(
        "agent",
        "License an appliance at a portal of one's own, and keep it licensed when the portal's CA changes.",
        _agent,
    ),
    Noun("case", "Keep, mask and hand over what devices printed.", _case),
    Noun("bundle", "Read, verify, compare, make and convert trust bundles.", _bundle),
    Noun("plan", "Look at a repair plan before anything is typed.", _plan),
    Noun(
        "apply",
        "Carry out a repair plan on a device over SSH, step by step, and prove that it helped.",
        _apply,
    ),
    Noun("undo", "Take back what a run changed on a device, the newest step first.", _undo),
    Noun("portal", "Run a licensing portal for one's own appliances.", _portal),
    Noun(
        "lab",
        "A town on this machine: firewalls one can ssh to, a portal whose CA moves, and a clock one can turn.",
        _lab,
    ),
    Noun("store", "Show and compare what clients and devices trust.", _store),
)
"""In the order of the help page."""

app = typer.Typer(
    name="anchorwatch",
    cls=group_of(NOUNS),
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

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


def main() -> None:
    """The console script."""
    app()
