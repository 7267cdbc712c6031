"""`anchorwatch agent want`: what an appliance uses, and which appliance it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from anchorwatch.cli.agent_work import (
    HERE,
    STRAIGHT,
    FolderOption,
    JsonOption,
    Road,
    asked,
    by_road,
    take,
    told,
)
from anchorwatch.cli.terminal import ASKED_WRONGLY, fail, printable

if TYPE_CHECKING:
    from anchorwatch.licensing.message import Wanted
    from anchorwatch.licensing.state import AgentState, Product

__all__ = ["HELP", "PRODUCT", "PortalOption", "ProductOption", "SerialOption", "product_of", "want", "wanted"]

PRODUCT = "anchorwatch"
PortalOption = Annotated[
    str | None, typer.Option("--portal", metavar="HOST[:PORT]", help="The portal's name.")
]
SerialOption = Annotated[str | None, typer.Option("--serial", help="The device's serial number.")]
ProductOption = Annotated[str, typer.Option("--product", help="The device's product name.")]

HELP = """Say what this appliance uses, in place of what it used before.

\b
Examples:
  anchorwatch agent want standard fast=2
  anchorwatch agent want --nothing

Registered, the portal is asked for it now. Not registered, 90 days of use are an evaluation, which `agent run` counts
while it runs; a new agent needs --portal and --serial for that.
Exit status: 0 wanted, and granted where it is registered; 1 refused, 2 asked wrongly, 3 the portal was not reached yet.
"""
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST = 128


def wanted(texts: Sequence[str], option: str) -> tuple[Wanted, ...]:
    """Each `TAG` or `TAG=COUNT` as the wire can carry it. Ends with exit status 2 for anything else."""
    from anchorwatch.licensing.message import Wanted

    found: dict[str, Wanted] = {}
    for text in texts:
        tag, equals, count = text.partition("=")
        if equals and not _COUNT.fullmatch(count):
            raise typer.BadParameter(f"{printable(text)} is not TAG or TAG=COUNT", param_hint=option)
        if tag in found:
            raise typer.BadParameter(f"{printable(tag)} is given twice", param_hint=option)
        made = partial(Wanted, tag=tag, count=int(count) if equals else 1)
        found[tag] = asked(made, option, message=True)
    if len(found) > _MOST:
        raise typer.BadParameter(f"at most {_MOST} can be wanted", param_hint=option)
    return tuple(found.values())


@by_road
def want(
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[TAG[=COUNT]]...", help="What is used, and how many of it.")
    ] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="Nothing is used any more.")] = False,
    folder: FolderOption = HERE,
    portal: PortalOption = None,
    serial: SerialOption = None,
    product: ProductOption = PRODUCT,
    road: Road = STRAIGHT,
    json: JsonOption = False,
) -> None:
    """Want it, and say how it went."""
    from anchorwatch.agent.folder import look
    from anchorwatch.licensing.event import Want

    if bool(tags) is nothing:
        fail("say what is used, or --nothing", ASKED_WRONGLY)
    wants = wanted(tags or [], "TAG")
    with told():
        before = look(folder)
    what = product_of(before, portal, serial, product)
    take(folder, what, road, Want(wants), json=json)


def product_of(before: AgentState | None, portal: str | None, serial: str | None, name: str) -> Product:
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
    named = asked(lambda: Endpoint.parse(portal), "--portal")
    name_of_portal = str(named).removesuffix(f":{HTTPS_PORT}")
    own = version("anchorwatch")
    return asked(
        lambda: Product(
            udi=Udi(pid=name, sn=serial),
            sw=Software(name="anchorwatch", version=own),
            agent=f"anchorwatch/{own}",
            portal=name_of_portal,
        ),
        "--serial, --product",
        message=True,
    )
