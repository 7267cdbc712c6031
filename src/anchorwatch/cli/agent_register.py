"""`anchorwatch agent register` and `deregister`: the two ends of a device's life."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.base.secret import Secret
from anchorwatch.cli.agent_want import (
    PRODUCT,
    PortalOption,
    ProductOption,
    SerialOption,
    product_of,
    wanted,
)
from anchorwatch.cli.agent_work import (
    HERE,
    STRAIGHT,
    FolderOption,
    JsonOption,
    Road,
    at_work,
    by_road,
    not_yet,
    show,
    there,
    told,
)
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, printable

if TYPE_CHECKING:
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.licensing.state import AgentState
    from anchorwatch.licensing.token import IdToken

__all__ = ["DEREGISTER_HELP", "REGISTER_HELP", "deregister", "register"]

TOKEN = "ANCHORWATCH_ID_TOKEN"  # noqa: S105 - the name of a variable

REGISTER_HELP = """Register with an ID token, which also pins whom to believe.

\b
Examples:
  anchorwatch agent register --portal portal.example --serial 9A1B2C --token-file token.txt --want standard
  ANCHORWATCH_ID_TOKEN=... anchorwatch agent register --portal portal.example --serial 9A1B2C

What is registered is not registered again without --force: it would lose what it has where the new token is refused.
The token comes from a file, from ANCHORWATCH_ID_TOKEN or from a prompt, never from the command line.
Exit status: 0 registered, 1 refused, 2 asked wrongly, 3 the portal was not reached yet: `agent run` goes on.
"""
DEREGISTER_HELP = """Give the device and its seats back, then erase keys and certificate.

\b
Examples:
  anchorwatch agent deregister --yes

Exit status: 0 given back, 1 refused, 3 the portal was not reached yet: `agent run` goes on.
"""


@by_road
def register(
    folder: FolderOption = HERE,
    portal: PortalOption = None,
    serial: SerialOption = None,
    product: ProductOption = PRODUCT,
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="The ID token; `-` is standard input.")
    ] = None,
    want: Annotated[
        list[str] | None,
        typer.Option("--want", metavar="TAG[=COUNT]", help="An entitlement to use; may be given again."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Register anew what is registered; needs a token that may force.")
    ] = False,
    wait: Annotated[int, typer.Option("--wait", min=0, help="Seconds to keep trying before giving up.")] = 0,
    road: Road = STRAIGHT,
    json: JsonOption = False,
) -> None:
    """Register, and say how it went."""
    from anchorwatch.agent.advice import next_step
    from anchorwatch.agent.folder import look
    from anchorwatch.licensing.event import Want
    from anchorwatch.licensing.status import RegistrationState

    wants = wanted(want or [], "--want")
    with told():
        before = look(folder)
    what = product_of(before, portal, serial, product)
    if before is not None and before.registration is RegistrationState.REGISTERED and not force:
        fail(
            printable(f"{what.udi.sn} is registered at {what.portal} already"),
            TROUBLE,
            "`anchorwatch agent want` changes what it uses, `anchorwatch agent renew id` its certificate",
            "--force registers it anew, with an ID token that may force",
        )
    token = _token(token_file)
    with at_work(folder, what, road) as (agent, clocks):
        if wants:
            agent.take(Want(wants))
        agent.register(token)
        _patiently(agent, clocks, wait, lambda state: state.identity is not None and state.in_flight is None)
        show(agent.state, json=json)
        if agent.state.registration is RegistrationState.FAILED:
            advised = [] if agent.state.failure is None else [next_step(agent.state.failure)]
            fail(printable(agent.state.reason or "the portal refused the registration"), TROUBLE, *advised)
        if agent.state.registration is not RegistrationState.REGISTERED:
            not_yet(agent)


@by_road
def deregister(
    folder: FolderOption = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    road: Road = STRAIGHT,
    json: JsonOption = False,
) -> None:
    """Give back, after asking."""
    from anchorwatch.licensing.event import Deregister
    from anchorwatch.licensing.status import RegistrationState

    state = there(folder)
    if not yes:
        if not sys.stdin.isatty():
            fail("deregistering gives the seats back and erases the keys; --yes says so", ASKED_WRONGLY)
        typer.confirm(f"give {printable(state.product.udi.sn)} back to the portal?", abort=True, err=True)
    with at_work(folder, state.product, road) as (agent, _):
        agent.take(Deregister())
        show(agent.state, json=json)
        if agent.state.registration is not RegistrationState.NOT_REGISTERED:
            not_yet(agent)


def _patiently(agent: Agent, clocks: MachineClocks, seconds: int, done: Callable[[AgentState], bool]) -> None:
    """Go on with what is due within so many seconds."""
    end = clocks.reading().mono + timedelta(seconds=seconds)
    agent.run(until=lambda state: done(state) or clocks.reading().mono + agent.next_wakeup() > end)


def _token(file: str | None) -> IdToken:
    """The ID token, from where it may come."""
    from anchorwatch.licensing import token as id_token
    from anchorwatch.licensing.error import TokenRefusedError

    if file is not None:
        try:
            text = Secret(read_bounded(file, 4096).decode(errors="replace"))
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
    elif os.environ.get(TOKEN):
        text = Secret(os.environ[TOKEN])
    elif sys.stdin.isatty():
        text = Secret(str(typer.prompt("ID token", hide_input=True, err=True)))
    else:
        fail(f"give --token-file or {TOKEN}", ASKED_WRONGLY)
    try:
        return id_token.parse(text)
    except TokenRefusedError as error:
        fail(printable(str(error)), ASKED_WRONGLY)
