"""`anchorwatch portal license move` and `portal device move`: between the virtual accounts of one account."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from anchorwatch.cli.portal import HERE, AccountOption, FolderOption, VirtualOption, opened
from anchorwatch.cli.terminal import ASKED_WRONGLY, TROUBLE, fail, printable, say

TargetOption = Annotated[str, typer.Option("--to", help="The virtual account to move to.")]


def move_seats(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The entitlement tag.")],
    quantity: Annotated[int, typer.Argument(metavar="QUANTITY", min=1, help="How many seats.")],
    target: TargetOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be, and change nothing.")
    ] = False,
    account: AccountOption = None,
    virtual_account: VirtualOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Move seats to another virtual account. Those that end soonest go first; what devices hold stays.

    \b
    Examples:
      anchorwatch portal license move asa-standard 4 --to "North quay" --dry-run
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management, movement

    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        source = management.find_virtual(portal, owner, virtual_account)
        there = management.find_virtual(portal, owner, target)
        found = next((each for name, each in management.pools(portal, source) if name == tag), None)
        if found is None:
            fail(f"{printable(source.name)} has nothing of {printable(tag)}", TROUBLE)
        moved = movement.move_seats(portal, owner, found.id, there.id, quantity, rehearse=dry_run)
        would = "would have" if dry_run else "has"
        for place, pool in ((source, moved.source), (there, moved.target)):
            say(f"{printable(place.name)} {would} {pool.purchased} of {printable(tag)}, {pool.in_use} in use")


def move_device(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, as `device list` shows it.")],
    target: TargetOption,
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Move a device, and the seats it holds, to another virtual account.

    \b
    Examples:
      anchorwatch portal device move 01980a5e-6b7c-7c3e-9d52-0f6b5d3c2a11 --to "North quay"
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management, movement

    try:
        which = UUID(device)
    except ValueError:
        fail(f"{printable(device)} is no device's id", ASKED_WRONGLY)
    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        there = management.find_virtual(portal, owner, target)
        moved = movement.move_device(portal, owner, which, there.id)
        say(f"{printable(moved.sn)} is in {printable(there.name)}")
