"""`anchorwatch agent`: license an appliance at a portal, and keep it licensed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from anchorwatch.base.secret import Secret
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.terminal import (
    ASKED_WRONGLY,
    COULD_NOT_LOOK,
    TROUBLE,
    fail,
    hint,
    printable,
    say,
    say_document,
)

if TYPE_CHECKING:
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.agent.reach import Reach
    from anchorwatch.licensing.event import Tell
    from anchorwatch.licensing.state import AgentState, Product
    from anchorwatch.licensing.token import IdToken

__all__ = ["app"]

FOLDER = "ANCHORWATCH_AGENT"
TOKEN = "ANCHORWATCH_ID_TOKEN"  # noqa: S105 - the name of a variable
PROXY_PASSWORD = "ANCHORWATCH_AGENT_PROXY_PASSWORD"  # noqa: S105 - the name of a variable
_LARGEST_BUNDLE = 256 * 1024

app = typer.Typer(
    name="agent",
    no_args_is_help=True,
    help="License an appliance at a portal of one's own, and keep it licensed when the portal's CA changes.\n\n"
    "It speaks to `anchorwatch portal`; vendors' portals speak closed protocols of their own.",
)

REGISTER_HELP = """Register with an ID token, which also pins whom to believe.

\b
Examples:
  anchorwatch agent register --portal portal.example --serial 9A1B2C --token-file token.txt --want standard
  ANCHORWATCH_ID_TOKEN=... anchorwatch agent register --portal portal.example --serial 9A1B2C

The token comes from a file, from ANCHORWATCH_ID_TOKEN or from a prompt, never from the command line.
Exit status: 0 registered, 1 refused, 2 asked wrongly, 3 the portal was not reached yet: `agent run` goes on.
"""
STATUS_HELP = """Print the screen `show license all` of this agent, as it stands on disk.

\b
Examples:
  anchorwatch agent status
  anchorwatch agent status --json

Exit status: 0 registered and authorized, 1 not so, 3 no agent works in this folder.
"""
RENEW_HELP = """Renew the authorization or the ID certificate now.

\b
Examples:
  anchorwatch agent renew auth
  anchorwatch agent renew id

Exit status: 0 renewed, 1 refused, 3 the portal was not reached: the agent goes on trying by `agent run`.
"""
TRUST_HELP = """Take a signed trust bundle from a file, for a network without a way to the portal's.

\b
Examples:
  anchorwatch agent trust bundle.jws

Exit status: 0 accepted, 1 refused, 3 the file cannot be read.
"""
DEREGISTER_HELP = """Give the device and its seats back, then erase keys and certificate.

\b
Examples:
  anchorwatch agent deregister --yes

Exit status: 0 given back, 1 refused, 3 the portal was not reached yet: `agent run` goes on.
"""
RUN_HELP = """Work until it is told to end: renew on time, heal, deliver what went wrong.

\b
Examples:
  anchorwatch agent run --folder /var/lib/anchorwatch-agent

Exit status: 0 ended by a signal, 1 nothing to work for: register first, 3 the folder cannot be used.
"""

FolderOption = Annotated[
    Path,
    typer.Option("--folder", "-d", envvar=FOLDER, help="The agent's folder: its state, its keys."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="ANCHORWATCH_AGENT_ADDRESS",
        metavar="HOST[:PORT]",
        help="Where to connect, where it is not the portal's name.",
    ),
]
PlainOption = Annotated[
    str | None,
    typer.Option(
        "--plain",
        envvar="ANCHORWATCH_AGENT_PLAIN",
        metavar="HOST[:PORT]",
        help="Where the signed trust bundle may be had in plain HTTP; port 80 of the address without.",
    ),
]
ProxyOption = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        envvar="ANCHORWATCH_AGENT_PROXY",
        metavar="[USER@]HOST[:PORT]",
        help=f"An HTTP proxy; its password comes from {PROXY_PASSWORD}.",
    ),
]
AnchorsOption = Annotated[
    str | None,
    typer.Option(
        "--anchors",
        envvar="ANCHORWATCH_AGENT_ANCHORS",
        metavar="FILE",
        help="Anchors to trust for TLS beside those of the signed bundle.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the status as JSON.")]
HERE = Path("agent")
T = TypeVar("T")


class Renewable(StrEnum):
    """What can be renewed by hand."""

    AUTH = "auth"
    ID = "id"


@app.command("register", help=REGISTER_HELP)
def register_command(
    folder: FolderOption = HERE,
    portal: Annotated[
        str | None, typer.Option("--portal", metavar="HOST[:PORT]", help="The portal's name.")
    ] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="The device's serial number.")] = None,
    product: Annotated[str, typer.Option("--product", help="The device's product name.")] = "anchorwatch",
    token_file: Annotated[
        str | None, typer.Option("--token-file", metavar="FILE", help="The ID token; `-` is standard input.")
    ] = None,
    want: Annotated[
        list[str] | None,
        typer.Option("--want", metavar="TAG[=COUNT]", help="An entitlement to use; may be given again."),
    ] = None,
    wait: Annotated[int, typer.Option("--wait", min=0, help="Seconds to keep trying before giving up.")] = 0,
    address: AddressOption = None,
    plain: PlainOption = None,
    proxy: ProxyOption = None,
    anchors: AnchorsOption = None,
    json: JsonOption = False,
) -> None:
    """Register, and say how it went."""
    from anchorwatch.agent.folder import look
    from anchorwatch.licensing.event import Want
    from anchorwatch.licensing.message import Wanted
    from anchorwatch.licensing.status import RegistrationState

    wanted: list[Wanted] = []
    for text in want or []:
        tag, _, count = text.partition("=")
        if not (count or "1").isdigit():
            raise typer.BadParameter(f"{printable(text)} is not TAG or TAG=COUNT", param_hint="--want")
        wanted.append(_asked(partial(Wanted, tag=tag, count=int(count or "1")), "--want", message=True))
    with told():
        before = look(folder)
    what = _product(before, portal, serial, product)
    token = _token(token_file)
    with at_work(folder, what, address, plain, proxy, anchors) as (agent, clocks):
        if wanted:
            agent.take(Want(tuple(wanted)))
        agent.register(token)
        _patiently(agent, clocks, wait, lambda state: state.identity is not None and state.in_flight is None)
        _print(agent.state, json=json)
        if agent.state.registration is RegistrationState.FAILED:
            fail(printable(agent.state.reason or "the portal refused the registration"), TROUBLE)
        if agent.state.registration is not RegistrationState.REGISTERED:
            _not_yet(agent)


@app.command("status", help=STATUS_HELP)
def status_command(folder: FolderOption = HERE, json: JsonOption = False) -> None:
    """Print what is on disk; another agent may be at work there."""
    from anchorwatch.agent import screen

    state = _there(folder)
    _print(state, json=json)
    if not screen.well(state):
        if state.failure is not None:
            hint(printable(state.failure.sentence))
        raise typer.Exit(TROUBLE)


@app.command("renew", help=RENEW_HELP)
def renew_command(
    what: Annotated[Renewable, typer.Argument(help="The authorization, or the ID certificate.")],
    folder: FolderOption = HERE,
    address: AddressOption = None,
    plain: PlainOption = None,
    proxy: ProxyOption = None,
    anchors: AnchorsOption = None,
    json: JsonOption = False,
) -> None:
    """Ask now, and say how it went."""
    from anchorwatch.licensing.event import RenewAuthorization, RenewIdentity

    state = _there(folder)
    with at_work(folder, state.product, address, plain, proxy, anchors) as (agent, _):
        agent.take(RenewAuthorization() if what is Renewable.AUTH else RenewIdentity())
        _print(agent.state, json=json)
        if agent.state.failure is not None:
            _not_yet(agent)


@app.command("trust", help=TRUST_HELP)
def trust_command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The signed bundle; `-` is standard input.")],
    folder: FolderOption = HERE,
) -> None:
    """Take a bundle by hand; it is believed by its signature only."""
    from anchorwatch.licensing.event import BundleGiven

    state = _there(folder)
    try:
        text = read_bounded(file, _LARGEST_BUNDLE).decode("ascii", "replace").strip()
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    heard: list[Tell] = []
    with at_work(folder, state.product, None, None, None, None, hear=heard.append) as (agent, _):
        heard.clear()
        agent.take(BundleGiven(text))
        refused = [
            each for each in heard if each.code.startswith("bundle-") and each.code != "bundle-accepted"
        ]
        if refused:
            fail(printable(refused[0].sentence), TROUBLE)
        bundle = agent.state.trust()
        say(f"the trust bundle {bundle.seq if bundle is not None else 0} is in use")


@app.command("deregister", help=DEREGISTER_HELP)
def deregister_command(
    folder: FolderOption = HERE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    address: AddressOption = None,
    plain: PlainOption = None,
    proxy: ProxyOption = None,
    anchors: AnchorsOption = None,
    json: JsonOption = False,
) -> None:
    """Give back, after asking."""
    from anchorwatch.licensing.event import Deregister
    from anchorwatch.licensing.status import RegistrationState

    state = _there(folder)
    if not yes:
        if not sys.stdin.isatty():
            fail("deregistering gives the seats back and erases the keys; --yes says so", ASKED_WRONGLY)
        typer.confirm(f"give {printable(state.product.udi.sn)} back to the portal?", abort=True, err=True)
    with at_work(folder, state.product, address, plain, proxy, anchors) as (agent, _):
        agent.take(Deregister())
        _print(agent.state, json=json)
        if agent.state.registration is not RegistrationState.NOT_REGISTERED:
            _not_yet(agent)


@app.command("run", help=RUN_HELP)
def run_command(
    folder: FolderOption = HERE,
    address: AddressOption = None,
    plain: PlainOption = None,
    proxy: ProxyOption = None,
    anchors: AnchorsOption = None,
) -> None:
    """Work in the foreground; what happens is told on standard error."""
    import signal

    from anchorwatch.licensing.status import RegistrationState

    state = _there(folder)
    idle = (RegistrationState.NOT_REGISTERED, RegistrationState.FAILED, RegistrationState.EXPIRED)
    if state.registration in idle:
        fail("this agent is not registered", TROUBLE, "register it: anchorwatch agent register --help")
    with at_work(folder, state.product, address, plain, proxy, anchors) as (agent, clocks):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: clocks.stop())
        say(printable(f"at work in {folder}; Ctrl-C ends it"), err=True)
        agent.run(until=lambda now: now.registration in idle)
        if agent.state.registration in idle:
            reason = agent.state.reason or "it was deregistered"
            fail(f"this agent is not registered any more: {printable(reason)}", TROUBLE)


@contextlib.contextmanager
def at_work(
    folder: Path,
    product: Product,
    address: str | None,
    plain: str | None,
    proxy: str | None,
    anchors: str | None,
    *,
    hear: Callable[[Tell], None] | None = None,
) -> Iterator[tuple[Agent, MachineClocks]]:
    """An agent at work in a folder; what this room's errors say becomes one line and an exit status."""
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.agent.folder import Folder

    reach = _reach(product.portal, address, plain, proxy, anchors)
    with told(), Folder(folder) as held:
        clocks = MachineClocks()
        agent = Agent(held, product, reach=reach, clocks=clocks, hear=hear or _tell)
        agent.start()
        yield agent, clocks


@contextlib.contextmanager
def told() -> Iterator[None]:
    """End with a sentence: 3 where the folder cannot be used, 1 for what has no meaning in this state."""
    from anchorwatch.agent.error import AgentError
    from anchorwatch.licensing.error import EventRefusedError

    try:
        yield
    except AgentError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    except EventRefusedError as error:
        fail(printable(str(error)), TROUBLE)


def _tell(told: Tell) -> None:
    say(printable(f"{told.code}: {told.sentence}"), err=True)


def _there(folder: Path) -> AgentState:
    from anchorwatch.agent.folder import look

    with told():
        state = look(folder)
    if state is None:
        fail(
            f"no agent works in {printable(str(folder))}", COULD_NOT_LOOK, "give --folder, or register first"
        )
    return state


def _print(state: AgentState, *, json: bool) -> None:
    from anchorwatch.agent import screen
    from anchorwatch.base import schema
    from anchorwatch.licensing.policy import SL1

    if json:
        say_document(schema.write(screen.SCHEMA, screen.document(state)))
        return
    for line in screen.render(SL1, state).splitlines():
        say(printable(line))


def _not_yet(agent: Agent) -> None:
    """End where the portal was not reached, or said what a person must mend."""
    from anchorwatch.licensing.failure import FailureClass

    failure = agent.state.failure
    status = COULD_NOT_LOOK
    if failure is not None and failure.kind is FailureClass.LICENCE_ERROR:
        status = TROUBLE
    fail(
        printable(failure.sentence if failure is not None else "the portal has not decided yet"),
        status,
        "`anchorwatch agent run` goes on trying",
    )


def _patiently(agent: Agent, clocks: MachineClocks, seconds: int, done: Callable[[AgentState], bool]) -> None:
    """Go on with what is due within so many seconds."""
    end = clocks.reading().mono + timedelta(seconds=seconds)
    agent.run(until=lambda state: done(state) or clocks.reading().mono + agent.next_wakeup() > end)


def _product(before: AgentState | None, portal: str | None, serial: str | None, name: str) -> Product:
    """Whom this folder speaks for: what it says already, or what is given now."""
    from importlib.metadata import version

    from anchorwatch.licensing.message import Software, Udi
    from anchorwatch.licensing.state import Product
    from anchorwatch.net.endpoint import HTTPS_PORT, Endpoint

    if before is not None:
        kept = before.product
        if (portal or kept.portal) != kept.portal or (serial or kept.udi.sn) != kept.udi.sn:
            fail(
                printable(f"this folder is that of {kept.udi.sn} at {kept.portal}; take another --folder"),
                ASKED_WRONGLY,
            )
        return kept
    if portal is None or serial is None:
        fail("a new agent needs --portal and --serial", ASKED_WRONGLY)
    named = _asked(lambda: Endpoint.parse(portal), "--portal")
    name_of_portal = str(named).removesuffix(f":{HTTPS_PORT}")
    own = version("anchorwatch")
    return _asked(
        lambda: Product(
            udi=Udi(pid=name, sn=serial),
            sw=Software(name="anchorwatch", version=own),
            agent=f"anchorwatch/{own}",
            portal=name_of_portal,
        ),
        "--serial, --product",
        message=True,
    )


def _reach(
    portal: str, address: str | None, plain: str | None, proxy: str | None, anchors: str | None
) -> Reach:
    from anchorwatch.agent.reach import NOBODY, Reach
    from anchorwatch.net.endpoint import Endpoint
    from anchorwatch.net.proxy import Proxy

    endpoint = _asked(lambda: Endpoint.parse(address or portal), "--address")
    password = Secret(os.environ[PROXY_PASSWORD]) if os.environ.get(PROXY_PASSWORD) else None
    store = NOBODY
    if anchors is not None:
        from anchorwatch.formats.bundle import read
        from anchorwatch.pki.truststore import TrustStore

        try:
            found = read(read_bounded(anchors, 16 * 1024 * 1024), source=anchors)
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)
        if not found.certificates:
            fail(printable(f"{anchors} holds no certificate"), COULD_NOT_LOOK)
        store = TrustStore.of(found.certificates, anchors)
    return Reach(
        endpoint=endpoint,
        plain=_asked(lambda: Endpoint.parse(plain or endpoint.host, port=80), "--plain"),
        proxy=None if proxy is None else _asked(lambda: Proxy.parse(proxy, password=password), "--proxy"),
        store=lambda: store,
    )


def _asked(make: Callable[[], T], option: str, *, message: bool = False) -> T:
    """A value as it was asked for; a bad one ends with exit status 2. A message is one that the wire can carry."""
    from anchorwatch.licensing import wire

    try:
        value = make()
        return wire.parse(type(value), wire.dump(value)) if message else value
    except ValueError as error:
        raise typer.BadParameter(printable(str(error)), param_hint=option) from error


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
