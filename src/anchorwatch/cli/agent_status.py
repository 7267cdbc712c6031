"""`anchorwatch agent status`: what an agent says of itself."""

from __future__ import annotations

import typer

from anchorwatch.cli.agent_work import HERE, FolderOption, JsonOption, show, there
from anchorwatch.cli.terminal import TROUBLE, hint, printable

__all__ = ["HELP", "status"]

HELP = """Print the screen `show license all` of this agent, as it stands on disk.

\b
Examples:
  anchorwatch agent status
  anchorwatch agent status --json

Exit status: 0 registered and authorized, 1 not so, 3 no agent works in this folder.
"""


def status(folder: FolderOption = HERE, json: JsonOption = False) -> None:
    """Print what is on disk; another agent may be at work there."""
    from anchorwatch.agent import advice, screen

    state = there(folder)
    show(state, json=json)
    if screen.well(state):
        return
    if state.failure is not None:
        hint(printable(state.failure.sentence))
        hint(printable(advice.next_step(state.failure)))
    about = advice.about_bundle(state.bundle_state)
    if about is not None:
        hint(about)
    raise typer.Exit(TROUBLE)
