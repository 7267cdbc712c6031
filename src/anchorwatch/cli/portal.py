"""`anchorwatch portal`: run a licensing portal, and keep its accounts, licences, tokens, devices and trust."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.base.clock import SystemClock
from anchorwatch.base.secret import Secret
from anchorwatch.cli import passphrase
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, hint, printable, say, table
from anchorwatch.disk.file import reason

if TYPE_CHECKING:
    from anchorwatch.portal.admission import Limits
    from anchorwatch.portal.portal import Portal

FOLDER = "ANCHORWATCH_PORTAL"
DATABASE = "ANCHORWATCH_PORTAL_DATABASE"
_PLAIN_HOSTS = ("127.0.0.1", "::1")

app = typer.Typer(
    name="portal",
    no_args_is_help=True,
    help="Run a licensing portal for one's own appliances.\n\n"
    "Vendors' devices speak closed protocols of their own and cannot register here.",
)

FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder", "-d", envvar=FOLDER, help="The portal's folder: its keys, and its SQLite database."
    ),
]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="The smart account's domain, where there are several.")
]
VirtualOption = Annotated[
    str | None, typer.Option("--virtual-account", help="The virtual account; the default one without.")
]
HERE = Path("portal")


def noun(name: str, words: str) -> typer.Typer:
    """A group of commands under `portal`."""
    made = typer.Typer(name=name, no_args_is_help=True, help=words)
    app.add_typer(made)
    return made


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Portal]:
    """The portal in a folder; what this room's errors say becomes one line and an exit status."""
    from anchorwatch.portal import management

    with told():
        portal = management.opened(folder, SystemClock(), database=_database(), passphrase=passphrase.found())
        try:
            yield portal
        finally:
            portal.database.close()


@contextlib.contextmanager
def told() -> Iterator[None]:
    """End with a sentence where the portal's rooms raise one: 1 what was refused, 2 what cannot be meant, 3 what is not to be had."""
    from anchorwatch.db.error import (
        BadAddress,
        ConstraintBroken,
        DatabaseBusy,
        DatabaseError,
        DatabaseUnreachable,
        SchemaDiffers,
    )
    from anchorwatch.portal.error import ChainRefused, KeysRefused, NoPortal, NotListening, PortalError

    try:
        yield
    except NoPortal as error:
        fail(
            printable(str(error)),
            COULD_NOT_LOOK,
            f"`anchorwatch portal init NAME` makes one; --folder or {FOLDER} says where it is",
        )
    except DatabaseBusy as error:
        fail(printable(str(error)), COULD_NOT_LOOK, "try again; if it stays so, find out who holds it")
    except (ChainRefused, DatabaseUnreachable, KeysRefused, NotListening, SchemaDiffers) as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    except BadAddress as error:
        fail(f"{DATABASE}: {printable(str(error))}", ASKED_WRONGLY)
    except ConstraintBroken as error:
        fail(
            f"these terms do not hold together ({printable(error.constraint) or 'a rule of the tables'})",
            TROUBLE,
        )
    except (PortalError, DatabaseError, ValueError) as error:
        fail(printable(str(error)), TROUBLE)


def _database() -> Secret | None:
    """Its address holds a password, so it comes from the environment."""
    return Secret(os.environ[DATABASE]) if os.environ.get(DATABASE) else None


def moment(text: str | None) -> datetime | None:
    """A date, or a moment in RFC 3339, in UTC where it says no zone."""
    from datetime import UTC

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{printable(text)} is no date as 2027-01-31", ASKED_WRONGLY)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@app.command()
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How devices address it: HOST, or HOST:PORT.")],
    folder: FolderOption = HERE,
) -> None:
    """Make a portal: a folder with new keys, a database and the first trust bundle.

    \b
    Examples:
      anchorwatch portal init licensing.example --folder portal

    Keys are encrypted where there is a passphrase: ANCHORWATCH_PORTAL_PASSPHRASE is it,
    ANCHORWATCH_PORTAL_PASSPHRASE_FILE names a file with it, or ANCHORWATCH_PORTAL_PASSPHRASE_KEYRING the entry of the
    machine's keyring, as SERVICE/USER. ANCHORWATCH_PORTAL_DATABASE names a PostgreSQL database to be used instead of SQLite.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.net.endpoint import HTTPS_PORT, Endpoint
    from anchorwatch.net.errors import BadEndpoint
    from anchorwatch.portal import management

    try:
        name = str(Endpoint.parse(name)).removesuffix(f":{HTTPS_PORT}")
    except BadEndpoint as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    try:
        with told():
            portal = management.initialise(
                folder, name, SystemClock(), database=_database(), passphrase=passphrase.found()
            )
            portal.database.close()
    except OSError as error:
        fail(f"{printable(str(folder))} cannot be written: {reason(error)}", COULD_NOT_LOOK)
    say(f"the portal {printable(name)} is in {printable(str(folder))}")
    hint("`anchorwatch portal account add DOMAIN NAME` makes the first account")
    if passphrase.found() is None:
        hint(f"its keys are not encrypted; {passphrase.PASSPHRASE} would have done that")


@app.command()
def serve(
    folder: FolderOption = HERE,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8443,
    chain: Annotated[
        Path | None, typer.Option("--chain", help="The certificate chain for TLS in PEM, leaf first.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The leaf's private key in PEM.")] = None,
    http_port: Annotated[
        int | None,
        typer.Option(
            "--http-port", min=0, max=65535, help="Beside TLS, give signed objects over HTTP on this port."
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Speak HTTP, on loopback only, behind something that speaks TLS.")
    ] = False,
    api: Annotated[
        bool,
        typer.Option("--api", help="Answer the management API under /api/v1 too, over TLS and by API key."),
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics-listen",
            metavar="[HOST:]PORT",
            help="Give metrics over HTTP on this address; loopback without HOST.",
        ),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(
            "--drain", min=0, max=600, help="Seconds to go on after SIGTERM while /readyz says that it stops."
        ),
    ] = 0,
    log_level: Annotated[
        str,
        typer.Option("--log-level", help="debug, info (every request), warning (what is refused) or error."),
    ] = "info",
    workers: Annotated[
        int,
        typer.Option(
            "--workers", min=1, max=64, help="Processes that serve the port; more than one with PostgreSQL."
        ),
    ] = 1,
    rate_address: Annotated[
        str | None,
        typer.Option(
            "--rate-address",
            metavar="RATE[/BURST]",
            help="Requests a second from one address, and at once after a pause; behind a proxy, from all.",
        ),
    ] = None,
    rate_caller: Annotated[
        str | None,
        typer.Option(
            "--rate-caller", metavar="RATE[/BURST]", help="The same of one device, token or API key."
        ),
    ] = None,
    waiting: Annotated[
        int | None,
        typer.Option("--waiting", min=1, max=100_000, help="Requests under way at most; others hear 503."),
    ] = None,
    beside: Annotated[bool, typer.Option("--beside", hidden=True)] = False,
) -> None:
    """Serve until interrupted. Another chain in the same files is shown from the next connection on.

    \b
    Examples:
      anchorwatch portal serve --host 192.0.2.7 --port 443 --http-port 80 --chain chain.pem --key key.pem
      anchorwatch portal serve --port 8443 --chain chain.pem --key key.pem --api --metrics-listen 9464
      anchorwatch portal serve --plain --port 8080

    Signed objects (the trust bundle, the time) over plain HTTP are what an agent needs when it does not believe the
    portal's certificate; nothing else is answered there. /healthz and /readyz tell how it is. Requests under way are
    finished before it ends. The log is on standard error: JSON, one object a line, unless that is a terminal.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    if plain == (chain is not None) or (chain is None) != (key is None):
        fail("give --chain and --key, or --plain and neither", ASKED_WRONGLY)
    if plain and http_port is not None:
        fail("--plain and --http-port are two ways; give one", ASKED_WRONGLY)
    if plain and host not in _PLAIN_HOSTS:
        fail(f"without TLS a portal listens on loopback only, not on {printable(host)}", ASKED_WRONGLY)
    if plain and api:
        fail("the management API is answered over TLS only; give --chain and --key", ASKED_WRONGLY)
    if log_level not in ("debug", "info", "warning", "error"):
        fail(f"{printable(log_level)} is none of debug, info, warning, error", ASKED_WRONGLY)
    told_at = _address(metrics) if metrics is not None else None
    with opened(folder) as portal:
        from anchorwatch.cli import portal_service

        portal_service.serve(
            portal,
            portal_service.Wish(
                host=host,
                port=port,
                chain=chain,
                key=key,
                http_port=http_port,
                api=api,
                metrics=told_at,
                drain=drain,
                log_level=log_level,
                limits=_limits(rate_address, rate_caller, waiting),
                workers=workers,
                beside=beside,
            ),
        )


def _limits(address: str | None, caller: str | None, waiting: int | None) -> Limits:
    """The limits asked for, the usual ones where nothing was."""
    from anchorwatch.portal.admission import Limits, Rate

    def rate(text: str | None, usual: Rate) -> Rate:
        if text is None:
            return usual
        often, _, burst = text.partition("/")
        try:
            return Rate(float(often), int(burst) if burst else max(1, int(10 * float(often))))
        except (ValueError, OverflowError):
            fail(f"{printable(text)} is no rate as 100 or 100/1000", ASKED_WRONGLY)

    usual = Limits()
    return Limits(
        address=rate(address, usual.address),
        caller=rate(caller, usual.caller),
        waiting=waiting or usual.waiting,
    )


def _address(text: str) -> tuple[str, int]:
    """Where to listen, of PORT or HOST:PORT; an IPv6 address in brackets."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or _PLAIN_HOSTS[0]
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        fail(f"{printable(text)} is no address as 9464 or 127.0.0.1:9464", ASKED_WRONGLY)
    return host, int(port)


accounts = noun("account", "Smart accounts: each one a tenant of its own.")
virtuals = noun("virtual-account", "The parts of a smart account, each with licences and devices of its own.")
licenses = noun("license", "What can be licensed, what was bought, and what is in use.")


@accounts.command("add")
def add_account(
    domain: Annotated[
        str, typer.Argument(metavar="DOMAIN", help="A domain of the customer; names the account.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name for people.")],
    folder: FolderOption = HERE,
) -> None:
    """Make a smart account with its default virtual account.

    \b
    Examples:
      anchorwatch portal account add harbour.example "Harbour Authority"
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        made, first = management.add_account(portal, domain, name)
        say(f"account {printable(made.domain)} with the virtual account {printable(first.name)}")


@accounts.command("list")
def list_accounts(folder: FolderOption = HERE) -> None:
    """List the smart accounts.

    \b
    Examples:
      anchorwatch portal account list
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        rows = [
            (printable(each.domain), printable(each.name), f"{each.created_at:%Y-%m-%d}")
            for each in management.accounts(portal)
        ]
        table(("domain", "name", "since"), rows)


@virtuals.command("add")
def add_virtual(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Make another virtual account.

    \b
    Examples:
      anchorwatch portal virtual-account add "North quay"
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        made = management.add_virtual(portal, management.find_account(portal, account), name)
        say(f"virtual account {printable(made.name)}")


@virtuals.command("list")
def list_virtuals(account: AccountOption = None, folder: FolderOption = HERE) -> None:
    """List the virtual accounts of a smart account, the default one first.

    \b
    Examples:
      anchorwatch portal virtual-account list
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        found = management.virtual_accounts(portal, management.find_account(portal, account))
        table(
            ("name", "default"), [(printable(each.name), "yes" if each.is_default else "") for each in found]
        )


@licenses.command("define")
def define_tag(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The entitlement tag, as devices ask for it.")],
    mode: Annotated[
        str,
        typer.Option(
            "--mode", help="At the limit: report it, be out of compliance (limit), or refuse (hard)."
        ),
    ] = "limit",
    on_expiry: Annotated[
        str, typer.Option("--on-expiry", help="When the right ends: continue, no-new-use or disable.")
    ] = "continue",
    name: Annotated[str | None, typer.Option("--name", help="Its name for people.")] = None,
    restricted: Annotated[
        bool,
        typer.Option(
            "--restricted", help="Only for devices whose token allows export-controlled functionality."
        ),
    ] = False,
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Define something that can be licensed.

    \b
    Examples:
      anchorwatch portal license define asa-standard --mode limit
      anchorwatch portal license define strong-encryption --restricted
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.db.tag import EntitlementTag
    from anchorwatch.licensing.claim import OnExpiry
    from anchorwatch.licensing.seat import Mode
    from anchorwatch.portal import management

    try:
        modes = Mode(mode), OnExpiry(on_expiry)
    except ValueError as error:
        fail(printable(str(error)), ASKED_WRONGLY)
    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        made = EntitlementTag(
            id=owner.id,
            account_id=owner.id,
            tag=tag,
            name=name or tag,
            mode=modes[0],
            on_expiry=modes[1],
            restricted=restricted,
        )
        management.add_tag(portal, owner, made)
        say(f"license {printable(tag)}, {modes[0]}")


@licenses.command("add")
def add_lot(
    tag: Annotated[str, typer.Argument(metavar="TAG", help="The entitlement tag.")],
    quantity: Annotated[
        int, typer.Argument(metavar="QUANTITY", help="How many seats; negative for a correction.")
    ],
    ends: Annotated[
        str | None, typer.Option("--ends", help="The date on which they end; never without.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Where they come from: an order number.")] = "",
    account: AccountOption = None,
    virtual_account: VirtualOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Enter what was bought.

    \b
    Examples:
      anchorwatch portal license add asa-standard 10 --ends 2027-12-31 --source order-4711
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    until = moment(ends)
    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        place = management.find_virtual(portal, owner, virtual_account)
        management.add_lot(portal, place, tag, quantity, ends=until, source=source)
        say(f"{quantity} of {printable(tag)} in {printable(place.name)}")


@licenses.command("list")
def list_pools(
    account: AccountOption = None, virtual_account: VirtualOption = None, folder: FolderOption = HERE
) -> None:
    """List what a virtual account has and what of it is in use.

    \b
    Examples:
      anchorwatch portal license list --virtual-account "North quay"

    Exit status 1 when more is in use than was bought.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        found = management.pools(portal, management.find_virtual(portal, owner, virtual_account))
        rows = [
            (printable(tag), str(each.mode), str(each.purchased), str(each.in_use)) for tag, each in found
        ]
        table(("tag", "mode", "purchased", "in use"), rows, right=(2, 3))
        if any(each.in_use > each.purchased for _, each in found):
            raise typer.Exit(TROUBLE)
