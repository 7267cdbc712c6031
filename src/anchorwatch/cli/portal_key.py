"""`anchorwatch portal key`: the keys with which operators use the management API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from anchorwatch.cli.portal import HERE, AccountOption, FolderOption, opened
from anchorwatch.cli.terminal import ASKED_WRONGLY, fail, printable, say, table

keys = typer.Typer(
    name="key", no_args_is_help=True, help="The keys with which operators use the management API."
)


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, or what uses it.")],
    role: Annotated[
        str,
        typer.Option("--role", help="viewer looks, operator runs devices and tokens, admin does everything."),
    ] = "viewer",
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it may be used.")] = 365,
    whole_portal: Annotated[
        bool,
        typer.Option(
            "--portal", help="For the portal itself: its accounts and its trust, nothing inside an account."
        ),
    ] = False,
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Make an API key and show it, this once. The portal keeps a hash of it.

    \b
    Examples:
      anchorwatch portal key create "night shift" --role operator
      anchorwatch portal key create "root move" --portal --role admin --days 7

    A key belongs to one account and never sees another.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.db.word import OperatorRole
    from anchorwatch.portal import management, operator

    if role not in list(OperatorRole):
        fail(f"{printable(role)} is none of {', '.join(OperatorRole)}", ASKED_WRONGLY)
    if whole_portal and account is not None:
        fail("--portal and --account are two fences; give one", ASKED_WRONGLY)
    with opened(folder) as portal:
        owner = None if whole_portal else management.find_account(portal, account)
        _, text = operator.make_key(portal, name, OperatorRole(role), owner, life=timedelta(days=days))
        typer.echo(text.reveal())


@keys.command("list")
def list_keys(folder: FolderOption = HERE) -> None:
    """List the API keys by their public beginnings.

    \b
    Examples:
      anchorwatch portal key list
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management, operator

    with opened(folder) as portal:
        domains = {each.id: each.domain for each in management.accounts(portal)}
        now = portal.clock.now()
        rows = []
        for each in operator.keys(portal):
            past = each.expires_at is not None and each.expires_at <= now
            state = "revoked" if each.revoked_at else "expired" if past else "good"
            rows.append(
                (
                    each.prefix,
                    printable(each.name),
                    str(each.role),
                    printable(domains[each.account_id]) if each.account_id else "the portal",
                    f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "",
                    state,
                )
            )
        table(("key", "name", "role", "for", "until", "state"), rows)


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its public beginning, as `key list` shows it.")],
    folder: FolderOption = HERE,
) -> None:
    """Revoke an API key; it is refused from the next request on.

    \b
    Examples:
      anchorwatch portal key revoke mzxw6ytboi4dcmrt
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import operator

    with opened(folder) as portal:
        say("revoked" if operator.revoke_key(portal, key) else "it was revoked before")
