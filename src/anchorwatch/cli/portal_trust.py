"""`anchorwatch portal device` and `portal trust`: the devices of a portal, and what they are told to believe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from anchorwatch.cli.file import FileTroubleError, read_bounded, write_atomically
from anchorwatch.cli.portal import HERE, AccountOption, FolderOption, moment, opened
from anchorwatch.cli.terminal import ASKED_WRONGLY, COULD_NOT_LOOK, TROUBLE, fail, printable, say, table

devices = typer.Typer(
    name="device", no_args_is_help=True, help="The devices: product instances that have registered."
)
trust = typer.Typer(
    name="trust",
    no_args_is_help=True,
    help="What devices are told to believe: the signed trust bundle and its keys.",
)
_EVENTS = {
    "approve": "approved",
    "suspend": "suspended",
    "resume": "resumed",
    "resolve": "resolved",
    "revoke": "revoked",
    "remove": "removed-by-operator",
}
_LARGEST = 64 * 1024


@devices.command("list")
def list_devices(account: AccountOption = None, folder: FolderOption = HERE) -> None:
    """List the devices of a smart account.

    \b
    Examples:
      anchorwatch portal device list
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import management

    with opened(folder) as portal:
        rows = [
            (
                str(each.id),
                printable(each.pid),
                printable(each.sn),
                str(each.state),
                f"{each.last_seen:%Y-%m-%d %H:%M}" if each.last_seen else "never",
                f"{each.deadline:%Y-%m-%d}" if each.deadline else "",
            )
            for each in management.devices(portal, management.find_account(portal, account))
        ]
        table(("device", "product", "serial", "state", "last seen", "deadline"), rows)


@devices.command("set")
def set_device(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="approve, suspend, resume, resolve, revoke or remove.")
    ],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, as `device list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before revoking or removing.")] = False,
    account: AccountOption = None,
    folder: FolderOption = HERE,
) -> None:
    """Change what a device may do. Revoking and removing return its seats and cannot be undone.

    \b
    Examples:
      anchorwatch portal device set approve 01980a5e-6b7c-7c3e-9d52-0f6b5d3c2a11
      anchorwatch portal device set remove 01980a5e-6b7c-7c3e-9d52-0f6b5d3c2a11 --yes
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.licensing.account import DeviceEvent
    from anchorwatch.portal import management

    if what not in _EVENTS:
        fail(f"{printable(what)} is none of {', '.join(_EVENTS)}", ASKED_WRONGLY)
    try:
        which = UUID(device)
    except ValueError:
        fail(f"{printable(device)} is no device's id", ASKED_WRONGLY)
    if what in ("revoke", "remove") and not yes:
        typer.confirm(f"{what} this device and return its seats?", abort=True, err=True)
    with opened(folder) as portal:
        owner = management.find_account(portal, account)
        moved = management.move_device(portal, owner, which, DeviceEvent(_EVENTS[what]))
        say(f"{printable(moved.sn)} is {moved.state}")


@trust.command("show")
def show_trust(folder: FolderOption = HERE) -> None:
    """Show the trust bundle in force.

    \b
    Examples:
      anchorwatch portal trust show
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.licensing import trust_bundle
    from anchorwatch.pki.certificate import Certificate
    from anchorwatch.portal import publication

    with opened(folder) as portal:
        bundle = trust_bundle.read(publication.ensured(portal).jws)
        say(f"bundle {bundle.seq} of {printable(bundle.iss)}, {bundle.iat:%Y-%m-%d} to {bundle.exp:%Y-%m-%d}")
        rows = [
            (
                str(each.role),
                each.sha256.hex()[:16],
                printable(Certificate.from_der(each.x5c).subject.text) if each.x5c else "",
                printable(" ".join(each.names)),
            )
            for each in bundle.anchors
        ]
        table(("role", "sha256", "subject", "for"), rows)
        for planned in bundle.planned:
            say(
                f"planned {planned.role} key {planned.spki_sha256.hex()[:16]} after {planned.switch_after:%Y-%m-%d}"
            )


@trust.command("add")
def add_anchor(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A root certificate, PEM or DER.")],
    name: Annotated[
        list[str] | None,
        typer.Option("--for", help="A host name it may speak for; the portal's own without."),
    ] = None,
    folder: FolderOption = HERE,
) -> None:
    """Publish a root for TLS, confined to host names.

    \b
    Examples:
      anchorwatch portal trust add new-root.pem --for licensing.example
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.licensing.claim import Role
    from anchorwatch.portal import publication

    der = _certificate(file)
    with opened(folder) as portal:
        claim = publication.anchor(der, Role.TLS, tuple(name or [portal.host]))
        stored = publication.publish(portal, lambda bundle: publication.with_anchor(bundle, claim))
        say(
            f"bundle {stored.seq} lets {claim.sha256.hex()[:16]} speak for {printable(' '.join(claim.names))}"
        )


@trust.command("remove")
def remove_anchor(
    sha256: Annotated[
        str,
        typer.Argument(
            metavar="SHA256",
            help="The root's fingerprint, or its first 16 digits as `trust show` prints them.",
        ),
    ],
    folder: FolderOption = HERE,
) -> None:
    """Publish the bundle without a root for TLS.

    \b
    Examples:
      anchorwatch portal trust remove 5a4b…

    Devices keep what they hold until they fetch the new bundle.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.licensing import trust_bundle
    from anchorwatch.portal import publication

    digits = sha256.replace(":", "").lower()
    if not 16 <= len(digits) <= 64 or not set(digits) <= set("0123456789abcdef"):
        fail("a fingerprint has 64 hexadecimal digits, and 16 of them are the fewest to give", ASKED_WRONGLY)
    with opened(folder) as portal:
        held = trust_bundle.read(publication.ensured(portal).jws).anchors
        which = next((each.sha256 for each in held if each.sha256.hex().startswith(digits)), bytes(32))
        stored = publication.publish(portal, lambda bundle: publication.without_anchor(bundle, which))
        say(f"bundle {stored.seq} does not hold {which.hex()[:16]} any more")


@trust.command("plan")
def plan_root(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The root certificate to come, PEM or DER.")],
    after: Annotated[str, typer.Option("--after", help="The date from which it may be used.")],
    folder: FolderOption = HERE,
) -> None:
    """Announce a root for TLS before it is used, and publish it as an anchor at once.

    \b
    Examples:
      anchorwatch portal trust plan next-root.pem --after 2027-06-01
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.licensing.claim import Planned, Role
    from anchorwatch.pki.certificate import Certificate
    from anchorwatch.portal import publication

    der = _certificate(file)
    when = moment(after)
    assert when is not None
    with opened(folder) as portal:
        claim = publication.anchor(der, Role.TLS, (portal.host,))
        spki = bytes.fromhex(Certificate.from_der(der).spki_sha256)
        planned = Planned(role=Role.TLS, spki_sha256=spki, switch_after=when)
        stored = publication.publish(
            portal,
            lambda bundle: publication.with_planned(publication.with_anchor(bundle, claim), planned),
        )
        say(f"bundle {stored.seq} announces {spki.hex()[:16]} after {when:%Y-%m-%d}")


@trust.command("readiness")
def show_readiness(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="The root's fingerprint, all 64 digits.")],
    folder: FolderOption = HERE,
) -> None:
    """Tell how many live devices hold a root, and which do not.

    \b
    Examples:
      anchorwatch portal trust readiness 5a4b…

    Exit status 1 while there are devices that do not, as far as they have told.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import readiness

    with opened(folder) as portal:
        found = readiness.readiness(portal, _fingerprint(sha256), None)
        say(
            f"{found.ready} of {found.devices} devices hold {found.root[:16]}, which came with bundle {found.since}"
        )
        if found.missing:
            say(f"{found.missing} hold it and do not believe it")
        if found.behind:
            say(f"{found.behind} hold an older bundle, or never said which")
        for each in found.waiting:
            say(f"  {each}")
        if found.unready:
            raise typer.Exit(TROUBLE)


@trust.command("switch")
def switch_root(
    sha256: Annotated[
        str, typer.Argument(metavar="SHA256", help="The planned root that is in use from now.")
    ],
    retire: Annotated[
        list[str] | None, typer.Option("--retire", help="A root to withdraw at once, by its fingerprint.")
    ] = None,
    leave_behind: Annotated[
        int, typer.Option("--leave-behind", min=0, help="How many devices may be locked out by it.")
    ] = 0,
    folder: FolderOption = HERE,
) -> None:
    """Publish that a planned root is in use. Refused while devices do not hold it; move the chain on disk before.

    \b
    Examples:
      anchorwatch portal trust switch 5a4b… --retire 9c0d…
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import readiness

    with opened(folder) as portal:
        stored = readiness.switch(
            portal,
            _fingerprint(sha256),
            retire=tuple(_fingerprint(each) for each in retire or ()),
            leave_behind=leave_behind,
        )
        say(f"bundle {stored.seq} says that {_fingerprint(sha256)[:16]} is in use")


def _fingerprint(text: str) -> str:
    found = text.replace(":", "").lower()
    if len(found) != 64 or not all(each in "0123456789abcdef" for each in found):
        fail("a fingerprint has 64 hexadecimal digits", ASKED_WRONGLY)
    return found


@trust.command("rotate")
def rotate_key(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="id, grant, bundle or root.")],
    folder: FolderOption = HERE,
) -> None:
    """Make a new generation of a key and publish it; the earlier ones stay believed.

    \b
    Examples:
      anchorwatch portal trust rotate grant

    A new key for grants signs once devices had two occasions to hear of it; a new root once the earlier one is
    retired.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import key_ring, publication, root_change
    from anchorwatch.portal.key_ring import KeyRole

    if role not in tuple(KeyRole):
        fail(f"{printable(role)} is none of id, grant, bundle, root", ASKED_WRONGLY)
    with opened(folder) as portal:
        if role == KeyRole.ROOT:
            stored = root_change.begin(portal)
            say(
                f"the next licensing root is published with bundle {stored.seq}; the earlier one goes on signing"
            )
            return
        key_ring.rotate(portal.folder, KeyRole(role), portal.name, portal.clock.now(), portal.passphrase)
        portal.reread_keys()
        stored = publication.publish(portal)
        say(f"a new {role} key, published with bundle {stored.seq}")


@trust.command("retire")
def retire_root(
    leave_behind: Annotated[
        int, typer.Option("--leave-behind", min=0, help="How many devices may be lost by it.")
    ] = 0,
    folder: FolderOption = HERE,
) -> None:
    """Retire the earlier licensing root; the later one signs from now on.

    \b
    Examples:
      anchorwatch portal trust retire

    It waits until every device has said that it holds the later one: a device that does not has to be registered
    anew. ID tokens that were made before name the earlier root and register nobody any more.
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.portal import root_change

    with opened(folder) as portal:
        stored = root_change.finish(portal, leave_behind=leave_behind)
        say(f"the earlier licensing root is retired; bundle {stored.seq} is signed by the later one")


@trust.command("export")
def export_trust(
    output: Annotated[str, typer.Option("--output", "-o", help="Where to write it; - is standard output.")],
    form: Annotated[
        str,
        typer.Option("--form", help="jws (for agents), p7b (signed PKCS#7), or root (what tokens pin, PEM)."),
    ] = "jws",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    folder: FolderOption = HERE,
) -> None:
    """Write the trust bundle to a file, for a closed network or another server.

    \b
    Examples:
      anchorwatch portal trust export --form p7b -o licensing.p7b
      anchorwatch portal trust export --form root -o licensing-root.pem
    """  # noqa: D301 - the backspace tells the help printer to leave the lines of the examples alone
    from anchorwatch.formats import pem
    from anchorwatch.portal import publication

    if form not in ("jws", "p7b", "root"):
        fail(f"{printable(form)} is none of jws, p7b, root", ASKED_WRONGLY)
    with opened(folder) as portal:
        stored = publication.ensured(portal)
        made = {
            "jws": f"{stored.jws}\n".encode(),
            "p7b": stored.p7b,
            "root": pem.write(publication.licensing_root(portal)).encode(),
        }
        try:
            write_atomically(output, made[form], replace=force)
        except FileTroubleError as error:
            fail(printable(str(error)), COULD_NOT_LOOK)


def _certificate(name: str) -> bytes:
    from anchorwatch.formats import bundle

    try:
        data = read_bounded(name, _LARGEST)
    except FileTroubleError as error:
        fail(printable(str(error)), COULD_NOT_LOOK)
    found = bundle.read(data, source=Path(name).name).certificates
    if len(found) != 1:
        fail(f"{printable(name)} holds {len(found)} certificates, not one", ASKED_WRONGLY)
    return found[0].der
