"""`anchorwatch agent trust`: the signed bundle that says whom this agent believes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli.agent_work import HERE, STRAIGHT, FolderOption, JsonOption, at_work, there
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import COULD_NOT_LOOK, TROUBLE, fail, hint, printable, say, say_document

if TYPE_CHECKING:
    from anchorwatch.licensing.claim import TrustBundle
    from anchorwatch.licensing.event import Tell
    from anchorwatch.licensing.state import AgentState

__all__ = ["app"]

app = typer.Typer(
    name="trust", no_args_is_help=True, help="Show, import and clear what says whom this agent believes."
)
_LARGEST_BUNDLE = 256 * 1024
IMPORT_HELP = """Take a signed trust bundle from a file, for a network without a way to the portal's.

\b
Examples:
  anchorwatch agent trust import bundle.jws
  anchorwatch portal trust export | anchorwatch agent trust import -

It is believed by its signature only: by a licensing root that is held, or before the first registration by the one
that the ID token pins. Nothing is sent: `agent retry` tries at once what failed for want of it.
Exit status: 0 accepted, 1 refused, 3 the file cannot be read or the folder is taken.
"""
SHOW_HELP = """Show the trust bundle in use: its number, its age, its anchors, the roots that are announced.

\b
Examples:
  anchorwatch agent trust show
  anchorwatch agent trust show --json

Exit status: 0 fresh, 1 none, stale, or an older one was shown to this agent, 3 no agent works in this folder.
"""
CLEAR_HELP = """End the alarm about an older trust bundle, after somebody has looked into it.

\b
Examples:
  anchorwatch agent trust clear

Exit status: 0 ended, or there was none.
"""


@app.command("import", help=IMPORT_HELP)
def import_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The signed bundle; `-` is standard input.")],
    folder: FolderOption = HERE,
) -> None:
    """Take a bundle by hand; it is believed by its signature only."""
    from anchorwatch.licensing.event import BundleGiven

    state = there(folder)
    try:
        octets = read_bounded(file, _LARGEST_BUNDLE)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    if len(octets) > _LARGEST_BUNDLE:
        fail(f"a trust bundle has at most {_LARGEST_BUNDLE} octets", TROUBLE)
    heard: list[Tell] = []
    with at_work(folder, state.product, STRAIGHT, hear=heard.append, start=False) as (agent, _):
        agent.take_at_rest(BundleGiven(octets.decode("ascii", "replace").strip()))
        refused = [
            each for each in heard if each.code.startswith("bundle-") and each.code != "bundle-accepted"
        ]
        if refused:
            fail(
                printable(refused[0].sentence),
                TROUBLE,
                "the portal of this agent writes one: anchorwatch portal trust export",
            )
        say(f"the trust bundle {_number(agent.state)} is in use")
        if agent.state.failure is not None:
            hint(
                "`anchorwatch agent retry` tries at once what failed; `anchorwatch agent run` does when it starts"
            )


def _number(state: AgentState) -> int:
    """Of the bundle that is held, or that waits for signed time at the first contact."""
    from anchorwatch.licensing import trust_bundle

    bundle = state.trust()
    if bundle is None and state.intent is not None and state.intent.candidate is not None:
        bundle = trust_bundle.read(state.intent.candidate)
    return 0 if bundle is None else bundle.seq


@app.command("show", help=SHOW_HELP)
def show_command(folder: FolderOption = HERE, json: JsonOption = False) -> None:
    """Print the claims of the bundle that is believed."""
    from anchorwatch.base import schema
    from anchorwatch.base.schema import Schema
    from anchorwatch.licensing.trust import BundleState

    state = there(folder)
    bundle = state.trust()
    if json:
        say_document(schema.write(Schema("licence-agent-trust", 1), _document(state, bundle)))
    elif bundle is None:
        say("there is no trust bundle yet")
    else:
        _say(state, bundle)
    if state.bundle_state is not BundleState.FRESH:
        raise typer.Exit(TROUBLE)


def _document(state: AgentState, bundle: TrustBundle | None) -> dict[str, object]:
    from anchorwatch.licensing import wire

    return {
        "state": str(state.bundle_state),
        "confirmed_at": None if state.bundle_at is None else f"{state.bundle_at:%Y-%m-%dT%H:%M:%SZ}",
        "bundle": None if bundle is None else wire.plain(bundle),
    }


def _say(state: AgentState, bundle: TrustBundle) -> None:
    from anchorwatch.licensing import trust_bundle

    say(printable(f"trust bundle {bundle.seq} of {bundle.iss}: {state.bundle_state}"))
    if state.bundle_at is not None:
        say(f"  confirmed  {state.bundle_at:%Y-%m-%d %H:%M} UTC, asked for every {bundle.refresh_hint}")
    say(f"  signed     {bundle.iat:%Y-%m-%d %H:%M} UTC, stale from {bundle.exp:%Y-%m-%d}")
    for claim in bundle.anchors:
        held = dict(trust_bundle.anchors(bundle, claim.role))
        name = held[claim].subject.text if claim in held else "(no certificate)"
        only = f", for {', '.join(claim.names)}" if claim.names else ""
        say(printable(f"  {claim.role:<10} {name}, until {claim.not_after:%Y-%m-%d}{only}"))
        say(f"             SHA-256 {claim.sha256.hex()}")
    for planned in bundle.planned:
        say(
            f"  announced  a root for {planned.role} from {planned.switch_after:%Y-%m-%d} on, "
            f"key {planned.spki_sha256.hex()}"
        )


@app.command("clear", help=CLEAR_HELP)
def clear_command(folder: FolderOption = HERE) -> None:
    """The operator has looked."""
    from anchorwatch.licensing.event import AlarmCleared
    from anchorwatch.licensing.trust import BundleState

    state = there(folder)
    with at_work(folder, state.product, STRAIGHT, start=False) as (agent, _):
        if agent.state.bundle_state is not BundleState.ROLLBACK_SUSPECTED:
            say("there is no alarm")
            return
        agent.take_at_rest(AlarmCleared())
        say("the alarm is over; the bundle is stale until the portal has confirmed it")
