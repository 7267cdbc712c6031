"""`anchorwatch agent renew` and `retry`: now, and not when it is due."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from anchorwatch.cli.agent_work import (
    HERE,
    STRAIGHT,
    FolderOption,
    JsonOption,
    Road,
    by_road,
    take,
    there,
)

__all__ = ["RENEW_HELP", "RETRY_HELP", "renew", "retry"]

RENEW_HELP = """Renew the authorization or the ID certificate now.

\b
Examples:
  anchorwatch agent renew auth
  anchorwatch agent renew id

Exit status: 0 renewed, 1 refused, 3 the portal was not reached: the agent goes on trying by `agent run`.
"""
RETRY_HELP = """Try now what failed and waits for its time: something was mended here or at the portal.

\b
Examples:
  anchorwatch agent retry
  anchorwatch agent retry --proxy proxy.example:3128

An agent that runs does the same on SIGHUP.
Exit status: 0 nothing fails any more, 1 refused, 3 the portal was not reached.
"""


class Renewable(StrEnum):
    """What can be renewed by hand."""

    AUTH = "auth"
    ID = "id"


@by_road
def renew(
    what: Annotated[Renewable, typer.Argument(help="The authorization, or the ID certificate.")],
    folder: FolderOption = HERE,
    road: Road = STRAIGHT,
    json: JsonOption = False,
) -> None:
    """Ask now, and say how it went."""
    from anchorwatch.licensing.event import RenewAuthorization, RenewIdentity

    state = there(folder)
    event = RenewAuthorization() if what is Renewable.AUTH else RenewIdentity()
    take(folder, state.product, road, event, json=json)


@by_road
def retry(
    folder: FolderOption = HERE,
    road: Road = STRAIGHT,
    json: JsonOption = False,
) -> None:
    """Arm every timer that waits, do what is due, and say how it went."""
    from anchorwatch.licensing.event import LocalChange

    state = there(folder)
    take(folder, state.product, road, LocalChange("the operator"), json=json)
