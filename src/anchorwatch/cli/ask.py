"""`anchorwatch ask`: what to type on a device before there is any file to diagnose."""

from __future__ import annotations

from typing import Annotated

import typer

from anchorwatch.base.schema import Schema, write
from anchorwatch.cli.diagnose import platform_named
from anchorwatch.cli.terminal import hint, printable, say, say_document
from anchorwatch.devices.fact import Platform
from anchorwatch.doctor.ask import block

__all__ = ["HELP", "run"]

SCHEMA = Schema("ask", 1)
HELP = f"""The read-only commands whose output is worth having, to paste on the device.

\b
Examples:
  anchorwatch ask asa
  anchorwatch ask fxos --json
  anchorwatch ask asa > block.txt

Nothing here changes anything. Save what the device prints, and hand it to `anchorwatch diagnose`.

Platforms: {", ".join(each.value for each in Platform)}.
"""


def run(
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="What the device is.")],
    why: Annotated[bool, typer.Option("--why", help="Say beside each command what it tells.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the commands as JSON.")] = False,
) -> None:
    """Print the block; on standard output there is nothing but what can be pasted."""
    where = platform_named(platform)
    commands = block(where)
    if as_json:
        say_document(
            write(
                SCHEMA,
                {
                    "platform": where,
                    "commands": [
                        {"line": each.line, "why": each.why, "place": each.place, "confirmed": each.confirmed}
                        for each in commands
                    ],
                },
            )
        )
        return
    if not commands:
        hint(
            f"no command of {where.value} is known to us well enough; `show tech-support` is always worth having"
        )
    for each in commands:
        say(printable(f"{each.line}    ! {each.why}" if why else each.line))
    places = dict.fromkeys(each.place for each in commands if each.place)
    for place in places:
        hint(printable(f"some of them are typed in {place}"))
