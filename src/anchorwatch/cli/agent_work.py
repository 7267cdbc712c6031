"""What every verb of `anchorwatch agent` shares: its options, the way to the portal, and an agent at work in a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from anchorwatch.base.secret import Secret
from anchorwatch.cli.file import FileTroubleError, read_bounded
from anchorwatch.cli.option_record import given_by
from anchorwatch.cli.terminal import COULD_NOT_LOOK, TROUBLE, fail, printable, say, say_document

if TYPE_CHECKING:
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.agent.reach import Reach
    from anchorwatch.licensing.event import Event, Tell
    from anchorwatch.licensing.policy import AgentPolicy
    from anchorwatch.licensing.state import AgentState, Product
    from anchorwatch.pki.truststore import TrustStore

__all__ = [
    "HERE",
    "STRAIGHT",
    "FolderOption",
    "JsonOption",
    "Road",
    "asked",
    "at_work",
    "by_road",
    "not_yet",
    "show",
    "take",
    "there",
    "told",
]

FOLDER = "ANCHORWATCH_AGENT"
PROXY_PASSWORD = "ANCHORWATCH_AGENT_PROXY_PASSWORD"  # noqa: S105 - the name of a variable
HERE = Path("agent")
GOES_ON = "`anchorwatch agent run` goes on trying"
_LARGEST_STORE = 16 * 1024 * 1024
T = TypeVar("T")

FolderOption = Annotated[
    Path,
    typer.Option("--folder", "-d", envvar=FOLDER, help="The agent's folder: its state, its keys."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the status as JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """How to come to the portal: the options of every verb that goes there (`by_road`)."""

    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            envvar="ANCHORWATCH_AGENT_ADDRESS",
            metavar="HOST[:PORT]",
            help="Where to connect, where it is not the portal's name.",
        ),
    ] = None
    plain: Annotated[
        str | None,
        typer.Option(
            "--plain",
            envvar="ANCHORWATCH_AGENT_PLAIN",
            metavar="HOST[:PORT]",
            help="Where the signed trust bundle may be had in plain HTTP; port 80 of the address without.",
        ),
    ] = None
    proxy: Annotated[
        str | None,
        typer.Option(
            "--proxy",
            envvar="ANCHORWATCH_AGENT_PROXY",
            metavar="[USER@]HOST[:PORT]",
            help=f"An HTTP proxy; its password comes from --proxy-password-file or {PROXY_PASSWORD}.",
        ),
    ] = None
    proxy_password_file: Annotated[
        str | None,
        typer.Option(
            "--proxy-password-file",
            envvar="ANCHORWATCH_AGENT_PROXY_PASSWORD_FILE",
            metavar="FILE",
            help="A file that holds the proxy's password.",
        ),
    ] = None
    anchors: Annotated[
        str | None,
        typer.Option(
            "--anchors",
            envvar="ANCHORWATCH_AGENT_ANCHORS",
            metavar="FILE",
            help="Anchors to trust for TLS beside those of the signed bundle; read anew when the file changes.",
        ),
    ] = None
    tolerate_inspection: Annotated[
        bool,
        typer.Option(
            "--tolerate-inspection",
            envvar="ANCHORWATCH_AGENT_TOLERATE_INSPECTION",
            help="Go on where somebody inspects TLS here, and report it; what counts is signed either way.",
        ),
    ] = False

    def policy(self) -> AgentPolicy:
        """Ours, as strict as the options say."""
        from anchorwatch.licensing.policy import SL1

        return replace(SL1, tolerates_interception=self.tolerate_inspection)

    def reach(self, portal: str) -> Reach:
        """The same for the agent. Ends with a sentence where an option makes no sense or a file cannot be read."""
        from anchorwatch.agent.reach import NOBODY, Reach
        from anchorwatch.net.endpoint import Endpoint
        from anchorwatch.net.proxy import Proxy

        endpoint = asked(lambda: Endpoint.parse(self.address or portal), "--address")
        plain = asked(lambda: Endpoint.parse(self.plain or endpoint.host, port=80), "--plain")
        proxy = None
        if self.proxy is not None:
            text, password = self.proxy, self._password()
            proxy = asked(lambda: Proxy.parse(text, password=password), "--proxy")
        store: Callable[[], TrustStore] = lambda: NOBODY  # noqa: E731 - one of two
        if self.anchors is not None:
            store = _Anchors(self.anchors)
        return Reach(endpoint=endpoint, plain=plain, proxy=proxy, store=store)

    def _password(self) -> Secret | None:
        if self.proxy_password_file is None:
            return Secret(os.environ[PROXY_PASSWORD]) if os.environ.get(PROXY_PASSWORD) else None
        octets = _read(self.proxy_password_file, 4096)
        text = octets.decode("utf-8", "replace").strip("\r\n")
        if not text or len(octets) > 4096:
            fail(
                printable(f"{self.proxy_password_file} holds no password of at most 4096 octets"),
                COULD_NOT_LOOK,
            )
        return Secret(text)


STRAIGHT = Road()
"""To the address that the portal's name is, and with no anchors but those of the bundle."""


by_road = given_by(Road, "road")
"""A verb with the options of `Road` in place of its parameter `road`, which is made of them."""


class _Anchors:
    """The operator's anchors in a file, read anew when it has changed; one that cannot be read any more is kept."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stamp = self._look()
        self._store = self._load()

    def __call__(self) -> TrustStore:
        stamp = self._look()
        if stamp is not None and stamp != self._stamp:
            try:
                self._store = self._load()
            except typer.Exit:
                # Said already; whoever writes the file in two steps is not left without anchors in between.
                return self._store
            self._stamp = stamp
        return self._store

    def _look(self) -> tuple[int, int] | None:
        try:
            found = Path(self._name).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _load(self) -> TrustStore:
        from anchorwatch.formats.bundle import read
        from anchorwatch.pki.truststore import TrustStore

        found = read(_read(self._name, _LARGEST_STORE), source=self._name)
        if not found.certificates:
            fail(printable(f"{self._name} holds no certificate"), COULD_NOT_LOOK)
        return TrustStore.of(found.certificates, self._name)


def _read(name: str, limit: int) -> bytes:
    try:
        return read_bounded(name, limit)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)


@contextlib.contextmanager
def at_work(
    folder: Path,
    product: Product,
    road: Road,
    *,
    hear: Callable[[Tell], None] | None = None,
    start: bool = True,
) -> Iterator[tuple[Agent, MachineClocks]]:
    """An agent at work in a folder; what this room's errors say becomes one line and an exit status.

    Not started it is for `take_at_rest` only.
    """
    from anchorwatch.agent.agent import Agent
    from anchorwatch.agent.clocks import MachineClocks
    from anchorwatch.agent.folder import Folder

    reach = road.reach(product.portal)
    with told(), Folder(folder) as held, contextlib.closing(MachineClocks()) as clocks:
        agent = Agent(held, product, reach=reach, clocks=clocks, policy=road.policy(), hear=hear or _tell)
        if start:
            agent.start()
        yield agent, clocks


@contextlib.contextmanager
def told() -> Iterator[None]:
    """End with a sentence: 3 where the folder cannot be used, 1 for what has no meaning in this state."""
    from anchorwatch.agent.error import AgentError, FolderTakenError
    from anchorwatch.licensing.error import EventRefusedError

    try:
        yield
    except FolderTakenError as error:
        fail(printable(str(error)), COULD_NOT_LOOK, "stop it first, where it is `anchorwatch agent run`")
    except AgentError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    except EventRefusedError as error:
        fail(printable(str(error)), TROUBLE)


def _tell(told: Tell) -> None:
    say(printable(f"{told.code}: {told.sentence}"), err=True)


def there(folder: Path) -> AgentState:
    """The state in a folder; ends with 3 where nobody ever worked."""
    from anchorwatch.agent.folder import look

    with told():
        state = look(folder)
    if state is None:
        fail(
            f"no agent works in {printable(str(folder))}", COULD_NOT_LOOK, "give --folder, or register first"
        )
    return state


def show(state: AgentState, *, json: bool) -> None:
    """The screen, or the document."""
    from anchorwatch.agent import screen
    from anchorwatch.base import schema
    from anchorwatch.licensing.policy import SL1

    if json:
        say_document(schema.write(screen.SCHEMA, screen.document(state)))
        return
    for line in screen.render(SL1, state).splitlines():
        say(printable(line))


def take(folder: Path, product: Product, road: Road, event: Event, *, json: bool) -> None:
    """Do what a person asks for, at the portal too, show how it stands, and end with a status where something fails."""
    with at_work(folder, product, road) as (agent, _):
        agent.take(event)
        show(agent.state, json=json)
        if agent.state.failure is not None:
            not_yet(agent)


def not_yet(agent: Agent) -> NoReturn:
    """End where the portal was not reached, or said what a person must mend; with the likeliest next step."""
    from anchorwatch.agent.advice import next_step, refuses

    failure = agent.state.failure
    if failure is None:
        fail("the portal has not decided yet", COULD_NOT_LOOK, GOES_ON)
    status = TROUBLE if refuses(failure) else COULD_NOT_LOOK
    fail(printable(failure.sentence), status, printable(next_step(failure)), GOES_ON)


def asked(make: Callable[[], T], option: str, *, message: bool = False) -> T:
    """A value as it was asked for; a bad one ends with exit status 2. A message is one that the wire can carry."""
    from anchorwatch.licensing import wire

    try:
        value = make()
        return wire.parse(type(value), wire.dump(value)) if message else value
    except ValueError as error:
        raise typer.BadParameter(printable(str(error)), param_hint=option) from error
