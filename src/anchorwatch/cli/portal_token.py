"""`anchorwatch portal token`: ID tokens, with which devices register."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from anchorwatch.cli.portal import HERE, AccountOption, FolderOption, VirtualOption, opened
from anchorwatch.cli.terminal import ASKED_WRONGLY, fail, printable, say, table

tokens = typer.Typer(name="token", no_args_is_help=True, help="ID tokens, with which devices register.")


@tokens.command("create")
def create_token(
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it may be used.")] = 30,
    uses: Annotated[int, typer.Option("--uses", min=1, max=100_000, help="How many devices may use it.")] = 1,
    basic: Annotated[
        bool,
        typer.Option("--basic", help="For plain EST clients: it is sent as a password and pins nothing."),
    ] = False,
    export: Annotated[bool, typer.Option("--export", help="Allow export-controlled functionality.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="It may replace a live device of the same identifier.")
    ] = False,
    approval: Annotated[
        bool, typer.Option("--approval", help="Its devices wait until somebody approves them.")
    ] = False,
    serials: Annotated[
        str | None, typer.Option("--serials", help="A pattern with * for serial numbers.")
    ] = None,
    network: Annotated[
        str | None, typer.Option("--network", help="The network its devices come from.")
    ] = None,
    account: AccountOption = None,
    virtual_account: VirtualOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Make an ID token and show it, this once. The portal keeps nothing one could register with.

    \b
    Examples:
      anchorwatch portal token create --days 7 --uses 20
      anchorwatch portal token create --basic --serials 'R-*'
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    import ipaddress

    from anchorwatch.portal import management

    if network is not None:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            fail(f"{printable(network)} is no network as 192.0.2.0/24", ASKED_WRONGLY)
    terms = management.TokenTerms(
        life=timedelta(days=days),
        uses=uses,
        basic=basic,
        export=export,
        force=force,
        approval=approval,
        serials=serials,
        network=network,
    )
    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        _, text = management.make_token(
            portal, management.find_virtual(portal, owner, virtual_account), terms
        )
        typer.echo(text.reveal())


@tokens.command("list")
def list_tokens(account: AccountOption = None, folder: FolderOption = HERE) -> None:
    """List the ID tokens of a smart account by their public beginnings.

    \b
    Examples:
      anchorwatch portal token list
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        found = management.tokens(portal, management.find_account(portal, account))
        now = portal.clock.now()
        rows = []
        for each in found:
            state = "revoked" if each.revoked_at else "expired" if each.expires_at <= now else "good"
            rows.append(
                (
                    each.prefix,
                    str(each.mode),
                    f"{each.uses}/{each.max_uses}",
                    f"{each.expires_at:%Y-%m-%d}",
                    state,
                )
            )
        table(("token", "mode", "used", "until", "state"), rows)


@tokens.command("revoke")
def revoke_token(
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="Its public beginning, as `token list` shows it.")
    ],
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Revoke an ID token; devices that used it stay.

    \b
    Examples:
      anchorwatch portal token revoke mzxw6ytboi4dcmrt
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        revoked = management.revoke_token(portal, management.find_account(portal, account), token)
        say("revoked" if revoked else "it was revoked before")
