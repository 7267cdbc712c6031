"""`anchorwatch portal alert`: what of an account an operator should look at now."""

from __future__ import annotations

import typer

from anchorwatch.cli.portal import HERE, AccountOption, FolderOption, opened
from anchorwatch.cli.terminal import TROUBLE, printable, table

alerts = typer.Typer(
    name="alert", no_args_is_help=True, help="What should be looked at: opened and closed by rules."
)


@alerts.command("list")
def list_alerts(account: AccountOption = None, folder: FolderOption = HERE) -> None:
    """List the alerts that are open now.

    \b
    Examples:
      anchorwatch portal alert list

    Exit status 1 when there are any.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import alert, management

    with opened(folder) as portal:
        found = alert.alerts(portal, management.find_account(portal, account).id)
        rows = [
            (
                str(each.kind),
                str(each.severity),
                printable(each.sentence),
                f"{each.due:%Y-%m-%d}" if each.due is not None else "",
            )
            for each in found
        ]
        table(("alert", "severity", "what", "due"), rows)
        if found:
            raise typer.Exit(TROUBLE)
